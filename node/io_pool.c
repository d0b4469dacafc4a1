/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_pool.h"

#include <assert.h>
#include <stdlib.h>

struct io_pool_block {
    struct io_pool_block *next;
    max_align_t data[];
};

static struct io_pool_block *block_of(void *data)
{
    return (struct io_pool_block *)((char *)data - offsetof(struct io_pool_block, data));
}

void *io_pool_take(struct io_pool *p, size_t size)
{
    struct io_pool_block *block = p->first;

    if (block != NULL) {
        p->first = block->next;
        p->kept--;
        return block->data;
    }
    block = calloc(1, sizeof(*block) + size);
    if (block == NULL)
        return NULL;
    p->heap_count++;
    /* cppcheck-suppress memleak ; block_of finds it again */
    return block->data;
}

bool io_pool_give(struct io_pool *p, void *data)
{
    struct io_pool_block *block = block_of(data);

    assert(data != NULL);
    if (p->kept == IO_POOL_KEPT_MAX)
        return false;
    block->next = p->first;
    p->first = block;
    p->kept++;
    return true;
}

void io_pool_free(void *data)
{
    free(block_of(data));
}

void io_pool_deinit(struct io_pool *p, void (*end)(void *block))
{
    while (p->first != NULL) {
        struct io_pool_block *block = p->first;
        p->first = block->next;
        if (end != NULL)
            end(block->data);
        free(block);
    }
    p->kept = 0;
}
