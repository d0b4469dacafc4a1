/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/io_table.h"

#include <assert.h>
#include <stdlib.h>

/* A key-value with its bytes in one piece of the heap, which the key points at. */
static bool kv_copy(const struct etcd_kv *from, struct etcd_kv *out)
{
    uint8_t *bytes = malloc(from->key.len + from->value.len + 1);

    if (bytes == NULL)
        return false;
    *out = *from;
    if (from->key.len > 0)
        memcpy(bytes, from->key.ptr, from->key.len);
    if (from->value.len > 0)
        memcpy(bytes + from->key.len, from->value.ptr, from->value.len);
    out->key = slice_of(bytes, from->key.len);
    out->value = slice_of(bytes + from->key.len, from->value.len);
    return true;
}

static void kv_free(const struct etcd_kv *kv)
{
    union {
        const uint8_t *borrowed;
        void *owned;
    } bytes = {.borrowed = kv->key.ptr}; /* from kv_copy, so ours to free */

    free(bytes.owned);
}

static size_t place_of(const struct io_table *t, struct slice key)
{
    size_t low = 0;
    size_t high = t->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (slice_compare(t->kvs[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct io_table *t, size_t at, struct slice key)
{
    return at < t->count && slice_equal(t->kvs[at].key, key);
}

static void remove_at(struct io_table *t, size_t at)
{
    kv_free(&t->kvs[at]);
    t->count--;
    memmove(&t->kvs[at], &t->kvs[at + 1], (t->count - at) * sizeof t->kvs[0]);
}

static bool grow(struct io_table *t)
{
    const size_t capacity = t->capacity == 0 ? 16 : 2 * t->capacity;
    struct etcd_kv *grown = realloc(t->kvs, capacity * sizeof *grown);

    if (grown == NULL)
        return false;
    t->kvs = grown;
    t->capacity = capacity;
    return true;
}

/* Returns true if the table changed. */
static bool put(struct io_table *t, const struct etcd_kv *kv)
{
    const size_t at = place_of(t, kv->key);
    const bool is_there = is_at(t, at, kv->key);
    struct etcd_kv copy;

    if (is_there && t->kvs[at].mod_revision == kv->mod_revision)
        return false;
    if (!is_there && t->count == t->capacity && !grow(t))
        return false;
    if (!kv_copy(kv, &copy))
        return false;
    if (is_there) {
        kv_free(&t->kvs[at]);
    } else {
        memmove(&t->kvs[at + 1], &t->kvs[at], (t->count - at) * sizeof t->kvs[0]);
        t->count++;
    }
    t->kvs[at] = copy;
    return true;
}

/* Both are sorted: what only the table has goes, then the rest is put. */
static bool replace(struct io_table *t, const struct etcd_kv *kvs, size_t count)
{
    bool has_changed = false;
    size_t kept = 0;
    size_t i = 0;

    for (size_t at = 0; at < t->count; at++) {
        while (i < count && slice_compare(kvs[i].key, t->kvs[at].key) < 0)
            i++;
        if (i < count && slice_equal(kvs[i].key, t->kvs[at].key)) {
            t->kvs[kept++] = t->kvs[at];
        } else {
            kv_free(&t->kvs[at]);
            has_changed = true;
        }
    }
    t->count = kept;
    for (i = 0; i < count; i++)
        has_changed = put(t, &kvs[i]) || has_changed;
    return has_changed;
}

bool io_table_apply(struct io_table *t, const struct etcd_watch_event *event)
{
    bool has_changed = t->revision == 0;

    t->revision = event->revision;
    if (event->is_snapshot)
        return replace(t, event->kvs, event->kv_count) || has_changed;
    for (size_t i = 0; i < event->change_count; i++) {
        const struct etcd_change *change = &event->changes[i];
        const size_t at = place_of(t, change->kv.key);
        if (!change->is_delete) {
            has_changed = put(t, &change->kv) || has_changed;
        } else if (is_at(t, at, change->kv.key)) {
            remove_at(t, at);
            has_changed = true;
        }
    }
    return has_changed;
}

const struct etcd_kv *io_table_find(const struct io_table *t, struct slice key)
{
    const size_t at = place_of(t, key);

    return is_at(t, at, key) ? &t->kvs[at] : NULL;
}

void io_table_deinit(struct io_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        kv_free(&t->kvs[i]);
    free(t->kvs);
    *t = (struct io_table){0};
}
