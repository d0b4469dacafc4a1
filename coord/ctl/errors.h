/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errors.h - which events of a stream failed, from the DCs' error topics, its retry topics and a copy of
 * the global stream.
 *
 * Order of calls: errors_add of every record of the first two; errors_index; errors_decide of records of
 * the global stream, from before the events' time on; errors_end at its end; errors_finish.
 *
 * Promise: an event is failed if a copy of the global stream went past its place without it, or has it as
 *          failed, and no retry of it was emitted. What is not known is said to be open.
 * Pure:    yes.
 * Not here: Kafka (io_cmd_errors.c).
 */
#ifndef BRAID_COORD_CTL_ERRORS_H
#define BRAID_COORD_CTL_ERRORS_H

#include "coord/ctl/audit_record.h"
#include "coord/ctl/snapshot.h"
#include "coord/text.h"
#include "proto/cut.h"
#include "proto/origin.h"

/* Headers of a retry, beside braid-retry and braid-source, and of a record in the error topic that says
 * that nobody wants to see the event's failure any more. The line knows neither. */
#define ERRORS_RETRY_OF "braid-retry-of"
#define ERRORS_DROPPED  "braid-dropped"

enum {
    ERRORS_MAX = 200000, /* records of error and retry topics that are looked at */
    ERRORS_DCS_MAX = 8,
    ERRORS_POSITION_MAX = 400
};

enum error_state {
    ERROR_OPEN,     /* the global stream has not come to it */
    ERROR_FAILED,   /* it is not in the global stream, or as failed */
    ERROR_RETRYING, /* failed; a retry is on its way */
    ERROR_EMITTED,  /* another DC's enrichment, or a retry, is in the global stream */
    ERROR_DROPPED   /* an operator has given it up */
};

/* One event. All slices in the arena. */
struct failure {
    struct origin origin;
    struct slice id; /* without the retry's number; absent if there is none */
    struct slice reason;
    struct slice message;
    struct slice by[ERRORS_DCS_MAX]; /* where it failed, in order of coming; braid-by's DC */
    size_t by_count;
    int64_t source_ms; /* its source record's timestamp; 0: not known */
    int64_t first_ms;  /* of the first record about it */
    uint32_t retries;  /* the highest number of a retry */
    int site;          /* whose error topic has it, and where; -1: none */
    int64_t log_offset;
    struct slice retry_of; /* of a retry: the event's position as text */
    enum error_state state;
    /* What the global stream says. */
    bool is_seen;
    bool is_passed;
    bool is_emitted;
    bool is_dropped;
};

struct errors {
    struct arena *arena; /* borrowed */
    struct slice output; /* borrowed */
    struct failure *items;
    size_t count;
    size_t capacity;
    bool is_full;
};

/* What is read of one record before it is added. */
struct errors_record {
    const struct audit_record *parsed;
    struct slice reason;  /* error_type */
    struct slice message; /* of the error event */
    int site;
    bool is_retry; /* of a retry topic: `dc` and the record's offset name it */
    struct slice dc;
};

void errors_init(struct errors *e, struct slice output, struct arena *a);
/* ERR_NO_MEMORY; past ERRORS_MAX it is only noted. A record without a sound origin is skipped. */
int errors_add(struct errors *e, const struct errors_record *r);
/* Sorts, joins what is about one event, and ties retries to their events. */
void errors_index(struct errors *e);

/* A record of the global stream. */
void errors_decide(struct errors *e, const struct audit_record *r);
/* The copy has been read to its end, which is that of this cut. */
void errors_end(struct errors *e, const struct cut *c);
/* The oldest event that is not decided yet; NULL: all are. */
const struct failure *errors_undecided(const struct errors *e);
void errors_finish(struct errors *e);

/* The event with this meta.id or position; NULL. *out_count: how many have the id. */
struct failure *errors_find(const struct errors *e, struct slice what, size_t *out_count);

/* "<dc>/<topic>/<incarnation>/<partition>/<offset>", in the arena. */
struct slice errors_position(const struct failure *f, struct arena *a);
const char *errors_state_name(enum error_state state);

/* Is an error event, by its emitter_id, of this stream in this cluster? */
bool errors_is_of(struct slice emitter, struct slice cluster, struct slice output);

#endif
