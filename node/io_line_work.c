/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_line_part.h"

#include <assert.h>
#include <stdlib.h>

#include "coord/request.h"
#include "node/global_source.h"
#include "node/io_loop.h"
#include "proto/err.h"

enum {
    KEEP_BLOCK = 4 * 1024,        /* of a page's questions and what is made of the answers */
    KEEP_MAX = 512 * 1024 * 1024, /* twice the largest value, as its buffer doubles */
};

static void push(struct job_queue *q, struct job *job)
{
    job->next = NULL;
    if (q->last != NULL)
        q->last->next = job;
    else
        q->first = job;
    q->last = job;
}

static void pop(struct job_queue *q)
{
    q->first = q->first->next;
    if (q->first == NULL)
        q->last = NULL;
}

static void work_free(struct io_host *h, struct page_work *work)
{
    if (work == NULL)
        return;
    for (unsigned k = 0; k < QUESTION_COUNT; k++)
        io_fetch_release(work->asking[k].hold);
    /* A large page's memory is not kept. */
    if (work->keep.bytes_held > KEEP_BLOCK)
        arena_deinit(&work->keep);
    else
        arena_reset(&work->keep);
    if (io_pool_give(&h->works, work))
        return;
    arena_deinit(&work->keep);
    io_pool_free(work);
}

static struct page_work *work_new(struct io_host *h)
{
    struct page_work *work = io_pool_take(&h->works, sizeof(*work));

    assert(work != NULL); /* 10 KB; without them the process is lost anyway */
    const struct arena keep = work->keep;
    *work = (struct page_work){.keep = keep};
    if (keep.first == NULL)
        arena_init(&work->keep, KEEP_BLOCK, KEEP_MAX);
    return work;
}

static void job_free(struct job *job)
{
    io_kafka_release(job->handle);
    work_free(job->host, job->work);
    io_spec_release(job->spec);
    if (!io_pool_give(&job->host->jobs, job))
        io_pool_free(job);
}

static struct job *job_new(struct io_line *l, const struct line_action *a, const struct record *r)
{
    struct job *job = io_pool_take(&l->host->jobs, sizeof(*job));

    assert(job != NULL); /* 300 bytes; without them the process is lost anyway */
    *job = (struct job){
        .host = l->host,
        .line = l,
        .kind = a->kind,
        .ticket = a->ticket,
        .origin = a->origin,
        .source_time_ms = a->source_time_ms,
    };
    if (r != NULL) {
        job->handle = r->handle;
        job->key = r->key;
        job->value = r->value;
    }
    return job;
}

static struct job **slot_of(struct io_line *l, uint64_t ticket)
{
    return &l->jobs[ticket % l->config.in_flight_max];
}

/* ---- the records ---------------------------------------------------------------------------- */

static void fill_fields(const struct io_line *l, const struct job *job, struct inner_fields *f)
{
    *f = (struct inner_fields){.origin = job->origin, .time_ms = job->source_time_ms};
    if (l->config.kind == LINE_COPY) {
        f->copy_dc = l->host->config.dc;
    } else {
        f->by_dc = l->config.by_dc;
        f->by_incarnation = l->config.by_incarnation;
        f->spec_version = l->stream->spec->spec.version;
    }
}

static int produce(struct io_line *l, const struct job *job, const struct header *headers,
                   size_t header_count, const struct slice *value)
{
    const struct io_write record = {
        .key = job->key,
        .value = *value,
        .headers = headers,
        .header_count = header_count,
        .ticket = job->ticket,
    };

    return io_writer_produce(l->client, &record);
}

static int produce_copy(struct io_line *l, const struct job *job)
{
    struct header source[IO_KAFKA_HEADERS_MAX];
    struct header headers[INNER_HEADERS_MAX];
    struct inner_fields fields;
    struct inner_text text;
    const size_t source_count = io_kafka_headers(job->handle, source);
    size_t count;

    if (l->config.raw) {
        fill_fields(l, job, &fields);
        count = inner_headers(source, source_count, &fields, &text, headers);
    } else {
        count = inner_copy_headers(source, source_count, l->host->config.dc, headers);
    }
    return produce(l, job, headers, count, &job->value);
}

