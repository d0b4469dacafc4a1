/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_intake.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "node/io_http.h"
#include "node/io_intake_kafka.h"
#include "node/io_loop.h"
#include "proto/err.h"
#include "proto/intake.h"

#define URL_EVENTS     "/v1/events"
#define URL_INFO       "/_info"
#define TYPE_TEXT      "text/plain; charset=utf-8"
#define TYPE_JSON      "application/json; charset=utf-8"
#define BODY_AT_FIRST  8192
#define SCRATCH_MAX    ((size_t)512 << 20)
#define SCRATCH_KEPT   ((size_t)8 << 20)
#define KEEP_MAX       ((size_t)512 << 20)
#define KEEP_BLOCK     4096
#define TOPIC_TEXT_MAX 256

/* A request, until it is answered and nothing of it is under way. */
struct post {
    struct io_intake *intake;
    struct post *next;
    struct MHD_Connection *connection; /* NULL: answered, or gone */
    uint8_t *body;                     /* owned */
    size_t len;
    size_t room;
    struct arena keep; /* of events and answer */
    struct intake_event *events;
    size_t count;
    size_t under_way; /* records */
    unsigned code;    /* 0: not known yet */
    const char *text; /* the answer, where no event is in it */
    bool is_hasty;
    bool is_judged;
    bool is_suspended;
};

struct ticket {
    struct post *post;
    struct intake_event *event;
};

struct io_intake {
    struct io_intake_source source;
    struct io_http *http;       /* owned */
    struct intake_kafka *kafka; /* owned */
    struct post *first;         /* owned: all */
    struct arena scratch;
    size_t bytes; /* of all bodies */
    char *bootstrap;
    struct io_intake_stats stats;
};

/* ---- posts ----------------------------------------------------------------------------------- */

/* It is in no list any more. */
static void post_free(struct post *p)
{
    p->intake->bytes -= p->room;
    arena_deinit(&p->keep);
    free(p->body);
    free(p);
}

static void post_end(struct post *p)
{
    for (struct post **at = &p->intake->first; *at != NULL; at = &(*at)->next)
        if (*at == p) {
            *at = p->next;
            break;
        }
    post_free(p);
}

static void refuse(struct post *p, unsigned code, const char *text)
{
    if (p->code != 0)
        return;
    p->code = code;
    p->text = text;
}

/* Room for `len` bytes more. */
static void make_room(struct post *p, size_t len)
{
    struct io_intake *in = p->intake;
    size_t room = p->room == 0 ? BODY_AT_FIRST : p->room;

    if (len > (size_t)in->source.config->intake_body_bytes_max - p->len) {
        refuse(p, 413, "the request is larger than intake.body_bytes\n");
        return;
    }
    if (p->len + len <= p->room)
        return;
    while (room < p->len + len)
        room *= 2;
    uint8_t *body = in->bytes - p->room + room > IO_INTAKE_BYTES_MAX ? NULL : malloc(room);
    if (body == NULL) {
        refuse(p, 503, "too many requests at once\n");
        return;
    }
    if (p->len > 0)
        memcpy(body, p->body, p->len);
    free(p->body);
    p->body = body;
    in->bytes += room - p->room;
    p->room = room;
}

static void take_bytes(struct post *p, const char *bytes, size_t len)
{
    make_room(p, len);
    if (p->code != 0)
        return; /* thrown away */
    memcpy(p->body + p->len, bytes, len);
    p->len += len;
}

/* ---- judging and writing --------------------------------------------------------------------- */

static bool is_among(const struct key_texts *list, struct slice name)
{
    for (size_t i = 0; i < list->count; i++)
        if (slice_equal(list->items[i], name))
            return true;
    return false;
}

/* A source of a stream that is applied, or named in the node's file; never a topic of Braid's own. */
static bool is_taken(const struct io_intake *in, struct slice stream)
{
    if (slice_starts_with(stream, SLICE_LIT("braid.")))
        return false;
    if (is_among(&in->source.config->intake_streams, stream))
        return true;
    if (in->source.streams == NULL)
        return false;
    for (const struct io_stream *s = in->source.streams->first; s != NULL; s = s->next)
        if (s->is_present && s->spec != NULL && is_among(&s->spec->spec.sources, stream))
            return true;
    return false;
}

