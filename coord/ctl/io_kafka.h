/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka.h - reading Kafka for people: partitions, bounds, records from an offset on.
 *
 * Promise: reads by assignment, as no member of any group; commits nothing, so it cannot disturb
 *          readers. Memory is bounded by librdkafka's queue (16 MiB).
 * Shell:   librdkafka.
 * Not here: topics and their settings (io_kafka_admin.h).
 */
#ifndef BRAID_COORD_CTL_IO_KAFKA_H
#define BRAID_COORD_CTL_IO_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "coord/ctl/audit_record.h"
#include "coord/ctl/io_session.h"

enum {
    KAFKA_TIMEOUT_MS = 10000,
    KAFKA_PARTITIONS_MAX = 1024
};

struct kafka_reader;

/* What kafka_next found. */
enum kafka_event {
    KAFKA_RECORD,
    KAFKA_END,     /* of one partition: what was visible has been read */
    KAFKA_NOTHING, /* within the time given */
    KAFKA_FAILED   /* said */
};

struct kafka_record {
    const char *topic; /* borrowed, as all below, until the next call */
    int32_t partition;
    struct audit_raw raw;
};

/* A configuration with the operator's properties; NULL: said. For the admin too. */
rd_kafka_conf_t *kafka_conf(struct session *s, const char *bootstrap);

/* 0 or an exit code, said. */
int kafka_open(struct session *s, const char *bootstrap, bool is_committed,
               struct kafka_reader **out);
void kafka_close(struct kafka_reader *r); /* accepts NULL */

/* How many partitions the topic has; 0: no such topic; -1: said. */
int kafka_partitions(struct kafka_reader *r, const char *topic);

/* First offset kept and one past the last. False: said. */
bool kafka_bounds(struct kafka_reader *r, const char *topic, int32_t partition, int64_t *out_first,
                  int64_t *out_end);

/* The first offset whose record is not older than `ms`; the end if there is none. */
bool kafka_offset_at(struct kafka_reader *r, const char *topic, int32_t partition, int64_t ms,
                     int64_t *out);

/* What is read from now on. kafka_start forgets what was added before. */
void kafka_start(struct kafka_reader *r);
bool kafka_add(struct kafka_reader *r, const char *topic, int32_t partition, int64_t offset);
bool kafka_begin(struct kafka_reader *r);

enum kafka_event kafka_next(struct kafka_reader *r, int timeout_ms, struct kafka_record *out);

/* The log offset of the record with this sequence number, or of the first above it; the end of
 * the log if there is none. False: said. */
bool kafka_find_seq(struct kafka_reader *r, const char *topic, int64_t seq, int64_t *out_offset);

/* The number of the first record at or after an offset of a global topic; of the last one there.
 * *out_seq is -1 if there is none. False: said. */
bool kafka_first_seq(struct kafka_reader *r, const char *topic, int64_t from, int64_t *out_seq);
bool kafka_last_seq(struct kafka_reader *r, const char *topic, int64_t from, int64_t *out_seq);

#endif
