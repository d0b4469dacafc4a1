/* SPDX-License-Identifier: Apache-2.0 */
#include "node/last_revs.h"

#include <assert.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "proto/err.h"
#include "proto/origin.h"

enum {
    ROOM_FIRST = 4096,
    BLOCK_BYTES = 256 * 1024,
    BYTES_MAX = 1024 * 1024 * 1024, /* tables of all sizes, each twice the one before */
};

/* Keys are told apart by 128 bits of their hash. */
struct last_revs_entry {
    uint64_t low;
    uint64_t high;
    int64_t seq;
    int64_t rev_id;
    bool is_used;
};

int last_revs_init(struct last_revs *l)
{
    *l = (struct last_revs){0};
    arena_init(&l->arena, BLOCK_BYTES, BYTES_MAX);
    return last_revs_reset(l);
}

void last_revs_deinit(struct last_revs *l)
{
    arena_deinit(&l->arena);
}

int last_revs_reset(struct last_revs *l)
{
    arena_deinit(&l->arena);
    arena_init(&l->arena, BLOCK_BYTES, BYTES_MAX);
    l->count = 0;
    l->room = ROOM_FIRST;
    l->entries = arena_calloc(&l->arena, l->room, sizeof *l->entries);
    return l->entries == NULL ? ERR_NO_MEMORY : 0;
}

/* Where the key is, or would be. */
static struct last_revs_entry *place_of(struct last_revs_entry *entries, size_t room, uint64_t low,
                                        uint64_t high)
{
    size_t at = low & (room - 1);

    while (entries[at].is_used && (entries[at].low != low || entries[at].high != high))
        at = (at + 1) & (room - 1);
    return &entries[at];
}

static struct last_revs_entry *find(const struct last_revs *l, struct slice key)
{
    const XXH128_hash_t hash = XXH3_128bits(key.ptr, key.len);

    return place_of(l->entries, l->room, hash.low64, hash.high64);
}

/* Twice the room; what is there moves. */
static int grow(struct last_revs *l)
{
    const size_t room = 2 * l->room;
    struct last_revs_entry *entries = arena_calloc(&l->arena, room, sizeof *entries);

    if (entries == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < l->room; i++) {
        const struct last_revs_entry *e = &l->entries[i];
        if (e->is_used)
            *place_of(entries, room, e->low, e->high) = *e;
    }
    l->entries = entries;
    l->room = room;
    return 0;
}

size_t last_revs_key(const struct event *e, char out[LAST_REVS_KEY_MAX])
{
    const size_t wiki = e->wiki_id.len;

    if (wiki == 0 || e->page_id < 0 || wiki + 1 + NUMBER_TEXT_MAX > LAST_REVS_KEY_MAX)
        return 0;
    memcpy(out, e->wiki_id.ptr, wiki);
    out[wiki] = '/';
    return wiki + 1 + number_format(e->page_id, out + wiki + 1);
}

void last_revs_read(const struct event *e, int64_t before, struct last_rev *out)
{
    const bool is_new =
        slice_equal(e->kind, SLICE_LIT("create")) || slice_equal(e->kind, SLICE_LIT("edit")) ||
        slice_equal(e->kind, SLICE_LIT("move")) || slice_equal(e->kind, SLICE_LIT("undelete"));

    out->rev_id = before;
    if (slice_equal(e->kind, SLICE_LIT("delete")))
        out->rev_id = LAST_REVS_DELETED;
    else if (is_new && !e->is_canary && !e->is_content_hidden && e->rev_id > before)
        out->rev_id = e->rev_id;
}

int64_t last_revs_find(const struct last_revs *l, struct slice key, int64_t *out_seq)
{
    const struct last_revs_entry *e = find(l, key);

    *out_seq = e->is_used ? e->seq : -1;
    return e->is_used ? e->rev_id : LAST_REVS_UNKNOWN;
}

int last_revs_note(struct last_revs *l, const struct last_rev *r)
{
    const XXH128_hash_t hash = XXH3_128bits(r->key, r->key_len);
    struct last_revs_entry *e = place_of(l->entries, l->room, hash.low64, hash.high64);

    assert(r->key_len > 0);
    if (!e->is_used && l->count == LAST_REVS_MAX) {
        l->left_out++;
        return 0;
    }
    if (!e->is_used && 2 * (l->count + 1) > l->room) {
        const int rc = grow(l);
        if (rc != 0)
            return rc;
        e = place_of(l->entries, l->room, hash.low64, hash.high64);
    }
    l->count += !e->is_used;
    *e = (struct last_revs_entry){.low = hash.low64,
                                  .high = hash.high64,
                                  .seq = r->seq,
                                  .rev_id = r->rev_id,
                                  .is_used = true};
    return 0;
}

size_t last_revs_format(const struct last_rev *r, char out[LAST_REVS_VALUE_MAX])
{
    const int64_t numbers[] = {r->seq, r->rev_id, r->log_offset, r->epoch};
    size_t len = 0;

    static_assert(4 * (NUMBER_TEXT_MAX + 1) <= LAST_REVS_VALUE_MAX, "four numbers fit");
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            out[len++] = ' ';
        len += number_format(numbers[i], out + len);
    }
    return len;
}

int last_revs_parse(struct slice key, struct slice value, struct last_rev *out)
{
    int64_t numbers[4];
    size_t from = 0;

    if (key.len == 0 || key.len > LAST_REVS_KEY_MAX || value.ptr == NULL)
        return ERR_MALFORMED;
    for (size_t i = 0; i < 4; i++) {
        size_t to = from;
        while (to < value.len && value.ptr[to] != ' ')
            to++;
        if (from > value.len || number_parse(slice_sub(value, from, to), i == 3, &numbers[i]) != 0)
            return ERR_MALFORMED;
        from = to + 1;
    }
    if (from != value.len + 1 || numbers[3] > INT32_MAX)
        return ERR_MALFORMED;
    *out = (struct last_rev){.key_len = key.len,
                             .seq = numbers[0],
                             .rev_id = numbers[1],
                             .log_offset = numbers[2],
                             .epoch = (int32_t)numbers[3]};
    memcpy(out->key, key.ptr, key.len);
    return 0;
}
