/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka_reader.h - reads many (topic, partition)s of one cluster, each at its own offset.
 *
 * Happy path: start -> BOUNDS; the owner answers with io_reading_from -> RECORDS in log order,
 * END each time the log's visible end is reached, RECORDS again. Partitions are assigned, never
 * subscribed to; nothing is committed; only committed transactions are seen.
 *
 * Failures: an offset that the log does not have: RANGE with fresh bounds, and the reading is
 * stopped; the owner decides. A log that was truncated below what was read of it: MOVED, stopped. A topic that is gone, made anew, or not readable: FAILED, stopped.
 * A broker that cannot be reached is no event: reading goes on when it is back.
 *
 * Promise: memory is bounded: what the owner has no room for stays with librdkafka, at most
 *          three answers of IO_READER_FETCH_KB a reading, and then with the broker. Two readings may read the
 *          same partition (each on a connection set of its own).
 * Pure:    no: shell.
 * Not here: which records count (filter.h).
 */
#ifndef BRAID_NODE_IO_KAFKA_READER_H
#define BRAID_NODE_IO_KAFKA_READER_H

#include "node/io_kafka.h"
#include "node/io_kafka_ask.h"

#define IO_READER_WAIT_MS "30" /* of a request that finds nothing */
/*
 * Of a partition in one answer; from another DC: a consumer has one request under way, so no more comes in a
 * round trip. Two answers may wait to be handed over: the next request is made while the first does, and
 * leaves out what has no room, for another round trip.
 */
#define IO_READER_FETCH_KB    256
#define IO_READER_FAR_KB      1024
#define IO_READER_BATCH       128 /* records of one RECORDS event */
#define IO_READER_BATCH_BYTES 1048576
#define IO_READER_BOUNDS_MS   12000 /* a broker that is away or coming back is asked again so long */
#define IO_READER_SILENT_MS   20000 /* after so long the broker is asked whether there is more */
#define IO_READER_LANES_MAX   16    /* consumers for readings that keep, and as many for others */

struct io_reader;
struct io_reading;

enum io_read_kind {
    IO_READ_BOUNDS,  /* answer to io_reading_start and io_reading_ask_bounds */
    IO_READ_RECORDS, /* their handles now belong to the owner: io_kafka_release each */
    IO_READ_END,     /* the visible end is reached; log_offset is what would be read next */
    IO_READ_RANGE,   /* the log does not have the offset; bounds say what it has; stopped */
    IO_READ_MOVED,   /* the log was truncated below what was read (KIP-320); stopped */
    IO_READ_FAILED,  /* code, detail; stopped */
};

struct io_read_event {
    enum io_read_kind kind;
    struct log_bounds bounds;
    const struct record *records; /* borrowed for the call */
    uint32_t count;
    int64_t log_offset;
    int code;
    const char *detail;
};

struct io_reading_config {
    const char *topic; /* copied */
    int32_t partition;
    uint32_t incarnation; /* of the topic, as an operator accepted it; 0: the first */
    bool with_hash;       /* fill in record.content_hash */
    /* The owner keeps records for long. A record holds the whole answer that it came with, so such a
     * reading shares no answer with those whose records go at once. */
    bool keeps;
    /* Another stream's output is read as a source (node/global_source.h): the origin that its records get;
     * NULL: as their headers say. Borrowed. */
    const struct origin_partition *source;
    void *data;
    /* How many records may come now; 0: none until io_reading_kick. NULL: always a batch. */
    uint32_t (*room)(void *data);
    /* May call anything here, io_reading_stop of this very reading too. */
    void (*on_event)(void *data, const struct io_read_event *ev);
};

int io_reader_open(const struct io_kafka_cluster *cluster, struct io_kafka_ask *ask,
                   struct io_reader **out);
/* Another limit than IO_READER_SILENT_MS. */
void io_reader_set_patience(struct io_reader *r, int64_t silent_ms);
/* All readings must be stopped. Accepts NULL. */
void io_reader_close(struct io_reader *r);

/* Asks for the bounds; reads nothing yet. NULL without memory or lane. */
struct io_reading *io_reading_start(struct io_reader *r, const struct io_reading_config *config);

/* Asks for the bounds again (an IO_READ_BOUNDS event follows). */
void io_reading_ask_bounds(struct io_reading *rg);

/* (Re)starts reading at log_offset; LINE_FROM_START: at the first offset kept. No record from
 * before this call comes after it. */
void io_reading_from(struct io_reading *rg, int64_t log_offset);

/* There is room again. */
void io_reading_kick(struct io_reading *rg);

/* How many offsets lie between what was handed over and the visible end, as of the last fetch; -1: not
 * known. Control records count: only for people. */
int64_t io_reading_behind(const struct io_reading *rg);

/* How many partitions its topic has, as asked for every few seconds; 0: not known. */
uint32_t io_reading_partitions(const struct io_reading *rg);

/* No event after this. Handles that are out stay valid. Accepts NULL. */
void io_reading_stop(struct io_reading *rg);

#endif
