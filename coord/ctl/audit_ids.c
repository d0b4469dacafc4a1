/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/audit_ids.h"

#include <assert.h>

bool audit_ids_init(struct audit_ids *t, size_t count, struct arena *a)
{
    size_t capacity = 16;

    while (capacity < count)
        capacity *= 2;
    *t = (struct audit_ids){.capacity = capacity};
    t->items = arena_calloc(a, capacity, sizeof(*t->items));
    t->buckets = arena_calloc(a, capacity, sizeof(*t->buckets));
    return t->items != NULL && t->buckets != NULL;
}

void audit_ids_clear(struct audit_ids *t)
{
    memset(t->items, 0, t->capacity * sizeof(*t->items));
    memset(t->buckets, 0, t->capacity * sizeof(*t->buckets));
    t->at = 0;
}

static size_t bucket_of(const struct audit_ids *t, struct audit_digest id)
{
    return (size_t)id.low & (t->capacity - 1);
}

static bool same(struct audit_digest a, struct audit_digest b)
{
    return a.low == b.low && a.high == b.high;
}

int64_t audit_ids_find(const struct audit_ids *t, struct audit_digest id)
{
    uint32_t at = t->buckets[bucket_of(t, id)];

    while (at != 0 && !same(t->items[at - 1].id, id))
        at = t->items[at - 1].next;
    return at == 0 ? -1 : t->items[at - 1].seq;
}

/* Takes a used slot out of its bucket. */
static void forget(struct audit_ids *t, size_t slot)
{
    uint32_t *link = &t->buckets[bucket_of(t, t->items[slot].id)];

    while (*link != (uint32_t)slot + 1) {
        assert(*link != 0);
        link = &t->items[*link - 1].next;
    }
    *link = t->items[slot].next;
}

void audit_ids_add(struct audit_ids *t, struct audit_digest id, int64_t seq)
{
    struct audit_id *item = &t->items[t->at];
    size_t bucket = bucket_of(t, id);

    if (item->is_used)
        forget(t, t->at);
    *item = (struct audit_id){.id = id, .seq = seq, .next = t->buckets[bucket], .is_used = true};
    t->buckets[bucket] = (uint32_t)t->at + 1;
    t->at = (t->at + 1) & (t->capacity - 1);
}
