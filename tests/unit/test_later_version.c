/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what a later version wrote is read by this one: a field more in a spec, a cut, a report or a line of
 *       the log changes nothing of what is known.
 * Method: values as this version writes them, with a field appended that it does not know; with its bytes
 *         cut short, they are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "coord/ctl/apply.h"
#include "coord/spec.h"
#include "proto/cut.h"

/* Field 15000, bytes, "later". */
#define LATER "\xc2\xa9\x07\x05later"

struct fixture {
    struct arena arena;
    struct slice dcs[2];
    struct slice source;
    struct spec spec;
    struct cut cut;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct apply_start starts[2];

    arena_init(&f->arena, 1 << 16, 16 << 20);
    f->dcs[0] = SLICE_LIT("codfw");
    f->dcs[1] = SLICE_LIT("eqiad");
    f->source = SLICE_LIT("in.v1");
    f->spec = (struct spec){.version = 3,
                            .output = SLICE_LIT("out.v1"),
                            .description = SLICE_LIT("what it is"),
                            .dcs = {f->dcs, 2},
                            .sources = {&f->source, 1},
                            .min_members = 1};
    for (int i = 0; i < 2; i++)
        starts[i] =
            (struct apply_start){.from = {.dc = f->dcs[i], .topic = f->source}, .position = 41};
    assert_int_equal(apply_first_cut(&f->spec, starts, 2, 77, &f->arena, &f->cut), 0);
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

/* The value with the field appended, all of it or all but its last bytes. */
static struct slice with_later(struct fixture *f, struct slice value, size_t without)
{
    struct slice later = SLICE_LIT(LATER);
    uint8_t *bytes = arena_alloc(&f->arena, value.len + later.len);

    memcpy(bytes, value.ptr, value.len);
    memcpy(bytes + value.len, later.ptr, later.len - without);
    return slice_of(bytes, value.len + later.len - without);
}

static void a_spec_with_a_field_more_is_the_same_spec(void **state)
{
    struct fixture *f = *state;
    struct slice bytes = {0};
    struct spec spec;

    assert_int_equal(spec_encode(&f->spec, &f->arena, &bytes), 0);
    assert_int_equal(spec_decode(with_later(f, bytes, 0), &f->arena, &spec), 0);
    assert_int_equal(spec.version, 3);
    assert_int_equal(spec.dcs.count, 2);
    assert_true(slice_equal(spec.description, f->spec.description));
    assert_int_not_equal(spec_decode(with_later(f, bytes, 2), &f->arena, &spec), 0);
}

static void a_cut_with_a_field_more_is_the_same_cut(void **state)
{
    struct fixture *f = *state;
    struct slice bytes = {0};
    struct cut cut;

    f->cut.number = 9;
    assert_int_equal(cut_encode(&f->cut, &f->arena, &bytes), 0);
    assert_int_equal(cut_decode(with_later(f, bytes, 0), &f->arena, &cut), 0);
    assert_int_equal(cut.number, 9);
    assert_int_equal(cut.time_ms, f->cut.time_ms);
    assert_int_equal(cut.layout.hash, f->cut.layout.hash);
    assert_int_equal(cut.strands[0].position, 41);
    assert_int_not_equal(cut_decode(with_later(f, bytes, 2), &f->arena, &cut), 0);
}

static void a_report_with_a_field_more_is_the_same_report(void **state)
{
    struct fixture *f = *state;
    int64_t held[] = {1, 2, 3, 4};
    struct report report = {.dc = f->dcs[1],
                            .number = 5,
                            .layout_hash = f->cut.layout.hash,
                            .count = f->cut.layout.count,
                            .read_back = held,
                            .offer = held,
                            .caught_up = true};
    struct slice bytes = {0};
    struct report read;

    assert_in_range(report.count, 1, 4);
    assert_int_equal(report_encode(&report, &f->arena, &bytes), 0);
    assert_int_equal(report_decode(with_later(f, bytes, 0), &f->arena, &read), 0);
    assert_int_equal(read.number, 5);
    assert_int_equal(read.read_back[0], 1);
    assert_true(read.caught_up);
    assert_int_not_equal(report_decode(with_later(f, bytes, 2), &f->arena, &read), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_spec_with_a_field_more_is_the_same_spec),
        TEST(a_cut_with_a_field_more_is_the_same_cut),
        TEST(a_report_with_a_field_more_is_the_same_report),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
