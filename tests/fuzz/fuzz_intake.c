/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: any body that is posted is taken apart or refused; what is to be written is one JSON object that
 * holds the event's bytes, and the answer is JSON. */
#include <assert.h>
#include <stdlib.h>

#include "proto/err.h"
#include "proto/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits LIMITS = {.bytes_max = 1 << 24, .depth_max = INTAKE_DEPTH_MAX + 8};

static void check_json(struct slice bytes)
{
    struct arena a;
    struct json j;
    struct json_flaw flaw;

    arena_init(&a, 1 << 16, 1 << 28);
    const int rc = json_parse(&a, bytes, &LIMITS, &j, &flaw);
    assert(rc == 0);
    arena_deinit(&a);
}

static void check_event(const struct intake_event *e)
{
    if (e->state == INTAKE_INVALID) {
        assert(e->message != NULL);
        assert(e->field != NULL);
        return;
    }
    assert(e->is_json);
    assert(e->stream.len > 0);
    assert(e->value.len >= e->bytes.len);
    check_json(e->value);
    if (e->key.ptr != NULL)
        check_json(e->key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct intake_fill fill = {.now_ms = 1, .request_id = SLICE_LIT("r\x01\"")};
    struct arena scratch;
    struct arena keep;
    struct intake_event *list;
    struct slice body;
    size_t count;
    unsigned status;
    /* Of its exact size, so that reading past its end is seen. */
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    arena_init(&scratch, 1 << 16, 1 << 28);
    arena_init(&keep, 1 << 16, 1 << 28);
    int rc = intake_split(slice_of(copy, size), &keep, &list, &count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = intake_read(&list[i], &fill, 4096, &scratch, &keep);
        if (rc == 0)
            check_event(&list[i]);
    }
    if (rc == 0 && count > 0) {
        for (size_t i = 0; i < count; i++)
            if (list[i].state == INTAKE_WAITING) {
                list[i].state = i % 2 == 0 ? INTAKE_ERROR : INTAKE_ACCEPTED;
                list[i].message = "no";
            }
        rc = intake_answer(list, count, &keep, &status, &body);
        assert(rc == 0);
        if (body.ptr != NULL)
            check_json(body);
    }
    arena_deinit(&scratch);
    arena_deinit(&keep);
    free(copy);
    return 0;
}
