/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_recorder.h - reads every DC's copy of a stream at once and notes when each record arrived.
 *
 * Promise: a copy that cannot be read, or the caller's own waiting, delays no other copy's times: each
 *          copy has a thread.
 *          One more thread notes how long this process itself did not run.
 * Shell:   librdkafka, threads.
 * Not here: what the times mean (drill.h).
 */
#ifndef BRAID_COORD_CTL_IO_RECORDER_H
#define BRAID_COORD_CTL_IO_RECORDER_H

#include "coord/ctl/drill.h"
#include "coord/ctl/io_kafka.h"

struct recorder;

/* Moments of a drill that others notice. */
enum recorder_moment {
    RECORDER_ACTED,
    RECORDER_DETECTED,
    RECORDER_ENDED,
    RECORDER_FINE
};

/* What is recorded goes into `d`, which nobody else may touch until recorder_stop. 0 or an exit code,
 * said. */
int recorder_new(struct session *s, struct drill *d, struct recorder **out);

/* One more copy: the reader, which is the recorder's from now on, was told where to begin. 0 or
 * an exit code, said. */
int recorder_add(struct recorder *r, struct drill_copy *copy, struct kafka_reader *reader);

/* Now is this moment; only the first call for each counts. */
void recorder_mark(struct recorder *r, enum recorder_moment moment);

/* Records of the copy with the fewest. */
uint64_t recorder_fewest(struct recorder *r);

/* Milliseconds since recorder_new. */
int64_t recorder_now_ms(const struct recorder *r);

/* Ends the threads and closes the readers; d is the caller's again. */
void recorder_stop(struct recorder *r);

#endif
