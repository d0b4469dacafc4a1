/* SPDX-License-Identifier: Apache-2.0 */
/*
 * question.h - what can be asked of a wiki about an event, each kind of question as one row of a
 *              table: how it is put, after which others, what an answer looks like.
 *
 * Promise: the text of a question is made from the event and earlier answers alone, so that equal
 *          questions of several streams have equal texts and one answer serves them all. No title is
 *          taken apart or put together here, but for the canonical "File:", which every wiki takes.
 * Pure:    yes.
 * Not here: HTTP and retries (node/fetch_http.h, node/fetch.h); what answers become (enrichment.h).
 */
#ifndef BRAID_PROTO_QUESTION_H
#define BRAID_PROTO_QUESTION_H

#include "proto/asks.h"
#include "proto/event.h"
#include "proto/json.h"

enum question_kind {
    QUESTION_REVISION,       /* contents of all slots, and what is hidden: many in one call */
    QUESTION_PARSE,          /* what the parser finds in the revision */
    QUESTION_PARSE_PARENT,   /* the same of its parent */
    QUESTION_IMAGES,         /* what is known of the files that it shows */
    QUESTION_DIFF,           /* compare with the parent: main slot */
    QUESTION_DIFF_SLOTS,     /* the same: the other slots */
    QUESTION_HTML,           /* Parsoid's HTML */
    QUESTION_USER,           /* who made the change */
    QUESTION_HTML_PARENT,    /* Parsoid's HTML of its parent */
    QUESTION_TARGETS,        /* the pages that a redirect leads and led to */
    QUESTION_REDIRECT,       /* what the wiki's table of redirects says by now */
    QUESTION_REDIRECTS,      /* all pages that redirect to those; in parts */
    QUESTION_ENTITY,         /* the entity that the revision is */
    QUESTION_ENTITY_OF_PAGE, /* the entity that another wiki has for the page */
    QUESTION_SCORE,          /* what a model says of the revision */
    QUESTION_HTTP,           /* what the spec says */
    QUESTION_RDF,            /* the triples of the entity at the revision */
    QUESTION_RDF_BEFORE,     /* the same at the one that the stream had last */
    QUESTION_COUNT,
};

#define QUESTION_BIT(kind) (1U << (kind))

enum {
    QUESTION_TEXT_MAX = 64 * 1024,
    QUESTION_TITLES_MAX = 50,     /* in one question: what an anonymous reader may ask */
    QUESTION_CONTRIBS_MAX = 50,   /* contributions of a user */
    QUESTION_PARTS_MAX = 24,      /* answers that one question may come in */
    QUESTION_REDIRECT_MS = 10000, /* how old an event may be whose redirect is asked for again */
};

/* Whom to ask, which also says what errors look like. */
enum question_api {
    QUESTION_ACTION,   /* api.php; errors come with status 200 */
    QUESTION_REST,     /* rest.php/v1; errors have their status */
    QUESTION_PAGE,     /* rest.php/v1, the answer is HTML */
    QUESTION_INDEX,    /* index.php; the answer is JSON */
    QUESTION_RDF_PAGE, /* index.php; the answer is N-Triples */
    QUESTION_OTHER,    /* any server: the text is a whole request */
};

struct mwapi_revision;

struct question {
    enum question_kind kind;
    enum question_api api;
    struct slice domain; /* of the event */
    int64_t page_id;     /* of the event; -1 if it has none */
    int64_t rev_id;      /* of the event */
    struct slice text;   /* ACTION: a query without maxlag; else the path; absent for REVISION */
    struct slice
        expect; /* of REDIRECT and REDIRECTS: the target that they must show; absent: none */
};

/* What came of one question. */
struct answer {
    bool is_asked;                         /* false: there was nothing to ask about this event */
    enum reason reason;                    /* REASON_NONE: body is the answer */
    struct slice body;                     /* borrowed from the response */
    const struct mwapi_revision *revision; /* of REVISION; borrowed likewise */
    int64_t at_ms;                         /* wall clock, when it came */
    struct slice href;                     /* of HTML, where it is a redirect: where to; keep */
    struct slice next;         /* of an answer in parts: what the next one continues from; keep */
    struct answer_part *parts; /* the ones before, newest first; keep */
};

/* A part of an answer that has more. */
struct answer_part {
    struct slice body;
    struct answer_part *before;
};

/* What a question is made from. */
struct question_in {
    const struct event *event;
    const struct answer *answers; /* QUESTION_COUNT; those of `after` are there */
    const struct asks *asks;
    struct arena *scratch;
    struct arena *keep;
};

struct question_type {
    const char *name; /* in failures and in spec tests */
    enum question_api api;
    const char *root; /* ACTION, REST: member that a good answer has */
    uint32_t after;   /* bits of questions whose answers it is made from */
    bool is_optional; /* missing or hidden is an answer too: of a parent */
    struct slice (*put)(const struct question_in *in); /* absent: no memory; "": nothing to ask */
};

const struct question_type *question_type(enum question_kind kind);

/* Makes the question; its texts lie in `keep`; scratch is reset. 0; ERR_NOT_FOUND: nothing to ask
 * about this event; ERR_NO_MEMORY. */
int question_put(enum question_kind kind, const struct question_in *in, struct question *out);

/* Whether a good answer is too early: of REDIRECT and REDIRECTS, it does not show the change yet. */
bool question_is_early(const struct question *q, struct slice body, struct arena *scratch);

/* If a good answer has more, of a question that may come in parts: what the next part continues
 * from, in `keep`. Absent: it is whole. */
struct slice question_next(enum question_kind kind, struct slice body, struct arena *scratch,
                           struct arena *keep);

/* The text of a question for QUESTION_OTHER, taken apart. */
struct question_http {
    bool is_post;
    struct slice url;
    struct slice headers; /* a line each; "@name" stands for the token of this name */
    struct slice body;
};

/* False: it is none. */
bool question_http_read(struct slice text, struct question_http *out);

/* Reads a JSON answer: any JSON object within the limits of an answer (mwapi.h). Error codes as
 * json_parse. */
int question_read(struct arena *scratch, struct slice body, struct json *out);

#endif
