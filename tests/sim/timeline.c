/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/timeline.h"

#include <stdio.h>
#include <stdlib.h>

void timeline_reset(struct timeline *t)
{
    t->count = 0;
    t->order = 0;
}

static bool before(const struct happening *a, const struct happening *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void timeline_add(struct timeline *t, const struct happening *h)
{
    struct happening added = *h;
    size_t i = t->count;

    if (t->count == t->capacity) {
        t->capacity = t->capacity == 0 ? 1024 : t->capacity * 2;
        t->heap = realloc(t->heap, t->capacity * sizeof *t->heap);
        if (t->heap == NULL) {
            perror("sim: realloc");
            exit(3);
        }
    }
    added.order = t->order++;
    t->count++;
    while (i != 0 && before(&added, &t->heap[(i - 1) / 2])) {
        t->heap[i] = t->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    t->heap[i] = added;
}

bool timeline_next(struct timeline *t, struct happening *out)
{
    struct happening last;
    size_t i = 0;

    if (t->count == 0)
        return false;
    *out = t->heap[0];
    last = t->heap[--t->count];
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= t->count)
            break;
        if (child + 1 < t->count && before(&t->heap[child + 1], &t->heap[child]))
            child++;
        if (!before(&t->heap[child], &last))
            break;
        t->heap[i] = t->heap[child];
        i = child;
    }
    t->heap[i] = last;
    return true;
}
