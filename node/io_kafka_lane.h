/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka_lane.h - one consumer of a reader, with partitions assigned to it.
 *
 * librdkafka's consumer can have a partition once, so two readings of the same partition need two
 * lanes.
 *
 * Pure:    no: shell.
 * Not here: which reading is on which lane (io_kafka_reader.c).
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_KAFKA_LANE_H
#define BRAID_NODE_IO_KAFKA_LANE_H

#include "node/io_kafka.h"

struct io_lane {
    rd_kafka_t *rk;          /* owned */
    rd_kafka_queue_t *queue; /* owned; errors and log, never records */
    uint32_t readings;       /* that are on it; counted by the reader */
    bool is_kept;            /* for readings whose owner keeps records */
    bool is_suspect;         /* fell silent though its broker answers: nothing new is put on it */
};

/* ERR_CONFIG or ERR_NO_MEMORY. */
int io_lane_open(const struct io_kafka_cluster *cluster, struct io_kafka_wake *wake,
                 struct io_lane **out);

/* Logs what its consumer has to say. */
void io_lane_log(struct io_lane *lane, const struct io_kafka_cluster *cluster);

/* Frees it at once; its consumer is destroyed on libuv's pool, then `done` is called. */
void io_lane_close(struct io_lane *lane, uv_loop_t *loop, void (*done)(void *data), void *data);

#endif
