/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/audit_part.h"

#include <assert.h>

bool audit_part_has(const struct audit_part *p, int64_t offset)
{
    return p->lo_is_known && offset > p->lo && offset <= p->hi;
}

bool audit_part_prepare(struct audit_part *p, size_t copies, struct arena *a)
{
    size_t bytes = 0;

    assert(p->lo_is_known);
    assert(copies <= AUDIT_DCS_MAX);
    if (p->visible != NULL)
        return true;
    bytes = p->hi > p->lo ? (size_t)(p->hi - p->lo + 7) / 8 : 1;
    for (size_t dc = 0; dc < copies; dc++) {
        p->emitted[dc] = arena_calloc(a, bytes, 1);
        if (p->emitted[dc] == NULL)
            return false;
    }
    p->visible = arena_calloc(a, bytes, 1);
    return p->visible != NULL;
}

void audit_part_set(const struct audit_part *p, uint8_t *bits, int64_t offset)
{
    size_t at = (size_t)(offset - p->lo - 1);

    assert(audit_part_has(p, offset));
    bits[at / 8] = (uint8_t)(bits[at / 8] | (1U << (at % 8)));
}

bool audit_part_get(const struct audit_part *p, const uint8_t *bits, int64_t offset)
{
    size_t at = (size_t)(offset - p->lo - 1);

    assert(audit_part_has(p, offset));
    return bits != NULL && ((bits[at / 8] >> (at % 8)) & 1) != 0;
}

bool audit_part_emitted(const struct audit_part *p, int64_t offset)
{
    for (size_t dc = 0; dc < AUDIT_DCS_MAX; dc++) {
        if (audit_part_get(p, p->emitted[dc], offset))
            return true;
    }
    return false;
}
