/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_site.h - the Kafka clusters that a node talks to: its DC's own, and other DCs' to read from.
 *
 * Promise: one reader, writer and asker for each cluster, shared by all tasks and opened when first
 *          used; two names with the same brokers are one site.
 * Pure:    no: shell.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_SITE_H
#define BRAID_NODE_IO_SITE_H

#include "node/io_kafka_ask.h"
#include "node/io_kafka_reader.h"
#include "node/io_kafka_writer.h"

#define IO_SITES_MAX 32

struct io_site {
    struct io_kafka_cluster cluster;
    struct io_kafka_ask *ask;
    struct io_reader *reader;
    struct io_writer *writer;
    struct io_writer *single; /* a writer, too: for topics with a small limit (io_limit.h) */
    char *bootstrap;          /* owned */
    char *name;               /* owned */
};

struct io_sites {
    uv_loop_t *loop;      /* borrowed */
    struct io_log *log;   /* borrowed */
    uint64_t write_bytes; /* of records on their way, to one site */
    struct io_site *list[IO_SITES_MAX];
    size_t count;
};

void io_sites_init(struct io_sites *s, uv_loop_t *loop, struct io_log *log, uint64_t write_bytes);

/* The site with these brokers; `name` is for the log; is_far: in another DC. 0, ERR_NO_MEMORY,
 * ERR_CONFIG or ERR_BUSY. */
int io_site_of(struct io_sites *s, struct slice bootstrap, struct slice name, bool is_far,
               struct io_site **out);

/* Closes all; every reading, client and question must be gone. */
void io_sites_close(struct io_sites *s);

#endif
