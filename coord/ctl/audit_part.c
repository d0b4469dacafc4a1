/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/audit_part.h"

#include <assert.h>

bool audit_part_has(const struct audit_part *p, int64_t offset)
{
    return p->lo_is_known && offset > p->lo && offset <= p->hi;
}

bool audit_part_prepare(struct audit_part *p, struct arena *a)
{
    size_t bytes = 0;

    assert(p->lo_is_known);
    if (p->emitted != NULL)
        return true;
    bytes = p->hi > p->lo ? (size_t)(p->hi - p->lo + 7) / 8 : 1;
    p->emitted = arena_calloc(a, bytes, 1);
    p->visible = arena_calloc(a, bytes, 1);
    if (p->visible == NULL)
        p->emitted = NULL;
    return p->emitted != NULL;
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