/* A record without a source record: skipped or gap. */
static int produce_own(struct io_line *l, const struct job *job)
{
    struct header headers[INNER_HEADERS_MAX];
    const struct slice none = {0};
    struct inner_fields fields;
    struct inner_text text;

    fill_fields(l, job, &fields);
    fields.status = slice_str(status_text(job->kind == LINE_DO_SKIP ? STATUS_SKIPPED : STATUS_GAP));
    const size_t count = inner_headers(NULL, 0, &fields, &text, headers);
    return produce(l, job, headers, count, &none);
}

/* The value in memory of its own; NULL if it is null or there is no memory (ERR_NO_MEMORY). */
static int make_value(struct job *job, uint8_t **out, struct slice *out_value)
{
    bool is_null = true;
    const size_t size = enrich_page_value(&job->work->page, io_now_ms(), &is_null);

    *out = NULL;
    *out_value = (struct slice){0};
    if (is_null)
        return 0;
    *out = malloc(size + 1);
    if (*out == NULL)
        return ERR_NO_MEMORY;
    enrich_page_write(&job->work->page, *out);
    *out_value = slice_of(*out, size);
    return 0;
}

static enum status status_of(const struct job *job)
{
    if (job->is_too_large)
        return STATUS_FAILED;
    switch (job->kind) {
    case LINE_DO_SKIP:
        return STATUS_SKIPPED;
    case LINE_DO_GAP:
        return STATUS_GAP;
    case LINE_DO_WORK:
        break;
    default:
        return STATUS_NONE;
    }
    switch (job->work->page.status) {
    case ENRICH_OK:
        return STATUS_OK;
    case ENRICH_WITHHELD:
        return STATUS_WITHHELD;
    case ENRICH_FAILED:
        return STATUS_FAILED;
    case ENRICH_CANARY:
        return STATUS_CANARY;
    case ENRICH_FILTERED:
        return STATUS_FILTERED;
    case ENRICH_PENDING:
        break;
    }
    return STATUS_NONE;
}

/* What the event itself says of these; the id in `id` of BRAID_ID_MAX bytes. */
static void fill_event_fields(const struct job *job, uint8_t *id, struct inner_fields *f)
{
    const struct event *e = &job->work->page.event;

    f->id = request_id(e->id, job->retry, id);
    if (e->time_ms >= 0 && !job->is_from_operator)
        f->time_ms = e->time_ms;
}

/* The key of the enriched record. */
static struct slice key_of(const struct job *job)
{
    const struct enrich_page *page = &job->work->page;

    return page->is_decoded && page->event.key.ptr != NULL ? page->event.key : job->key;
}

static int produce_page(struct io_line *l, struct job *job)
{
    struct header source[IO_KAFKA_HEADERS_MAX];
    struct header headers[INNER_HEADERS_MAX];
    struct inner_fields fields;
    struct inner_text text;
    char status[ENRICH_STATUS_MAX];
    // cppcheck-suppress variableScope ; the headers borrow from it
    char fetch[ENRICH_FETCH_MAX];
    // cppcheck-suppress variableScope ; likewise
    uint8_t id[BRAID_ID_MAX];
    struct slice value = {0};
    uint8_t *bytes = NULL;

    /* First the value: it may turn ok into failed:too_large. */
    if (!job->is_too_large) {
        const int rc = make_value(job, &bytes, &value);
        if (rc != 0)
            return rc;
    }
    fill_fields(l, job, &fields);
    fields.spec_version = job->spec->spec.version;
    fields.status = job->is_too_large
                        ? SLICE_LIT("failed:too_large")
                        : slice_of(status, enrich_page_status_text(&job->work->page, status));
    if (job->work->page.is_decoded)
        fill_event_fields(job, id, &fields);
    const size_t source_count = io_kafka_headers(job->handle, source);
    if (l->is_global)
        fields.id = global_source_id(source, source_count); /* with the retry that it may be */
    if (job->work->page.outcome.attempts > 0)
        fields.fetch = slice_of(fetch, enrich_page_fetch_text(&job->work->page, fetch));
    const size_t count = inner_headers(source, source_count, &fields, &text, headers);
    int rc = 0;
    if (status_of(job) == STATUS_FAILED && !job->is_noted)
        rc = line_note_error(l, job, headers, count);
    const struct io_write record = {
        .key = key_of(job),
        .value = value,
        .value_heap = bytes,
        .headers = headers,
        .header_count = count,
        .ticket = job->ticket,
    };
    if (rc == 0)
        rc = io_writer_produce(l->client, &record);
    if (rc != 0)
        free(bytes);
    return rc;
}

