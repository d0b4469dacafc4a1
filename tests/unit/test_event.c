/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a source event is read field by field with its places, and any other bytes are refused with
 *       a reason and a sentence that names the field.
 * Method: one full event; the event with one thing wrong at a time; hostile bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "proto/err.h"
#include "proto/event.h"

static const char FULL[] =
    "{\"$schema\":\"/mediawiki/page/change/1.2.0\",\"wiki_id\":\"testwiki\","
    "\"page_change_kind\":\"edit\",\"dt\":\"2026-01-02T03:04:05Z\","
    "\"meta\":{\"stream\":\"mediawiki.page_change.v1\",\"id\":\"1111\",\"request_id\":\"6666\","
    "\"domain\":\"test.wikipedia.org\",\"dt\":\"2026-01-02T03:04:05.123Z\"},"
    "\"page\":{\"page_id\":42,\"page_title\":\"Sand_box\",\"namespace_id\":-1},"
    "\"performer\":{\"user_text\":\"Ada\"},\"comment\":\"why\","
    "\"revision\":{\"rev_id\":9007199254740993,\"rev_sha1\":\"x\",\"comment\":\"c\","
    "\"editor\":{},\"is_content_visible\":true,\"content_slots\":{\"main\":{\"slot_role\":\"main\","
    "\"content_model\":\"wikitext\",\"content_sha1\":\"0123456789abcdefghijklmnopqrstu\","
    "\"content_size\":12,\"origin_rev_id\":1001},\"empty\":{}}},\"unknown\":[1,{\"a\":2}]}";

static struct event e;
static struct event_flaw flaw;

static int decode(struct slice bytes)
{
    struct arena a;

    arena_init(&a, 1 << 16, 1 << 26);
    flaw = (struct event_flaw){0};
    const int rc = event_decode(&a, bytes, &e, &flaw);
    arena_deinit(&a); /* what is kept must not live in there */
    if (rc != 0) {
        assert_int_equal(reason_class(flaw.reason), REASON_CLASS_FAILED);
        assert_true(strlen(flaw.detail) > 0);
    }
    return rc;
}

static void check_text(struct slice s, const char *expected)
{
    assert_true(slice_equal(s, slice_str(expected)));
}

static void check_span(struct span s, const char *expected)
{
    assert_false(span_is_absent(s));
    check_text(slice_sub(e.bytes, s.from, s.to), expected);
}

static void a_full_event_is_read_with_the_place_of_each_part(void **state)
{
    assert_int_equal(decode(slice_str(FULL)), 0);
    check_text(e.schema, "/mediawiki/page/change/1.2.0");
    check_text(e.id, "1111");
    check_text(e.domain, "test.wikipedia.org");
    check_text(e.request_id, "6666");
    check_text(e.wiki_id, "testwiki");
    check_text(e.kind, "edit");
    assert_int_equal(e.page_id, 42);
    assert_true(e.has_namespace);
    assert_int_equal(e.namespace_id, -1);
    assert_true(e.rev_id == 9007199254740993);
    assert_false(e.is_canary);
    assert_false(e.is_content_hidden);
    check_span(e.schema_value, "\"/mediawiki/page/change/1.2.0\"");
    check_span(e.stream_value, "\"mediawiki.page_change.v1\"");
    check_span(e.dt_value, "\"2026-01-02T03:04:05.123Z\"");
    check_span(e.content_visible, "true");
    check_span(e.rev_sha1.whole, "\"rev_sha1\":\"x\",");
    check_span(e.rev_comment.value, "\"c\"");
    check_span(e.comment.value, "\"why\"");
    check_span(e.performer.value, "{\"user_text\":\"Ada\"}");
    check_span(e.editor.value, "{}");
    assert_int_equal(e.bytes.ptr[e.meta_end], '}');
    assert_int_equal(e.slot_count, 2);
    check_text(e.slots[0].role, "main");
    check_text(e.slots[0].model, "wikitext");
    check_text(e.slots[0].sha1, "0123456789abcdefghijklmnopqrstu");
    assert_int_equal(e.slots[0].size, 12);
    assert_int_equal(e.slots[0].origin_rev_id, 1001);
    assert_true(span_is_absent(e.slots[0].body.value));
    assert_int_equal(e.bytes.ptr[e.slots[0].end], '}');
    check_text(e.slots[1].role, "empty");
    assert_true(e.slots[1].is_empty);
    assert_null(e.slots[1].sha1.ptr);
}

static void every_field_may_be_absent(void **state)
{
    static const char *const ROWS[] = {"{}",
                                       " { } ",
                                       "{\"x\":1}",
                                       "{\"meta\":{},\"page\":{}}",
                                       "{\"revision\":{\"content_slots\":[]}}",
                                       "{\"revision\":{\"content_slots\":{}}}"};

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(decode(slice_str(ROWS[i])), 0);
        assert_null(e.id.ptr);
        assert_null(e.domain.ptr);
        assert_int_equal(e.rev_id, -1);
        assert_int_equal(e.page_id, -1);
        assert_false(e.has_namespace);
        assert_int_equal(e.slot_count, 0);
        assert_true(span_is_absent(e.stream_value));
    }
}

