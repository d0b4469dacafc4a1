/* SPDX-License-Identifier: Apache-2.0 */
#include "node/window.h"

#include "proto/err.h"

#include <assert.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

static_assert(sizeof(struct window_slot) == 48, "an id must cost 48 bytes");

/* A table at most three quarters full: 16 bytes an id at worst. */
static uint64_t table_size(uint64_t ids_max)
{
    uint64_t size = 16;

    while (size * 3 / 4 < ids_max)
        size *= 2;
    return size;
}

int window_init(struct window *w, uint64_t ids_max, struct arena *a)
{
    assert(ids_max > 0);
    assert(ids_max <= WINDOW_IDS_MAX);

    const uint64_t size = table_size(ids_max);
    *w = (struct window){.ids_max = ids_max, .table_mask = size - 1};
    w->slots = arena_alloc(a, ids_max * sizeof *w->slots);
    w->table = arena_alloc(a, size * sizeof *w->table);
    if (w->slots == NULL || w->table == NULL)
        return ERR_NO_MEMORY;
    window_reset(w, 0);
    return 0;
}

void window_reset(struct window *w, uint64_t next)
{
    memset(w->table, 0, (w->table_mask + 1) * sizeof *w->table);
    w->first = next;
    w->next = next;
}

static struct window_slot *slot_of(const struct window *w, uint64_t number)
{
    return &w->slots[number % w->ids_max];
}

static bool is_covered(struct slice id)
{
    return id.len > 0 && id.len <= WINDOW_ID_MAX;
}

static void table_add(struct window *w, uint64_t number)
{
    uint64_t at = slot_of(w, number)->hash & w->table_mask;

    while (w->table[at] != 0)
        at = (at + 1) & w->table_mask;
    w->table[at] = (uint32_t)(number % w->ids_max) + 1;
}

/* Removes a number's entry and closes the gap, so that probing never stops short. */
static void table_remove(struct window *w, uint64_t number)
{
    const uint32_t entry = (uint32_t)(number % w->ids_max) + 1;
    uint64_t at = slot_of(w, number)->hash & w->table_mask;

    while (w->table[at] != entry) {
        assert(w->table[at] != 0);
        at = (at + 1) & w->table_mask;
    }
    uint64_t gap = at;
    for (;;) {
        at = (at + 1) & w->table_mask;
        if (w->table[at] == 0)
            break;
        const uint64_t home = w->slots[w->table[at] - 1].hash & w->table_mask;
        if (((at - home) & w->table_mask) >= ((at - gap) & w->table_mask)) {
            w->table[gap] = w->table[at];
            gap = at;
        }
    }
    w->table[gap] = 0;
}

void window_push(struct window *w, struct slice id)
{
    if (w->next - w->first == w->ids_max) {
        if (slot_of(w, w->first)->len > 0)
            table_remove(w, w->first);
        w->first++;
    }
    struct window_slot *slot = slot_of(w, w->next);
    slot->len = 0;
    if (is_covered(id)) {
        slot->hash = XXH3_64bits(id.ptr, id.len);
        slot->len = (uint8_t)id.len;
        memcpy(slot->bytes, id.ptr, id.len);
        table_add(w, w->next);
    }
    w->next++;
    assert(w->next - w->first <= w->ids_max);
}

/* The number that a slot stands for now. */
static uint64_t number_of(const struct window *w, uint32_t index)
{
    const uint64_t first_index = w->first % w->ids_max;

    return w->first + (index + w->ids_max - first_index) % w->ids_max;
}

bool window_find(const struct window *w, struct slice id, uint64_t floor)
{
    if (!is_covered(id))
        return false;
    const uint64_t hash = XXH3_64bits(id.ptr, id.len);
    for (uint64_t at = hash & w->table_mask; w->table[at] != 0; at = (at + 1) & w->table_mask) {
        const uint32_t index = w->table[at] - 1;
        const struct window_slot *slot = &w->slots[index];
        if (slot->hash == hash && slot->len == id.len && memcmp(slot->bytes, id.ptr, id.len) == 0 &&
            number_of(w, index) >= floor)
            return true;
    }
    return false;
}
