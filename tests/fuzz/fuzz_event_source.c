/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: any bytes in any envelope get a status, and a value that is written is valid JSON. The first
 * byte says which envelope; the rest is the record. */
#include <assert.h>
#include <stdlib.h>

#include "proto/enrich_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct event_shape SHAPES[] = {
    {0},
    {.envelope = EVENT_JSON,
     .id = {(const uint8_t *)"/id", 3},
     .time = {(const uint8_t *)"/t/1", 4},
     .key = {(const uint8_t *)"/k", 2}},
    {.envelope = EVENT_CLOUDEVENTS, .time = {(const uint8_t *)"/time", 5}},
    {.envelope = EVENT_DEBEZIUM, .domain = {(const uint8_t *)"a.wiki", 6}},
};

static void check_value(struct enrich_page *p, struct slice source)
{
    static const struct json_limits LIMITS = {.bytes_max = 1 << 24, .depth_max = EVENT_DEPTH_MAX};
    struct arena scratch;
    struct json after;
    struct json_flaw flaw;
    bool is_null = false;
    const size_t size = enrich_page_value(p, 1767323045678, &is_null);
    uint8_t *value = malloc(size + 1);

    assert(value != NULL);
    enrich_page_write(p, value);
    if (!p->is_decoded && p->status != ENRICH_FILTERED) {
        assert(is_null || slice_equal(source, slice_of(value, size)));
    } else if (p->status != ENRICH_FILTERED) {
        arena_init(&scratch, 1 << 16, 1 << 26);
        const int rc = json_parse(&scratch, slice_of(value, size), &LIMITS, &after, &flaw);
        /* one level more than the source may have, in meta */
        assert(rc == 0 || size > source.len);
        arena_deinit(&scratch);
    }
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct enrich_spec spec = {.output = SLICE_LIT("out.v1")};
    uint8_t *copy = malloc(size + 1);
    struct enrich_page *p = calloc(1, sizeof *p);
    struct arena scratch;
    struct arena keep;

    assert(copy != NULL);
    assert(p != NULL);
    if (size > 1)
        memcpy(copy, data + 1, size - 1);
    const size_t len = size > 1 ? size - 1 : 0;
    const struct slice source = slice_of(realloc(copy, len == 0 ? 1 : len), len);
    arena_init(&scratch, 1 << 16, 1 << 26);
    arena_init(&keep, 1 << 12, 1 << 26);
    const struct enrich_memory memory = {&scratch, &keep};
    const struct event_shape *shape = &SHAPES[size == 0 ? 0 : data[0] % 4];
    if (!enrich_page_open_as(p, &spec, shape, &memory, source))
        check_value(p, source);
    if (p->is_decoded)
        assert(p->event.id.len <= EVENT_ID_MAX && p->event.time_ms <= EVENT_TIME_MAX);
    arena_deinit(&scratch);
    arena_deinit(&keep);
    free((void *)(uintptr_t)source.ptr);
    free(p);
    return 0;
}
