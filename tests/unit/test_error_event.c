/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: an error event is valid JSON whatever stood in the source record.
 * Method: whole texts compared; hostile bytes go through the JSON reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "node/error_event.h"
#include "proto/utf8.h"

static struct error_event sample(void)
{
    return (struct error_event){
        .stream = SLICE_LIT("eqiad.braid.error"),
        .emitter = SLICE_LIT("braid-main-eqiad"),
        .now_ms = 1767323045678,
        .reason = "missing",
        .message = "the wiki does not know this revision",
        .detail = "",
        .raw = SLICE_LIT("{\"a\":\"b\"}"),
        .errored_stream = SLICE_LIT("s"),
    };
}

static void an_error_event_has_what_its_schema_asks_for(void **state)
{
    const struct error_event e = sample();
    uint8_t *out = malloc(error_event_size(&e));
    const char *expected =
        "{\"$schema\":\"/error/2.1.0\",\"meta\":{\"stream\":\"eqiad.braid.error\","
        "\"dt\":\"2026-01-02T03:04:05.678Z\"},\"dt\":\"2026-01-02T03:04:05.678Z\","
        "\"emitter_id\":\"braid-main-eqiad\",\"error_type\":\"missing\","
        "\"message\":\"the wiki does not know this revision\",\"errored_stream_name\":\"s\","
        "\"raw_event\":\"{\\\"a\\\":\\\"b\\\"}\"}";

    (void)state;
    const size_t len = error_event_write(&e, out);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
    free(out);
}

static void bytes_that_are_no_text_make_no_broken_json(void **state)
{
    struct error_event e = sample();
    uint8_t raw[256];

    (void)state;
    for (int i = 0; i < 256; i++)
        raw[i] = (uint8_t)i;
    e.raw = slice_of(raw, sizeof(raw));
    e.detail = "\xff\n\"";
    uint8_t *out = malloc(error_event_size(&e));
    const size_t len = error_event_write(&e, out);
    assert_true(len <= error_event_size(&e));
    assert_int_equal(utf8_prefix(slice_of(out, len)), len);
    for (size_t i = 0; i < len; i++)
        assert_true(out[i] >= 0x20);
    free(out);
}

/* raw_event of an event whose source has this value, in `out`. */
static bool has_raw(struct slice raw, const char *expected)
{
    struct error_event e = sample();

    e.raw = raw;
    uint8_t *out = malloc(error_event_size(&e) + 1);
    out[error_event_write(&e, out)] = '\0';
    const bool has = strstr((const char *)out, expected) != NULL;
    free(out);
    return has;
}

static void bytes_that_are_no_text_are_there_whole(void **state)
{
    (void)state;
    assert_true(has_raw(SLICE_LIT("\xff"), "\"raw_event\":\"base64:/w==\""));
    assert_true(has_raw(SLICE_LIT("\xff\xfe"), "\"raw_event\":\"base64://4=\""));
    assert_true(has_raw(SLICE_LIT("\xff\xfe{"), "\"raw_event\":\"base64://57\""));
    assert_true(has_raw(SLICE_LIT("\xff\xfe{}"), "\"raw_event\":\"base64://57fQ==\""));
    assert_true(has_raw(SLICE_LIT("base64:"), "\"raw_event\":\"base64:YmFzZTY0Og==\""));
    assert_true(has_raw(SLICE_LIT("base6"), "\"raw_event\":\"base6\""));
    assert_false(has_raw(slice_of("", 0), "raw_event"));
}

static void a_record_that_is_too_long_is_left_out(void **state)
{
    struct error_event e = sample();
    uint8_t *raw = calloc(1, ERROR_EVENT_RAW_MAX + 1);

    (void)state;
    e.raw = slice_of(raw, ERROR_EVENT_RAW_MAX + 1);
    uint8_t *out = malloc(error_event_size(&e));
    const size_t len = error_event_write(&e, out);
    assert_true(len < 1000);
    free(out);
    free(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_event_has_what_its_schema_asks_for),
        cmocka_unit_test(bytes_that_are_no_text_make_no_broken_json),
        cmocka_unit_test(bytes_that_are_no_text_are_there_whole),
        cmocka_unit_test(a_record_that_is_too_long_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
