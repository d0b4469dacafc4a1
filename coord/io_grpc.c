/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/io_grpc.h"

#include "coord/io_multi.h"
#include "proto/err.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    URL_MAX = 512
};

/* Bytes that grow. */
struct buffer {
    uint8_t *ptr; /* owned */
    size_t len;
    size_t capacity;
};

struct grpc_channel {
    struct io_multi multi;
    char url[URL_MAX];
    char *ca_file; /* owned, as the next two */
    char *cert_file;
    char *key_file;
    bool is_tls;
    uint32_t connect_timeout_ms;
    uint32_t message_bytes_max;
    uint64_t heard_ms;
    struct grpc_call *calls; /* owned chain */
    size_t call_count;
    bool is_delivering; /* callbacks are being called: calls may die, not vanish */
    bool is_closing;
    void (*closed)(void *arg);
    void *closed_arg;
};

struct grpc_call {
    struct grpc_channel *channel; /* borrowed */
    struct grpc_call *next;
    struct grpc_call *previous;
    CURL *easy;                 /* owned; NULL: dead */
    struct curl_slist *headers; /* owned */
    struct grpc_request request;
    struct buffer out;
    size_t out_sent; /* of out, given to libcurl */
    bool is_paused;  /* libcurl waits for more of a stream's messages */
    struct buffer in;
    bool is_too_large;
    struct grpc_trailer trailer;
    bool is_done;
    char error[CURL_ERROR_SIZE];
};

/* ---- bytes ------------------------------------------------------------------------------------ */

static bool buffer_add(struct buffer *b, const void *bytes, size_t len)
{
    if (b->capacity - b->len < len) {
        size_t capacity = b->capacity == 0 ? 1024 : b->capacity;
        while (capacity - b->len < len)
            capacity *= 2;
        uint8_t *grown = realloc(b->ptr, capacity);
        if (grown == NULL)
            return false;
        b->ptr = grown;
        b->capacity = capacity;
    }
    if (len > 0)
        memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
    return true;
}

static void buffer_drop(struct buffer *b, size_t len)
{
    assert(len <= b->len);
    if (len > 0)
        memmove(b->ptr, b->ptr + len, b->len - len);
    b->len -= len;
}

static bool message_add(struct buffer *b, struct slice message)
{
    uint8_t head[GRPC_HEAD_BYTES];

    grpc_head_write(head, (uint32_t)message.len);
    return buffer_add(b, head, sizeof head) && buffer_add(b, message.ptr, message.len);
}

/* ---- libcurl's callbacks: they only note, nothing is decided here ------------------------------- */

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct grpc_call *call = arg;

    call->channel->heard_ms = uv_now(call->channel->multi.loop);
    grpc_trailer_line(&call->trailer, slice_of(line, size * count));
    return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct grpc_call *call = arg;
    const size_t len = size * count;

    call->channel->heard_ms = uv_now(call->channel->multi.loop);
    if (call->in.len + len > (size_t)call->channel->message_bytes_max + 2 * CURL_MAX_WRITE_SIZE ||
        !buffer_add(&call->in, bytes, len)) {
        call->is_too_large = true;
        return 0;
    }
    return len;
}

static size_t on_want_body(char *into, size_t size, size_t count, void *arg)
{
    struct grpc_call *call = arg;
    size_t len = call->out.len - call->out_sent;

    if (len > size * count)
        len = size * count;
    if (len == 0) {
        call->is_paused = call->request.is_stream;
        return call->is_paused ? CURL_READFUNC_PAUSE : 0;
    }
    memcpy(into, call->out.ptr + call->out_sent, len);
    call->out_sent += len;
    return len;
}

/* libcurl may send a request again on a new connection if the old one died before any byte of an
 * answer (Curl_retry_request). We must not: the server may have carried it out. It has to rewind
 * the body for that, and this says that it cannot. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
    (void)arg;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    const unsigned int unacknowledged_ms = GRPC_UNACKNOWLEDGED_MS;

    (void)arg;
    (void)purpose;
    /* Best effort: without it a dead connection is found by the caller's own timeouts. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
                     sizeof unacknowledged_ms);
    return CURL_SOCKOPT_OK;
}

/* ---- calls ------------------------------------------------------------------------------------ */

static bool call_was_sent(const struct grpc_call *call)
{
    long request_bytes = 0;

    if (call->out_sent > 0)
        return true;
    (void)curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    return request_bytes > 0;
}

/* Takes the call out of libcurl; its memory stays until call_free. */
static void call_kill(struct grpc_call *call)
{
    if (call->easy == NULL)
        return;
    (void)curl_multi_remove_handle(call->channel->multi.curl, call->easy);
    curl_easy_cleanup(call->easy);
    call->easy = NULL;
}

