/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_host.h - what a task finds on the node that runs it.
 *
 * Promise: outlives every task. Scratch memory is for the length of one call.
 * Pure:    no: shell.
 * Not here: starting and ending tasks (main.c).
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_HOST_H
#define BRAID_NODE_IO_HOST_H

#include "node/config.h"
#include "node/io_log.h"
#include "node/io_pool.h"
#include "node/io_site.h"
#include "node/io_stream.h"
#include "node/line.h"
#include "node/merge.h"

#define IO_HOST_SCRATCH_MAX (192 * 1024 * 1024)

struct io_host {
    uv_loop_t *loop;
    struct io_log log;
    struct config config;
    struct etcd *etcd; /* owned by main */
    struct node *node; /* owned by main */
    struct io_sites sites;
    struct io_streams streams;
    struct arena scratch;               /* for one call; reset by who uses it */
    struct io_pool jobs;                /* records on their way, of all lines */
    struct io_pool works;               /* what the enrichment of one needs, likewise */
    struct line_actions line_actions;   /* of the step under way */
    struct merge_actions merge_actions; /* likewise */
};

/* The Kafka cluster that has a DC's source topics, or the one with what Braid writes there, as
 * reached from here. ERR_NOT_FOUND: no node of that DC is known (yet). */
int io_host_site(struct io_host *h, struct slice dc, bool is_source, struct io_site **out);

#endif
