/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_mediawiki.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "coord/text.h"

enum {
    TIMEOUT_S = 30,
    ATTEMPTS = 4,
    PAUSE_MS = 500
};

struct mediawiki {
    struct session *session; /* borrowed */
    CURL *curl;              /* owned */
    const char *api;
    uint8_t *body; /* owned; CHANGE_ANSWER_BYTES_MAX bytes */
    size_t len;
    char why[CURL_ERROR_SIZE];
};

static size_t take_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct mediawiki *w = arg;
    const size_t len = size * count;

    if (len > CHANGE_ANSWER_BYTES_MAX - w->len)
        return 0;
    memcpy(w->body + w->len, bytes, len);
    w->len += len;
    return len;
}

struct mediawiki *mediawiki_open(struct session *s, const char *api)
{
    struct mediawiki *w = arena_calloc(&s->arena, 1, sizeof(*w));

    if (w != NULL) {
        w->session = s;
        w->api = api;
        w->body = malloc(CHANGE_ANSWER_BYTES_MAX);
        w->curl = curl_easy_init();
    }
    if (w == NULL || w->body == NULL || w->curl == NULL) {
        output_error(&s->output, "out of memory");
        mediawiki_close(w);
        return NULL;
    }
    return w;
}

void mediawiki_close(struct mediawiki *w)
{
    if (w == NULL)
        return;
    curl_easy_cleanup(w->curl);
    free(w->body);
}

/* A wiki's name may stand in a Host header if it has nothing but a host's letters. */
static bool is_host(struct slice domain)
{
    for (size_t i = 0; i < domain.len; i++) {
        const uint8_t c = domain.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'))
            return false;
    }
    return domain.len > 0 && domain.len <= 255;
}

static bool ask_once(struct mediawiki *w, const char *host, struct slice query)
{
    struct curl_slist *headers = curl_slist_append(NULL, host);
    long status = 0;

    w->len = 0;
    w->why[0] = '\0';
    curl_easy_reset(w->curl);
    /* These fail only for options that this libcurl does not know. */
    (void)curl_easy_setopt(w->curl, CURLOPT_URL, w->api);
    (void)curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE, (long)query.len);
    (void)curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, (const char *)query.ptr);
    (void)curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, take_bytes);
    (void)curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, w);
    (void)curl_easy_setopt(w->curl, CURLOPT_ERRORBUFFER, w->why);
    (void)curl_easy_setopt(w->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    (void)curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(w->curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(w->curl, CURLOPT_USERAGENT, "braidctl-backfill/" BRAID_VERSION);
    (void)curl_easy_setopt(w->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    const CURLcode rc = curl_easy_perform(w->curl);
    (void)curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return rc == CURLE_OK && status == 200;
}

int mediawiki_ask(struct mediawiki *w, struct slice domain, struct slice query, struct slice *out)
{
    const struct timespec pause = {.tv_nsec = (long)PAUSE_MS * 1000000};
    const char *host = text_format(&w->session->arena, "Host: %.*s", SLICE_ARG(domain));

    if (!is_host(domain) || query.ptr == NULL) {
        output_error(&w->session->output, "'%.*s' is no host name of a wiki", SLICE_ARG(domain));
        return EXIT_REFUSED;
    }
    for (int i = 0; i < ATTEMPTS; i++) {
        if (i > 0)
            (void)nanosleep(&pause, NULL); /* a shorter pause does no harm */
        if (ask_once(w, host, query)) {
            *out = slice_of(w->body, w->len);
            return 0;
        }
    }
    output_error(&w->session->output, "%.*s at %s does not answer: %s", SLICE_ARG(domain), w->api,
                 w->why[0] == '\0' ? "no status 200" : w->why);
    return EXIT_REFUSED;
}
