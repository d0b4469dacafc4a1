/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_fetch_call.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "proto/err.h"

enum {
    MAXLAG_S = 5,
    CONNECT_TIMEOUT_MS = 3000,
    BODY_FIRST = 32 * 1024, /* bytes of a new response's buffer */
    KEEP_BLOCK = 4 * 1024,
    KEEP_MAX = 4 * 1024 * 1024,
    HEADER_TEXT_MAX = 128, /* of what an event brings */
    HEADER_MAX = 512,
    GET_MAX = FETCH_QUERY_MAX, /* a longer query is sent as the body of a POST */
};

/* ---- what all calls have in common ----------------------------------------------------------- */

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}

static bool config_is_usable(const struct io_fetch_config *config)
{
    if (config->api_url == NULL || config->user_agent == NULL || config->user_agent[0] == '\0')
        return false;
    if (strlen(config->api_url) > IO_FETCH_URL_MAX || strpbrk(config->api_url, "?# ") != NULL)
        return false;
    return strncmp(config->api_url, "http://", 7) == 0 ||
           strncmp(config->api_url, "https://", 8) == 0;
}

/* "http://a/w/api.php" -> "http://a/w/rest.php/v1/" */
static char *neighbour_of(const char *api_url, const char *name)
{
    static const char API[] = "/api.php";
    const size_t len = strlen(api_url);

    if (len < sizeof API - 1 || strcmp(api_url + len - (sizeof API - 1), API) != 0)
        return NULL;
    const size_t head = len - (sizeof API - 1);
    char *url = malloc(head + strlen(name) + 1);
    if (url == NULL)
        return NULL;
    memcpy(url, api_url, head);
    memcpy(url + head, name, strlen(name) + 1);
    return url;
}

int io_fetch_setup_init(struct io_fetch_setup *setup, const struct io_fetch_config *config)
{
    if (!config_is_usable(config))
        return ERR_CONFIG;
    *setup = (struct io_fetch_setup){
        .api_url = copy_text(config->api_url),
        .rest_url = neighbour_of(config->api_url, "/rest.php/v1/"),
        .index_url = neighbour_of(config->api_url, "/index.php"),
        .services = config->services,
        .user_agent = copy_text(config->user_agent),
        .ca_file = copy_text(config->ca_file),
        .maxlag_s = config->maxlag_s == 0 ? MAXLAG_S : config->maxlag_s,
        .connect_timeout_ms =
            config->connect_timeout_ms == 0 ? CONNECT_TIMEOUT_MS : config->connect_timeout_ms,
        .account = calloc(1, sizeof *setup->account)};
    if (setup->account != NULL)
        setup->account->owners = 1;
    if (setup->api_url == NULL || setup->user_agent == NULL || setup->account == NULL)
        return ERR_NO_MEMORY;
    return config->ca_file == NULL || setup->ca_file != NULL ? 0 : ERR_NO_MEMORY;
}

static void account_leave(struct io_fetch_account *account)
{
    assert(account->owners > 0);
    account->owners--;
    if (account->owners == 0)
        free(account);
}

void io_fetch_setup_deinit(struct io_fetch_setup *setup)
{
    free(setup->api_url);
    free(setup->rest_url);
    free(setup->index_url);
    free(setup->user_agent);
    free(setup->ca_file);
    if (setup->account != NULL)
        account_leave(setup->account);
    *setup = (struct io_fetch_setup){0};
}

/* ---- what a response holds ------------------------------------------------------------------- */

static struct io_fetch_hold *hold_new(struct io_fetch_account *account)
{
    struct io_fetch_hold *hold = calloc(1, sizeof *hold);

    if (hold == NULL)
        return NULL;
    hold->account = account;
    hold->shares = 1;
    account->owners++;
    arena_init(&hold->keep, KEEP_BLOCK, KEEP_MAX);
    return hold;
}

void io_fetch_release(struct io_fetch_hold *hold)
{
    if (hold == NULL)
        return;
    assert(hold->shares > 0);
    hold->shares--;
    if (hold->shares > 0)
        return;
    hold->account->bytes_held -= hold->size;
    account_leave(hold->account);
    arena_deinit(&hold->keep);
    free(hold->bytes);
    free(hold);
}

