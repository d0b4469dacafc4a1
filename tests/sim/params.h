/* SPDX-License-Identifier: Apache-2.0 */
/*
 * params.h - what one seed is about: its size, its load and which faults exist in it.
 *
 * Promise: a pure function of the seed (and of the mutant, which may ask for the faults that
 *          show it); printed with every failure.
 */
#ifndef BRAID_SIM_PARAMS_H
#define BRAID_SIM_PARAMS_H

#include "node/mutant.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_DCS        3
#define SIM_TOPICS     2
#define SIM_PARTITIONS 3
#define SIM_NODES      3

/*
 * X(NAME, mean ms between two, "what happens"). A fault with mean 0 is not an event in time but
 * drawn for each occasion, in permille (fault_share).
 */
#define FAULT_MAP(X)                                                                               \
    X(node_crash, 60000, "a node dies and comes back with nothing in memory")                      \
    X(node_pause, 60000, "a node stands still for seconds or minutes, then goes on as a zombie")   \
    X(second_owner, 60000, "a task runs on two nodes at once")                                     \
    X(second_merge, 25000, "a second merge starts while the first goes on")                        \
    X(broker_down, 90000, "a DC's Kafka is away")                                                  \
    X(link_cut, 60000, "two sites cannot reach each other")                                        \
    X(link_one_way, 60000, "a link passes one way only")                                           \
    X(link_flap, 90000, "a link goes up and down")                                                 \
    X(link_clog, 60000, "a link is slow")                                                          \
    X(dc_lost, 150000, "a DC is cut off from everybody for minutes")                               \
    X(etcd_down, 120000, "etcd has no quorum")                                                     \
    X(etcd_slow, 90000, "etcd answers late")                                                       \
    X(etcd_unknown, 60000, "etcd's answers get lost, before or after they took effect")            \
    X(etcd_restore, 0, "etcd is restored from an older backup")                                    \
    X(watch_lost, 60000, "a DC's watch says nothing")                                              \
    X(produce_fail, 45000, "deliveries fail for good; some of them arrive, some later")            \
    X(produce_slow, 45000, "deliveries are tried again for seconds")                               \
    X(endtxn_unknown, 45000, "commits of transactions have an unknown outcome")                    \
    X(endtxn_late, 45000, "a commit arrives a second time, late")                                  \
    X(clock_jump, 90000, "a node's clock jumps")                                                   \
    X(foreign_record, 20000, "a record of somebody else arrives on a topic of Braid's")            \
    X(retention, 60000, "old records are deleted")                                                 \
    X(truncation, 90000, "an unclean election cuts acknowledged records off a log")                \
    X(wiki_errors, 60000, "a DC's API fails")                                                      \
    X(wiki_slow, 60000, "a DC's API drips")                                                        \
    X(place_lost, 45000, "saved places get lost or arrive late")                                   \
    X(depool, 150000, "an operator depools a DC for a while")                                      \
    X(read_stall, 90000, "a DC's Kafka takes records, but nobody gets any")                        \
    X(stale_read, 90000, "records of an earlier fetch arrive after a new one was asked for")       \
    X(spec_change, 150000, "a new version of the spec is applied")                                 \
    X(page_hidden, 0, "a page is hidden between two fetches")                                      \
    X(id_repeated, 0, "a producer sends an event twice")                                           \
    X(copy_lost, 0, "a DC's global topic and log of cuts are made anew, empty")                    \
    X(source_txn, 0, "a source's transaction is aborted or stays open for a while")                \
    X(new_incarnation, 0, "an operator gives a DC's strands a new incarnation, for no reason")     \
    X(member_lost, 0, "a sole member is lost with what only it has, and declared lost")

enum fault {
#define X(name, mean, what) FAULT_##name,
    FAULT_MAP(X)
#undef X
    FAULT_COUNT
};

struct story;

struct params {
    uint64_t seed;
    struct story *story; /* borrowed; NULL: a drawn seed */
    enum mutant mutant;
    uint32_t dc_count;
    uint32_t node_count;
    uint32_t topic_count;
    uint32_t partitions[SIM_TOPICS];
    uint32_t e_partitions;
    bool at_origin;
    uint32_t records;     /* source records that are sent, about */
    uint32_t burst_max;   /* records of one partition sent at once */
    int64_t faults_ms;    /* length of the phase with faults and load */
    int64_t drain_ms_max; /* after that, everything must have drained */
    uint32_t cut_interval_ms;
    uint32_t member_timeout_ms;
    uint32_t member_rejoin_ms;
    uint32_t member_lag_max_ms;
    uint32_t failed_grace_ms;
    uint32_t min_members;
    uint32_t cuts_kept; /* in etcd, below what all have logged */
    uint32_t dedup_window;
    uint32_t cap_records;
    uint32_t in_flight_max;
    uint32_t failed_share_max; /* percent */
    int64_t retention_ms;      /* of enriched topics, as enrich knows it; 0: it does not */
    uint32_t entries_max;      /* of a merge */
    uint32_t bytes_max;        /* of a merge */
    uint32_t source_tick_ms;   /* how fine the source's timestamps are */
    int64_t quiet_from_ms;     /* no events for so long; 0: never */
    int64_t quiet_ms;
    bool failed_emit;
    bool canaries_drop;
    bool far_clock;                 /* one DC's clocks are a year ahead */
    uint32_t failed_share[SIM_DCS]; /* permille of fetches that fail in quiet times */
    uint32_t withheld_share;
    uint32_t copy_dc;        /* whose global topic and log of cuts may be lost */
    uint32_t own_lost_share; /* percent of truncations that hit a DC's own enriched topic */
    uint32_t fault_mean_ms[FAULT_COUNT]; /* 0: does not happen */
    uint32_t fault_share[FAULT_COUNT];   /* permille, of those drawn by occasion */
};

/* `mutant` biases the draw; MUTANT_none does not. */
void params_draw(struct params *p, uint64_t seed, enum mutant mutant);

void params_print(const struct params *p, FILE *to);

const char *fault_name(enum fault f);

/* Why a fault may be drawn seldom; empty: it may not. */
const char *fault_rare(enum fault f);

#endif
