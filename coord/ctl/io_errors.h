/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_errors.h - the parts of `braidctl errors`.
 *
 * Promise: errors_load leaves every event of the stream that an error topic names, with its state.
 * Shell:   Kafka, etcd through the session.
 */
#ifndef BRAID_COORD_CTL_IO_ERRORS_H
#define BRAID_COORD_CTL_IO_ERRORS_H

#include "coord/ctl/errors.h"
#include "coord/ctl/io_kafka.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"

enum {
    ERRORS_JSON_BYTES_MAX = 64 << 20
};

struct errors_run {
    struct session *session; /* borrowed */
    struct snapshot snap;
    const struct snapshot_stream *stream;
    struct errors errors;
    struct kafka_reader *readers[DCS_MAX]; /* owned; by the stream's DCs */
    struct arena scratch;                  /* of one error event */
};

/* An error event's text members, in run->scratch until the next one. */
struct errors_text {
    struct slice emitter;
    struct slice reason;
    struct slice message;
    struct slice raw; /* the source's value, as error_event.h has it; absent if it is not there */
};
void errors_text_read(struct errors_run *run, struct slice value, struct errors_text *out);

/* 0 or an exit code, said. */
int errors_load(struct errors_run *run);
void errors_unload(struct errors_run *run);

/* The event's record in the error topic; false: said, or gone. Slices in the session's arena. */
bool errors_record_read(struct errors_run *run, const struct failure *f, struct audit_raw *out);

/* The DC whose Kafka has, or takes, what is the event's: where it arose. A global source's events arise
 * nowhere: there it is where it failed. */
struct slice errors_dc(const struct errors_run *run, const struct failure *f);

/* The source record: from its topic, else what the error topic has of its value. False: said. */
bool errors_source_read(struct errors_run *run, const struct failure *f, struct audit_raw *out);

#endif
