/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/net.h"

#include "tests/sim/world.h"

void net_begin(struct world *w)
{
    struct net *net = &w->net;

    *net = (struct net){0};
    for (uint32_t a = 0; a < SIM_SITES; a++) {
        for (uint32_t b = a; b < SIM_SITES; b++) {
            int64_t base = a == b ? 500 : chance_between(&w->chance, 10000, 60000);

            net->base_us[a][b] = base;
            net->base_us[b][a] = base;
        }
    }
}

int64_t net_delay_us(struct world *w, uint32_t from, uint32_t to)
{
    int64_t base = w->net.base_us[from][to];
    int64_t delay = base + (int64_t)chance_below(&w->chance_net, (uint32_t)base);

    if (w->net.clog_until_us[from][to] > w->now_us)
        delay += chance_between(&w->chance_net, 100000, 3000000);
    return delay;
}

bool net_passes(const struct world *w, uint32_t from, uint32_t to)
{
    return w->net.cut_until_us[from][to] <= w->now_us;
}

bool net_both(const struct world *w, uint32_t a, uint32_t b)
{
    return net_passes(w, a, b) && net_passes(w, b, a);
}

static bool has_quorum(const struct world *w, uint32_t leader)
{
    uint32_t votes = 0;

    for (uint32_t s = 0; s < SIM_SITES; s++)
        votes += s == leader || net_both(w, leader, s);
    return votes >= 2;
}

int net_etcd_site(const struct world *w, uint32_t dc)
{
    if (w->etcd_down_until_us > w->now_us)
        return -1;
    for (uint32_t leader = 0; leader < SIM_SITES; leader++) {
        if (!has_quorum(w, leader))
            continue;
        if (leader == dc || net_passes(w, dc, leader))
            return (int)leader;
        for (uint32_t s = 0; s < SIM_SITES; s++) {
            if (net_both(w, leader, s) && net_passes(w, dc, s))
                return (int)s;
        }
    }
    return -1;
}
