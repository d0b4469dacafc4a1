/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asks.h - what a spec says of questions to others than the event's own wiki: any HTTP server, a
 *          server of models, another wiki.
 *
 * Promise: `{/pointer}` in a URL, header or body stands for a field of the event. In a URL it is
 *          percent-escaped; a header takes printable ASCII only; in a body it is a JSON value, with
 *          its quotes if it is a string. An event without such a field is not asked about.
 * Pure:    yes.
 * Not here: which servers may be asked (node/config.h, services); putting it (question_http.c).
 */
#ifndef BRAID_PROTO_ASKS_H
#define BRAID_PROTO_ASKS_H

#include "proto/slice.h"

enum {
    ASKS_HEADERS_MAX = 16,
    ASKS_URL_MAX = 2000,   /* bytes of a URL with its fields */
    ASKS_HEADER_MAX = 400, /* of a header's line */
};

struct ask_pair {
    struct slice name;
    struct slice value;
};

/* A server is named by scheme, host and port; its part of a URL: "https://api.example.org". */
struct slice asks_origin(struct slice url);

/* A URL that may be asked: http or https, a host name or address, no user, and no field before the
 * path. */
bool asks_url_is_valid(struct slice url);

/* Everything borrowed; what is absent is not asked. */
struct asks {
    struct {
        struct slice url;
        bool is_post;
        const struct ask_pair *headers;
        size_t header_count;
        struct slice body;
        struct slice token;  /* a name; the node knows the secret */
        struct slice result; /* JSON pointer into the answer */
        struct slice place;  /* JSON pointer: where it is put below `http` */
    } http;
    struct {
        struct slice url; /* up to "/v1/models/" */
        struct slice model;
        struct slice token;
        const struct ask_pair *langs; /* wiki_id, and the language that the model is told */
        size_t lang_count;
    } score;
    /* another wiki than the event's, by enrichment */
    struct slice user_domain;
    struct slice images_domain;
    struct slice entity_domain;
};

#endif
