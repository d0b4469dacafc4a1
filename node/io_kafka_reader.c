/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_kafka_reader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/global_source.h"
#include "node/io_kafka_lane.h"
#include "node/io_kafka_topics.h"
#include "node/io_loop.h"
#include "proto/err.h"

#define SWEEP_MS 250 /* looks at every queue, should a wake-up have been lost */

struct io_reading {
    struct io_reader *reader;
    struct io_reading *next;
    struct io_reading_config config;
    char *topic;                        /* owned */
    struct io_topic *identity;          /* held; NULL without memory */
    struct io_lane *lane;               /* while assigned */
    rd_kafka_queue_t *queue;            /* owned while assigned */
    struct io_kafka_question *question; /* bounds under way */
    struct log_bounds bounds;
    uint32_t generation; /* of the assignment; tells that an event's owner has changed it */
    int64_t from;        /* next offset to be handed over */
    int64_t asked_ms;    /* monotonic: since when the bounds are asked for */
    int64_t heard_ms;    /* monotonic: when it was assigned or last heard of */
    bool is_heard;       /* something came since it was assigned */
    bool is_probing;     /* the bounds under way are to tell whether it is stuck */
    bool asks_again;     /* the question failed for now */
    bool is_range;       /* the bounds under way answer an offset out of range */
    bool is_told_anew;   /* that its topic was made anew */
    bool is_stopped;     /* to be freed when no event is being delivered */
    bool wants_start;    /* io_reading_from(LINE_FROM_START) */
    bool wants_lane; /* all consumers read this partition already: from `from`, with the sweep */
    int64_t lane_ms; /* monotonic: since when */
};

struct io_reader {
    struct io_kafka_cluster cluster;
    struct io_kafka_ask *ask;   /* borrowed */
    struct io_topics *topics;   /* owned */
    struct io_kafka_wake *wake; /* owned */
    uv_timer_t *sweep;          /* owned; freed when closed */
    uv_idle_t *again;           /* owned; runs while a reading has more than one batch */
    struct io_lane *lanes[2 * IO_READER_LANES_MAX]; /* owned; of both kinds (is_kept) */
    size_t lane_count;
    struct io_reading *first;
    bool is_delivering;
    bool is_closed;
    size_t destroying; /* lanes being destroyed */
    int64_t silent_ms;
};

static void deliver_all(struct io_reader *r);

/* ---- lanes ---------------------------------------------------------------------------------- */

/* A lane on which nobody else reads this partition, and all keep records or none does. */
static struct io_lane *lane_for(struct io_reader *r, const struct io_reading *rg)
{
    struct io_lane *lane;
    size_t of_kind = 0;

    for (size_t i = 0; i < r->lane_count; i++) {
        if (r->lanes[i]->is_kept != rg->config.keeps)
            continue;
        of_kind++;
        bool is_free = !r->lanes[i]->is_suspect;
        for (const struct io_reading *other = r->first; other != NULL; other = other->next)
            if (other != rg && other->lane == r->lanes[i] &&
                other->config.partition == rg->config.partition &&
                strcmp(other->topic, rg->topic) == 0)
                is_free = false;
        if (is_free)
            return r->lanes[i];
    }
    if (of_kind == IO_READER_LANES_MAX || io_lane_open(&r->cluster, r->wake, &lane) != 0)
        return NULL;
    lane->is_kept = rg->config.keeps;
    r->lanes[r->lane_count++] = lane;
    return lane;
}

static void on_lane_destroyed(void *data)
{
    struct io_reader *r = data;

    r->destroying--;
    if (r->is_closed && r->destroying == 0)
        free(r);
}

/* A suspect lane goes with its last reading: lanes are few. */
static void leave_lane(struct io_reading *rg)
{
    struct io_reader *r = rg->reader;
    struct io_lane *lane = rg->lane;
    size_t i = 0;

    io_kafka_wake_remove(rg->queue);
    rd_kafka_queue_destroy(rg->queue);
    rg->queue = NULL;
    rg->lane = NULL;
    lane->readings--;
    if (lane->readings > 0 || !lane->is_suspect)
        return;
    while (r->lanes[i] != lane)
        i++;
    r->lanes[i] = r->lanes[--r->lane_count];
    r->destroying++;
    io_lane_close(lane, r->cluster.loop, on_lane_destroyed, r);
}

