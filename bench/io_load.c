/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/io_load.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/io_client.h"
#include "bench/io_process.h"

struct load {
    struct load_config config;
    struct load_result result;
    pthread_t thread;
    rd_kafka_t *rk; /* owned */
    uint8_t *value; /* owned */
    atomic_bool is_stopped;
    uint64_t acked; /* of the thread */
};

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *opaque)
{
    struct load *l = opaque;

    (void)rk;
    if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        l->acked++;
}

static rd_kafka_resp_err_t try_send(struct load *l, const struct event_made *made, int64_t due_us)
{
    char stamp[32];
    const int stamp_len = snprintf(stamp, sizeof stamp, "%lld", (long long)due_us);
    const rd_kafka_vu_t vus[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = l->config.topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = (int32_t)(made->page % (uint32_t)l->config.partitions)},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)made->key, made->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {l->value, made->len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = due_us / 1000},
        {.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {LOAD_TIME_HEADER, stamp, (ssize_t)stamp_len}},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(l->rk, vus, sizeof vus / sizeof vus[0]);

    if (error == NULL)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    const rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return err;
}

static void send_one(struct load *l, uint64_t i, int64_t due_us)
{
    struct event_made made;

    event_text(l->config.source, l->config.first + i, due_us / 1000, l->value, &made);
    rd_kafka_resp_err_t err = try_send(l, &made, due_us);
    while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && !atomic_load(&l->is_stopped)) {
        (void)rd_kafka_poll(l->rk, 5);
        err = try_send(l, &made, due_us);
    }
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        l->result.sent++;
}

/* Waits until event i is due; counts it if that has passed already. */
static int64_t wait_due(struct load *l, uint64_t i)
{
    if (l->config.rate <= 0)
        return now_wall_us();
    const int64_t due = l->result.start_us + (int64_t)((double)i * 1e6 / l->config.rate);
    int64_t now = now_wall_us();
    while (now < due) {
        (void)rd_kafka_poll(l->rk, 0);
        sleep_us(due - now);
        now = now_wall_us();
    }
    if (now - due > LOAD_LATE_US)
        l->result.late++;
    if (now - due > l->result.late_max_us)
        l->result.late_max_us = now - due;
    return due;
}

static void *run(void *arg)
{
    struct load *l = arg;
    const int64_t start = now_us();

    l->result.start_us = now_wall_us();
    for (uint64_t i = 0; i < l->config.count && !atomic_load(&l->is_stopped); i++) {
        send_one(l, i, wait_due(l, i));
        if (i % 64 == 0)
            (void)rd_kafka_poll(l->rk, 0);
    }
    (void)rd_kafka_flush(l->rk, 30000); /* what is not acknowledged by then counts as failed */
    l->result.failed = l->result.sent - l->acked;
    l->result.seconds = (double)(now_us() - start) / 1e6;
    return NULL;
}

struct load *load_start(const struct load_config *config)
{
    /* Not idempotent: such a producer's thread spins while five records of a partition wait
     * (node/io_kafka_gate.h), and takes from those who are measured. A retry may double an event; that
     * is an event more to them, and none lost to the audit. */
    const char *const settings[] = {"enable.idempotence",
                                    "false",
                                    "max.in.flight.requests.per.connection",
                                    "1", /* a slow broker gets more in each, not more of them */
                                    "linger.ms",
                                    config->rate > 0 ? "1" : "20",
                                    "queue.buffering.max.kbytes",
                                    "65536",
                                    "message.max.bytes",
                                    "10000000",
                                    NULL};
    struct load *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->config = *config;
    l->value = malloc((size_t)config->source->bytes + EVENT_TEXT_BARE_MAX);
    l->rk = client_new(RD_KAFKA_PRODUCER, config->bootstrap, settings, on_delivered, l);
    if (l->value == NULL || l->rk == NULL || pthread_create(&l->thread, NULL, run, l) != 0) {
        free(l->value);
        free(l);
        return NULL;
    }
    return l;
}

void load_stop(struct load *l)
{
    atomic_store(&l->is_stopped, true);
}

struct load_result load_wait(struct load *l)
{
    (void)pthread_join(l->thread, NULL);
    const struct load_result result = l->result;
    rd_kafka_destroy(l->rk);
    free(l->value);
    free(l);
    return result;
}

bool load_is_saturated(const struct load_result *r)
{
    return r->late * 1000 > r->sent * LOAD_LATE_PER_THOUSAND;
}
