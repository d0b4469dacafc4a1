/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: each posted event is taken with all its bytes, or refused with the reason; a body that is not
 *       JSON is refused whole; the answer is EventGate's.
 * Method: bodies by hand and what must become of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "proto/err.h"
#include "proto/intake.h"

#define EVENT_MAX 2000

struct fixture {
    struct arena scratch;
    struct arena keep;
    struct intake_event *list;
    size_t count;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->scratch, 1 << 16, 1 << 26);
    arena_init(&f->keep, 1 << 16, 1 << 26);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->scratch);
    arena_deinit(&f->keep);
    free(f);
    return 0;
}

static int take(struct fixture *f, struct slice body)
{
    const struct intake_fill fill = {
        .now_ms = 1767323045678,
        .chance = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
        .request_id = SLICE_LIT("req\"1")};
    int rc = intake_split(body, &f->keep, &f->list, &f->count);

    for (size_t i = 0; i < f->count && rc == 0; i++)
        rc = intake_read(&f->list[i], &fill, EVENT_MAX, &f->scratch, &f->keep);
    return rc;
}

static void expect(struct slice got, const char *wanted)
{
    if (!slice_equal(got, slice_str(wanted)))
        fail_msg("got %.*s", SLICE_ARG(got));
}

#define WHOLE                                                                                      \
    "{ \"$schema\":\"/s/1\", "                                                                     \
    "\"meta\":{\"stream\":\"a.v1\",\"id\":\"i\",\"dt\":\"2026-01-02T03:04:05Z\","                  \
    "\"request_id\":\"r\"}, \"wiki_id\":\"testwiki\", \"page\":{\"page_id\":5}, \"x\":1e999 }"

static void an_event_that_lacks_nothing_keeps_its_bytes(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(take(f, SLICE_LIT(" \n" WHOLE " ")), 0);
    assert_int_equal(f->count, 1);
    assert_int_equal(f->list[0].state, INTAKE_WAITING);
    expect(f->list[0].value, WHOLE);
    expect(f->list[0].stream, "a.v1");
    expect(f->list[0].key, "{\"wiki_id\":\"testwiki\",\"page_id\":5}");
}

static void what_the_meta_lacks_is_added_at_its_end(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        take(f, SLICE_LIT("{\"$schema\":\"/s/1\",\"meta\":{\"stream\":\"a\" } ,\"b\":1}")), 0);
    expect(f->list[0].value,
           "{\"$schema\":\"/s/1\",\"meta\":{\"stream\":\"a\" ,"
           "\"id\":\"00010203-0405-4607-8809-0a0b0c0d0e0f\",\"dt\":\"2026-01-02T03:04:05.678Z\","
           "\"request_id\":\"req\\\"1\"} ,\"b\":1}");
    assert_null(f->list[0].key.ptr);
}

static void older_streams_have_the_same_key(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(take(f, SLICE_LIT("{\"$schema\":\"/s/1\",\"meta\":{\"stream\":\"a\"},"
                                       "\"database\":\"w\\\"i\",\"page_id\":7}")),
                     0);
    expect(f->list[0].key, "{\"wiki_id\":\"w\\\"i\",\"page_id\":7}");
}

static void an_array_is_taken_event_by_event(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        take(f, SLICE_LIT("[" WHOLE " ,{\"a\":\"}],\\\"\"} , 5,\n\"x,y\" ,[1,[2]], null]")), 0);
    assert_int_equal(f->count, 6);
    assert_int_equal(f->list[0].state, INTAKE_WAITING);
    for (size_t i = 1; i < 6; i++) {
        assert_int_equal(f->list[i].state, INTAKE_INVALID);
        assert_true(f->list[i].is_json);
    }
    assert_string_equal(f->list[1].field, ".$schema");
    assert_string_equal(f->list[2].message, "should be object");
    expect(f->list[4].bytes, "[1,[2]]");
}

static void a_body_that_is_no_json_is_refused_whole(void **state)
{
    struct fixture *f = *state;
    const char *bodies[] = {"x",
                            "5",
                            "\"a\"",
                            "{",
                            "[",
                            "[1",
                            "[1,",
                            "[1,]",
                            "[,1]",
                            "[1]]",
                            "[1] x",
                            "{} x",
                            "{\"a\"}",
                            "[{\"a\":}]",
                            "[" WHOLE " x]",
                            "[{}{}]",
                            "[\"a]",
                            "\xef\xbb\xbf{}",
                            "[01]",
                            "{\"a\":\"\\ud800\"}",
                            "{\"a\":\"\xff\"}",
                            "[{\"a\":1]}",
                            "[nul]"};

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        if (take(f, slice_str(bodies[i])) != ERR_MALFORMED)
            fail_msg("taken: %s", bodies[i]);
    assert_int_equal(take(f, SLICE_LIT("{\"a\":\"\0\"}")), ERR_MALFORMED);
}

static void no_event_is_no_error_here(void **state)
{
    struct fixture *f = *state;
    const char *bodies[] = {"", "  \n", "[]", " [ ] "};

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(take(f, slice_str(bodies[i])), 0);
        assert_int_equal(f->count, 0);
    }
}

