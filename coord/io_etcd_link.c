/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/io_etcd_core.h"

#include "proto/err.h"

#include <assert.h>

uint32_t etcd_chance(struct etcd *e, uint32_t bound)
{
    /* SplitMix64 (Steele, Lea, Flood 2014). */
    uint64_t x = e->chance += 0x9e3779b97f4a7c15u;

    assert(bound > 0);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((x ^ (x >> 31)) % bound);
}

struct grpc_channel *etcd_link(struct etcd *e, enum etcd_link use)
{
    if (e->is_closing || uv_now(e->loop) < e->wait_until_ms)
        return NULL;
    if (e->links[use] == NULL) {
        const struct grpc_config config = {
            .url = e->urls[e->current],
            .ca_file = e->ca_file,
            .cert_file = e->cert_file,
            .key_file = e->key_file,
            .connect_timeout_ms = e->connect_timeout_ms,
            .message_bytes_max = ETCD_ANSWER_BYTES_MAX,
        };
        /* Without memory we look as if we could not connect, and try again. */
        (void)grpc_channel_open(e->loop, &config, &e->links[use]);
    }
    return e->links[use];
}

static void on_link_closed(void *arg)
{
    struct etcd *e = arg;

    assert(e->closing_count > 0);
    e->closing_count--;
    etcd_maybe_free(e);
}

void etcd_links_close(struct etcd *e)
{
    for (int use = 0; use < ETCD_LINK_COUNT; use++) {
        if (e->links[use] == NULL)
            continue;
        e->closing_count++;
        grpc_channel_close(e->links[use], on_link_closed, e);
        e->links[use] = NULL;
    }
}

/* How long to wait after so many failures in a row: hardly in the first round over the endpoints,
 * then twice as long each round; half of it is left to chance. */
static uint64_t backoff_ms(struct etcd *e)
{
    const uint32_t rounds = e->failures / (uint32_t)e->url_count;
    uint32_t wait_ms = ETCD_NEXT_MS;

    if (rounds > 0) {
        const uint32_t doublings = rounds - 1 < 10 ? rounds - 1 : 10;
        wait_ms = ETCD_BACKOFF_FIRST_MS << doublings;
        if (wait_ms > ETCD_BACKOFF_MAX_MS)
            wait_ms = ETCD_BACKOFF_MAX_MS;
    }
    return wait_ms / 2 + etcd_chance(e, wait_ms / 2 + 1);
}

void etcd_move(struct etcd *e)
{
    if (e->is_closing)
        return;
    for (struct etcd_call *call = e->calls; call != NULL; call = call->next) {
        if (call->grpc == NULL)
            continue;
        const bool was_sent = grpc_call_cancel(call->grpc);
        call->grpc = NULL;
        if (was_sent && call->may_write)
            call->ended_rc = ERR_UNKNOWN;
    }
    for (struct etcd_part *part = e->parts; part != NULL; part = part->next)
        part->moved(part);
    etcd_links_close(e);
    e->current = (e->current + 1) % e->url_count;
    e->failures++;
    e->seen.endpoint_moves++;
    e->wait_until_ms = uv_now(e->loop) + backoff_ms(e);
    etcd_wake(e, 0);
}

void etcd_note_success(struct etcd *e)
{
    e->failures = 0;
}

void etcd_note_header(struct etcd *e, const struct etcd_header *header, int64_t revision_before)
{
    if (header->cluster_id == 0)
        return;
    if (e->seen.cluster_id == 0)
        e->seen.cluster_id = header->cluster_id;
    if (e->seen.cluster_id != header->cluster_id || header->revision < revision_before)
        e->seen.has_changed = true;
    if (header->revision > e->seen.revision_max)
        e->seen.revision_max = header->revision;
}
