/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what the bench sends and what its API server answers is what Braid takes for real: an event
 *       is decoded, its revision is found in the answer, and the sha1s agree.
 * Method: made-up events through event_decode; their revisions, singly and fifty at once, through
 *       api_answer_write, mwapi_decode and enrich_page_judge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "bench/api_answer.h"
#include "bench/event_text.h"
#include "proto/enrich_page.h"
#include "proto/err.h"

enum {
    BUFFER = 4 * 1024 * 1024
};
static const int64_t NOW_MS = 1767323045678;

struct fixture {
    struct arena arena;
    struct arena keep;
    struct texts texts;
    struct event_source source;
    uint8_t value[8192];
    uint8_t answer[BUFFER];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    arena_init(&f->arena, 1 << 20, 1 << 26);
    arena_init(&f->keep, 1 << 20, 1 << 26);
    assert_int_equal(texts_fill(&f->texts, 3, 10500, 0.8, &f->arena), 0);
    event_source_init(&f->source, 3, &f->texts, 1500);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    arena_deinit(&f->keep);
    free(f);
    return 0;
}

static void make(struct fixture *f, uint64_t n, struct event *event)
{
    struct event_made made;
    struct event_flaw flaw;

    event_text(&f->source, n, NOW_MS, f->value, &made);
    assert_int_equal(made.len, 1500);
    assert_int_equal(event_decode(&f->keep, slice_of(f->value, made.len), event, &flaw), 0);
}

static void an_event_is_one_that_braid_decodes(void **state)
{
    struct fixture *f = *state;
    struct event *event = calloc(1, sizeof *event);

    for (uint64_t n = 0; n < 200; n++) {
        make(f, n, event);
        assert_true(slice_equal(event->kind, SLICE_LIT("edit")));
        assert_int_equal(event->rev_id, EVENT_TEXT_REV_FIRST + (int64_t)n);
        assert_int_equal(event->slot_count, 1);
        assert_int_equal(event->id.len, 36);
    }
    free(event);
}

static void two_events_have_two_ids_and_the_same_number_has_the_same(void **state)
{
    struct fixture *f = *state;
    struct event *event = calloc(1, sizeof *event);
    char ids[3][37] = {""};

    for (int i = 0; i < 3; i++) {
        make(f, i == 2 ? 0 : (uint64_t)i, event);
        (void)snprintf(ids[i], sizeof ids[i], "%.*s", SLICE_ARG(event->id));
    }
    assert_string_not_equal(ids[0], ids[1]);
    assert_string_equal(ids[0], ids[2]);
    free(event);
}

/* Asks as a client would; the body of the answer. */
static struct slice ask(struct fixture *f, uint64_t first, uint32_t count)
{
    char request[API_REQUEST_MAX];
    struct api_request r;
    size_t len = 0;
    int at =
        snprintf(request, sizeof request, "GET /w/api.php?action=query&prop=revisions&revids=");

    for (uint32_t i = 0; i < count; i++)
        at += snprintf(request + at, sizeof request - (size_t)at, "%s%llu", i > 0 ? "%7C" : "",
                       (unsigned long long)EVENT_TEXT_REV_FIRST + first + i);
    at += snprintf(request + at, sizeof request - (size_t)at, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(api_request_parse(slice_of(request, (size_t)at), &r), 0);
    assert_int_equal(r.len, at);
    assert_int_equal(r.count, count);
    assert_int_equal(api_answer_write(&r, &f->texts, f->answer, BUFFER, &len), 0);
    const uint8_t *body = memmem(f->answer, len, "\r\n\r\n", 4);
    assert_non_null(body);
    return slice_of(body + 4, len - (size_t)(body + 4 - f->answer));
}

static void check_answers(struct fixture *f, uint64_t first, uint32_t count)
{
    struct mwapi_answer answer;
    struct event *event = calloc(1, sizeof *event);
    const struct slice body = ask(f, first, count);

    arena_reset(&f->keep);
    struct arena scratch;
    arena_init(&scratch, 1 << 16, 1 << 26);
    assert_int_equal(mwapi_decode(&scratch, &f->keep, body, &answer), 0);
    assert_int_equal(answer.revision_count, count);
    for (uint32_t i = 0; i < count; i++) {
        make(f, first + i, event);
        const struct enrich_judgement j = enrich_page_judge(event, &answer);
        assert_int_equal(j.verdict, ENRICH_VERDICT_OK);
    }
    arena_deinit(&scratch);
    free(event);
}

static void an_answer_has_the_content_that_the_event_announced(void **state)
{
    check_answers(*state, 0, 1);
}

static void fifty_revisions_are_answered_at_once(void **state)
{
    check_answers(*state, 1000, 50);
}

static void events_can_be_kept_to_a_few_pages(void **state)
{
    struct fixture *f = *state;
    struct event_made made;

    f->source.pages = 100;
    for (uint64_t n = 0; n < 1000; n++) {
        event_text(&f->source, n, NOW_MS, f->value, &made);
        assert_true(made.page < 100);
    }
}

static void a_failure_is_found_by_its_word_and_answered_with_its_status(void **state)
{
    uint8_t answer[API_HEAD_MAX + API_PAGE_MAX];
    const size_t len = api_failure_write(API_FAILURE_403, answer);

    (void)state;
    assert_int_equal(api_failure_find("403"), API_FAILURE_403);
    assert_int_equal(api_failure_find("500"), API_FAILURE_500);
    assert_int_equal(api_failure_find("maxlag"), API_FAILURE_MAXLAG);
    assert_int_equal(api_failure_find("404"), -1);
    assert_true(len > 12);
    assert_memory_equal(answer, "HTTP/1.1 403", 12);
}

static void half_a_request_waits_for_the_rest(void **state)
{
    struct api_request r;

    (void)state;
    assert_int_equal(api_request_parse(SLICE_LIT("GET / HTTP/1.1\r\nHost"), &r), ERR_BUSY);
    assert_int_equal(api_request_parse((struct slice){0}, &r), ERR_BUSY);
    assert_int_equal(api_request_parse(SLICE_LIT("PUT / HTTP/1.1\r\n\r\n"), &r), ERR_MALFORMED);
    assert_int_equal(api_request_parse(SLICE_LIT("GET / HTTP/1.1\r\n\r\nGET"), &r), 0);
    assert_false(r.is_query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_is_one_that_braid_decodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_events_have_two_ids_and_the_same_number_has_the_same,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_has_the_content_that_the_event_announced, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(fifty_revisions_are_answered_at_once, set_up, tear_down),
        cmocka_unit_test(half_a_request_waits_for_the_rest),
        cmocka_unit_test_setup_teardown(events_can_be_kept_to_a_few_pages, set_up, tear_down),
        cmocka_unit_test(a_failure_is_found_by_its_word_and_answered_with_its_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
