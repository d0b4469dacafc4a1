/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/apply.h"

#include <stdlib.h>

#include "proto/err.h"

struct placed {
    struct strand_name name;
    int64_t position;
};

static int by_name(const void *left, const void *right)
{
    const struct placed *a = left;
    const struct placed *b = right;

    return strand_name_compare(&a->name, &b->name);
}

/* Every strand with its start, sorted. */
static size_t place_strands(const struct spec *s, const struct apply_start *starts, size_t count,
                            struct placed *out)
{
    size_t placed = 0;

    for (size_t dc = 0; dc < s->dcs.count; dc++) {
        for (size_t i = 0; i < count; i++) {
            if (s->enrich_at == SPEC_AT_ORIGIN &&
                !slice_equal(starts[i].from.dc, s->dcs.items[dc])) {
                continue;
            }
            out[placed++] = (struct placed){
                .name = {.by = s->dcs.items[dc], .from = starts[i].from},
                .position = starts[i].position,
            };
        }
    }
    qsort(out, placed, sizeof(*out), by_name);
    return placed;
}

int apply_first_cut(const struct spec *s, const struct apply_start *starts, size_t count,
                    uint32_t rules_version, struct arena *a, struct cut *out)
{
    struct cut c = {.spec_version = s->version, .proposer = SLICE_LIT("braidctl")};
    struct placed *placed = arena_calloc(a, s->dcs.count * count + 1, sizeof(*placed));
    int64_t *base = NULL;
    size_t strands = 0;

    if (s->dcs.count * count > STRANDS_MAX || s->dcs.count > DCS_MAX)
        return ERR_TOO_LARGE;
    if (placed == NULL)
        return ERR_NO_MEMORY;
    strands = place_strands(s, starts, count, placed);
    c.layout.count = (uint32_t)strands;
    c.layout.names = arena_calloc(a, strands + 1, sizeof(*c.layout.names));
    c.strands = arena_calloc(a, strands + 1, sizeof(*c.strands));
    base = arena_calloc(a, strands + 1, sizeof(*base));
    c.base_positions = base;
    if (c.layout.names == NULL || c.strands == NULL || base == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < strands; i++) {
        c.layout.names[i] = placed[i].name;
        c.strands[i] = (struct strand_position){.position = placed[i].position, .log_offset = -1};
        base[i] = placed[i].position;
    }
    layout_hash(&c.layout);
    for (size_t dc = 0; dc < s->dcs.count; dc++)
        c.members[c.member_count++] = (struct member){.dc = s->dcs.items[dc]};
    c.params = spec_merge_params(s, rules_version);
    c.reason = SLICE_LIT("the stream begins");
    *out = c;
    return 0;
}

static bool same_texts(const struct key_texts *a, const struct key_texts *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!slice_equal(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

const char *apply_refusal(const struct spec *now, const struct spec *wanted)
{
    if (!same_texts(&now->dcs, &wanted->dcs)) {
        return "a live stream's DCs cannot be changed yet; make a new stream";
    }
    if (!same_texts(&now->sources, &wanted->sources)) {
        return "a live stream's sources cannot be changed yet; make a new stream";
    }
    if (spec_has_memory(now) != spec_has_memory(wanted)) {
        return "rdf_diff is for a stream from its start on; make a new stream";
    }
    if (now->requests != wanted->requests) {
        return "a live stream's requests cannot be changed yet; make a new stream";
    }
    if (now->enrich_at != wanted->enrich_at) {
        return "a live stream's enrich_at cannot be changed yet; make a new stream";
    }
    return NULL;
}