static struct slice header_of(struct MHD_Connection *connection, const char *name)
{
    return slice_str(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

static int read_events(struct post *p)
{
    struct io_intake *in = p->intake;
    const size_t event_max = (size_t)in->source.config->intake_event_bytes_max;
    struct intake_fill fill = {.now_ms = io_now_ms(),
                               .request_id = header_of(p->connection, "X-Request-Id")};
    int rc = intake_split(slice_of(p->body, p->len), &p->keep, &p->events, &p->count);

    for (size_t i = 0; i < p->count && rc == 0; i++) {
        struct intake_event *e = &p->events[i];
        if (getrandom(fill.chance, sizeof(fill.chance), 0) != (ssize_t)sizeof(fill.chance))
            return ERR_NO_MEMORY; /* cannot be: so few bytes are there */
        rc = intake_read(e, &fill, event_max, &in->scratch, &p->keep);
        if (rc == 0 && e->state == INTAKE_WAITING && !is_taken(in, e->stream))
            intake_refuse(e, ".meta.stream", "should be a stream that is taken here");
    }
    if (in->scratch.bytes_held > SCRATCH_KEPT)
        arena_deinit(&in->scratch);
    return rc;
}

static void settle(struct intake_event *e, int rc)
{
    e->state = rc == 0 ? INTAKE_ACCEPTED : INTAKE_ERROR;
    if (rc == ERR_TOO_LARGE)
        intake_refuse(e, "", "is larger than the topic allows");
    else if (rc == ERR_BUSY)
        e->message = "not written: too many events wait for Kafka";
    else if (rc == ERR_NOT_FOUND)
        e->message = "not written: there is no such topic";
    else if (rc != 0)
        e->message = "Kafka has not confirmed it: it may be written or not";
}

static void write_event(struct post *p, struct intake_event *e)
{
    struct io_intake *in = p->intake;
    struct ticket *ticket = arena_alloc(&p->keep, sizeof(*ticket));
    char topic[TOPIC_TEXT_MAX];
    const struct intake_record record = {
        .topic = topic,
        .key = e->key,
        .value = e->value,
        .traceparent = header_of(p->connection, "traceparent"),
        .ticket = ticket,
    };

    if (ticket == NULL) {
        settle(e, ERR_BUSY);
        return;
    }
    (void)snprintf(topic, sizeof(topic), "%.*s.%.*s", SLICE_ARG(in->source.config->dc),
                   SLICE_ARG(e->stream));
    *ticket = (struct ticket){p, e};
    const int rc = intake_kafka_produce(in->kafka, &record);
    if (rc != 0)
        settle(e, rc);
    else
        p->under_way++;
}

static void judge(struct post *p)
{
    const int rc = read_events(p);

    p->is_judged = true;
    if (rc == ERR_MALFORMED)
        refuse(p, 400, "the body is not JSON: an event, or an array of events\n");
    else if (rc == ERR_TOO_LARGE)
        refuse(p, 413, "too many events in one request\n");
    else if (rc != 0)
        refuse(p, 503, "out of memory\n");
    else if (p->count == 0)
        refuse(p, 400, "Request body was empty. Must provide JSON encoded events.\n");
    for (size_t i = 0; i < p->count && p->code == 0; i++)
        if (p->events[i].state == INTAKE_WAITING)
            write_event(p, &p->events[i]);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void count_answer(struct io_intake *in, unsigned code)
{
    struct io_intake_stats *s = &in->stats;
    size_t i = 0;

    while (i < s->code_count && s->answers[i].code != code)
        i++;
    if (i == IO_INTAKE_CODES_MAX)
        return;
    if (i == s->code_count)
        s->answers[s->code_count++].code = code;
    s->answers[i].count++;
}

/* Once all is settled, whoever has been told what. */
static void count_events(const struct post *p)
{
    struct io_intake *in = p->intake;
    const struct intake_event *first = NULL;

    for (size_t i = 0; i < p->count; i++) {
        const struct intake_event *e = &p->events[i];
        in->stats.accepted += e->state == INTAKE_ACCEPTED;
        in->stats.invalid += e->state == INTAKE_INVALID;
        in->stats.errors += e->state == INTAKE_ERROR;
        if (first == NULL && e->state != INTAKE_ACCEPTED)
            first = e;
    }
    if (first != NULL)
        io_log(in->source.log, LOG_WARN, "not all posted events were taken",
               "events=%zu stream='%.*s' field='%s' why=\"%s\"", p->count, SLICE_ARG(first->stream),
               first->field != NULL ? first->field : "", first->message);
}

static enum MHD_Result answer(struct post *p)
{
    struct slice body = slice_str(p->text);

    if (p->code == 0 && p->is_hasty)
        p->code = 202;
    else if (p->code == 0 && intake_answer(p->events, p->count, &p->keep, &p->code, &body) != 0)
        refuse(p, 500, "out of memory\n");
    count_answer(p->intake, p->code);
    return io_http_answer(p->connection, p->code, p->text != NULL ? TYPE_TEXT : TYPE_JSON, body);
}

static void on_settled(void *data, void *arg, int rc)
{
    struct ticket *ticket = arg;
    struct post *p = ticket->post;

    (void)data;
    assert(p->under_way > 0);
    settle(ticket->event, rc);
    p->under_way--;
    if (p->under_way > 0)
        return;
    count_events(p);
    if (p->is_suspended) {
        p->is_suspended = false;
        MHD_resume_connection(p->connection);
    } else if (p->connection == NULL) {
        post_end(p);
    }
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

static bool is_hasty(struct MHD_Connection *connection)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "hasty");

    return value != NULL && value[0] != '\0'; /* whatever it is: as EventGate has it */
}

static struct post *post_new(struct io_intake *in, struct MHD_Connection *connection)
{
    struct post *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    *p = (struct post){.intake = in, .connection = connection, .is_hasty = is_hasty(connection)};
    arena_init(&p->keep, KEEP_BLOCK, KEEP_MAX);
    p->next = in->first;
    in->first = p;
    return p;
}

/* What headers and address alone decide. */
static void read_head(struct post *p, const char *url, const char *method)
{
    const struct slice length = header_of(p->connection, "Content-Length");
    const bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    char *end;

    if (strcmp(url, URL_INFO) == 0 && is_get)
        refuse(p, *p->intake->source.is_draining ? 503 : 200, "braid intake " BRAID_VERSION "\n");
    else if (strcmp(url, URL_EVENTS) != 0)
        refuse(p, 404, "POST " URL_EVENTS ", GET " URL_INFO "\n");
    else if (strcmp(method, "POST") != 0)
        refuse(p, 405, "only POST\n");
    else if (*p->intake->source.is_draining)
        refuse(p, 503, "this node is leaving\n");
    else if (header_of(p->connection, "Content-Encoding").len > 0)
        refuse(p, 415, "no Content-Encoding is read\n");
    else if (length.len > 0 && strtoull((const char *)length.ptr, &end, 10) >
                                   (uint64_t)p->intake->source.config->intake_body_bytes_max)
        refuse(p, 413, "the request is larger than intake.body_bytes\n");
}

// NOLINTNEXTLINE(readability-function-size): the library fixes the parameters
static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct post *p = *state;

    (void)version;
    if (p == NULL) { /* headers only so far */
        p = post_new(data, connection);
        *state = p;
        if (p == NULL)
            return MHD_NO;
        read_head(p, url, method);
        /* What is too long is not even read. */
        return p->code == 413 ? answer(p) : MHD_YES;
    }
    if (*upload_size > 0) {
        take_bytes(p, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (p->code == 0 && !p->is_judged) {
        judge(p);
        if (p->code == 0 && p->under_way == 0)
            count_events(p);
        p->is_suspended = p->code == 0 && p->under_way > 0 && !p->is_hasty;
        if (p->is_suspended) {
            MHD_suspend_connection(connection);
            return MHD_YES;
        }
    }
    return answer(p);
}

static void on_completed(void *data, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct post *p = *state;

    (void)data;
    (void)connection;
    (void)code;
    if (p == NULL)
        return;
    *state = NULL;
    p->connection = NULL;
    if (p->under_way == 0)
        post_end(p);
}

/* ---- life cycle ------------------------------------------------------------------------------ */

static int open_kafka(struct io_intake *in)
{
    const struct config *c = in->source.config;
    const struct slice brokers = c->source_bootstrap;

    in->bootstrap = strndup((const char *)brokers.ptr, brokers.len);
    if (in->bootstrap == NULL)
        return ERR_NO_MEMORY;
    const struct intake_kafka_config config = {
        .cluster = {.loop = in->source.loop,
                    .log = in->source.log,
                    .bootstrap = in->bootstrap,
                    .name = "braid-intake"},
        .timeout_ms = (uint32_t)c->intake_timeout_ms,
        .data = in,
        .settled = on_settled,
    };
    return intake_kafka_open(&config, &in->kafka);
}

int io_intake_open(const struct io_intake_source *source, struct io_intake **out)
{
    struct io_intake *in = calloc(1, sizeof(*in));
    const struct io_http_config http = {
        .loop = source->loop,
        .address = source->config->intake_http,
        .connections_max = IO_INTAKE_CONNECTIONS_MAX,
        .timeout_s = IO_INTAKE_TIMEOUT_S,
        .handle = on_request,
        .completed = on_completed,
        .data = in,
    };

    if (in == NULL)
        return ERR_NO_MEMORY;
    in->source = *source;
    arena_init(&in->scratch, 65536, SCRATCH_MAX);
    int rc = open_kafka(in);
    if (rc == 0)
        rc = io_http_open(&http, &in->http);
    if (rc != 0) {
        io_log(source->log, LOG_ERROR, "the intake cannot listen", "http=\"%.*s\"",
               SLICE_ARG(source->config->intake_http));
        intake_kafka_close(in->kafka);
        free(in->bootstrap);
        free(in);
        return rc;
    }
    *out = in;
    return 0;
}

void io_intake_quiesce(struct io_intake *in)
{
    if (in != NULL)
        io_http_quiesce(in->http);
}

void io_intake_close(struct io_intake *in)
{
    if (in == NULL)
        return;
    for (struct post *p = in->first; p != NULL; p = p->next) {
        p->under_way = 0; /* no report comes any more */
        refuse(p, 503, "this node is leaving\n");
        if (p->is_suspended)
            MHD_resume_connection(p->connection);
        p->is_suspended = false;
    }
    io_http_close(in->http);
    for (struct post *p = in->first, *next; p != NULL; p = next) {
        next = p->next;
        post_free(p);
    }
    intake_kafka_close(in->kafka);
    arena_deinit(&in->scratch);
    free(in->bootstrap);
    free(in);
}

void io_intake_stats(const struct io_intake *in, struct io_intake_stats *out)
{
    *out = in != NULL ? in->stats : (struct io_intake_stats){0};
}