void io_fetch_hold_share(struct io_fetch_hold *hold)
{
    assert(hold->shares > 0);
    hold->shares++;
}

uint64_t io_fetch_outcome_bytes(const struct enrich_outcome *outcome)
{
    enum {
        OVERHEAD = 512 /* of what stands around contents */
    };
    uint64_t bytes = OVERHEAD + outcome->body.len;

    for (size_t i = 0; outcome->revision != NULL && i < outcome->revision->slot_count; i++)
        bytes += outcome->revision->slots[i].content.len;
    return bytes;
}

static bool hold_resize(struct io_fetch_hold *hold, size_t size)
{
    uint8_t *moved = realloc(hold->bytes, size);

    if (moved == NULL)
        return false;
    hold->account->bytes_held += size;
    hold->account->bytes_held -= hold->size;
    hold->bytes = moved;
    hold->size = size;
    return true;
}

/* ---- libcurl's callbacks --------------------------------------------------------------------- */

static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
    struct io_fetch_call *call = arg;
    struct io_fetch_hold *hold = call->hold;

    assert(one == 1);
    if (len > MWAPI_BYTES_MAX - hold->len) {
        call->is_too_large = true;
        return 0;
    }
    if (hold->len + len > hold->size) {
        size_t size = hold->size == 0 ? BODY_FIRST : hold->size;
        while (size < hold->len + len)
            size *= 2;
        if (!hold_resize(hold, size))
            return 0;
    }
    memcpy(hold->bytes + hold->len, data, len);
    hold->len += len;
    return len;
}

/* Error codes go into headers and logs: printable ASCII without spaces only. */
static void keep_code(struct slice code, char out[MWAPI_CODE_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < code.len && len < MWAPI_CODE_MAX - 1; i++) {
        if (code.ptr[i] > ' ' && code.ptr[i] < 0x7f)
            out[len++] = (char)code.ptr[i];
    }
    out[len] = '\0';
}

static size_t on_header(char *data, size_t one, size_t len, void *arg)
{
    static const char NAME[] = "MediaWiki-API-Error:";
    struct io_fetch_call *call = arg;

    assert(one == 1);
    if (len > sizeof NAME - 1 && strncasecmp(data, NAME, sizeof NAME - 1) == 0)
        keep_code(slice_of(data + sizeof NAME - 1, len - (sizeof NAME - 1)), call->api_error);
    return len;
}

/* ---- a call ---------------------------------------------------------------------------------- */

static bool is_header_text(struct slice text)
{
    if (text.len == 0 || text.len > HEADER_TEXT_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
            return false;
    }
    return true;
}

static bool add_line(struct io_fetch_call *call, struct slice text)
{
    char line[HEADER_MAX];

    assert(text.len < sizeof line);
    memcpy(line, text.ptr, text.len);
    line[text.len] = '\0';
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    if (longer == NULL)
        return false;
    call->headers = longer;
    return true;
}

static bool add_header(struct io_fetch_call *call, const char *name, struct slice value)
{
    char line[HEADER_MAX];
    const int len = snprintf(line, sizeof line, "%s %.*s", name, SLICE_ARG(value));

    assert(len > 0);
    assert((size_t)len < sizeof line);
    return add_line(call, slice_of(line, (size_t)len));
}

/* What never changes from call to call. */
static CURL *easy_new(struct io_fetch_call *call, const struct io_fetch_setup *setup)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        return NULL;
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not what the environment says */
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, setup->user_agent);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)setup->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    if (setup->ca_file != NULL)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, setup->ca_file);
    return easy;
}

static void set_get(struct io_fetch_call *call)
{
    (void)curl_easy_setopt(call->easy, CURLOPT_HTTPGET, 1L);
    (void)curl_easy_setopt(call->easy, CURLOPT_URL, call->url);
}

static bool set_post(struct io_fetch_call *call, struct slice body)
{
    call->form = malloc(body.len + 1);
    if (call->form == NULL)
        return false;
    if (body.len > 0)
        memcpy(call->form, body.ptr, body.len);
    call->form[body.len] = '\0';
    (void)curl_easy_setopt(call->easy, CURLOPT_URL, call->url);
    (void)curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)body.len);
    (void)curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->form);
    return true;
}

