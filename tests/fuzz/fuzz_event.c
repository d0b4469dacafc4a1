/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: any bytes on a source topic get a status; a value that is written is valid JSON, bytes that
 * are no event stay as they are, and nothing hidden is in what is withheld. */
#include <assert.h>
#include <stdlib.h>

#include "proto/enrich_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct enrich_page *p, struct slice source)
{
    static const struct json_limits LIMITS = {.bytes_max = 1 << 24, .depth_max = EVENT_DEPTH_MAX};
    char status[ENRICH_STATUS_MAX];
    struct arena scratch;
    struct json after;
    struct json_flaw flaw;
    bool is_null = false;
    const size_t size = enrich_page_value(p, 1767323045678, &is_null);
    uint8_t *value = malloc(size + 1);

    assert(value != NULL);
    enrich_page_write(p, value);
    (void)enrich_page_status_text(p, status);
    if (!p->is_decoded) {
        assert(is_null || slice_equal(source, slice_of(value, size)));
    } else if (p->status != ENRICH_FILTERED) {
        arena_init(&scratch, 1 << 16, 1 << 26);
        const int rc = json_parse(&scratch, slice_of(value, size), &LIMITS, &after, &flaw);
        assert(rc == 0);
        assert(json_check_keys(after.root) == 0);
        yyjson_val *meta = json_value(json_key(after.root, SLICE_LIT("meta")));
        assert(yyjson_equals_str(json_value(json_key(meta, SLICE_LIT("stream"))), "out.v1"));
        arena_deinit(&scratch);
    }
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice domains[] = {SLICE_LIT("*.wiki")};
    const struct enrich_spec spec = {.output = SLICE_LIT("out.v1"),
                                     .schema = SLICE_LIT("/s/1"),
                                     .domains = {domains, 1},
                                     .enrichments = (1U << ENRICHMENT_COUNT) - 1};
    const enum reason endings[] = {REASON_SUPPRESSED, REASON_TEXT_HIDDEN, REASON_UNAVAILABLE};
    /* Copied to its exact size, so that reading past its end is seen. */
    uint8_t *copy = malloc(size + 1);
    struct enrich_page *p = calloc(1, sizeof *p);
    struct arena scratch;
    struct arena keep;
    struct question q;

    assert(copy != NULL);
    assert(p != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    const struct slice source = slice_of(realloc(copy, size == 0 ? 1 : size), size);
    arena_init(&scratch, 1 << 16, 1 << 26);
    arena_init(&keep, 1 << 12, 1 << 26);
    const struct enrich_memory memory = {&scratch, &keep};
    const bool must_fetch = enrich_page_open(p, &spec, &memory, source);
    if (!must_fetch)
        check_value(p, source);
    for (size_t i = 0; must_fetch && i < sizeof endings / sizeof endings[0]; i++) {
        const struct enrich_outcome outcome = {.reason = endings[i]};
        p->status = ENRICH_PENDING;
        p->asked = p->answered = 0;
        const bool is_asked = enrich_page_ask(p, &scratch, &q);
        assert(is_asked);
        enrich_page_settle(p, q.kind, &outcome, &scratch);
        assert(enrich_page_is_done(p));
        check_value(p, source);
    }
    arena_deinit(&scratch);
    arena_deinit(&keep);
    free((void *)(uintptr_t)source.ptr);
    free(p);
    return 0;
}
