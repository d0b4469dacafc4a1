/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: scalars of a file are read as their units say, and only then; "did you mean" finds what a
 *       person would; names that the table leaves open become pairs.
 * Method: tables of good and bad scalars, and a small table of its own with `*`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "coord/io_yaml.h"
#include "coord/suggest.h"
#include "proto/err.h"

static void durations_need_a_unit_and_sizes_take_one(void **state)
{
    int64_t value = 0;

    assert_int_equal(keys_parse_duration(SLICE_LIT("50ms"), &value), 0);
    assert_int_equal(value, 50);
    assert_int_equal(keys_parse_duration(SLICE_LIT("6h"), &value), 0);
    assert_int_equal(value, 6 * 3600000);
    assert_int_equal(keys_parse_bytes(SLICE_LIT("64KiB"), &value), 0);
    assert_int_equal(value, 65536);
    assert_int_equal(keys_parse_bytes(SLICE_LIT("512"), &value), 0);
    assert_int_equal(value, 512);
    assert_int_equal(keys_parse_duration(SLICE_LIT("50"), &value), ERR_MALFORMED);
    assert_int_equal(keys_parse_duration(SLICE_LIT("-5s"), &value), ERR_MALFORMED);
    assert_int_equal(keys_parse_duration(SLICE_LIT("5 s"), &value), ERR_MALFORMED);
    assert_int_equal(keys_parse_duration(SLICE_LIT("s"), &value), ERR_MALFORMED);
    assert_int_equal(keys_parse_duration(SLICE_LIT("999999999999999999d"), &value), ERR_MALFORMED);
    assert_int_equal(keys_parse_bytes(SLICE_LIT("1MB"), &value), ERR_MALFORMED);
    assert_int_equal(keys_parse_number(SLICE_LIT(""), &value), ERR_MALFORMED);
    assert_int_equal(keys_parse_number(SLICE_LIT("1e3"), &value), ERR_MALFORMED);
}

static void a_time_is_read_and_printed_in_utc(void **state)
{
    struct arena a;
    struct text t;
    int64_t ms = 0;

    arena_init(&a, 4096, 1 << 20);
    t = text_in(&a);
    assert_int_equal(keys_parse_time(SLICE_LIT("2026-01-02T03:04:05Z"), &ms), 0);
    assert_int_equal(ms, 1767323045000);
    keys_print_time(ms, &t);
    assert_string_equal(text_string(&t), "2026-01-02T03:04:05Z");
    assert_int_equal(keys_parse_time(SLICE_LIT("1970-01-01"), &ms), 0);
    assert_int_equal(ms, 0);
    assert_int_equal(keys_parse_time(SLICE_LIT("2024-02-29T00:00:00.007Z"), &ms), 0);
    t = text_in(&a);
    keys_print_time(ms, &t);
    assert_string_equal(text_string(&t), "2024-02-29T00:00:00.007Z");
    assert_int_equal(keys_parse_time(SLICE_LIT("2025-02-29"), &ms), ERR_MALFORMED);
    assert_int_equal(keys_parse_time(SLICE_LIT("2025-13-01"), &ms), ERR_MALFORMED);
    assert_int_equal(keys_parse_time(SLICE_LIT("2025-01-01T24:00:00Z"), &ms), ERR_MALFORMED);
    assert_int_equal(keys_parse_time(SLICE_LIT("2025-01-01T00:00:00"), &ms), ERR_MALFORMED);
    assert_int_equal(keys_parse_time(SLICE_LIT("2025-01-01T00:00:00+01:00"), &ms), ERR_MALFORMED);
    arena_deinit(&a);
}

static void the_distance_counts_a_swap_of_neighbours_once(void **state)
{
    assert_int_equal(suggest_distance(SLICE_LIT("status"), SLICE_LIT("status")), 0);
    assert_int_equal(suggest_distance(SLICE_LIT("sttaus"), SLICE_LIT("status")), 1);
    assert_int_equal(suggest_distance(SLICE_LIT("Cut-Interval"), SLICE_LIT("cut_interval")), 0);
    assert_int_equal(suggest_distance(SLICE_LIT(""), SLICE_LIT("abc")), 3);
    assert_int_equal(suggest_distance(SLICE_LIT("abc"), SLICE_LIT("")), 3);
}

