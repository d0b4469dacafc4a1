/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a drill's report says what readers saw, and a node plays dead only when and as long as told.
 * Method: arrivals and pauses by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "coord/ctl/drill_html.h"
#include "coord/pb_arena.h"
#include "node/drill.h"
#include "proto/braid.pb-c.h"

struct fixture {
    struct arena arena;
    struct drill drill;
    struct drill_copy *kept;
    struct drill_copy *harmed;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 1 << 16, 64 << 20);
    assert_int_equal(drill_init(&f->drill, &f->arena), 0);
    f->drill.late_limit_ms = 5000;
    f->harmed = drill_copy_add(&f->drill, SLICE_LIT("codfw"), true);
    f->kept = drill_copy_add(&f->drill, SLICE_LIT("eqiad"), false);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    free(f);
    return 0;
}

static void arrive(struct fixture *f, struct drill_copy *c, int64_t at_ms, int64_t late_ms)
{
    const struct drill_arrival r = {.at_ms = at_ms,
                                    .wall_ms = 100000 + at_ms,
                                    .time_ms = 100000 + at_ms - late_ms,
                                    .seq = c->last_seq + 1,
                                    .dc = SLICE_LIT("eqiad"),
                                    .topic = SLICE_LIT("in.v1")};

    drill_record(&f->drill, c, &r);
}

static void a_gap_counts_from_the_failure_on(void **state)
{
    struct fixture *f = *state;

    arrive(f, f->kept, 0, 10);
    arrive(f, f->kept, 4000, 10); /* before: not the failure's doing */
    f->drill.acted_ms = 5000;
    arrive(f, f->kept, 7500, 10);
    arrive(f, f->kept, 8000, 10);
    assert_int_equal(f->kept->gap_max_ms, 2500);
    assert_int_equal(f->kept->gap_from_ms, 5000);
    assert_int_equal(drill_gap_ms(&f->drill), 2500);
}

static void a_gap_that_is_still_open_counts(void **state)
{
    struct fixture *f = *state;

    f->drill.acted_ms = 0;
    arrive(f, f->kept, 100, 10);
    drill_tick(&f->drill, 9100);
    assert_int_equal(drill_gap_ms(&f->drill), 9000);
}

static void the_harmed_copys_gap_is_not_the_verdicts(void **state)
{
    struct fixture *f = *state;

    f->drill.acted_ms = 0;
    arrive(f, f->harmed, 0, 10);
    arrive(f, f->kept, 0, 10);
    arrive(f, f->kept, 300, 10);
    arrive(f, f->harmed, 60000, 60000);
    assert_int_equal(f->harmed->gap_max_ms, 60000);
    assert_int_equal(drill_gap_ms(&f->drill), 300);
    assert_int_equal(f->harmed->late_records, 1);
    assert_int_equal(f->harmed->parts[0].late_max_ms, 60000);
}

static void pass(struct fixture *f)
{
    f->drill.acted_ms = 0;
    f->drill.fine_ms = 9000;
    f->drill.is_audited = f->drill.is_sound = true;
    arrive(f, f->kept, 0, 10);
    arrive(f, f->kept, 100, 10);
    arrive(f, f->harmed, 100, 10);
}

static void a_drill_passes_only_if_nothing_was_lost_and_all_was_measured(void **state)
{
    struct fixture *f = *state;
    const struct drill_limits none = {0};
    const struct drill_limits tight = {.gap_ms = 50};

    assert_string_equal(drill_verdict(&f->drill, &none), "the stream was not audited");
    pass(f);
    assert_null(drill_verdict(&f->drill, &none));
    assert_non_null(strstr(drill_verdict(&f->drill, &tight), "the largest gap was 100 ms"));
    f->drill.fine_ms = DRILL_NONE;
    assert_non_null(strstr(drill_verdict(&f->drill, &none), "not fine again"));
    f->drill.lost = 1;
    assert_string_equal(drill_verdict(&f->drill, &none), "1 lost, 0 duplicated, 0 reordered");
    f->drill.lost = 0;
    f->drill.is_sound = false;
    f->drill.other_findings = 3;
    assert_string_equal(drill_verdict(&f->drill, &none), "3 findings of the audit");
}

static void a_copy_without_a_record_was_not_measured(void **state)
{
    struct fixture *f = *state;
    const struct drill_limits none = {0};

    pass(f);
    f->harmed->records = 0;
    assert_non_null(strstr(drill_verdict(&f->drill, &none), "codfw brought no record"));
}

static void the_page_escapes_what_comes_from_outside(void **state)
{
    struct fixture *f = *state;
    struct text page = text_in(&f->arena);

    pass(f);
    f->drill.total_ms = 12000;
    f->drill.stream = SLICE_LIT("a<b>&\"c\"");
    drill_print_html(&f->drill, "1 < 2", "now", &page);
    assert_non_null(strstr(text_string(&page), "a&lt;b&gt;&amp;&quot;c&quot;"));
    assert_non_null(strstr(text_string(&page), "1 &lt; 2"));
    assert_null(strstr(text_string(&page), "a<b>"));
    assert_null(strstr(text_string(&page), "http"));
    assert_non_null(strstr(text_string(&page), "</html>"));
}

/* ---- the node's part -------------------------------------------------------------------------- */

static int64_t until(struct fixture *f, const char *key, int64_t until_ms)
{
    Braid__Pause pause;
    struct etcd_kv kv = {.key = slice_str(key)};

    braid__pause__init(&pause);
    pause.until_ms = until_ms;
    assert_int_equal(pb_pack(&pause.base, 1000, &f->arena, &kv.value), 0);
    return drill_until_ms(&kv, 1, SLICE_LIT("eqiad"), 1000);
}

static void a_node_obeys_a_drill_of_its_own_dc_until_its_end(void **state)
{
    assert_int_equal(until(*state, "/braid/t/pauses/drill/eqiad", 5000), 5000);
    assert_int_equal(until(*state, "/braid/t/pauses/drill/codfw", 5000), 0);
    assert_int_equal(until(*state, "/braid/t/pauses/drill/eqiad2", 5000), 0);
    assert_int_equal(until(*state, "/braid/t/pauses/eqiad", 5000), 0);
    assert_int_equal(until(*state, "/braid/t/pauses/drill/eqiad", 1000), 0);
}

static void a_drill_that_would_not_end_is_not_obeyed(void **state)
{
    struct fixture *f = *state;
    const struct etcd_kv broken = {.key = SLICE_LIT("/braid/t/pauses/drill/eqiad"),
                                   .value = SLICE_LIT("\xff\xff")};

    assert_int_equal(until(f, "/braid/t/pauses/drill/eqiad", 0), 0);
    assert_int_equal(until(f, "/braid/t/pauses/drill/eqiad", 1000 + DRILL_DOWN_MS_MAX + 1), 0);
    assert_int_equal(drill_until_ms(&broken, 1, SLICE_LIT("eqiad"), 1000), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_gap_counts_from_the_failure_on),
        TEST(a_gap_that_is_still_open_counts),
        TEST(the_harmed_copys_gap_is_not_the_verdicts),
        TEST(a_drill_passes_only_if_nothing_was_lost_and_all_was_measured),
        TEST(a_copy_without_a_record_was_not_measured),
        TEST(the_page_escapes_what_comes_from_outside),
        TEST(a_node_obeys_a_drill_of_its_own_dc_until_its_end),
        TEST(a_drill_that_would_not_end_is_not_obeyed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
