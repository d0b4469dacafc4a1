/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *next; /* owned */
    size_t size;
    size_t used;
    alignas(max_align_t) uint8_t bytes[];
};

static size_t round_up(size_t len)
{
    const size_t mask = alignof(max_align_t) - 1;

    return (len + mask) & ~mask;
}

void arena_init(struct arena *a, size_t block_bytes, size_t bytes_max)
{
    assert(block_bytes > 0);

    *a = (struct arena){.block_bytes = block_bytes, .bytes_max = bytes_max};
}

void arena_deinit(struct arena *a)
{
    struct arena_block *block = a->first;

    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *a = (struct arena){.block_bytes = a->block_bytes, .bytes_max = a->bytes_max};
}

void arena_reset(struct arena *a)
{
    for (struct arena_block *block = a->first; block != NULL; block = block->next)
        block->used = 0;
    a->current = a->first;
    a->bytes_used = 0;
}

/* Appends a block with room for `len` behind the current one; NULL if a limit says no. */
static struct arena_block *arena_grow(struct arena *a, size_t len)
{
    const size_t size = len > a->block_bytes ? len : a->block_bytes;

    if (size > a->bytes_max || a->bytes_held > a->bytes_max - size)
        return NULL;
    struct arena_block *block = malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->size = size;
    block->used = 0;
    a->bytes_held += size;
    if (a->current == NULL) {
        block->next = a->first;
        a->first = block;
    } else {
        block->next = a->current->next;
        a->current->next = block;
    }
    return block;
}

void *arena_alloc(struct arena *a, size_t len)
{
    /* Beyond half of all memory, rounding up and the block's head could wrap around. */
    if (len > a->bytes_max || len > SIZE_MAX / 2)
        return NULL;
    const size_t rounded = round_up(len == 0 ? 1 : len);

    while (a->current != NULL && a->current->size - a->current->used < rounded &&
           a->current->next != NULL)
        a->current = a->current->next;
    if (a->current == NULL || a->current->size - a->current->used < rounded) {
        struct arena_block *block = arena_grow(a, rounded);
        if (block == NULL)
            return NULL;
        a->current = block;
    }
    void *ptr = a->current->bytes + a->current->used;
    a->current->used += rounded;
    a->bytes_used += rounded;
    assert(a->current->used <= a->current->size);
    return ptr;
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    if (size != 0 && count > a->bytes_max / size)
        return NULL;
    void *ptr = arena_alloc(a, count * size);
    if (ptr != NULL)
        memset(ptr, 0, count * size);
    return ptr;
}

struct slice arena_copy(struct arena *a, struct slice bytes)
{
    uint8_t *copy = arena_alloc(a, bytes.len);

    if (copy == NULL)
        return (struct slice){0};
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    return slice_of(copy, bytes.len);
}

char *arena_strdup(struct arena *a, struct slice text)
{
    char *copy = arena_alloc(a, text.len + 1);

    if (copy == NULL)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}
