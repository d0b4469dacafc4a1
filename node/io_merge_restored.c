/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd is older than what this merge knows of (R13): it was restored from a backup. Whoever sees that
 * pauses the chain in etcd, which each cut's transaction compares; the run stays down until an
 * operator has brought the chain forward and lifted the pause (braidctl recover-chain).
 */
#include "node/io_merge_restored.h"

#include "coord/keyspace.h"
#include "node/io_loop.h"
#include "node/io_merge_part.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

#define LOOK_MS    1000
#define PAUSE_TEXT "etcd was restored from a backup; see braidctl recover-chain"

int merge_chain_pause_key(const struct io_merge *m, struct arena *a, struct slice *out)
{
    const struct keyspace_key key = {.kind = KEYSPACE_PAUSE,
                                     .cluster = m->host->config.cluster,
                                     .name = slice_str(m->restored.pause)};

    return keyspace_build(&key, a, out);
}

static void on_paused(void *arg, const struct etcd_answer *answer)
{
    struct io_merge *m = arg;

    m->restored.call = 0;
    m->restored.is_paused = answer->rc == 0;
}

static void on_looked(void *arg, const struct etcd_answer *answer)
{
    struct io_merge *m = arg;

    m->restored.call = 0;
    if (answer->rc != 0 || answer->op_count != 1 || answer->ops[0].kv_count != 0)
        return;
    m->is_failed = false; /* an operator has acted: a new run may fit */
    m->code = ERR_CONFLICT;
    merge_wake(m);
}

/* The pause, unless there is one. */
static int send_pause(struct io_merge *m, struct slice key)
{
    Braid__Pause pause;
    uint8_t bytes[512];
    char why[] = PAUSE_TEXT;
    const struct etcd_compare is_absent = {
        .key = key, .target = ETCD_COMPARE_CREATE_REVISION, .result = ETCD_EQUAL};
    struct etcd_op put = {.type = ETCD_OP_PUT, .put.key = key};
    const struct etcd_txn txn = {
        .compares = &is_absent, .compare_count = 1, .then = &put, .then_count = 1};
    const struct etcd_done done = {.fn = on_paused, .arg = m};

    braid__pause__init(&pause);
    pause.reason = why;
    pause.by = m->name;
    pause.since_ms = io_now_ms();
    if (braid__pause__get_packed_size(&pause) > sizeof(bytes))
        return ERR_TOO_LARGE;
    put.put.value = slice_of(bytes, braid__pause__pack(&pause, bytes));
    return etcd_txn(m->host->etcd, &txn, done, &m->restored.call);
}

void merge_restored_tick(struct io_merge *m)
{
    struct arena scratch;
    struct etcd_range range = {0};
    const struct etcd_done done = {.fn = on_looked, .arg = m};

    if (m->restored.call != 0 || io_mono_ms() - m->restored.asked_ms < LOOK_MS)
        return;
    m->restored.asked_ms = io_mono_ms();
    arena_init(&scratch, 4096, 16384);
    int rc = merge_chain_pause_key(m, &scratch, &range.key);
    if (rc == 0)
        rc = m->restored.is_paused ? etcd_range(m->host->etcd, &range, done, &m->restored.call)
                                   : send_pause(m, range.key);
    if (rc != 0)
        m->restored.call = 0;
    arena_deinit(&scratch);
}

void merge_restored_close(struct io_merge *m)
{
    if (m->restored.call != 0)
        etcd_cancel(m->host->etcd, m->restored.call);
    m->restored.call = 0;
}
