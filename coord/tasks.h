/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tasks.h - which tasks a DC has, and their names.
 *
 *     replicate/<from dc>/<topic without prefix>/<partition>     a copy of another DC's topic
 *     enrich/<output>/<origin dc>/<source topic>/<partition>     one strand of this DC
 *     merge/<output>
 *
 * Promise: the list is a pure function of the streams, sorted, without doubles; a name says all
 *          that the task is, and task_parse accepts exactly what task_build writes.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_TASKS_H
#define BRAID_COORD_TASKS_H

#include "proto/arena.h"
#include "proto/cut.h"
#include "proto/slice.h"

enum {
    TASK_NAME_MAX = 640,
    TASKS_MAX = 4096, /* of one DC */
};

/* Prefix of an enriched topic's name, after the DC's: "braid.enriched.<output>". */
#define TASK_ENRICHED_PREFIX "braid.enriched."

/* Sources of a stream that an operator's tool writes, after the DC's prefix: "braid.retry.<output>"
 * and "braid.backfill.<source>". They lie in the Kafka that Braid writes to. */
#define TASK_RETRY_PREFIX    "braid.retry."
#define TASK_BACKFILL_PREFIX "braid.backfill."

/* The origin of a source that is another stream's output: a DC in name only, its topic
 * "global.<output>" is in every DC. Its offsets are sequence numbers. */
#define TASK_GLOBAL "global"

/* What a stream keeps for an enrichment with a memory: "<dc>.braid.state.<output>", compacted. */
#define TASK_STATE_PREFIX "braid.state."

enum task_kind {
    TASK_REPLICATE,
    TASK_ENRICH,
    TASK_MERGE,
};

struct task {
    enum task_kind kind;
    struct slice output; /* absent of replicate */
    struct slice dc;     /* replicate: where from; enrich: the origin; absent of merge */
    struct slice topic;  /* without the DC's prefix; absent of merge */
    uint32_t partition;
};

/* Borrows from `name`. ERR_MALFORMED. */
int task_parse(struct slice name, struct task *out);

/* The name, in the arena. ERR_MALFORMED (a part is no valid name), ERR_NO_MEMORY. */
int task_build(const struct task *t, struct arena *a, struct slice *out);

/* Whether a source topic (without the DC's prefix) is one of the operator's. */
bool task_is_request(struct slice topic);

/* Is the source, as a spec names it ("global.<output>"), the output of another stream? Then
 * *out_output is that (borrowed). */
bool task_source_is_global(struct slice source, struct slice *out_output);

/* The source as a spec names it, of an origin partition: in the arena where it is global, else its
 * topic. ptr NULL: no memory. */
struct slice task_source_of(const struct origin_partition *from, struct arena *a);

/* Does this replicate task copy an enriched topic? Then *out_output is the stream (borrowed). */
bool task_copies_enriched(const struct task *t, struct slice *out_output);

/* A stream as tasks need it: what its newest cut and spec say. */
struct tasks_stream {
    struct slice output;
    const struct slice *dcs; /* of the stream: where it is enriched and merged */
    uint32_t dc_count;
    bool enrich_at_origin;
    struct layout layout;   /* of the newest cut: says which origin partitions there are */
    const uint32_t *paused; /* partitions that an operator has paused: nobody enriches them */
    uint32_t paused_count;
};

/* The name of a pause of one partition of a stream's sources, "<output>/<partition>"; borrows from
 * `name`. False if it is another pause. */
bool task_pause_parse(struct slice name, struct slice *out_output, uint32_t *out_partition);

/* The name of a pause of all links of a DC, "links/<dc>"; borrows from `name`. False if it is another. */
bool task_links_parse(struct slice name, struct slice *out_dc);

/* Takes out of a DC's tasks those that copy over a link of the DC `cut`: all, if that is the DC itself. What
 * is left stays sorted; returns how many. */
size_t tasks_without_links(struct slice dc, struct slice cut, struct slice *names, size_t count);

/*
 * Names of all tasks of a DC, sorted, in the arena: for each stream of which the DC is one,
 *   replicate  each origin partition of another DC, unless enrich_at_origin; each partition of
 *              another DC's enriched topic (as many as the source with most);
 *   enrich     each origin partition that is not paused; with enrich_at_origin only the DC's own;
 *   merge      once.
 * The DC "global" is no other DC: its topic is in every DC already. ERR_TOO_LARGE above
 * TASKS_MAX, ERR_MALFORMED, ERR_NO_MEMORY.
 */
int tasks_list(struct slice dc, const struct tasks_stream *streams, size_t count, struct arena *a,
               struct slice **out_names, size_t *out_count);

#endif
