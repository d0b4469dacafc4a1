/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_kafka_lane.h"

#include <stdio.h>
#include <stdlib.h>

#include "node/io_kafka_reader.h"
#include "proto/err.h"

int io_lane_open(const struct io_kafka_cluster *cluster, struct io_kafka_wake *wake,
                 struct io_lane **out)
{
    char queued[16];
    char bytes[16];
    const int fetch_kb = cluster->is_far ? IO_READER_FAR_KB : IO_READER_FETCH_KB;
    (void)snprintf(queued, sizeof(queued), "%d", 2 * fetch_kb);
    (void)snprintf(bytes, sizeof(bytes), "%d", 1024 * fetch_kb);
    const struct io_kafka_setting settings[] = {
        {"group.id", "braid-reader"}, /* nothing is ever committed for it */
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"isolation.level", "read_committed"},
        {"enable.partition.eof", "true"},
        {"check.crcs", "true"},
        /* A partition whose queue was full when a request left waits for its answer; if all others
         * of the lane are idle, so long. */
        {"fetch.wait.max.ms", IO_READER_WAIT_MS},
        {"fetch.error.backoff.ms", "100"},
        {"fetch.queue.backoff.ms", "10"},
        {"fetch.message.max.bytes", bytes},
        {"fetch.max.bytes", "4194304"},
        {"receive.message.max.bytes", "100000000"},
        {"queued.min.messages", "1000"},
        {"queued.max.messages.kbytes", queued},
        {NULL, NULL},
    };
    struct io_lane *lane = calloc(1, sizeof(*lane));

    if (lane == NULL)
        return ERR_NO_MEMORY;
    const int rc = io_kafka_new(cluster, RD_KAFKA_CONSUMER, settings, 0, &lane->rk);
    if (rc != 0) {
        free(lane);
        return rc;
    }
    (void)rd_kafka_poll_set_consumer(lane->rk); /* only fails for a producer */
    lane->queue = rd_kafka_queue_get_consumer(lane->rk);
    io_kafka_wake_add(wake, lane->queue);
    *out = lane;
    return 0;
}

void io_lane_log(struct io_lane *lane, const struct io_kafka_cluster *cluster)
{
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(lane->queue, 0)) != NULL) {
        io_kafka_log_event(cluster, event);
        rd_kafka_event_destroy(event);
    }
}

void io_lane_close(struct io_lane *lane, uv_loop_t *loop, void (*done)(void *data), void *data)
{
    io_kafka_wake_remove(lane->queue);
    rd_kafka_queue_destroy(lane->queue);
    io_kafka_destroy_later(loop, lane->rk, done, data);
    free(lane);
}
