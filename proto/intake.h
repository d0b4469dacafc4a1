/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake.h - what is posted to the intake, event by event, and what is answered: as EventGate has it.
 *
 * Promise: a body is one event or an array of them, or it is refused whole. An event that is taken
 *          keeps every byte; what it lacks (meta.id, meta.dt, meta.request_id) is added at the end of
 *          its meta. Of one that is not, the answer says why, and shows it only if it is valid JSON.
 * Pure:    yes; time and chance come in.
 * Not here: which streams are taken; HTTP and Kafka (node/io_intake.h).
 */
#ifndef BRAID_PROTO_INTAKE_H
#define BRAID_PROTO_INTAKE_H

#include "proto/json.h"

enum {
    INTAKE_EVENTS_MAX = 10000, /* of a body */
    INTAKE_DEPTH_MAX = 64,
    INTAKE_STREAM_MAX = 200, /* bytes of a stream's name */
    INTAKE_CHANCE = 16,
};

enum intake_state {
    INTAKE_WAITING, /* sound: to be written */
    INTAKE_ACCEPTED,
    INTAKE_INVALID, /* never to be taken */
    INTAKE_ERROR,   /* it could not be written; another time it may */
};

/* Slices lie in the body or in the arena given. */
struct intake_event {
    enum intake_state state;
    struct slice bytes;  /* as posted */
    struct slice stream; /* meta.stream */
    struct slice key;    /* of its record, as page_change has it; absent: none */
    struct slice value;  /* of its record; absent: INVALID */
    bool is_json;        /* bytes may be shown */
    const char *field;   /* INVALID: what is wrong, ".meta.stream"; static */
    const char *message; /* INVALID and ERROR: and why; static */
};

/* Cuts a body into its events. 0; ERR_MALFORMED: it is neither an object nor an array; ERR_TOO_LARGE: more
 * than INTAKE_EVENTS_MAX events; ERR_NO_MEMORY. No event at all is no error. */
int intake_split(struct slice body, struct arena *a, struct intake_event **out_list,
                 size_t *out_count);

/* What an event is given that lacks it. */
struct intake_fill {
    int64_t now_ms;
    uint8_t chance[INTAKE_CHANCE];
    struct slice request_id; /* absent: none is given */
};

/* Judges an event from intake_split: WAITING or INVALID. ERR_MALFORMED: its bytes are not JSON, and so
 * the body is none; ERR_NO_MEMORY. Scratch is reset. */
int intake_read(struct intake_event *e, const struct intake_fill *fill, size_t event_bytes_max,
                struct arena *scratch, struct arena *keep);

void intake_refuse(struct intake_event *e, const char *field, const char *message);

/* Nothing waits any more: the HTTP status, and a body of JSON or none. ERR_NO_MEMORY. */
int intake_answer(const struct intake_event *list, size_t count, struct arena *a,
                  unsigned *out_status, struct slice *out_body);

#endif
