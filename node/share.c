/* SPDX-License-Identifier: Apache-2.0 */
#include "node/share.h"

#include <assert.h>
#include <stdio.h>

#include "proto/err.h"

int share_init(struct share *s, uint64_t bytes_max, struct arena *a)
{
    *s = (struct share){.bytes_max = bytes_max, .oldest = SHARE_NONE, .newest = SHARE_NONE};
    s->entries = arena_calloc(a, SHARE_ENTRIES_MAX, sizeof *s->entries);
    s->buckets = arena_alloc(a, SHARE_ENTRIES_MAX * sizeof *s->buckets);
    if (s->entries == NULL || s->buckets == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < SHARE_ENTRIES_MAX; i++) {
        s->buckets[i] = SHARE_NONE;
        s->entries[i].chain = i + 1 < SHARE_ENTRIES_MAX ? i + 1 : SHARE_NONE;
    }
    return 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* FNV-1a. */
static uint32_t hash_of(struct slice key)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ key.ptr[i]) * 16777619U;
    return hash;
}

/* "test.wiki.localhost 1 5 format=json&..."; 0 if it is too long. With the revision, also where the text
 * does not name it (a user's edit count): an answer older than the event must not serve it. */
static size_t key_of(const struct question *q, uint8_t out[SHARE_KEY_MAX])
{
    char numbers[64];
    const int len =
        snprintf(numbers, sizeof numbers, " %u %lld ", (unsigned)q->kind, (long long)q->rev_id);
    const struct slice text = q->text;
    const size_t total = q->domain.len + (size_t)len + text.len;

    if (total > SHARE_KEY_MAX)
        return 0;
    memcpy(out, q->domain.ptr, q->domain.len);
    memcpy(out + q->domain.len, numbers, (size_t)len);
    if (text.len > 0)
        memcpy(out + q->domain.len + (size_t)len, text.ptr, text.len);
    return total;
}

static struct slice key_slice(const struct share_entry *e)
{
    return slice_of(e->key, e->key_len);
}

static uint32_t find(const struct share *s, struct slice key, uint32_t hash)
{
    uint32_t i = s->buckets[hash % SHARE_ENTRIES_MAX];

    while (i != SHARE_NONE) {
        const struct share_entry *e = &s->entries[i];
        if (!e->is_spoiled && e->hash == hash && slice_equal(key_slice(e), key))
            return i;
        i = e->chain;
    }
    return SHARE_NONE;
}

/* ---- entries --------------------------------------------------------------------------------- */

static void unlink_bucket(struct share *s, uint32_t entry)
{
    uint32_t *at = &s->buckets[s->entries[entry].hash % SHARE_ENTRIES_MAX];

    while (*at != entry) {
        assert(*at != SHARE_NONE);
        at = &s->entries[*at].chain;
    }
    *at = s->entries[entry].chain;
}

static void unlink_kept(struct share *s, uint32_t entry)
{
    const struct share_entry *e = &s->entries[entry];

    if (e->older == SHARE_NONE)
        s->oldest = e->newer;
    else
        s->entries[e->older].newer = e->newer;
    if (e->newer == SHARE_NONE)
        s->newest = e->older;
    else
        s->entries[e->newer].older = e->older;
    assert(s->bytes >= e->bytes);
    s->bytes -= e->bytes;
}

static void forget(struct share *s, uint32_t entry)
{
    struct share_entry *e = &s->entries[entry];

    assert(e->state != SHARE_FREE);
    unlink_bucket(s, entry);
    if (e->state == SHARE_KEPT)
        unlink_kept(s, entry);
    e->state = SHARE_FREE;
    e->chain = s->free_entry;
    s->free_entry = entry;
}

static bool is_old(const struct share_entry *e, int64_t now_ms)
{
    return now_ms - e->answered_ms >= SHARE_KEEP_MS;
}

enum share_answer share_ask(struct share *s, const struct question *q, int64_t now_ms,
                            uint32_t *out_entry)
{
    uint8_t bytes[SHARE_KEY_MAX];
    const struct slice key = slice_of(bytes, key_of(q, bytes));

    if (key.len == 0)
        return SHARE_ALONE;
    const uint32_t hash = hash_of(key);
    const uint32_t found = find(s, key, hash);
    if (found != SHARE_NONE) {
        *out_entry = found;
        if (s->entries[found].state == SHARE_FLYING)
            return SHARE_JOIN;
        return is_old(&s->entries[found], now_ms) ? SHARE_ALONE : SHARE_TAKE;
    }
    if (s->free_entry == SHARE_NONE)
        return SHARE_ALONE;
    const uint32_t entry = s->free_entry;
    struct share_entry *e = &s->entries[entry];
    s->free_entry = e->chain;
    e->state = SHARE_FLYING;
    e->is_spoiled = false;
    e->hash = hash;
    e->page_id = q->page_id;
    e->key_len = (uint32_t)key.len;
    e->domain_len = (uint32_t)q->domain.len;
    memcpy(e->key, key.ptr, key.len);
    e->chain = s->buckets[hash % SHARE_ENTRIES_MAX];
    s->buckets[hash % SHARE_ENTRIES_MAX] = entry;
    *out_entry = entry;
    return SHARE_LEAD;
}

bool share_answered(struct share *s, uint32_t entry, bool is_good, uint64_t bytes, int64_t now_ms)
{
    struct share_entry *e = &s->entries[entry];

    assert(e->state == SHARE_FLYING);
    if (!is_good || e->is_spoiled || bytes > s->bytes_max || s->bytes > s->bytes_max - bytes) {
        forget(s, entry);
        return false;
    }
    e->state = SHARE_KEPT;
    e->answered_ms = now_ms;
    e->bytes = bytes;
    e->newer = SHARE_NONE;
    e->older = s->newest;
    if (s->newest == SHARE_NONE)
        s->oldest = entry;
    else
        s->entries[s->newest].newer = entry;
    s->newest = entry;
    s->bytes += bytes;
    return true;
}

uint32_t share_pop_old(struct share *s, uint64_t bytes, int64_t now_ms)
{
    const uint32_t entry = s->oldest;

    if (entry == SHARE_NONE)
        return SHARE_NONE;
    const bool is_full =
        s->free_entry == SHARE_NONE || (bytes <= s->bytes_max && s->bytes > s->bytes_max - bytes);
    if (!is_full && !is_old(&s->entries[entry], now_ms))
        return SHARE_NONE;
    forget(s, entry);
    return entry;
}

uint32_t share_pop_page(struct share *s, struct slice domain, int64_t page_id)
{
    for (uint32_t i = 0; i < SHARE_ENTRIES_MAX; i++) {
        struct share_entry *e = &s->entries[i];
        if (e->state == SHARE_FREE || e->page_id != page_id ||
            !slice_equal(slice_of(e->key, e->domain_len), domain))
            continue;
        if (e->state == SHARE_FLYING) {
            e->is_spoiled = true;
            continue;
        }
        forget(s, i);
        return i;
    }
    return SHARE_NONE;
}