static void escaped_fields_are_unescaped_and_keep_their_place(void **state)
{
    static const char TEXT[] = "{\"$schema\":\"\\/mediawiki\\/page\\/change\\/1.2.0\","
                               "\"m\\u0065ta\":{\"dom\\u0061in\":\"c\\u0061nary\"},"
                               "\"revision\":{\"content_slots\":{\"m\\u0061in\":{}}}}";

    assert_int_equal(decode(slice_str(TEXT)), 0);
    check_text(e.schema, "/mediawiki/page/change/1.2.0");
    check_span(e.schema_value, "\"\\/mediawiki\\/page\\/change\\/1.2.0\"");
    assert_true(e.is_canary);
    check_text(e.slots[0].role, "main");
}

static void a_field_of_the_wrong_type_is_named(void **state)
{
    static const struct {
        const char *text;
        enum reason reason;
        const char *detail;
    } ROWS[] = {
        {"{\"$schema\":1}", REASON_BAD_FIELD, "$schema is not a string"},
        {"{\"wiki_id\":null}", REASON_BAD_FIELD, "wiki_id is not a string"},
        {"{\"page_change_kind\":[]}", REASON_BAD_FIELD, "page_change_kind is not a string"},
        {"{\"meta\":null}", REASON_BAD_FIELD, "meta is not an object"},
        {"{\"meta\":\"x\"}", REASON_BAD_FIELD, "meta is not an object"},
        {"{\"meta\":{\"domain\":5}}", REASON_BAD_FIELD, "meta.domain is not a string"},
        {"{\"meta\":{\"id\":{}}}", REASON_BAD_FIELD, "meta.id is not a string"},
        {"{\"meta\":{\"request_id\":true}}", REASON_BAD_FIELD, "meta.request_id is not a string"},
        {"{\"page\":[]}", REASON_BAD_FIELD, "page is not an object"},
        {"{\"page\":{\"page_id\":\"42\"}}", REASON_BAD_FIELD,
         "page.page_id is not an integer of 64 bits"},
        {"{\"page\":{\"page_id\":-1}}", REASON_BAD_FIELD, "page.page_id is too small"},
        {"{\"page\":{\"namespace_id\":0.5}}", REASON_BAD_FIELD,
         "page.namespace_id is not an integer of 64 bits"},
        {"{\"revision\":7}", REASON_BAD_FIELD, "revision is not an object"},
        {"{\"revision\":{\"rev_id\":0}}", REASON_BAD_FIELD, "revision.rev_id is too small"},
        {"{\"revision\":{\"rev_id\":1e3}}", REASON_BAD_FIELD,
         "revision.rev_id is not an integer of 64 bits"},
        {"{\"revision\":{\"rev_id\":9223372036854775808}}", REASON_BAD_FIELD,
         "revision.rev_id is not an integer of 64 bits"},
        {"{\"revision\":{\"is_content_visible\":\"yes\"}}", REASON_BAD_FIELD,
         "revision.is_content_visible is not a boolean"},
        {"{\"revision\":{\"content_slots\":[1]}}", REASON_BAD_FIELD,
         "revision.content_slots is not an object"},
        {"{\"revision\":{\"content_slots\":{\"main\":null}}}", REASON_BAD_FIELD,
         "an entry of content_slots is not an object"},
        {"{\"revision\":{\"content_slots\":{\"main\":{\"content_sha1\":1}}}}", REASON_BAD_FIELD,
         "content_sha1 is not a string"},
        {"{\"revision\":{\"content_slots\":{\"main\":{\"content_size\":-1}}}}", REASON_BAD_FIELD,
         "content_size is too small"},
        {"{\"meta\":{},\"meta\":{}}", REASON_MALFORMED,
         "the event has a key twice, or too many keys"},
        {"{\"meta\":{\"id\":\"a\",\"id\":\"b\"}}", REASON_MALFORMED,
         "meta has a key twice, or too many keys"},
        {"{\"revision\":{\"rev_id\":1,\"rev_id\":2}}", REASON_MALFORMED,
         "revision has a key twice, or too many keys"},
        {"{\"revision\":{\"content_slots\":{\"main\":{},\"main\":{}}}}", REASON_MALFORMED,
         "revision.content_slots has a key twice, or too many keys"},
        {"{\"revision\":{\"content_slots\":{\"main\":{\"a\":1,\"a\":1}}}}", REASON_MALFORMED,
         "an entry of content_slots has a key twice, or too many keys"},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_not_equal(decode(slice_str(ROWS[i].text)), 0);
        assert_string_equal(flaw.detail, ROWS[i].detail);
        assert_int_equal(flaw.reason, ROWS[i].reason);
    }
}