static void call_free(struct grpc_call *call)
{
    struct grpc_channel *ch = call->channel;

    assert(!ch->is_delivering);
    call_kill(call);
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        ch->calls = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    ch->call_count--;
    curl_slist_free_all(call->headers);
    free(call->in.ptr);
    free(call->out.ptr);
    free(call);
}

static bool call_add_header(struct grpc_call *call, const char *line)
{
    struct curl_slist *grown = curl_slist_append(call->headers, line);

    if (grown == NULL)
        return false;
    call->headers = grown;
    return true;
}

static bool call_add_headers(struct grpc_call *call)
{
    char timeout[40];

    (void)snprintf(timeout, sizeof timeout, "grpc-timeout: %um", call->request.timeout_ms);
    return call_add_header(call, "content-type: application/grpc") &&
           call_add_header(call, "te: trailers") && call_add_header(call, "expect:") &&
           call_add_header(call, "accept:") &&
           (!call->request.needs_leader || call_add_header(call, "hasleader: true")) &&
           (call->request.timeout_ms == 0 || call_add_header(call, timeout));
}

static void call_set_connection(struct grpc_call *call)
{
    const struct grpc_channel *ch = call->channel;
    CURL *easy = call->easy;

    (void)curl_easy_setopt(
        easy, CURLOPT_HTTP_VERSION,
        (long)(ch->is_tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
    if (!ch->is_tls) {
        (void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    if (ch->ca_file != NULL)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, ch->ca_file);
    if (ch->cert_file != NULL)
        (void)curl_easy_setopt(easy, CURLOPT_SSLCERT, ch->cert_file);
    if (ch->key_file != NULL)
        (void)curl_easy_setopt(easy, CURLOPT_SSLKEY, ch->key_file);
    (void)curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long)ch->is_tls);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)ch->connect_timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
}

static int call_set_up(struct grpc_call *call)
{
    char url[URL_MAX + 64];

    call->easy = curl_easy_init();
    if (call->easy == NULL || !call_add_headers(call))
        return ERR_NO_MEMORY;
    (void)snprintf(url, sizeof url, "%s%s", call->channel->url, call->request.path);
    CURL *easy = call->easy;
    if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
        return ERR_NO_MEMORY;
    (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                           call->request.is_stream ? (curl_off_t)-1 : (curl_off_t)call->out.len);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_want_body);
    (void)curl_easy_setopt(easy, CURLOPT_READDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    call_set_connection(call);
    return curl_multi_add_handle(call->channel->multi.curl, easy) == CURLM_OK ? 0 : ERR_NO_MEMORY;
}

int grpc_call_start(struct grpc_channel *ch, const struct grpc_request *request,
                    struct grpc_call **out)
{
    assert(!ch->is_closing);

    if (ch->call_count >= GRPC_CALLS_MAX)
        return ERR_BUSY;
    struct grpc_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return ERR_NO_MEMORY;
    call->channel = ch;
    call->request = *request;
    call->request.message = (struct slice){0};
    grpc_trailer_init(&call->trailer);
    call->next = ch->calls;
    if (ch->calls != NULL)
        ch->calls->previous = call;
    ch->calls = call;
    ch->call_count++;
    const int rc = message_add(&call->out, request->message) ? call_set_up(call) : ERR_NO_MEMORY;
    if (rc != 0) {
        (void)grpc_call_cancel(call);
        return rc;
    }
    *out = call;
    return 0;
}

int grpc_call_send(struct grpc_call *call, struct slice message)
{
    assert(call->request.is_stream);

    if (call->easy == NULL)
        return 0; /* it has ended; on_end has said so or will */
    buffer_drop(&call->out, call->out_sent);
    call->out_sent = 0;
    if (!message_add(&call->out, message))
        return ERR_NO_MEMORY;
    if (call->is_paused) {
        call->is_paused = false;
        (void)curl_easy_pause(call->easy, CURLPAUSE_CONT);
        io_multi_kick(&call->channel->multi);
    }
    return 0;
}

bool grpc_call_cancel(struct grpc_call *call)
{
    struct grpc_channel *ch = call->channel;
    const bool was_sent = call->easy != NULL && call_was_sent(call);

    call_kill(call);
    if (!ch->is_delivering)
        call_free(call);
    return was_sent;
}

/* ---- what has come ------------------------------------------------------------------------------ */

/* Hands over a stream's complete messages. The callback may kill the call. */
static int call_deliver(struct grpc_call *call)
{
    size_t used_all = 0;
    int rc = 0;

    while (call->easy != NULL) {
        const struct slice rest = slice_of(call->in.ptr + used_all, call->in.len - used_all);
        struct slice message;
        size_t used;
        rc = grpc_message_next(rest, call->channel->message_bytes_max, &message, &used);
        if (rc != 0 || used == 0)
            break;
        used_all += used;
        call->request.on_message(call->request.arg, message);
    }
    buffer_drop(&call->in, used_all);
    return rc;
}

