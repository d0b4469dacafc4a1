/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - a node's own file: who it is and where things are.
 *
 * Promise: CONFIG_TABLE is the one place that says which keys the file has, what they take and
 *          what they default to; config_check finds what a single key cannot show.
 * Pure:    yes.
 * Not here: reading the file (coord/io_yaml.h, io_config.c); what streams there are (etcd).
 */
#ifndef BRAID_NODE_CONFIG_H
#define BRAID_NODE_CONFIG_H

#include "coord/keys.h"
#include "coord/yaml_file.h"

/* All slices lie in the arena that the file was read into. */
struct config {
    struct slice cluster;
    struct slice dc;
    struct slice node;
    struct key_texts etcd_endpoints;
    struct slice etcd_ca;
    struct slice etcd_cert;
    struct slice etcd_key;
    struct slice source_bootstrap;
    struct slice source_remote; /* config_check: source_bootstrap if not given */
    struct slice braid_bootstrap;
    struct slice braid_remote; /* config_check: braid_bootstrap if not given */
    struct slice api_base;
    struct slice api_user_agent;
    struct slice api_ca;
    struct key_texts api_domains;
    int64_t api_in_flight_max; /* 0: no limit of all streams together */
    struct key_texts service_origins;
    struct key_pairs service_tokens; /* name: file */
    struct slice http;
    struct slice intake_http; /* empty: no intake */
    struct key_texts intake_streams;
    int64_t intake_event_bytes_max;
    int64_t intake_body_bytes_max;
    int64_t intake_timeout_ms;
    struct slice state;
    int64_t weight;
    int log_level;  /* enum log_level */
    int64_t memory; /* of all queues together; config_share divides it */
    int64_t merge_entries_max;
    int64_t copies_in_flight;
    int64_t pages_in_flight;
    int64_t drain_ms;
};

extern const struct key_table CONFIG_TABLE;

/* What one task of a kind may hold. */
struct config_share {
    uint64_t merge_bytes; /* values that a merge keeps for emission */
    uint32_t merge_entries;
    uint64_t fetch_bytes; /* answers of the API that a stream keeps */
    uint64_t write_bytes; /* records on their way to Kafka, all tasks together */
};

/* The parts of limits.memory in a node that follows so many streams: what merges and fetchers have is
 * divided among the streams, but never below what they need to go on. */
struct config_share config_share(const struct config *c, uint32_t streams);

/* Fills in what depends on other keys, and reports what does not fit. */
void config_check(struct config *c, struct yaml_file *file);

#endif