static bool add_token(struct io_fetch_call *call, const struct io_fetch_setup *setup,
                      struct slice name)
{
    for (size_t i = 0; setup->services != NULL && i < setup->services->token_count; i++) {
        const struct ask_pair *token = &setup->services->tokens[i];
        if (slice_equal(token->name, name))
            return add_header(call, "Authorization: Bearer", token->value);
    }
    return true; /* the server will say what it thinks of that */
}

/* A whole request. False: no memory. */
static bool set_other(struct io_fetch_call *call, const struct io_fetch_setup *setup,
                      const struct question *q)
{
    struct question_http http = {0};
    const bool is_read = question_http_read(q->text, &http);
    size_t from = 0;
    bool is_ready = true;

    assert(is_read);
    assert(http.url.len < sizeof call->url);
    memcpy(call->url, http.url.ptr, http.url.len);
    call->url[http.url.len] = '\0';
    for (size_t i = 0; i <= http.headers.len && is_ready; i++) {
        if (i < http.headers.len && http.headers.ptr[i] != '\n')
            continue;
        const struct slice line = slice_sub(http.headers, from, i);
        from = i + 1;
        if (slice_starts_with(line, SLICE_LIT("@")))
            is_ready = add_token(call, setup, slice_sub(line, 1, line.len));
        else if (line.len > 0)
            is_ready = add_line(call, line);
    }
    if (!is_ready)
        return false;
    if (http.is_post)
        return set_post(call, http.body);
    set_get(call);
    return true;
}

static void set_index(struct io_fetch_call *call, const struct io_fetch_setup *setup,
                      const struct question *q)
{
    assert(setup->index_url != NULL);
    const int len =
        snprintf(call->url, sizeof call->url, "%s?%.*s", setup->index_url, SLICE_ARG(q->text));
    assert((size_t)len < sizeof call->url); /* an id and a number */
    set_get(call);
}

/* A question that is asked alone. False: no memory. */
static bool set_question(struct io_fetch_call *call, const struct io_fetch_setup *setup,
                         const struct question *q)
{
    int len;

    if (q->api == QUESTION_OTHER)
        return set_other(call, setup, q);
    if (q->api == QUESTION_INDEX || q->api == QUESTION_RDF_PAGE) {
        set_index(call, setup, q);
        return true;
    }
    if (q->api != QUESTION_ACTION) {
        assert(setup->rest_url != NULL);
        len = snprintf(call->url, sizeof call->url, "%s%.*s", setup->rest_url, SLICE_ARG(q->text));
        assert((size_t)len < sizeof call->url); /* REST: only numbers */
        set_get(call);
        return true;
    }
    if (q->text.len < GET_MAX - 32) {
        len = snprintf(call->url, sizeof call->url, "%s?maxlag=%u&%.*s", setup->api_url,
                       setup->maxlag_s, SLICE_ARG(q->text));
        assert((size_t)len < sizeof call->url);
        set_get(call);
        return true;
    }
    (void)snprintf(call->url, sizeof call->url, "%s?maxlag=%u", setup->api_url, setup->maxlag_s);
    return set_post(call, q->text);
}

static bool set_target(struct io_fetch_call *call, const struct io_fetch_setup *setup,
                       const struct fetch_action *action, const struct question *q)
{
    char query[FETCH_QUERY_MAX];

    if (q->kind != QUESTION_REVISION) {
        assert(action->call.count == 1);
        return set_question(call, setup, q);
    }
    fetch_query_text(action->call.rev_ids, action->call.count, setup->maxlag_s, query);
    (void)snprintf(call->url, sizeof call->url, "%s%s", setup->api_url, query);
    set_get(call);
    return true;
}

