/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - what Braid needs to know of a source event: mediawiki/page/change, the streams before it
 * (revision/create, page/delete, ...), any other JSON, with or without an envelope.
 *
 * Promise: any bytes are either decoded or refused with a reason and a sentence; unknown fields and
 *          newer minor versions of the schema pass. Every field is optional here, but one that is
 *          there has its type. Places are spans in the source bytes.
 * Pure:    yes. Allocates only scratch, which may be reset as soon as event_decode returns.
 * Not here: what becomes of the event (enrich_page.h); writing (splice.h).
 */
#ifndef BRAID_PROTO_EVENT_H
#define BRAID_PROTO_EVENT_H

#include "proto/json.h"
#include "proto/reason.h"

enum {
    EVENT_BYTES_MAX = 16 * 1024 * 1024,
    EVENT_DEPTH_MAX = 64,
    EVENT_SLOTS_MAX = 16,
    EVENT_TEXT_MAX = 1024, /* bytes of all fields below that need unescaping, together */
    EVENT_ID_MAX = 256,    /* bytes of meta.id */
    EVENT_USER_MAX = 512,  /* bytes of a user's name that is taken notice of */
    EVENT_DETAIL_MAX = 96,
};

#define EVENT_TIME_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* What a record of a source is. */
enum event_envelope {
    EVENT_PAGE_CHANGE, /* a page change, or an event of an older stream; fields must have their types */
    EVENT_JSON,        /* any JSON object */
    EVENT_CLOUDEVENTS, /* CloudEvents 1.0, structured: the event is in "data" */
    EVENT_DEBEZIUM,    /* a change event, with Connect's schema around it or not */
};

/* What a spec says of a source. Pointers (RFC 6901) start at the whole record; empty: none. */
struct event_shape {
    enum event_envelope envelope;
    struct slice id;     /* instead of meta.id, or the envelope's */
    struct slice time;   /* instead of the record's timestamp */
    struct slice key;    /* instead of the record's key */
    struct slice domain; /* no pointer: the wiki of events that name none */
};

/* An object member that may have to be replaced or cut. Absent if value is. */
struct event_member {
    struct span value;
    struct span whole; /* for splice_cut */
};

/* One entry of revision.content_slots. */
struct event_slot {
    struct slice role;
    struct slice sha1;     /* content_sha1, base 36; absent if not given */
    struct slice model;    /* content_model */
    int64_t size;          /* content_size, bytes; -1 if not given */
    int64_t origin_rev_id; /* -1 if not given */
    size_t end;            /* offset of the object's closing brace */
    bool is_empty;         /* {} */
    struct event_member sha1_member;
    struct event_member body; /* content_body that the source already has */
};

/* Must not be moved or copied: slices may point into `text`. */
struct event {
    struct slice bytes; /* borrowed for the life of this struct */

    struct slice schema;     /* $schema */
    struct slice id;         /* meta.id; absent: no duplicate of this event is ever found */
    struct slice domain;     /* meta.domain */
    struct slice request_id; /* meta.request_id */
    struct slice wiki_id;
    struct slice kind; /* page_change_kind */
    int64_t page_id;   /* -1 if absent, as all integers here */
    int64_t namespace_id;
    bool has_namespace;
    bool is_no_redirect;         /* page.is_redirect is false */
    struct slice redirect_title; /* page.redirect_page_link.page_title, of this wiki */
    int64_t rev_id;
    int64_t parent_id;      /* revision.rev_parent_id; 0: it has none; -1: not said */
    int64_t emitted_rev_id; /* set by the caller: the page's last revision in the source's order;
                                    0: it was deleted; -1: none is known */
    struct slice performer_name; /* performer.user_text; absent if it is not there */
    struct slice key;            /* by the shape's pointer; absent: the record's */
    int64_t time_ms;             /* likewise; -1: the record's */
    bool is_other;               /* no page change: an older stream's, or any other JSON */
    bool is_canary;              /* meta.domain is "canary" */
    bool is_content_hidden;      /* revision.is_content_visible is false */

    /* The root is what an envelope holds, or all. */
    struct span schema_value; /* absent if there is no $schema */
    size_t root_start;        /* offset behind the root's opening brace */
    size_t root_end;          /* offset of its closing brace */
    bool root_is_empty;
    bool has_meta;
    bool meta_is_empty;
    size_t meta_end;             /* offset of meta's closing brace */
    struct span stream_value;    /* meta.stream; absent if not there */
    struct span dt_value;        /* meta.dt */
    struct span content_visible; /* revision.is_content_visible; these three may be absent */
    struct span comment_visible;
    struct span editor_visible;

    /* What may have to be taken out because it is hidden meanwhile; each may be absent. */
    struct event_member rev_sha1, comment, performer, rev_comment, editor;
    struct event_member enrichments; /* of a source that is enriched already */

    struct event_slot slots[EVENT_SLOTS_MAX];
    size_t slot_count;

    uint8_t text[EVENT_TEXT_MAX]; /* owned; unescaped fields */
    size_t text_used;
};

struct event_flaw {
    enum reason reason;            /* REASON_MALFORMED, TOO_LARGE, TOO_DEEP or BAD_FIELD */
    char detail[EVENT_DETAIL_MAX]; /* NUL-terminated: "revision.rev_id is not an integer" */
};

/*
 * Decodes a source event. 0; else the flaw is set and `out` is undefined: ERR_MALFORMED;
 * ERR_TOO_LARGE; ERR_UNSUPPORTED (too deep); ERR_NO_MEMORY if the scratch arena is too small for
 * it (REASON_TOO_LARGE). `bytes` and the shape's domain
 * must outlive `out`.
 */
int event_decode_as(struct arena *scratch, struct slice bytes, const struct event_shape *shape,
                    struct event *out, struct event_flaw *flaw);

/* The same of a source without a shape. */
int event_decode(struct arena *scratch, struct slice bytes, struct event *out,
                 struct event_flaw *flaw);

#endif
