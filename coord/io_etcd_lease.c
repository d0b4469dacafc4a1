/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Happy path: grant; then renew every third of the TTL, one renewal at a time. A renewal may be
 * sent again elsewhere, so the client's own failover keeps the lease alive.
 *
 * Failures: no answer - asked again soon, the lease stays. TTL 0 in the answer, or "not found" - it
 * is gone: said so, and granted anew under another id. An unknown grant may have left a lease that
 * nobody renews; it goes by itself.
 */
#include "coord/io_etcd_lease.h"

#include "coord/io_etcd_core.h"
#include "proto/err.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    LEASE_RETRY_MS = 100
};

struct etcd_lease {
    struct etcd_part part;
    struct etcd *e; /* borrowed */
    struct etcd_lease_config config;
    int64_t id; /* 0: none */
    int64_t ttl_s;
    uint64_t sent_ms; /* of the question under way */
    uint64_t sure_until_ms;
    uint64_t due_ms; /* of the next question */
    uint64_t call;   /* under way, 0: none */
};

static struct etcd_lease *lease_of(struct etcd_part *part)
{
    return (struct etcd_lease *)(void *)((char *)part - offsetof(struct etcd_lease, part));
}

static void lease_note(struct etcd_lease *l, int64_t ttl_s)
{
    l->ttl_s = ttl_s;
    l->sure_until_ms = l->sent_ms + (uint64_t)ttl_s * 1000;
    l->due_ms = l->sent_ms + (uint64_t)ttl_s * 1000 / 3;
    etcd_wake(l->e, l->due_ms);
}

static void lease_retry(struct etcd_lease *l)
{
    l->due_ms = uv_now(l->e->loop) + LEASE_RETRY_MS;
    etcd_wake(l->e, l->due_ms);
}

static void on_granted(void *arg, const struct etcd_answer *answer)
{
    struct etcd_lease *l = arg;

    l->call = 0;
    if (answer->rc != 0 || answer->lease == 0 || answer->ttl_s <= 0) {
        lease_retry(l);
        return;
    }
    l->id = answer->lease;
    lease_note(l, answer->ttl_s);
    l->config.on_granted(l->config.arg, l->id);
}

static void on_renewed(void *arg, const struct etcd_answer *answer)
{
    struct etcd_lease *l = arg;

    l->call = 0;
    if (answer->rc != 0 && answer->rc != ERR_NOT_FOUND) {
        lease_retry(l);
        return;
    }
    if (answer->rc == 0 && answer->ttl_s > 0) {
        lease_note(l, answer->ttl_s);
        return;
    }
    const int64_t lost = l->id;
    l->id = 0;
    l->sure_until_ms = 0;
    l->due_ms = 0;
    etcd_wake(l->e, 0);
    l->config.on_lost(l->config.arg, lost);
}

static uint64_t lease_tick(struct etcd_part *part, uint64_t now_ms)
{
    struct etcd_lease *l = lease_of(part);
    int rc;

    if (l->call != 0)
        return ETCD_NEVER; /* its end wakes us */
    if (now_ms < l->due_ms)
        return l->due_ms;
    l->sent_ms = now_ms;
    if (l->id == 0) {
        const struct etcd_done done = {.fn = on_granted, .arg = l};
        rc = etcd_lease_grant(l->e, l->config.ttl_s, 0, done);
    } else {
        const struct etcd_done done = {
            .fn = on_renewed, .arg = l, .timeout_ms = (uint32_t)l->ttl_s * 1000 / 3};
        rc = etcd_lease_renew(l->e, l->id, done);
    }
    if (rc != 0)
        return l->due_ms = now_ms + LEASE_RETRY_MS;
    l->call = l->e->next_id; /* the call just started */
    return ETCD_NEVER;
}

static void lease_moved(struct etcd_part *part)
{
    (void)part; /* its calls are the client's business */
}

static void lease_release(struct etcd_part *part)
{
    free(lease_of(part));
}

int etcd_lease_open(struct etcd *e, const struct etcd_lease_config *config, struct etcd_lease **out)
{
    struct etcd_lease *l = calloc(1, sizeof *l);

    assert(config->ttl_s >= 2);
    if (l == NULL)
        return ERR_NO_MEMORY;
    l->e = e;
    l->config = *config;
    l->part.tick = lease_tick;
    l->part.moved = lease_moved;
    l->part.release = lease_release;
    etcd_part_add(e, &l->part);
    *out = l;
    return 0;
}

void etcd_lease_close(struct etcd_lease *l, bool revoke)
{
    if (l == NULL)
        return;
    if (l->call != 0)
        etcd_cancel(l->e, l->call);
    if (revoke && l->id != 0)
        (void)etcd_lease_revoke(l->e, l->id, (struct etcd_done){0},
                                NULL); /* else the TTL does it */
    etcd_part_remove(l->e, &l->part);
    free(l);
}

int64_t etcd_lease_id(const struct etcd_lease *l)
{
    return l->id;
}

uint64_t etcd_lease_sure_until_ms(const struct etcd_lease *l)
{
    return l->sure_until_ms;
}
