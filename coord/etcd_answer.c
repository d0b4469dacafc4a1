/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/etcd_answer.h"

#include "proto/err.h"

#include <assert.h>

/* Copies where it points; an absent slice stays absent. False if the arena is full. */
static bool slice_move(struct slice *s, struct arena *a)
{
    if (s->ptr == NULL)
        return true;
    *s = arena_copy(a, *s);
    return s->ptr != NULL;
}

static bool kvs_move(struct etcd_kv **kvs, size_t count, struct arena *a)
{
    struct etcd_kv *copy = arena_calloc(a, count + 1, sizeof *copy);

    if (copy == NULL)
        return false;
    if (count > 0)
        memcpy(copy, *kvs, count * sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        if (!slice_move(&copy[i].key, a) || !slice_move(&copy[i].value, a))
            return false;
    }
    *kvs = copy;
    return true;
}

/* A list of ops whose inner lists are not looked at yet. */
static bool ops_move(struct etcd_op_answer **ops, size_t count, struct arena *a)
{
    struct etcd_op_answer *copy = arena_calloc(a, count + 1, sizeof *copy);

    if (copy == NULL)
        return false;
    if (count > 0)
        memcpy(copy, *ops, count * sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        if (!kvs_move(&copy[i].kvs, copy[i].kv_count, a))
            return false;
    }
    *ops = copy;
    return true;
}

static bool members_move(struct etcd_answer *answer, struct arena *a)
{
    struct etcd_member *copy = arena_calloc(a, answer->member_count + 1, sizeof *copy);

    if (copy == NULL)
        return false;
    if (answer->member_count > 0)
        memcpy(copy, answer->members, answer->member_count * sizeof *copy);
    for (size_t i = 0; i < answer->member_count; i++) {
        if (!slice_move(&copy[i].name, a) || !slice_move(&copy[i].client_url, a) ||
            !slice_move(&copy[i].peer_url, a))
            return false;
    }
    answer->members = copy;
    return true;
}

int etcd_answer_copy(const struct etcd_answer *answer, struct arena *a, struct etcd_answer *out)
{
    struct etcd_answer copy = *answer;

    if (!slice_move(&copy.text, a) || !slice_move(&copy.version, a) || !members_move(&copy, a) ||
        !ops_move(&copy.ops, copy.op_count, a))
        return ERR_NO_MEMORY;
    /* One level of transactions inside, no more: etcd_codec.h. */
    for (size_t i = 0; i < copy.op_count; i++) {
        struct etcd_op_answer *op = &copy.ops[i];
        if (!ops_move(&op->ops, op->op_count, a))
            return ERR_NO_MEMORY;
    }
    *out = copy;
    return 0;
}
