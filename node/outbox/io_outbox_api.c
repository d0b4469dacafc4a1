/* SPDX-License-Identifier: Apache-2.0 */
#include "node/outbox/io_outbox_api.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "coord/change.h"
#include "proto/err.h"

enum {
    CONNECT_MS_MAX = 3000,
    HEADER_BYTES_MAX = 512,
};

struct outbox_api {
    CURLM *multi;              /* owned */
    CURL *easy;                /* owned */
    struct curl_slist *header; /* owned */
    char *url;                 /* owned */
    uint8_t *body;             /* owned; CHANGE_ANSWER_BYTES_MAX bytes */
    size_t body_len;
    bool is_asking;
    bool is_too_large;
    char why[CURL_ERROR_SIZE];
};

static size_t on_body(char *bytes, size_t size, size_t count, void *opaque)
{
    struct outbox_api *api = opaque;
    size_t len = size * count;

    if (len > CHANGE_ANSWER_BYTES_MAX - api->body_len) {
        api->is_too_large = true;
        return 0;
    }
    memcpy(api->body + api->body_len, bytes, len);
    api->body_len += len;
    return len;
}

struct outbox_api *outbox_api_new(const char *url, long timeout_ms)
{
    struct outbox_api *api = calloc(1, sizeof(*api));

    if (api == NULL)
        return NULL;
    api->multi = curl_multi_init();
    api->easy = curl_easy_init();
    api->url = strdup(url);
    api->body = malloc(CHANGE_ANSWER_BYTES_MAX);
    if (api->multi == NULL || api->easy == NULL || api->url == NULL || api->body == NULL) {
        outbox_api_free(api);
        return NULL;
    }
    (void)curl_easy_setopt(api->easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(api->easy, CURLOPT_WRITEDATA, api);
    (void)curl_easy_setopt(api->easy, CURLOPT_ERRORBUFFER, api->why);
    (void)curl_easy_setopt(api->easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    (void)curl_easy_setopt(api->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX);
    (void)curl_easy_setopt(api->easy, CURLOPT_ACCEPT_ENCODING, "");
    (void)curl_easy_setopt(api->easy, CURLOPT_USERAGENT, "braid-outbox/" BRAID_VERSION);
    (void)curl_easy_setopt(api->easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(api->easy, CURLOPT_PROXY, "");
    return api;
}

void outbox_api_free(struct outbox_api *api)
{
    if (api == NULL)
        return;
    if (api->is_asking)
        (void)curl_multi_remove_handle(api->multi, api->easy);
    curl_easy_cleanup(api->easy);
    (void)curl_multi_cleanup(api->multi);
    curl_slist_free_all(api->header);
    free(api->url);
    free(api->body);
    free(api);
}

int outbox_api_ask(struct outbox_api *api, const char *domain, struct slice query)
{
    char host[HEADER_BYTES_MAX];
    struct curl_slist *header;

    assert(!api->is_asking);
    (void)snprintf(host, sizeof(host), "Host: %s", domain);
    header = curl_slist_append(NULL, host);
    if (header == NULL)
        return ERR_NO_MEMORY;
    /* A POST, because a query may be longer than a URL; MediaWiki reads it the same way. */
    (void)curl_easy_setopt(api->easy, CURLOPT_URL, api->url);
    (void)curl_easy_setopt(api->easy, CURLOPT_POSTFIELDSIZE, (long)query.len);
    (void)curl_easy_setopt(api->easy, CURLOPT_COPYPOSTFIELDS, (const char *)query.ptr);
    (void)curl_easy_setopt(api->easy, CURLOPT_HTTPHEADER, header);
    curl_slist_free_all(api->header);
    api->header = header;
    api->body_len = 0;
    api->is_too_large = false;
    api->why[0] = '\0';
    if (curl_multi_add_handle(api->multi, api->easy) != CURLM_OK)
        return ERR_NO_MEMORY;
    api->is_asking = true;
    return 0;
}

static int result_of(struct outbox_api *api, CURLcode code)
{
    long status = 0;

    if (api->is_too_large)
        return ERR_TOO_LARGE;
    if (code != CURLE_OK) {
        if (api->why[0] == '\0')
            (void)snprintf(api->why, sizeof(api->why), "%s", curl_easy_strerror(code));
        return ERR_UNAVAILABLE;
    }
    (void)curl_easy_getinfo(api->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200)
        return 0;
    (void)snprintf(api->why, sizeof(api->why), "HTTP status %ld", status);
    return ERR_UNAVAILABLE;
}

int outbox_api_poll(struct outbox_api *api, struct slice *out, const char **out_why)
{
    const CURLMsg *message;
    int running;
    int left;
    int rc;

    assert(api->is_asking);
    if (curl_multi_perform(api->multi, &running) != CURLM_OK)
        return ERR_BUSY;
    message = curl_multi_info_read(api->multi, &left);
    if (message == NULL || message->msg != CURLMSG_DONE)
        return ERR_BUSY;
    rc = result_of(api, message->data.result);
    (void)curl_multi_remove_handle(api->multi, api->easy);
    api->is_asking = false;
    *out = slice_of(api->body, api->body_len);
    *out_why = api->why;
    return rc;
}
