/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec.h - what a stream is: its specification, as a plain struct.
 *
 * Promise: SPEC_TABLE is the one place that says which keys a stream's YAML file has, what they
 *          take and what they default to; spec_check finds what a single key cannot show;
 *          spec_encode and spec_decode turn the struct into the bytes kept in etcd and back.
 * Pure:    yes.
 * Not here: reading the file (io_spec.h); where positions start (the ctl's apply).
 */
#ifndef BRAID_COORD_SPEC_H
#define BRAID_COORD_SPEC_H

#include "coord/keys.h"
#include "coord/spec_words.h"
#include "proto/arena.h"
#include "proto/cut.h"
#include "proto/event.h"
#include "proto/slice.h"

enum {
    SPEC_SOURCES_MAX = 16,
    SPEC_PROBLEMS_MAX = 64
};

/* What else a spec says of its sources, one item for each, in their order; absent where it says
 * nothing. */
struct spec_source_keys {
    struct key_texts envelope; /* SPEC_ENVELOPES */
    struct key_texts id;       /* these three are JSON pointers */
    struct key_texts time;
    struct key_texts key;
    struct key_texts domain;
    struct key_texts audience; /* "internal" or "public" */
};

#define SPEC_ENVELOPES "page_change|json|cloudevents|debezium" /* in the order of event_envelope */

/* Questions to other servers (proto/asks.h). */
struct spec_http {
    struct slice url; /* empty: none, as below */
    int method;       /* 0: GET, 1: POST */
    struct key_pairs headers;
    struct slice body;
    struct slice token;
    struct slice result, place; /* JSON pointers */
};

struct spec_score {
    struct slice url;
    struct slice model;
    struct slice token;
    struct key_pairs langs;
};

/* All slices and arrays lie in the arena that the struct was read or decoded into. */
struct spec {
    uint64_t version;    /* from 1; 0: not yet in etcd */
    struct slice output; /* the stream's name */
    struct slice description;
    struct slice owner;
    int audience;             /* enum spec_audience */
    struct key_texts dcs;     /* sorted */
    struct key_texts sources; /* topics without DC prefix; sorted */
    struct spec_source_keys source_keys;
    int requests;       /* enum spec_requests */
    struct slice start; /* "earliest", "latest" or a time; absent when decoded */
    struct key_texts enrichments;
    struct spec_http http;
    struct spec_score score;
    struct key_pairs tags;       /* name: conditions */
    struct key_pairs from_wikis; /* enrichment: domain of another wiki */
    int enrich_at;               /* enum spec_enrich_at */
    struct key_texts wikis;
    struct key_numbers namespaces;
    struct key_texts kinds;
    struct key_texts models;
    struct key_pairs where;     /* JSON pointer: value */
    struct slice output_schema; /* empty: as the source's */
    int failed;                 /* enum spec_failed */
    int canaries;               /* enum spec_canaries */
    int64_t dedup_window;       /* ids */
    int64_t cut_interval_ms;
    int64_t member_timeout_ms;
    int64_t member_rejoin_ms;
    int64_t member_lag_max_ms;
    int64_t min_members; /* 0: by the number of DCs; spec_check sets it once they are known */
    int64_t failed_grace_ms;
    int64_t cap_records;
    int64_t cap_bytes;
    int priority;              /* enum spec_priority */
    int64_t fetches_per_s_max; /* these three: of a DC */
    int64_t bytes_per_s_max;   /* 0: no limit */
    int64_t in_flight_max;
    int64_t batch_max; /* revisions in a request; 0: the default */
    int64_t fetch_attempts_max;
    int64_t fetch_deadline_ms;
    int64_t missing_retry_ms;
    int64_t value_bytes_max;
    int64_t failed_share_max_percent;
    int64_t applied_ms;
    struct slice applied_by;
    struct slice reason;
    struct slice yaml; /* the file, byte for byte */
};

extern const struct key_table SPEC_TABLE;

/* Something wrong across keys: at which key, what, and what to do. */
struct spec_problem {
    const char *path; /* static */
    const char *message;
    const char *hint; /* NULL: none */
};

struct spec_problems {
    struct spec_problem items[SPEC_PROBLEMS_MAX];
    size_t count;
};

/* Checks and completes a spec: sorts DCs and sources, sets min_members. Messages lie in the arena. */
void spec_check(struct spec *s, struct arena *a, struct spec_problems *out);

/* The bytes of a Spec message. 0 or ERR_NO_MEMORY. */
int spec_encode(const struct spec *s, struct arena *a, struct slice *out);

/* The struct of a Spec message of any origin. 0, ERR_MALFORMED or ERR_NO_MEMORY. */
int spec_decode(struct slice bytes, struct arena *a, struct spec *out);

/* What its cuts carry of it. */
struct merge_params spec_merge_params(const struct spec *s, uint32_t rules_version);

/* How records of source `index` are to be read. */
struct event_shape spec_shape(const struct spec *s, size_t index);

/* Index of a source's topic; s->sources.count if it is none. */
size_t spec_source_find(const struct spec *s, struct slice topic);

/* Is there an enrichment that asks what the stream had before? (docs/enrichments.md, rdf_diff) */
bool spec_has_memory(const struct spec *s);

bool spec_has_dc(const struct spec *s, struct slice dc);

#endif