/* The one message of a unary call that went well. */
static int call_answer(const struct grpc_call *call, struct slice *out)
{
    size_t used;
    const int rc = grpc_message_next(slice_of(call->in.ptr, call->in.len),
                                     call->channel->message_bytes_max, out, &used);

    if (rc != 0)
        return rc;
    return used == 0 || used != call->in.len ? ERR_MALFORMED : 0;
}

static void call_end(struct grpc_call *call, int rc)
{
    struct grpc_end end = {
        .rc = rc,
        .status = call->trailer.status,
        .text = call->trailer.text,
        .was_sent = call_was_sent(call),
    };

    if (call->is_too_large)
        end.rc = ERR_TOO_LARGE;
    if (end.status == GRPC_STATUS_NONE)
        end.text = call->error[0] != '\0' ? call->error : "the connection ended without a status";
    else if (end.status == 0 && call->trailer.http_status != 200)
        end.rc = ERR_MALFORMED;
    if (end.rc == 0 && end.status == 0 && !call->request.is_stream)
        end.rc = call_answer(call, &end.message);
    call_kill(call);
    call->request.on_end(call->request.arg, &end);
}

static void call_turn(struct grpc_call *call)
{
    int rc = 0;

    if (call->request.is_stream)
        rc = call_deliver(call);
    if (call->easy == NULL)
        return;
    /* A stream whose upload waits is not done for libcurl 7.88 when the server ends it: the status
     * is the end. A unary call's end is libcurl's. */
    if (rc != 0 || call->is_done ||
        (call->request.is_stream && call->trailer.status != GRPC_STATUS_NONE))
        call_end(call, rc);
}

static void on_multi_closed(void *arg)
{
    struct grpc_channel *ch = arg;
    void (*closed)(void *) = ch->closed;
    void *closed_arg = ch->closed_arg;

    free(ch->ca_file);
    free(ch->cert_file);
    free(ch->key_file);
    free(ch);
    if (closed != NULL)
        closed(closed_arg);
}

static void channel_sweep(struct grpc_channel *ch)
{
    struct grpc_call *call = ch->calls;

    while (call != NULL) {
        struct grpc_call *next = call->next;
        if (call->easy == NULL)
            call_free(call);
        call = next;
    }
    if (ch->is_closing) {
        assert(ch->calls == NULL);
        io_multi_close(&ch->multi, on_multi_closed);
    }
}

/* After libcurl has worked. */
static void on_turned(void *arg)
{
    struct grpc_channel *ch = arg;
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(ch->multi.curl, &left)) != NULL) {
        struct grpc_call *call = NULL;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        if (message->msg == CURLMSG_DONE && call != NULL)
            call->is_done = true;
    }
    ch->is_delivering = true;
    for (struct grpc_call *call = ch->calls; call != NULL; call = call->next) {
        if (call->easy != NULL)
            call_turn(call);
    }
    ch->is_delivering = false;
    channel_sweep(ch);
}

/* ---- channels --------------------------------------------------------------------------------- */

static bool copy_string(const char *from, char **out)
{
    *out = from == NULL ? NULL : strdup(from);
    return from == NULL || *out != NULL;
}

int grpc_channel_open(uv_loop_t *loop, const struct grpc_config *config, struct grpc_channel **out)
{
    struct grpc_channel *ch = calloc(1, sizeof *ch);

    if (ch == NULL)
        return ERR_NO_MEMORY;
    (void)snprintf(ch->url, sizeof ch->url, "%s", config->url);
    ch->is_tls = strncmp(ch->url, "https://", 8) == 0;
    ch->connect_timeout_ms = config->connect_timeout_ms;
    ch->message_bytes_max = config->message_bytes_max;
    if (!copy_string(config->ca_file, &ch->ca_file) ||
        !copy_string(config->cert_file, &ch->cert_file) ||
        !copy_string(config->key_file, &ch->key_file) ||
        io_multi_open(&ch->multi, loop, on_turned, ch) != 0) {
        free(ch->ca_file);
        free(ch->cert_file);
        free(ch->key_file);
        free(ch);
        return ERR_NO_MEMORY;
    }
    (void)curl_multi_setopt(ch->multi.curl, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)GRPC_CALLS_MAX);
    *out = ch;
    return 0;
}

void grpc_channel_close(struct grpc_channel *ch, void (*closed)(void *arg), void *arg)
{
    assert(!ch->is_closing);

    ch->is_closing = true;
    ch->closed = closed;
    ch->closed_arg = arg;
    for (struct grpc_call *call = ch->calls; call != NULL; call = call->next)
        call_kill(call);
    if (!ch->is_delivering)
        channel_sweep(ch);
}

uint64_t grpc_channel_heard_ms(const struct grpc_channel *ch)
{
    return ch->heard_ms;
}