static void count_produced(struct io_line *l, const struct job *job)
{
    const enum status status = status_of(job);

    l->statuses[status]++;
    if (status == STATUS_FAILED)
        l->reasons[job->is_too_large ? REASON_TOO_LARGE : job->work->page.reason]++;
}

/* True if the job is done with (freed), false if it must be tried again later. */
static bool try_produce(struct io_line *l, struct job *job)
{
    int rc = job->kind == LINE_DO_WORK      ? produce_page(l, job)
             : job->kind == LINE_DO_PRODUCE ? produce_copy(l, job)
                                            : produce_own(l, job);

    if (rc == ERR_TOO_LARGE && job->kind == LINE_DO_WORK) {
        job->is_too_large = true; /* enrich may substitute (A8) */
        l->is_limited = true;
        rc = produce_page(l, job);
    }
    if (rc == ERR_BUSY || rc == ERR_NO_MEMORY)
        return false;
    if (rc == 0) {
        l->produced++;
        count_produced(l, job);
    } else if (rc == ERR_TOO_LARGE) {
        line_too_large(l, l->config.kind == LINE_COPY ? "a record is too large to be copied"
                                                      : "a record without a value is too large");
    }
    /* ERR_DELIVERY: the writer tells so from the loop. */
    job_free(job);
    return true;
}

static void produce_or_queue(struct io_line *l, struct job *job)
{
    if (l->pending.first != NULL || !try_produce(l, job))
        push(&l->pending, job);
}

void line_produce(struct io_line *l, const struct line_action *a, const struct record *r)
{
    produce_or_queue(l, job_new(l, a, r));
}

/* Whether it was the API's fault. */
static bool is_of_api(enum reason reason)
{
    return reason == REASON_TIMEOUT || reason == REASON_UNAVAILABLE || reason == REASON_REFUSED ||
           reason == REASON_BAD_ANSWER;
}

enum line_work line_work_result(struct io_line *l, uint64_t ticket)
{
    const struct job *job = *slot_of(l, ticket);
    const struct enrich_page *page = &job->work->page;

    if (page->outcome.attempts == 0 || (page->status == ENRICH_FAILED && !is_of_api(page->reason)))
        return LINE_WORK_NOT_ASKED;
    return page->status == ENRICH_FAILED ? LINE_WORK_FAILED : LINE_WORK_GOOD;
}

void line_drop_work(struct io_line *l, uint64_t ticket)
{
    struct job **slot = slot_of(l, ticket);

    if (*slot == NULL || (*slot)->ticket != ticket)
        return;
    job_free(*slot);
    *slot = NULL;
}

