/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: one answer serves all who ask the same at the same time, and none for too long.
 * Method: the table by hand; then random use against a plain list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "node/share.h"

struct fixture {
    struct arena arena;
    struct share s;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    arena_init(&f->arena, 1 << 21, 1 << 23);
    assert_int_equal(share_init(&f->s, 1000, &f->arena), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    free(f);
    return 0;
}

static struct question parse_of(const char *domain, int64_t page_id, const char *text)
{
    return (struct question){.kind = QUESTION_PARSE,
                             .domain = slice_str(domain),
                             .page_id = page_id,
                             .rev_id = 1,
                             .text = slice_str(text)};
}

static enum share_answer ask(struct fixture *f, struct question q, int64_t now_ms, uint32_t *entry)
{
    return share_ask(&f->s, &q, now_ms, entry);
}

static void the_first_leads_others_join_and_later_ones_take(void **state)
{
    struct fixture *f = *state;
    const struct question q = parse_of("a.wiki", 1, "x");
    uint32_t first;
    uint32_t other;

    assert_int_equal(ask(f, q, 0, &first), SHARE_LEAD);
    assert_int_equal(ask(f, q, 1, &other), SHARE_JOIN);
    assert_int_equal(other, first);
    assert_true(share_answered(&f->s, first, true, 10, 5));
    assert_int_equal(ask(f, q, 6, &other), SHARE_TAKE);
    assert_int_equal(other, first);
    /* another wiki, kind or text is another question */
    assert_int_equal(ask(f, parse_of("b.wiki", 1, "x"), 6, &other), SHARE_LEAD);
    assert_int_equal(ask(f, parse_of("a.wiki", 1, "y"), 6, &other), SHARE_LEAD);
    struct question html = q;
    html.kind = QUESTION_HTML;
    assert_int_equal(ask(f, html, 6, &other), SHARE_LEAD);
    /* an answer about a user belongs to the event it was asked for: another may be younger */
    struct question later = q;
    later.rev_id = 2;
    assert_int_equal(ask(f, later, 6, &other), SHARE_LEAD);
    struct question revision = {.kind = QUESTION_REVISION,
                                .domain = SLICE_LIT("a.wiki"),
                                .rev_id = 5,
                                .text = SLICE_LIT("revision")};
    assert_int_equal(ask(f, revision, 6, &first), SHARE_LEAD);
    assert_int_equal(ask(f, revision, 6, &other), SHARE_JOIN);
    revision.rev_id = 6;
    assert_int_equal(ask(f, revision, 6, &other), SHARE_LEAD);
    assert_int_not_equal(first, other);
}

static void an_answer_is_kept_for_ten_seconds(void **state)
{
    struct fixture *f = *state;
    const struct question q = parse_of("a.wiki", 1, "x");
    uint32_t entry;

    assert_int_equal(ask(f, q, 0, &entry), SHARE_LEAD);
    assert_true(share_answered(&f->s, entry, true, 10, 5));
    assert_int_equal(ask(f, q, 5 + SHARE_KEEP_MS - 1, &entry), SHARE_TAKE);
    assert_int_equal(share_pop_old(&f->s, 0, 5 + SHARE_KEEP_MS - 1), SHARE_NONE);
    assert_int_equal(ask(f, q, 5 + SHARE_KEEP_MS, &entry), SHARE_ALONE);
    assert_int_equal(share_pop_old(&f->s, 0, 5 + SHARE_KEEP_MS), entry);
    assert_int_equal(share_pop_old(&f->s, 0, 5 + SHARE_KEEP_MS), SHARE_NONE);
    assert_int_equal(ask(f, q, 5 + SHARE_KEEP_MS, &entry), SHARE_LEAD);
}

static void a_bad_answer_serves_nobody(void **state)
{
    struct fixture *f = *state;
    const struct question q = parse_of("a.wiki", 1, "x");
    uint32_t entry;

    assert_int_equal(ask(f, q, 0, &entry), SHARE_LEAD);
    assert_false(share_answered(&f->s, entry, false, 10, 5));
    assert_int_equal(ask(f, q, 6, &entry), SHARE_LEAD);
}

static void what_is_known_of_a_page_goes_with_its_deletion(void **state)
{
    struct fixture *f = *state;
    uint32_t kept;
    uint32_t flying;
    uint32_t other;
    uint32_t entry;

    assert_int_equal(ask(f, parse_of("a.wiki", 1, "kept"), 0, &kept), SHARE_LEAD);
    assert_true(share_answered(&f->s, kept, true, 1, 0));
    assert_int_equal(ask(f, parse_of("a.wiki", 1, "flying"), 0, &flying), SHARE_LEAD);
    assert_int_equal(ask(f, parse_of("b.wiki", 1, "kept"), 0, &other), SHARE_LEAD);
    assert_true(share_answered(&f->s, other, true, 1, 0));
    assert_int_equal(share_pop_page(&f->s, SLICE_LIT("a.wiki"), 1), kept);
    assert_int_equal(share_pop_page(&f->s, SLICE_LIT("a.wiki"), 1), SHARE_NONE);
    assert_int_equal(ask(f, parse_of("b.wiki", 1, "kept"), 1, &entry), SHARE_TAKE);
    /* what was asked before may have been answered before: nobody joins, and it is not kept */
    assert_int_equal(ask(f, parse_of("a.wiki", 1, "flying"), 1, &entry), SHARE_LEAD);
    assert_int_not_equal(entry, flying);
    assert_false(share_answered(&f->s, flying, true, 1, 2));
    assert_true(share_answered(&f->s, entry, true, 1, 2));
    assert_int_equal(ask(f, parse_of("a.wiki", 1, "flying"), 3, &flying), SHARE_TAKE);
    assert_int_equal(flying, entry);
}

static void bytes_and_entries_are_bounded(void **state)
{
    static char text[SHARE_KEY_MAX + 1];
    struct fixture *f = *state;
    uint32_t first;
    uint32_t second;
    uint32_t entry;

    assert_int_equal(ask(f, parse_of("a.wiki", 1, "1"), 0, &first), SHARE_LEAD);
    assert_true(share_answered(&f->s, first, true, 600, 1));
    assert_int_equal(ask(f, parse_of("a.wiki", 1, "2"), 0, &second), SHARE_LEAD);
    assert_int_equal(share_pop_old(&f->s, 400, 2), SHARE_NONE);
    assert_int_equal(share_pop_old(&f->s, 401, 2), first);
    assert_true(share_answered(&f->s, second, true, 401, 2));
    assert_int_equal(ask(f, parse_of("a.wiki", 1, "3"), 0, &entry), SHARE_LEAD);
    assert_false(share_answered(&f->s, entry, true, 1001, 3)); /* would never fit */
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(ask(f, parse_of("a.wiki", 1, text), 4, &entry), SHARE_ALONE);
    for (unsigned i = 1; i < SHARE_ENTRIES_MAX; i++) {
        struct question q = {
            .kind = QUESTION_REVISION, .domain = SLICE_LIT("a.wiki"), .rev_id = 100 + (int)i};
        assert_int_equal(ask(f, q, 5, &entry), SHARE_LEAD);
    }
    assert_int_equal(ask(f, parse_of("a.wiki", 1, "4"), 6, &entry), SHARE_ALONE);
    assert_int_equal(share_pop_old(&f->s, 0, 6), second); /* makes room */
    assert_int_equal(ask(f, parse_of("a.wiki", 1, "4"), 6, &entry), SHARE_LEAD);
}

/* ---- random use ------------------------------------------------------------------------------ */

enum {
    KEYS = 40
};

/* What the table must know of one question. */
struct model {
    enum share_state state;
    uint32_t entry;
    int64_t answered_ms;
};

static void check_pops(struct fixture *f, struct model *m, uint64_t bytes, int64_t now_ms)
{
    uint32_t entry = share_pop_old(&f->s, bytes, now_ms);

    while (entry != SHARE_NONE) {
        unsigned found = 0;
        for (unsigned k = 0; k < KEYS; k++) {
            if (m[k].state != SHARE_KEPT || m[k].entry != entry)
                continue;
            m[k].state = SHARE_FREE;
            found++;
        }
        assert_int_equal(found, 1);
        entry = share_pop_old(&f->s, bytes, now_ms);
    }
}

static void random_use_agrees_with_a_plain_list(void **state)
{
    struct fixture *f = *state;
    struct model m[KEYS] = {0};
    unsigned seed = 7;
    int64_t now_ms = 0;

    for (unsigned step = 0; step < 20000; step++) {
        seed = seed * 1103515245U + 12345U;
        const unsigned k = (seed >> 16) % KEYS;
        const struct question q = {.kind = QUESTION_REVISION,
                                   .domain = SLICE_LIT("a.wiki"),
                                   .page_id = k % 5,
                                   .rev_id = k};
        uint32_t entry;
        now_ms += (seed >> 8) % 300;
        if (m[k].state == SHARE_FLYING && (seed >> 24) % 2 == 0) {
            const uint64_t bytes = (seed >> 10) % 300;
            check_pops(f, m, bytes, now_ms);
            const bool is_kept =
                share_answered(&f->s, m[k].entry, (seed >> 5) % 4 != 0, bytes, now_ms);
            m[k].state = is_kept ? SHARE_KEPT : SHARE_FREE;
            m[k].answered_ms = now_ms;
            continue;
        }
        const enum share_answer answer = share_ask(&f->s, &q, now_ms, &entry);
        switch (m[k].state) {
        case SHARE_FREE:
            assert_int_equal(answer, SHARE_LEAD);
            m[k].state = SHARE_FLYING;
            m[k].entry = entry;
            break;
        case SHARE_FLYING:
            assert_int_equal(answer, SHARE_JOIN);
            break;
        case SHARE_KEPT:
            assert_int_equal(answer,
                             now_ms - m[k].answered_ms < SHARE_KEEP_MS ? SHARE_TAKE : SHARE_ALONE);
            break;
        }
        assert_int_equal(entry, m[k].entry);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_first_leads_others_join_and_later_ones_take),
        T(an_answer_is_kept_for_ten_seconds),
        T(a_bad_answer_serves_nobody),
        T(what_is_known_of_a_page_goes_with_its_deletion),
        T(bytes_and_entries_are_bounded),
        T(random_use_agrees_with_a_plain_list),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
