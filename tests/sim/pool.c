/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

void pool_init(struct pool *p, size_t size)
{
    *p = (struct pool){.size = size};
    p->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
    if (p->bytes == MAP_FAILED) {
        perror("sim: mmap");
        exit(3);
    }
}

void pool_reset(struct pool *p)
{
    if (p->used > p->used_max)
        p->used_max = p->used;
    p->used = 0;
}

void *pool_take(struct pool *p, size_t len)
{
    size_t rounded = (len + 15) & ~(size_t)15;
    uint8_t *at = p->bytes + p->used;

    if (rounded > p->size - p->used) {
        (void)fprintf(stderr, "sim: a seed needs more than %zu bytes\n", p->size);
        exit(3);
    }
    p->used += rounded;
    return at;
}

void *pool_alloc(struct pool *p, size_t len)
{
    return memset(pool_take(p, len), 0, len);
}

struct slice pool_copy(struct pool *p, struct slice bytes)
{
    uint8_t *at;

    if (bytes.ptr == NULL)
        return bytes;
    at = pool_take(p, bytes.len + 1);
    memcpy(at, bytes.ptr, bytes.len);
    return slice_of(at, bytes.len);
}

struct slice pool_number(struct pool *p, int64_t number)
{
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char text[24];
    size_t at = sizeof text;

    do {
        text[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (number < 0)
        text[--at] = '-';
    return pool_copy(p, slice_of(text + at, sizeof text - at));
}

void *pool_grow(struct pool *p, void *array, size_t count, size_t *capacity, size_t element)
{
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *larger;

    if (count < *capacity)
        return array;
    larger = pool_take(p, wanted * element);
    if (count != 0)
        memcpy(larger, array, count * element);
    *capacity = wanted;
    return larger;
}