void line_produce_work(struct io_line *l, const struct line_action *a)
{
    struct job **slot = slot_of(l, a->ticket);
    struct job *job = *slot;

    assert(job != NULL);
    assert(job->ticket == a->ticket);
    assert(job->work->fetching == 0);
    *slot = NULL;
    produce_or_queue(l, job);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static void ask_all(struct job *job);

static void wait_push(struct asking_queue *q, struct asking *a)
{
    a->next = NULL;
    if (q->last != NULL)
        q->last->next = a;
    else
        q->first = a;
    q->last = a;
}

static void wait_pop(struct asking_queue *q)
{
    q->first = q->first->next;
    if (q->first == NULL)
        q->last = NULL;
}

static void settle(struct asking *a, const struct enrich_outcome *outcome)
{
    struct job *job = a->job;
    struct page_work *work = job->work;

    enrich_page_settle(&work->page, a->question.kind, outcome, &job->line->host->scratch);
    ask_all(job);
}

/* From the fetcher, once for each request it took. */
static void on_fetched(void *data, const struct enrich_outcome *outcome, struct io_fetch_hold *hold)
{
    struct asking *a = data;
    struct job *job = a->job;
    struct io_line *l = job->line;

    assert(a->is_fetching);
    a->is_fetching = false;
    a->hold = hold;
    job->work->fetching--;
    if (l == NULL) {
        if (job->work->fetching == 0)
            job_free(job);
        return;
    }
    if (outcome->ask_again) {
        a->is_unshared = true;
        wait_push(&l->waiting, a);
    } else {
        settle(a, outcome);
    }
    line_tell_done(l);
    line_retry(l);
}

static void settle_refused(struct asking *a, int rc)
{
    const struct enrich_outcome outcome = {.reason = rc == ERR_REFUSED       ? REASON_DOMAIN
                                                     : rc == ERR_UNSUPPORTED ? REASON_REFUSED
                                                                             : REASON_NO_REVISION};

    settle(a, &outcome);
}

/* The trace that the source record is of: it goes on to whom we ask. */
static struct slice traceparent_of(const struct job *job)
{
    struct header headers[IO_KAFKA_HEADERS_MAX];
    const size_t count = io_kafka_headers(job->handle, headers);

    for (size_t i = 0; i < count; i++) {
        if (slice_equal(headers[i].name, SLICE_LIT("traceparent")))
            return headers[i].value;
    }
    return (struct slice){0};
}

/* False: the fetcher is full. */
static bool try_fetch(struct io_line *l, struct asking *a, bool is_first)
{
    struct io_fetch *fetch = io_stream_fetch(l->stream);
    const struct io_fetch_request request = {
        .question = &a->question,
        .event = &a->job->work->page.event,
        .source_time_ms = a->job->source_time_ms,
        .traceparent = traceparent_of(a->job),
        .is_first = is_first,
        .data = a,
        .done = on_fetched,
    };

    if (a->job->work->page.status != ENRICH_PENDING) { /* another question has failed */
        settle(a, &(struct enrich_outcome){.reason = REASON_STOPPED});
        return true;
    }
    if (fetch == NULL)
        return false;
    const int rc = io_share_submit(l->host->streams.share, fetch, &request, a->is_unshared);
    if (err_class(rc) == ERR_CLASS_RETRY || rc == ERR_NO_MEMORY)
        return false;
    if (rc != 0) {
        settle_refused(a, rc);
        return true;
    }
    a->is_fetching = true;
    a->job->work->fetching++;
    return true;
}

/* Puts all questions that can be put by now; the line hears of a page that is done. */
static void ask_all(struct job *job)
{
    struct io_line *l = job->line;
    struct page_work *work = job->work;
    struct question q;

    /* not from inside: a refused question comes back here */
    while (enrich_page_ask(&work->page, &l->host->scratch, &q)) {
        struct asking *a = &work->asking[q.kind];
        io_fetch_release(a->hold); /* of an answer in parts: the page has kept its bytes */
        *a = (struct asking){.job = job, .question = q};
        wait_push(&l->waiting, a);
    }
    if (enrich_page_is_done(&work->page))
        line_done_later(l, job->ticket);
}

/* Of the oldest page at work; NULL: none of its questions waits. It is taken out of the queue. */
static struct asking *wait_take_oldest(struct io_line *l)
{
    const struct job *oldest = NULL;
    struct asking *before = NULL;

    for (uint32_t i = 0; i < l->config.in_flight_max; i++) {
        const struct job *job = l->jobs[i];
        if (job != NULL && (oldest == NULL || job->ticket < oldest->ticket))
            oldest = job;
    }
    for (struct asking *a = l->waiting.first; a != NULL; before = a, a = a->next) {
        if (a->job != oldest)
            continue;
        if (before == NULL)
            l->waiting.first = a->next;
        else
            before->next = a->next;
        if (a->next == NULL)
            l->waiting.last = before;
        return a;
    }
    return NULL;
}

/*
 * Pages are written in order, and keep their answers until then. Where those of later pages have
 * taken all room, the oldest asks nevertheless: it is what all of them wait for.
 */
static bool fetch_oldest(struct io_line *l)
{
    struct asking *a = wait_take_oldest(l);

    if (a == NULL)
        return false;
    if (try_fetch(l, a, true))
        return true;
    a->next = l->waiting.first;
    l->waiting.first = a;
    if (a->next == NULL)
        l->waiting.last = a;
    return false;
}

/* Puts the questions that wait, as far as the fetcher takes them. */
static void fetch_waiting(struct io_line *l)
{
    while (!l->is_over && l->waiting.first != NULL) {
        struct asking *a = l->waiting.first;
        struct asking_queue before = l->waiting;
        wait_pop(&l->waiting);
        if (try_fetch(l, a, false))
            continue;
        l->waiting = before; /* nothing was put behind it meanwhile */
        if (!fetch_oldest(l))
            return;
    }
}

/* What was answered about a page before it was deleted, or something of it hidden, serves nobody. */
static void drop_shared(struct io_line *l, const struct enrich_page *page)
{
    const struct event *e = &page->event;

    if (page->is_decoded && (slice_equal(e->kind, SLICE_LIT("delete")) ||
                             slice_equal(e->kind, SLICE_LIT("visibility_change"))))
        io_share_drop_page(l->host->streams.share, e->domain, e->page_id);
}

/* Opens the page as its source is to be read. True if something must be asked. */
static bool open_page(struct job *job, const struct enrich_memory *memory)
{
    struct header headers[IO_KAFKA_HEADERS_MAX];
    const size_t count = io_kafka_headers(job->handle, headers);
    const struct spec *spec = &job->spec->spec;
    const struct io_line *l = job->line;
    const struct request r = request_read(l->source, l->task.output, headers, count);

    job->retry = r.retry;
    job->is_from_operator = r.is_from_operator;
    if (r.is_for_another) {
        enrich_page_skip(&job->work->page, &job->spec->enrich, job->value);
        return false;
    }
    job->work->shape = spec_shape(spec, spec_source_find(spec, r.source));
    return enrich_page_open_as(&job->work->page, &job->spec->enrich, &job->work->shape, memory,
                               job->value);
}

void line_work(struct io_line *l, const struct line_action *a, const struct record *r)
{
    assert(r != NULL);
    struct job *job = job_new(l, a, r);

    job->spec = io_spec_hold(l->stream);
    job->work = work_new(l->host);
    assert(*slot_of(l, a->ticket) == NULL);
    *slot_of(l, a->ticket) = job;
    const struct enrich_memory memory = {.scratch = &l->host->scratch, .keep = &job->work->keep};
    const bool must_ask = open_page(job, &memory);
    if (l->state != NULL)
        job->work->page.event.emitted_rev_id = line_state_before(l->state, a->index);
    drop_shared(l, &job->work->page);
    if (must_ask) {
        ask_all(job);
        fetch_waiting(l);
    } else {
        line_done_later(l, job->ticket);
    }
}

/* ---- queues --------------------------------------------------------------------------------- */

void line_retry(struct io_line *l)
{
    while (!l->is_over && l->pending.first != NULL) {
        struct job *job = l->pending.first;
        struct job *next = job->next;
        if (!try_produce(l, job))
            break;
        l->pending.first = next;
        if (next == NULL)
            l->pending.last = NULL;
    }
    fetch_waiting(l);
    line_tell_done(l);
}

void line_drop_jobs(struct io_line *l)
{
    while (l->pending.first != NULL) {
        struct job *job = l->pending.first;
        pop(&l->pending);
        job_free(job);
    }
    l->waiting = (struct asking_queue){0}; /* their jobs are in their slots */
    for (uint32_t i = 0; l->jobs != NULL && i < l->config.in_flight_max; i++) {
        struct job *job = l->jobs[i];
        l->jobs[i] = NULL;
        if (job == NULL)
            continue;
        job->line = NULL;
        if (job->work->fetching == 0)
            job_free(job);
    }
    l->done_count = 0;
}
