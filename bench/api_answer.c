/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/api_answer.h"

#include <stdio.h>

#include "proto/err.h"

static const char *find(struct slice in, const char *what)
{
    return in.len == 0 ? NULL : memmem(in.ptr, in.len, what, strlen(what));
}

/* revids=1%7C2%7C3 or with bars as they are. */
static void parse_ids(struct slice line, struct api_request *out)
{
    const char *at = find(line, "revids=");
    const char *end = (const char *)line.ptr + line.len;
    int64_t id = 0;

    if (at == NULL)
        return;
    for (at += strlen("revids="); at < end && out->count < API_REVISIONS_MAX; at++) {
        if (*at >= '0' && *at <= '9') {
            id = id * 10 + (*at - '0');
            continue;
        }
        out->rev_ids[out->count++] = id;
        id = 0;
        if (*at == '|')
            continue;
        if (end - at < 3 || memcmp(at, "%7C", 3) != 0)
            return;
        at += 2;
    }
}

int api_request_parse(struct slice in, struct api_request *out)
{
    const char *end = find(in, "\r\n\r\n");

    if (end == NULL)
        return in.len >= API_REQUEST_MAX ? ERR_MALFORMED : ERR_BUSY;
    if (in.len < 4 || memcmp(in.ptr, "GET ", 4) != 0)
        return ERR_MALFORMED;
    *out = (struct api_request){.len = (size_t)(end + 4 - (const char *)in.ptr)};
    const char *line_end = find(in, "\r\n");
    const struct slice line = slice_of(in.ptr, (size_t)(line_end - (const char *)in.ptr));
    out->is_query = find(line, "action=query") != NULL && find(line, "prop=revisions") != NULL;
    if (out->is_query)
        parse_ids(line, out);
    return 0;
}

size_t api_answer_bytes(const struct api_request *r, const struct texts *texts)
{
    size_t bytes = API_HEAD_MAX;

    for (uint32_t i = 0; i < r->count; i++)
        bytes += texts_of(texts, r->rev_ids[i])->token.len + API_PAGE_MAX;
    return bytes;
}

static size_t put(uint8_t *out, size_t at, const char *text)
{
    const size_t len = strlen(text);

    memcpy(out + at, text, len);
    return at + len;
}

static size_t put_page(uint8_t *out, size_t at, int64_t rev_id, const struct text_of_page *t)
{
    const int len = snprintf(
        (char *)out + at, API_PAGE_MAX,
        "{\"pageid\":%lld,\"ns\":0,\"title\":\"Page number %lld\",\"revisions\":[{\"revid\":%lld,"
        "\"parentid\":%lld,\"minor\":false,\"user\":\"Editor\",\"timestamp\":"
        "\"2026-11-24T08:33:38Z\",\"size\":%u,\"sha1\":\"%s\",\"roles\":[\"main\"],\"slots\":"
        "{\"main\":{\"size\":%u,\"sha1\":\"%s\",\"contentmodel\":\"wikitext\",\"contentformat\":"
        "\"text/x-wiki\",\"content\":",
        (long long)rev_id, (long long)rev_id, (long long)rev_id, (long long)rev_id - 1, t->size,
        t->sha1_hex, t->size, t->sha1_hex);

    at += (size_t)len;
    memcpy(out + at, t->token.ptr, t->token.len);
    return put(out, at + t->token.len, "}},\"comment\":\"rewrote the lead\"}]}");
}

int api_answer_write(const struct api_request *r, const struct texts *texts, uint8_t *out,
                     size_t size, size_t *out_len)
{
    size_t at = API_HEAD_MAX; /* the head is written in front, when the length is known */
    char head[API_HEAD_MAX];

    if (api_answer_bytes(r, texts) > size)
        return ERR_NO_MEMORY;
    at = put(out, at, r->is_query ? "{\"batchcomplete\":true,\"query\":{\"pages\":[" : "{}");
    for (uint32_t i = 0; i < r->count; i++) {
        if (i > 0)
            out[at++] = ',';
        at = put_page(out, at, r->rev_ids[i], texts_of(texts, r->rev_ids[i]));
    }
    if (r->is_query)
        at = put(out, at, "]}}");
    const size_t body = at - API_HEAD_MAX;
    const int len = snprintf(head, sizeof head,
                             "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: application/json; "
                             "charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nCache-Control: "
                             "private, must-revalidate, max-age=0\r\nVary: Accept-Encoding\r\n"
                             "Content-Length: %zu\r\n\r\n",
                             body);
    memmove(out + (size_t)len, out + API_HEAD_MAX, body);
    memcpy(out, head, (size_t)len);
    *out_len = (size_t)len + body;
    return 0;
}

int api_failure_find(const char *word)
{
    static const char *const WORDS[API_FAILURE_COUNT] = {"maxlag", "500", "403"};

    for (int i = 0; i < API_FAILURE_COUNT; i++)
        if (strcmp(word, WORDS[i]) == 0)
            return i;
    return -1;
}

size_t api_failure_write(enum api_failure failure, uint8_t out[API_HEAD_MAX + API_PAGE_MAX])
{
    static const char MAXLAG[] =
        "{\"error\":{\"code\":\"maxlag\",\"info\":\"Waiting for a database: 6 seconds lagged.\"}}";
    static const char PAGE[] = "<!DOCTYPE html><title>Wikimedia Error</title><p>Our servers are "
                               "currently experiencing a technical problem.";
    static const char *const STATUS[API_FAILURE_COUNT] = {"200 OK", "500 Internal Server Error",
                                                          "403 Forbidden"};
    const bool is_lag = failure == API_FAILURE_MAXLAG;
    const char *body = is_lag ? MAXLAG : PAGE;
    const int len = snprintf(
        (char *)out, API_HEAD_MAX + API_PAGE_MAX,
        "HTTP/1.1 %s\r\nContent-Type: %s; charset=utf-8\r\n%sContent-Length: %zu\r\n\r\n%s",
        STATUS[failure], is_lag ? "application/json" : "text/html",
        is_lag ? "MediaWiki-API-Error: maxlag\r\nRetry-After: 1\r\n" : "", strlen(body), body);

    return (size_t)len;
}