static void fields_that_are_not_needed_may_be_anything(void **state)
{
    assert_int_equal(decode(SLICE_LIT("{\"dt\":[],\"meta\":{\"stream\":1,\"dt\":null,\"uri\":{}},"
                                      "\"page\":{\"page_title\":7},\"x\":{\"y\":1,\"y\":2},"
                                      "\"performer\":0,\"comment\":null}")),
                     0);
    check_span(e.stream_value, "1");
    check_span(e.dt_value, "null");
    check_span(e.performer.value, "0");
}

static void bytes_that_are_no_event_have_a_reason(void **state)
{
    assert_int_equal(decode((struct slice){0}), ERR_MALFORMED);
    assert_int_equal(flaw.reason, REASON_MALFORMED);
    assert_int_equal(decode(SLICE_LIT("\xef\xbb\xbf{}")), ERR_MALFORMED);
    assert_string_equal(flaw.detail, "starts with a byte order mark, at byte 0");
    assert_int_equal(decode(SLICE_LIT("{\"a\":\"\0\"}")), ERR_MALFORMED);
    assert_string_equal(flaw.detail, "contains a NUL byte, at byte 6");
    assert_int_equal(decode(SLICE_LIT("{\"a\":\"\\ud83d\"}")), ERR_MALFORMED);
    assert_int_equal(flaw.reason, REASON_MALFORMED);

    char *deep = malloc(20006);
    memcpy(deep, "{\"a\":", 5);
    memset(deep + 5, '[', 10000);
    memset(deep + 10005, ']', 10000);
    deep[20005] = '}';
    assert_int_equal(decode(slice_of(deep, 20006)), ERR_UNSUPPORTED);
    assert_int_equal(flaw.reason, REASON_TOO_DEEP);
    free(deep);

    const size_t len = EVENT_BYTES_MAX + 1;
    char *large = malloc(len);
    memset(large, ' ', len);
    memcpy(large, "{}", 2);
    assert_int_equal(decode(slice_of(large, len)), ERR_TOO_LARGE);
    assert_int_equal(flaw.reason, REASON_TOO_LARGE);
    /* legal, but would need more memory than is set aside for it */
    memset(large, '1', len - 1);
    for (size_t i = 7; i < len - 4; i += 2)
        large[i] = ',';
    memcpy(large, "{\"a\":[", 6);
    memcpy(large + len - 3, "]}", 2);
    assert_int_equal(decode(slice_of(large, len - 1)), ERR_NO_MEMORY);
    assert_int_equal(flaw.reason, REASON_TOO_LARGE);
    free(large);
}

static void limits_of_ids_slots_and_escapes_are_kept(void **state)
{
    char text[8192];
    int len = snprintf(text, sizeof text, "{\"meta\":{\"id\":\"%0257d\"}}", 0);

    assert_int_equal(decode(slice_of(text, (size_t)len)), ERR_MALFORMED);
    assert_int_equal(flaw.reason, REASON_BAD_FIELD);
    len = snprintf(text, sizeof text, "{\"meta\":{\"id\":\"%0256d\"}}", 0);
    assert_int_equal(decode(slice_of(text, (size_t)len)), 0);
    assert_int_equal(e.id.len, 256);

    len = snprintf(text, sizeof text, "{\"revision\":{\"content_slots\":{\"r\":{}");
    for (int i = 0; i < EVENT_SLOTS_MAX; i++) {
        struct slice so_far = slice_of(text, (size_t)len);
        char whole[8192];
        const int size = snprintf(whole, sizeof whole, "%.*s}}}", SLICE_ARG(so_far));
        assert_int_equal(decode(slice_of(whole, (size_t)size)), 0);
        assert_int_equal(e.slot_count, i + 1);
        len += snprintf(text + len, sizeof text - (size_t)len, ",\"r%d\":{}", i);
    }
    len += snprintf(text + len, sizeof text - (size_t)len, "}}}");
    assert_int_equal(decode(slice_of(text, (size_t)len)), ERR_TOO_LARGE);
    assert_int_equal(flaw.reason, REASON_TOO_LARGE);

    len = snprintf(text, sizeof text, "{\"wiki_id\":\"\\/%01024d\"}", 0);
    assert_int_equal(decode(slice_of(text, (size_t)len)), ERR_TOO_LARGE);
    assert_string_equal(flaw.detail, "wiki_id has too many escaped characters");
    assert_int_equal(decode(SLICE_LIT("{\"meta\":{\"id\":\"\"}}")), 0);
    assert_null(e.id.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_event_is_read_with_the_place_of_each_part),
        cmocka_unit_test(every_field_may_be_absent),
        cmocka_unit_test(escaped_fields_are_unescaped_and_keep_their_place),
        cmocka_unit_test(a_field_of_the_wrong_type_is_named),
        cmocka_unit_test(fields_that_are_not_needed_may_be_anything),
        cmocka_unit_test(bytes_that_are_no_event_have_a_reason),
        cmocka_unit_test(limits_of_ids_slots_and_escapes_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
