/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - who reaches whom, and how long it takes.
 *
 * Sites 0..2 are the DCs; with two DCs, site 2 is etcd's witness. Loss shows as delay, because
 * everything runs over TCP.
 */
#ifndef BRAID_SIM_NET_H
#define BRAID_SIM_NET_H

#include "tests/sim/params.h"

struct world;

#define SIM_SITES 3

struct net {
    int64_t cut_until_us[SIM_SITES][SIM_SITES]; /* from, to */
    int64_t clog_until_us[SIM_SITES][SIM_SITES];
    int64_t base_us[SIM_SITES][SIM_SITES];
};

void net_begin(struct world *w);

/* One way's time between two sites. */
int64_t net_delay_us(struct world *w, uint32_t from, uint32_t to);

/* Whether a message passes that way now. */
bool net_passes(const struct world *w, uint32_t from, uint32_t to);

/* Whether a request and its answer pass. */
bool net_both(const struct world *w, uint32_t a, uint32_t b);

/* A site of etcd that has a quorum and hears `dc`; -1: none. */
int net_etcd_site(const struct world *w, uint32_t dc);

#endif