static void what_is_too_far_away_is_not_suggested(void **state)
{
    struct suggest s = suggest_for(SLICE_LIT("veirfy"));

    suggest_closer(&s, SLICE_LIT("tap"));
    assert_null(s.best.ptr);
    suggest_closer(&s, SLICE_LIT("verify"));
    suggest_closer(&s, SLICE_LIT("status"));
    assert_true(slice_equal(s.best, SLICE_LIT("verify")));
    s = suggest_for(SLICE_LIT("zz"));
    suggest_closer(&s, SLICE_LIT("ab"));
    assert_null(s.best.ptr);
}

struct site {
    struct key_pairs kafka;
    struct key_pairs brokers;
    bool is_fast;
};

static const struct key SITE_ROWS[] = {
    {"kafka.*", KEY_PAIRS, false, NULL, 0, 10, NULL, offsetof(struct site, kafka), NULL, "x"},
    {"peers.*.brokers", KEY_PAIRS, false, NULL, 0, 8, NULL, offsetof(struct site, brokers), NULL,
     "x"},
    {"is_fast", KEY_BOOL, false, "true", 0, 0, NULL, offsetof(struct site, is_fast), NULL, "x"},
};
static const struct key_table SITE = {"a site", SITE_ROWS, 3};

static void names_that_the_table_leaves_open_become_pairs(void **state)
{
    struct arena a;
    struct site site = {0};
    struct yaml_file file = {
        .name = "n.yaml",
        .bytes = SLICE_LIT("kafka:\n  socket.timeout.ms: 5\npeers:\n  codfw: {brokers: \"b:1\"}\n"
                           "  eqiad:\n    brokers: a:1\n"),
        .table = &SITE,
        .arena = &a,
    };

    arena_init(&a, 4096, 1 << 20);
    assert_int_equal(yaml_read(&file, &site), 0);
    assert_int_equal(site.kafka.count, 1);
    assert_true(slice_equal(site.kafka.items[0].name, SLICE_LIT("socket.timeout.ms")));
    assert_true(slice_equal(site.kafka.items[0].value, SLICE_LIT("5")));
    assert_int_equal(site.brokers.count, 2);
    for (size_t i = 0; i < 2; i++) {
        bool is_codfw = slice_equal(site.brokers.items[i].name, SLICE_LIT("codfw"));

        assert_true(slice_equal(site.brokers.items[i].value,
                                is_codfw ? SLICE_LIT("b:1") : SLICE_LIT("a:1")));
    }
    assert_true(site.is_fast);
    arena_deinit(&a);
}

static void an_open_name_does_not_open_what_is_below_it(void **state)
{
    struct arena a;
    struct site site = {0};
    struct text errors;
    struct yaml_file file = {
        .name = "n.yaml",
        .bytes = SLICE_LIT("peers:\n  codfw: {broker: x}\n  eqiad: y\nkafka: {a: [1]}\n"),
        .table = &SITE,
        .arena = &a,
    };

    arena_init(&a, 4096, 1 << 20);
    errors = text_in(&a);
    assert_int_equal(yaml_read(&file, &site), ERR_CONFIG);
    assert_int_equal(file.error_count, 3);
    yaml_print_errors(&file, &errors);
    assert_non_null(strstr(text_string(&errors), "n.yaml:2:11: error: no such key"));
    assert_non_null(strstr(text_string(&errors), "n.yaml:3:3: error: "));
    assert_non_null(strstr(text_string(&errors), "n.yaml:4:9: error: "));
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_need_a_unit_and_sizes_take_one),
        cmocka_unit_test(a_time_is_read_and_printed_in_utc),
        cmocka_unit_test(the_distance_counts_a_swap_of_neighbours_once),
        cmocka_unit_test(what_is_too_far_away_is_not_suggested),
        cmocka_unit_test(names_that_the_table_leaves_open_become_pairs),
        cmocka_unit_test(an_open_name_does_not_open_what_is_below_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
