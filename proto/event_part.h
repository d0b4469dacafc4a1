/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_part.h - what event.c (page changes) and event_source.c (envelopes, older streams, fields by
 * pointer) share; nobody else includes it.
 *
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_EVENT_PART_H
#define BRAID_PROTO_EVENT_PART_H

#include "proto/event.h"

/* One decoding: what the helpers share. */
struct event_decoder {
    struct json json;
    const struct event_shape *shape;
    yyjson_val *root;      /* the event: the whole record, or what its envelope holds */
    struct span root_span; /* of it, braces included */
    yyjson_val *row;       /* Debezium: the row after the change, or before a deletion; or NULL */
    struct event *event;
    struct event_flaw *flaw;
};

/* Finds `name` in obj. `where` is the whole path, for people. */
struct event_field {
    yyjson_val *obj;
    const char *name;
    const char *where;
};

/* Sets the flaw; returns the error to pass on. */
int event_refuse(struct event_decoder *d, enum reason reason, const char *where, const char *what);

/* Copies text into the event's own. ERR_TOO_LARGE. */
int event_keep(struct event *e, struct slice text, struct slice *out);

/* A string, if it is there. */
int event_read_text(struct event_decoder *d, const struct event_field *field, struct slice *out);

/* An object without a key twice, if it is there; *out_key is its key in obj or NULL. */
int event_read_object(struct event_decoder *d, const struct event_field *field,
                      yyjson_val **out_key);

/* Places of a member; absent if there is none. */
struct event_member event_member_of(const struct event_decoder *d, yyjson_val *obj,
                                    const char *name);

/* One slot of a revision, in a map named by roles. */
int event_read_slot(struct event_decoder *d, yyjson_val *role_key, const char *const names[4]);

/* ---- event_source.c ---- */

/* Opens the envelope: sets root, root_span and row. */
int event_open_envelope(struct event_decoder *d);

/* Whether the root has a field that only page changes have. */
bool event_is_page_change(const struct event_decoder *d);

/* Events of the streams before page_change, and rows of MediaWiki's tables; others are left as they
 * are. */
int event_read_older(struct event_decoder *d);

/* id, time and key by the shape's pointers; the ids that envelopes have. */
int event_read_pointers(struct event_decoder *d);

#endif
