/* SPDX-License-Identifier: Apache-2.0 */
#include "node/outbox/shipment.h"

#include <assert.h>

#include "coord/writer.h"

void shipment_begin(struct shipment *s, size_t count)
{
    assert(count <= SHIPMENT_ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
        s->states[i] = SHIPMENT_WAITING;
        s->places[i] = (struct shipment_place){.shipment = s, .index = i};
    }
    s->count = count;
    s->waiting = count;
}

void shipment_answer(struct shipment *s, size_t index, bool is_acked)
{
    assert(index < s->count);
    if (s->states[index] != SHIPMENT_WAITING)
        return;
    s->states[index] = is_acked ? SHIPMENT_ACKED : SHIPMENT_FAILED;
    s->waiting--;
}

bool shipment_is_settled(const struct shipment *s)
{
    return s->waiting == 0;
}

size_t shipment_markable(const struct shipment *s)
{
    size_t markable = 0;

    while (markable < s->count && s->states[markable] == SHIPMENT_ACKED)
        markable++;
    return markable;
}

struct slice shipment_key(struct slice wiki_id, int64_t page_id,
                          uint8_t out[SHIPMENT_KEY_BYTES_MAX])
{
    struct writer t = writer_of(out, SHIPMENT_KEY_BYTES_MAX);

    writer_open(&t, '{');
    writer_member(&t, "wiki_id", wiki_id);
    writer_member_int(&t, "page_id", page_id);
    writer_close(&t, '}');
    return writer_slice(&t);
}
