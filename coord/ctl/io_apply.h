/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_apply.h - what the files of `apply` share: io_cmd_apply.c (the command), io_apply_look.c (what is
 *              there), io_apply_start.c (where it starts), io_apply_cost.c (what it costs).
 *
 * Promise: nothing is changed before the plan is agreed to.
 * Shell:   etcd, Kafka.
 */
#ifndef BRAID_COORD_CTL_IO_APPLY_H
#define BRAID_COORD_CTL_IO_APPLY_H

#include "coord/ctl/apply.h"
#include "coord/ctl/io_kafka.h"
#include "coord/ctl/io_kafka_admin.h"
#include "coord/ctl/io_session.h"
#include "coord/ctl/snapshot.h"

/* One DC of the stream while it is being applied. */
struct apply_site {
    struct slice dc;
    const char *kafka;
    const char *source_kafka;
    struct kafka_admin *admin;
    struct kafka_admin *source_admin; /* the same where the Kafka is */
    struct topic_wanted wanted[TOPICS_WANTED_MAX];
    size_t wanted_count;
    bool is_missing[TOPICS_WANTED_MAX];
};

struct applying {
    struct session *session;
    struct snapshot snap;
    const struct snapshot_stream *old; /* NULL: the stream is new */
    struct spec spec;
    uint64_t rolled_back_to; /* the version that this is again; 0: from a file */
    struct apply_site sites[DCS_MAX];
    size_t site_count;
    struct topic_source sources[TOPICS_SOURCES_MAX]; /* of the spec first, then for operators */
    size_t source_count;
    struct apply_start *starts; /* one for each origin partition */
    size_t start_count;
    struct text problems;
    size_t problem_count;
    size_t missing_count;
};

/* Opens every DC's Kafka and looks at its topics: fills sites and sources; what is wrong is a
 * problem. 0 or an exit code, said. */
int apply_look(struct applying *ap);
void apply_close(struct applying *ap);

/* Resolves the start of every origin partition. 0 or an exit code, said. */
int apply_starts(struct applying *ap);

/* Measures the sources and adds the table "cost" to the plan. What cannot be measured is a note. */
void apply_cost(struct applying *ap, struct view *v);

#endif