/* ---- events --------------------------------------------------------------------------------- */

static void emit(struct io_reading *rg, const struct io_read_event *ev)
{
    if (!rg->is_stopped)
        rg->config.on_event(rg->config.data, ev);
}

static void emit_failed(struct io_reading *rg, int code, const char *detail)
{
    const struct io_read_event ev = {.kind = IO_READ_FAILED, .code = code, .detail = detail};

    emit(rg, &ev);
}

static void unassign(struct io_reading *rg)
{
    rg->generation++;
    rg->wants_lane = false;
    if (rg->lane == NULL)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, rg->topic, rg->config.partition);
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(rg->lane->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != NULL) {
        io_log(rg->reader->cluster.log, LOG_WARN, "cannot stop reading a partition",
               "topic=%s partition=%d why=\"%s\"", rg->topic, rg->config.partition,
               rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
    leave_lane(rg);
}

/* Many read one partition for a moment: at a start each merge reads the log of cuts. */
static void await_lane(struct io_reading *rg, int64_t offset)
{
    if (!rg->wants_lane)
        rg->lane_ms = io_mono_ms();
    rg->wants_lane = true;
    rg->from = offset;
    if (io_mono_ms() - rg->lane_ms < IO_READER_BOUNDS_MS)
        return;
    rg->wants_lane = false;
    emit_failed(rg, ERR_BUSY, "no consumer is free for this partition");
}

static void assign(struct io_reading *rg, int64_t offset)
{
    struct io_lane *lane = lane_for(rg->reader, rg);

    if (lane == NULL) {
        await_lane(rg, offset);
        return;
    }
    rg->wants_lane = false;
    /* Asks for the topic's leader at once: for one that is only assigned, librdkafka (2.15.1) does so when
     * its timer comes round, up to a second later. */
    rd_kafka_topic_t *known = rd_kafka_topic_new(lane->rk, rg->topic, NULL);
    /* Its own queue, before anything can be fetched into the common one. */
    rg->queue = rd_kafka_queue_get_partition(lane->rk, rg->topic, rg->config.partition);
    assert(rg->queue != NULL); /* only a producer has none */
    rd_kafka_queue_forward(rg->queue, NULL);
    io_kafka_wake_add(rg->reader->wake, rg->queue);
    rg->lane = lane;
    lane->readings++;
    rg->from = offset;
    rg->heard_ms = io_mono_ms();
    rg->is_heard = false;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, rg->topic, rg->config.partition)->offset = offset;
    rd_kafka_error_t *error = rd_kafka_incremental_assign(lane->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (known != NULL)
        rd_kafka_topic_destroy(known);
    if (error != NULL) {
        char detail[128];
        (void)snprintf(detail, sizeof(detail), "%s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        leave_lane(rg);
        emit_failed(rg, ERR_UNAVAILABLE, detail);
    }
}

/*
 * A consumer was seen to fetch nothing more, without an error, after its broker had stood still for
 * 15 s. Its broker answers and the log has more than came: another consumer takes over.
 */
static void take_probe(struct io_reading *rg, const struct io_kafka_answer *answer)
{
    const int64_t from = rg->from;

    rg->is_probing = false;
    rg->heard_ms = io_mono_ms();
    if (answer->code != 0 || rg->lane == NULL || (rg->is_heard && answer->bounds.end <= from))
        return;
    io_log(rg->reader->cluster.log, LOG_WARN, "a partition is silent, reading it anew",
           "topic=%s partition=%d offset=%lld end=%lld", rg->topic, rg->config.partition,
           (long long)from, (long long)answer->bounds.end);
    rg->lane->is_suspect = true;
    unassign(rg);
    assign(rg, from);
}

static void on_bounds(void *data, const struct io_kafka_answer *answer)
{
    struct io_reading *rg = data;
    const struct io_read_event ev = {
        .kind = rg->is_range ? IO_READ_RANGE : IO_READ_BOUNDS,
        .bounds = answer->bounds,
        .log_offset = rg->from,
    };

    rg->question = NULL;
    if (rg->is_probing) {
        take_probe(rg, answer);
        return;
    }
    if (err_class(answer->code) == ERR_CLASS_RETRY &&
        io_mono_ms() - rg->asked_ms < IO_READER_BOUNDS_MS) {
        rg->asks_again = true; /* with the next sweep */
        return;
    }
    if (answer->code != 0) {
        unassign(rg);
        emit_failed(rg, answer->code, answer->detail);
        return;
    }
    rg->bounds = answer->bounds;
    if (rg->wants_start) {
        rg->wants_start = false;
        assign(rg, rg->bounds.start);
        return;
    }
    rg->is_range = false;
    emit(rg, &ev);
}

/* What a message without a record says. */
static void take_error(struct io_reading *rg, const rd_kafka_message_t *msg)
{
    char detail[192];

    switch (msg->err) { /* of some two hundred, those that mean something here */
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        io_log(rg->reader->cluster.log, LOG_WARN,
               "log does not have the offset, asking what it has",
               "topic=%s partition=%d offset=%lld", rg->topic, rg->config.partition,
               (long long)rg->from);
        unassign(rg);
        rg->is_range = true;
        io_reading_ask_bounds(rg);
        return;
    case RD_KAFKA_RESP_ERR__LOG_TRUNCATION:
        io_log(rg->reader->cluster.log, LOG_ERROR, "log was truncated below what was read of it",
               "topic=%s partition=%d offset=%lld", rg->topic, rg->config.partition,
               (long long)rg->from);
        unassign(rg);
        emit(rg, &(struct io_read_event){.kind = IO_READ_MOVED, .log_offset = rg->from});
        return;
    default:
        break;
    }
    (void)snprintf(detail, sizeof(detail), "%s [%d]: %s", rg->topic, rg->config.partition,
                   rd_kafka_err2str(msg->err));
    const int code = io_kafka_code(msg->err);
    if (code == ERR_UNAVAILABLE || code == ERR_TIMEOUT) {
        /* It goes on by itself. */
        io_log_about(rg->reader->cluster.log, rg, LOG_WARN, "reading a partition is disturbed",
                     "why=\"%s\"", detail);
        return;
    }
    unassign(rg);
    emit_failed(rg, code, detail);
}

struct batch {
    struct record records[IO_READER_BATCH];
    uint32_t count;
    size_t bytes;
};

static void emit_batch(struct io_reading *rg, struct batch *b)
{
    const struct io_read_event ev = {
        .kind = IO_READ_RECORDS, .records = b->records, .count = b->count};

    if (b->count == 0)
        return;
    rg->from = b->records[b->count - 1].log_offset + 1;
    b->count = 0;
    emit(rg, &ev);
}

/* A message that is no record, after the batch before it. True if the reading goes on. */
static bool take_other(struct io_reading *rg, const rd_kafka_message_t *msg)
{
    const uint32_t generation = rg->generation;
    const struct io_read_event end = {.kind = IO_READ_END, .log_offset = msg->offset};

    if (msg->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        rg->from = msg->offset;
        emit(rg, &end);
    } else {
        take_error(rg, msg);
    }
    return rg->generation == generation && !rg->is_stopped;
}

/* One batch of one reading. True if there may be more at once. */
static bool deliver(struct io_reading *rg)
{
    const uint32_t generation = rg->generation;
    struct batch b = {.count = 0};
    uint32_t room = IO_READER_BATCH;
    rd_kafka_message_t *msg = NULL;

    if (rg->config.room != NULL)
        room = rg->config.room(rg->config.data);
    if (room > IO_READER_BATCH)
        room = IO_READER_BATCH;
    if (room == 0) {
        rg->heard_ms = io_mono_ms(); /* silence is the owner's */
        return false;
    }
    while (b.count < room && b.bytes < IO_READER_BATCH_BYTES) {
        msg = rd_kafka_consume_queue(rg->queue, 0);
        if (msg == NULL || msg->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
        io_kafka_record(msg, rg->config.with_hash, &b.records[b.count]);
        if (rg->config.source != NULL)
            global_as_source(rg->config.source, &b.records[b.count]);
        b.bytes += b.records[b.count].bytes;
        b.count++;
        msg = NULL;
    }
    if (msg != NULL || b.count > 0) {
        rg->heard_ms = io_mono_ms();
        rg->is_heard = true;
    }
    const bool is_more =
        msg != NULL || (b.count > 0 && b.count == room) || b.bytes >= IO_READER_BATCH_BYTES;
    emit_batch(rg, &b);
    /* The owner may have stopped or moved the reading; what else came is of the old one. */
    bool goes_on = rg->generation == generation && !rg->is_stopped;
    if (msg != NULL && msg->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        goes_on = goes_on && take_other(rg, msg);
        rd_kafka_message_destroy(msg);
    }
    return goes_on && is_more;
}

static void reap(struct io_reader *r)
{
    for (struct io_reading **at = &r->first; *at != NULL;) {
        struct io_reading *rg = *at;
        if (!rg->is_stopped) {
            at = &rg->next;
            continue;
        }
        *at = rg->next;
        io_topic_release(rg->identity);
        free(rg->topic);
        free(rg);
    }
}

static void on_again(uv_idle_t *idle)
{
    deliver_all(idle->data);
}

static void deliver_all(struct io_reader *r)
{
    bool is_more = false;

    if (r->is_delivering)
        return;
    r->is_delivering = true;
    for (size_t i = 0; i < r->lane_count; i++)
        io_lane_log(r->lanes[i], &r->cluster);
    for (struct io_reading *rg = r->first; rg != NULL; rg = rg->next)
        if (!rg->is_stopped && rg->queue != NULL && deliver(rg))
            is_more = true;
    r->is_delivering = false;
    reap(r);
    if (r->is_closed)
        return;
    if (is_more)
        (void)uv_idle_start(r->again, on_again); /* cannot fail with a callback */
    else
        (void)uv_idle_stop(r->again);
}

static void on_woken(void *data)
{
    deliver_all(data);
}

/* ---- readings ------------------------------------------------------------------------------- */

struct io_reading *io_reading_start(struct io_reader *r, const struct io_reading_config *config)
{
    struct io_reading *rg = calloc(1, sizeof(*rg));

    assert(config->on_event != NULL);
    if (rg == NULL)
        return NULL;
    *rg = (struct io_reading){.reader = r, .config = *config, .from = -1};
    rg->topic = strdup(config->topic);
    if (rg->topic == NULL) {
        free(rg);
        return NULL;
    }
    rg->config.topic = rg->topic;
    rg->identity = io_topics_hold(r->topics, rg->topic, config->incarnation);
    rg->next = r->first;
    r->first = rg;
    io_reading_ask_bounds(rg);
    return rg;
}

static void ask_again(struct io_reading *rg)
{
    const struct io_kafka_partition where = {rg->topic, rg->config.partition};

    rg->asks_again = false;
    rg->question =
        io_kafka_ask_bounds(rg->reader->ask, where, (struct io_kafka_asker){on_bounds, rg});
}

void io_reading_ask_bounds(struct io_reading *rg)
{
    assert(!rg->is_stopped);
    if (rg->question != NULL)
        io_kafka_ask_cancel(rg->question);
    rg->is_probing = false;
    rg->asked_ms = io_mono_ms();
    ask_again(rg);
}

void io_reading_from(struct io_reading *rg, int64_t log_offset)
{
    struct io_reader *r = rg->reader; /* its owner may stop the reading in here */

    assert(!rg->is_stopped);
    assert(log_offset >= 0 || log_offset == LINE_FROM_START);
    unassign(rg);
    rg->is_range = false;
    rg->wants_start = log_offset == LINE_FROM_START;
    if (rg->wants_start)
        io_reading_ask_bounds(rg); /* the start may have moved since */
    else
        assign(rg, log_offset);
    (void)uv_idle_start(r->again, on_again); /* cannot fail with a callback */
}

void io_reading_kick(struct io_reading *rg)
{
    (void)uv_idle_start(rg->reader->again, on_again); /* cannot fail with a callback */
}

uint32_t io_reading_partitions(const struct io_reading *rg)
{
    return io_topic_partitions(rg->identity);
}

int64_t io_reading_behind(const struct io_reading *rg)
{
    int64_t low;
    int64_t high;

    if (rg->lane == NULL ||
        rd_kafka_get_watermark_offsets(rg->lane->rk, rg->topic, rg->config.partition, &low,
                                       &high) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0)
        return -1;
    return high > rg->from ? high - rg->from : 0;
}

void io_reading_stop(struct io_reading *rg)
{
    if (rg == NULL)
        return;
    assert(!rg->is_stopped);
    unassign(rg);
    if (rg->question != NULL)
        io_kafka_ask_cancel(rg->question);
    rg->question = NULL;
    rg->is_stopped = true;
    if (!rg->reader->is_delivering)
        reap(rg->reader);
}

/* Asks what the log has if a reading was silent for long. */
static void probe(struct io_reading *rg)
{
    if (rg->lane == NULL || rg->question != NULL ||
        io_mono_ms() - rg->heard_ms < rg->reader->silent_ms)
        return;
    rg->is_probing = true;
    ask_again(rg);
}

/* R13: what its offsets mean is not what they meant. Reading on would be silent loss. */
static void tell_anew(struct io_reading *rg)
{
    rg->is_told_anew = true;
    unassign(rg);
    emit_failed(rg, ERR_DATA_LOSS, "the topic was deleted and made anew");
}

static void on_sweep(uv_timer_t *timer)
{
    struct io_reader *r = timer->data;

    io_topics_sweep(r->topics);
    r->is_delivering = true; /* what an owner stops is freed after the loop */
    for (struct io_reading *rg = r->first; rg != NULL; rg = rg->next) {
        if (rg->is_stopped || rg->is_told_anew)
            continue;
        if (io_topic_is_anew(rg->identity))
            tell_anew(rg);
        else if (rg->asks_again)
            ask_again(rg);
        else if (rg->wants_lane)
            assign(rg, rg->from);
        else
            probe(rg);
    }
    r->is_delivering = false;
    deliver_all(r);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
    free(handle);
}

int io_reader_open(const struct io_kafka_cluster *cluster, struct io_kafka_ask *ask,
                   struct io_reader **out)
{
    struct io_reader *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return ERR_NO_MEMORY;
    r->cluster = *cluster;
    r->ask = ask;
    r->silent_ms = IO_READER_SILENT_MS;
    r->sweep = calloc(1, sizeof(*r->sweep));
    r->again = calloc(1, sizeof(*r->again));
    if (r->sweep == NULL || r->again == NULL || io_topics_open(cluster, ask, &r->topics) != 0 ||
        io_kafka_wake_open(cluster->loop, on_woken, r, &r->wake) != 0) {
        io_topics_close(r->topics);
        free(r->sweep);
        free(r->again);
        free(r);
        return ERR_NO_MEMORY;
    }
    (void)uv_timer_init(cluster->loop, r->sweep); /* these never fail */
    (void)uv_idle_init(cluster->loop, r->again);
    r->sweep->data = r;
    r->again->data = r;
    (void)uv_timer_start(r->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    *out = r;
    return 0;
}

void io_reader_set_patience(struct io_reader *r, int64_t silent_ms)
{
    r->silent_ms = silent_ms;
}

void io_reader_close(struct io_reader *r)
{
    if (r == NULL)
        return;
    r->is_closed = true;
    for (const struct io_reading *rg = r->first; rg != NULL; rg = rg->next)
        assert(rg->is_stopped);
    assert(!r->is_delivering); /* a reader is not closed from within its own event */
    reap(r);
    io_topics_close(r->topics);
    uv_close((uv_handle_t *)r->sweep, on_handle_closed);
    uv_close((uv_handle_t *)r->again, on_handle_closed);
    r->destroying += r->lane_count;
    for (size_t i = 0; i < r->lane_count; i++)
        io_lane_close(r->lanes[i], r->cluster.loop, on_lane_destroyed, r);
    io_kafka_wake_close(r->wake);
    if (r->destroying == 0) /* else with the last of them, when the loop comes round */
        free(r);
}