static void what_is_wrong_is_named(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *event;
        const char *field;
    } cases[] = {
        {"{}", ".$schema"},
        {"{\"$schema\":5}", ".$schema"},
        {"{\"$schema\":\"\"}", ".$schema"},
        {"{\"$schema\":\"s\",\"$schema\":\"s\"}", ""},
        {"{\"$schema\":\"s\"}", ".meta"},
        {"{\"$schema\":\"s\",\"meta\":[]}", ".meta"},
        {"{\"$schema\":\"s\",\"meta\":{}}", ".meta.stream"},
        {"{\"$schema\":\"s\",\"meta\":{\"stream\":\"a\",\"stream\":\"b\"}}", ".meta"},
        {"{\"$schema\":\"s\",\"meta\":{\"stream\":\"\"}}", ".meta.stream"},
        {"{\"$schema\":\"s\",\"meta\":{\"stream\":\"a/b\"}}", ".meta.stream"},
        {"{\"$schema\":\"s\",\"meta\":{\"stream\":null}}", ".meta.stream"},
        {"{\"$schema\":\"s\",\"meta\":{\"stream\":\"a\",\"id\":5}}", ".meta.id"},
        {"{\"$schema\":\"s\",\"meta\":{\"stream\":\"a\",\"id\":null}}", ".meta.id"},
        {"{\"$schema\":\"s\",\"meta\":{\"stream\":\"a\",\"dt\":\"yesterday\"}}", ".meta.dt"},
        {"{\"$schema\":\"s\",\"meta\":{\"stream\":\"a\",\"dt\":1767323045}}", ".meta.dt"},
        {"{\"$schema\":\"s\",\"meta\":{\"stream\":\"a\",\"request_id\":[]}}", ".meta.request_id"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(take(f, slice_str(cases[i].event)), 0);
        assert_int_equal(f->list[0].state, INTAKE_INVALID);
        assert_string_equal(f->list[0].field, cases[i].field);
    }
}

static void limits_are_kept(void **state)
{
    struct fixture *f = *state;
    const size_t max = 3 * (INTAKE_EVENTS_MAX + 2);
    char *body = malloc(max + EVENT_MAX);
    size_t len = 0;

    assert_non_null(body);
    memset(body, '[', 80); /* too deep */
    memset(body + 80, ']', 80);
    assert_int_equal(take(f, slice_of(body, 160)), 0);
    assert_int_equal(f->list[0].state, INTAKE_INVALID);
    assert_false(f->list[0].is_json);
    memset(body, ' ', EVENT_MAX + 1); /* too long */
    body[0] = '{';
    body[EVENT_MAX] = '}';
    assert_int_equal(take(f, slice_of(body, EVENT_MAX + 1)), 0);
    assert_string_equal(f->list[0].message, "is larger than intake.event_bytes");
    body[len++] = '['; /* too many */
    for (int i = 0; i <= INTAKE_EVENTS_MAX; i++) {
        memcpy(body + len, "{},", 3);
        len += 3;
    }
    body[len - 1] = ']';
    assert_int_equal(take(f, slice_of(body, len)), ERR_TOO_LARGE);
    free(body);
}

/* What the answer is once event i has the state s[i]: a(ccepted), e(rror), as it is. */
static unsigned answer_of(struct fixture *f, const char *states, struct slice *out_body)
{
    unsigned status = 0;

    assert_int_equal(strlen(states), f->count);
    for (size_t i = 0; i < f->count; i++) {
        if (states[i] == 'a')
            f->list[i].state = INTAKE_ACCEPTED;
        if (states[i] == 'e') {
            f->list[i].state = INTAKE_ERROR;
            f->list[i].message = "no";
        }
    }
    assert_int_equal(intake_answer(f->list, f->count, &f->keep, &status, out_body), 0);
    return status;
}

static void answers_are_those_of_eventgate(void **state)
{
    struct fixture *f = *state;
    struct slice body;

    assert_int_equal(take(f, SLICE_LIT("[" WHOLE "," WHOLE "]")), 0);
    assert_int_equal(answer_of(f, "aa", &body), 201);
    assert_null(body.ptr);
    assert_int_equal(answer_of(f, "ee", &body), 500);
    assert_int_equal(answer_of(f, "ae", &body), 207);
    expect(body, "{\"invalid\":[],\"error\":[{\"status\":\"error\",\"event\":" WHOLE
                 ",\"context\":{\"message\":\"no\"}}]}");
    assert_int_equal(take(f, SLICE_LIT("[{\"a\":1},7]")), 0);
    assert_int_equal(answer_of(f, "--", &body), 400);
    expect(body,
           "{\"invalid\":[{\"status\":\"invalid\",\"event\":{\"a\":1},\"context\":{\"errors\":[{"
           "\"dataPath\":\".$schema\",\"message\":\"should be a string\"}],"
           "\"errorsText\":\"'.$schema' should be a string\"}},"
           "{\"status\":\"invalid\",\"event\":7,\"context\":{\"errors\":[{"
           "\"dataPath\":\"\",\"message\":\"should be object\"}],"
           "\"errorsText\":\"'' should be object\"}}]}");
    assert_int_equal(take(f, SLICE_LIT("[{}," WHOLE "]")), 0);
    assert_int_equal(answer_of(f, "-e", &body), 500);
    assert_int_equal(answer_of(f, "-a", &body), 207);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(an_event_that_lacks_nothing_keeps_its_bytes),
        TEST(what_the_meta_lacks_is_added_at_its_end),
        TEST(older_streams_have_the_same_key),
        TEST(an_array_is_taken_event_by_event),
        TEST(a_body_that_is_no_json_is_refused_whole),
        TEST(no_event_is_no_error_here),
        TEST(what_is_wrong_is_named),
        TEST(limits_are_kept),
        TEST(answers_are_those_of_eventgate),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
