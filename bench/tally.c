/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/tally.h"

#include <assert.h>

#include "proto/err.h"

int tally_init(struct tally *t, const struct slice dcs[TALLY_DCS], int partitions,
               int64_t offsets_max, struct arena *a)
{
    assert(partitions >= 1);
    assert(partitions <= TALLY_PARTITIONS_MAX);
    *t = (struct tally){.offsets_max = offsets_max, .partitions = partitions};
    for (int d = 0; d < TALLY_DCS; d++) {
        t->dcs[d] = dcs[d];
        for (int p = 0; p < partitions; p++) {
            t->strands[d][p].last = -1;
            t->strands[d][p].seen = arena_calloc(a, (size_t)offsets_max / 8 + 1, 1);
            if (t->strands[d][p].seen == NULL)
                return ERR_NO_MEMORY;
        }
    }
    return 0;
}

static struct tally_strand *strand_of(struct tally *t, const struct braid_headers *h)
{
    if (!h->has_origin || h->origin.from.partition >= (uint32_t)t->partitions ||
        h->origin.offset < 0 || h->origin.offset >= t->offsets_max)
        return NULL;
    for (int d = 0; d < TALLY_DCS; d++)
        if (slice_equal(h->origin.from.dc, t->dcs[d]))
            return &t->strands[d][h->origin.from.partition];
    return NULL;
}

static void add_offset(struct tally *t, struct tally_strand *s, int64_t offset)
{
    const uint8_t bit = (uint8_t)(1u << (offset % 8));

    if (s->seen[offset / 8] & bit) {
        t->duplicated++;
        return;
    }
    s->seen[offset / 8] |= bit;
    t->distinct++;
    if (offset < s->last)
        t->reordered++;
    else
        s->last = offset;
}

static int64_t number_of(struct slice text)
{
    int64_t n = 0;

    if (text.len == 0 || text.len > 18)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        n = n * 10 + (text.ptr[i] - '0');
    }
    return n;
}

void tally_add(struct tally *t, const struct braid_headers *h, bool is_global)
{
    struct tally_strand *s = strand_of(t, h);

    if (is_global && number_of(h->raw[HEADER_SEQ]) != t->next_seq)
        t->seq_faults++;
    if (is_global)
        t->next_seq = number_of(h->raw[HEADER_SEQ]) + 1;
    if (s == NULL) {
        t->unknown++;
        return;
    }
    if (h->status != STATUS_NONE && h->status != STATUS_OK)
        t->not_ok++;
    const bool is_many = h->status == STATUS_GAP || h->status == STATUS_SKIPPED;
    for (int64_t o = is_many ? h->origin.prev + 1 : h->origin.offset; o <= h->origin.offset; o++)
        add_offset(t, s, o);
}