int io_fetch_call_start(struct io_fetch_call *call, const struct io_fetch_setup *setup,
                        const struct fetch_action *action, const struct io_fetch_request *request)
{
    const struct slice request_id = request->event->request_id;

    assert(!call->is_busy);
    assert(call->headers == NULL);
    assert(call->hold == NULL);
    if (call->easy == NULL)
        call->easy = easy_new(call, setup);
    call->hold = hold_new(setup->account);
    bool is_ready = call->easy != NULL && call->hold != NULL;
    if (is_ready && request->question->api != QUESTION_OTHER)
        is_ready = add_header(call, "Host:", action->call.domain);
    if (is_ready && is_header_text(request_id))
        is_ready = add_header(call, "X-Request-Id:", request_id);
    if (is_ready && is_header_text(request->traceparent))
        is_ready = add_header(call, "traceparent:", request->traceparent);
    if (is_ready)
        is_ready = set_target(call, setup, action, request->question);
    if (!is_ready) {
        io_fetch_call_end(call);
        return ERR_NO_MEMORY;
    }
    call->is_busy = true;
    call->is_too_large = false;
    call->api_error[0] = '\0';
    call->count = action->call.count;
    (void)curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    (void)curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, (long)action->call.timeout_ms);
    return 0;
}

static enum fetch_transport transport_of(const struct io_fetch_call *call, CURLcode code)
{
    if (call->is_too_large)
        return FETCH_TRANSPORT_TOO_LARGE;
    switch (code) {
    case CURLE_OK:
        return FETCH_TRANSPORT_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return FETCH_TRANSPORT_TIMEOUT;
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_HTTP2:
        return FETCH_TRANSPORT_GARBLED;
    default: /* a hundred ways of having no connection */
        return FETCH_TRANSPORT_BROKEN;
    }
}

static bool is_type(const char *content_type, const char *wanted)
{
    return content_type != NULL && strncasecmp(content_type, wanted, strlen(wanted)) == 0;
}

/* JSON is read in every case; errors of the REST API have other statuses than 200. */
static void decode(struct io_fetch_call *call, struct arena *scratch, enum question_kind kind,
                   struct fetch_reply *out)
{
    struct io_fetch_hold *hold = call->hold;

    if (!out->is_json || (kind == QUESTION_REVISION && out->http_status != 200))
        return;
    arena_reset(scratch);
    out->decode_rc =
        kind == QUESTION_REVISION
            ? mwapi_decode(scratch, &hold->keep, out->body, &hold->answer)
            : mwapi_decode_other(scratch, out->body, question_type(kind)->root, &hold->answer);
    arena_reset(scratch);
    if (out->decode_rc != 0)
        return;
    out->answer = &hold->answer;
    if (hold->answer.error_code[0] != '\0')
        memcpy(call->api_error, hold->answer.error_code, sizeof call->api_error);
}

void io_fetch_call_read(struct io_fetch_call *call, CURLcode code, struct arena *scratch,
                        enum question_kind kind, struct fetch_reply *out)
{
    struct io_fetch_hold *hold = call->hold;
    long status = 0;
    curl_off_t retry_after = 0;
    char *content_type = NULL;

    assert(call->is_busy);
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
    (void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &content_type);
    *out = (struct fetch_reply){
        .transport = transport_of(call, code),
        .http_status = (uint32_t)status,
        .is_json = is_type(content_type, "application/json"),
        .is_html = is_type(content_type, "text/html"),
        .is_rdf = is_type(content_type, "application/n-triples"),
        .retry_after_s = retry_after < 0                        ? 0
                         : retry_after > (curl_off_t)UINT32_MAX ? UINT32_MAX
                                                                : (uint32_t)retry_after,
    };
    if (out->transport != FETCH_TRANSPORT_OK)
        return;
    if (hold->size - hold->len > hold->size / 4 && hold->len > 0)
        (void)hold_resize(hold, hold->len);
    out->body = slice_of(hold->bytes, hold->len);
    decode(call, scratch, kind, out);
}

void io_fetch_call_end(struct io_fetch_call *call)
{
    io_fetch_release(call->hold);
    call->hold = NULL;
    curl_slist_free_all(call->headers);
    call->headers = NULL;
    free(call->form);
    call->form = NULL;
    call->is_busy = false;
}

void io_fetch_call_free(struct io_fetch_call *call)
{
    io_fetch_call_end(call);
    curl_easy_cleanup(call->easy);
    call->easy = NULL;
}
