/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics.h - the topics that a stream needs in one DC's Kafka, and what is wrong with those there.
 *
 * Promise: names and settings follow docs/formats.md; topics_check names every setting that would
 *          lose, reorder or refuse records, with the value it must have.
 * Pure:    yes.
 * Not here: Kafka (io_kafka_admin.h).
 */
#ifndef BRAID_COORD_CTL_TOPICS_H
#define BRAID_COORD_CTL_TOPICS_H

#include "coord/spec.h"
#include "coord/text.h"

enum {
    TOPIC_SETTINGS_MAX = 8,
    TOPICS_WANTED_MAX = 288,
    TOPICS_SOURCES_MAX = DCS_MAX * (2 * SPEC_SOURCES_MAX + 1), /* with those for operators */
    TOPICS_MARGIN_BYTES = 1 << 20 /* for headers and what enrichment adds */
};

enum topic_kind {
    TOPIC_COPY,     /* <other dc>.<source> */
    TOPIC_ENRICHED, /* <dc>.braid.enriched.<output> */
    TOPIC_GLOBAL,   /* global.<output> */
    TOPIC_CUTS,     /* <dc>.braid.cuts */
    TOPIC_ERROR,    /* <dc>.braid.error */
    TOPIC_REQUEST,  /* <dc>.braid.retry.<output>, <dc>.braid.backfill.<source> */
    TOPIC_STATE     /* <dc>.braid.state.<output>, of a stream with a memory */
};

struct topic_setting {
    const char *name;
    const char *value; /* owned by the arena or static */
    bool is_least;     /* a number that may be larger; else it must be this */
    bool is_advice;    /* another value is the operator's business */
};

struct topic_wanted {
    enum topic_kind kind;
    const char *name; /* owned by the arena */
    int partitions;
    struct topic_setting settings[TOPIC_SETTINGS_MAX];
    size_t setting_count;
};

/* A source topic in its origin DC. */
struct topic_source {
    struct slice dc;
    struct slice topic; /* without prefix */
    int partitions;
    int64_t message_bytes_max;
};

/* All that the DC's Kafka must have, in `out` (TOPICS_WANTED_MAX); how many. */
size_t topics_wanted(const struct spec *s, struct slice dc, const struct topic_source *sources,
                     size_t source_count, struct arena *a, struct topic_wanted *out);

/*
 * The topics without DC prefix that operators' tools write for a stream, in `out` of
 * SPEC_SOURCES_MAX + 1; how many. A stream that is there has those that its cut has. A global source
 * has no backfills: they go to the sources of its stream.
 */
size_t topics_requests(const struct spec *s, const struct layout *layout, struct arena *a,
                       struct slice *out);

/* A setting as Kafka has it. */
struct topic_actual {
    const char *name;
    const char *value;
};

/* What is wrong with a topic that is there, one line each, in `out`; how many lines. */
size_t topics_check(const struct topic_wanted *want, int partitions,
                    const struct topic_actual *actual, size_t actual_count, struct text *out);

/* The same for a source topic, which Braid only reads. */
size_t topics_check_source(const char *name, const struct topic_actual *actual, size_t actual_count,
                           struct text *out);

/* "global.<output>" and so on, in the arena. */
const char *topic_global(struct arena *a, struct slice output);
const char *topic_enriched(struct arena *a, struct slice dc, struct slice output);
const char *topic_state(struct arena *a, struct slice dc, struct slice output);
const char *topic_retry(struct arena *a, struct slice dc, struct slice output);
const char *topic_prefixed(struct arena *a, struct slice dc, struct slice topic);

#endif
