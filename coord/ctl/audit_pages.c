/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/audit_pages.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum {
    PAGE_TEXT_MAX = 300
};

bool audit_pages_init(struct audit_pages *p, struct arena *a)
{
    *p = (struct audit_pages){.back_seq = -1};
    arena_init(&p->scratch, 1 << 16, AUDIT_PAGES_SCRATCH);
    p->event = arena_calloc(a, 1, sizeof(*p->event));
    return p->event != NULL && audit_ids_init(&p->highest, AUDIT_PAGES_RECORDS, a);
}

void audit_pages_deinit(struct audit_pages *p)
{
    if (p->event != NULL)
        arena_deinit(&p->scratch);
}

/* The event of a record that names a page and a revision; false if there is none. */
static bool decode(struct audit_pages *p, struct slice value)
{
    struct event_flaw flaw;
    bool is_good = value.ptr != NULL && event_decode(&p->scratch, value, p->event, &flaw) == 0;

    return is_good && p->event->page_id >= 0 && p->event->rev_id >= 0 &&
           p->event->wiki_id.len > 0 && p->event->wiki_id.len < PAGE_TEXT_MAX / 2;
}

void audit_pages_record(struct audit_pages *p, const struct audit_record *r)
{
    assert(p->event != NULL);
    if (r->has_seq && decode(p, r->raw->value)) {
        char page[PAGE_TEXT_MAX];
        const int64_t rev = p->event->rev_id;
        const int len = snprintf(page, sizeof(page), "%.*s %" PRId64, SLICE_ARG(p->event->wiki_id),
                                 p->event->page_id);
        const struct audit_digest id = audit_digest_of(slice_of(page, (size_t)len));
        const int64_t highest = audit_ids_find(&p->highest, id);

        p->looked_at++;
        if (rev < highest) {
            p->back++;
            p->back_seq = p->back_seq < 0 ? r->seq : p->back_seq;
        }
        audit_ids_add(&p->highest, id, rev > highest ? rev : highest);
    }
    arena_reset(&p->scratch);
}
