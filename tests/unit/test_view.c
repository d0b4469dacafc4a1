/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: one view says the same in every format, whatever its text holds.
 * Method: build one view with fields, a table, nulls and hostile text; compare each format byte by
 *         byte; let an independent reader (yyjson, libfyaml) read JSON and YAML back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libfyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "coord/ctl/io_output.h"
#include "coord/ctl/view.h"

static int setup(void **state)
{
    struct arena *a = calloc(1, sizeof(*a));

    arena_init(a, 1 << 16, 16 << 20);
    *state = a;
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(*state);
    free(*state);
    return 0;
}

static struct view sample(struct arena *a)
{
    static const char *const TITLES[] = {"node", "tasks", "note", NULL};
    struct view v = view_new(a, "Sample");
    struct view_table *t = NULL;

    view_heading(&v, "It is %s.", "fine");
    view_text(&v, "name", SLICE_LIT("a\tb\\\"\n"));
    view_number(&v, "count", -7);
    view_bool(&v, "is_good", true);
    view_null(&v, "nothing");
    view_time(&v, "at", 1767323045000);
    t = view_table(&v, "nodes", TITLES);
    view_cell_text(&v, t, SLICE_LIT("n1"));
    view_cell_number(&v, t, 3);
    view_cell_null(&v, t);
    view_cell_text(&v, t, SLICE_LIT("n2"));
    view_cell_number(&v, t, 40);
    view_cell_text(&v, t, SLICE_LIT("x\xff"));
    return v;
}

static void json_is_versioned_and_escaped(void **state)
{
    struct view v = sample(*state);
    struct text t = text_in(*state);

    view_print_json(&v, false, &t);
    assert_string_equal(text_string(&t),
                        "{\n  \"apiVersion\": \"braid/v1\",\n  \"kind\": \"Sample\",\n"
                        "  \"summary\": \"It is fine.\",\n"
                        "  \"name\": \"a\\tb\\\\\\\"\\n\",\n  \"count\": -7,\n"
                        "  \"is_good\": true,\n  \"nothing\": null,\n"
                        "  \"at\": \"2026-01-02T03:04:05Z\",\n  \"nodes\": [\n"
                        "    {\"node\": \"n1\", \"tasks\": 3, \"note\": null},\n"
                        "    {\"node\": \"n2\", \"tasks\": 40, \"note\": \"x\\ufffd\"}\n  ]\n}\n");
}

static void a_line_of_json_is_one_line(void **state)
{
    struct view v = sample(*state);
    struct text t = text_in(*state);
    const char *newline = NULL;

    view_print_json(&v, true, &t);
    newline = strchr(text_string(&t), '\n');
    assert_non_null(newline);
    assert_string_equal(newline, "\n");
}

static void any_bytes_make_valid_json(void **state)
{
    uint8_t bytes[1024];
    uint32_t seed = 1;

    for (int round = 0; round < 200; round++) {
        struct text t = text_in(*state);
        yyjson_doc *doc = NULL;

        for (size_t i = 0; i < sizeof(bytes); i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (uint8_t)(seed >> 24);
        }
        view_print_json_string(slice_of(bytes, sizeof(bytes)), &t);
        doc = yyjson_read(text_string(&t), t.len, 0);
        assert_non_null(doc);
        yyjson_doc_free(doc);
        arena_reset(*state);
    }
}

static void yaml_says_the_same_as_json(void **state)
{
    struct view v = sample(*state);
    struct text t = text_in(*state);
    struct fy_document *doc = NULL;
    char name[32] = "";
    int tasks = 0;

    view_print_yaml(&v, &t);
    doc = fy_document_build_from_string(NULL, text_string(&t), t.len);
    assert_non_null(doc);
    assert_int_equal(fy_document_scanf(doc, "/name %31c /nodes/1/tasks %d", name, &tasks), 2);
    assert_int_equal(tasks, 40);
    assert_memory_equal(name, "a\tb\\\"\n", 6);
    fy_document_destroy(doc);
}

static void yaml_of_a_spec_is_its_own(void **state)
{
    struct view v = sample(*state);
    struct text t = text_in(*state);

    v.yaml = SLICE_LIT("stream: x # mine\n");
    view_print_yaml(&v, &t);
    assert_string_equal(text_string(&t), "stream: x # mine\n");
}

static void tsv_keeps_one_record_on_one_line(void **state)
{
    struct view v = sample(*state);
    struct text t = text_in(*state);

    view_print_tsv(&v, &t);
    assert_string_equal(text_string(&t), "summary\tIt is fine.\nname\ta\\tb\\\\\"\\n\ncount\t-7\n"
                                         "is_good\tyes\nnothing\t-\nat\t2026-01-02T03:04:05Z\n\n"
                                         "node\ttasks\tnote\nn1\t3\t-\nn2\t40\tx\xff\n");
}

static void people_get_aligned_columns(void **state)
{
    struct view v = sample(*state);
    char *bytes = NULL;
    size_t len = 0;
    struct output o = {.out = open_memstream(&bytes, &len), .err = stderr};

    v.fields[0].cell.text = SLICE_LIT("n");
    v.tables[0].cells[5] = (struct view_cell){.type = VIEW_NULL};
    output_view(&o, &v);
    assert_true(output_finish(&o));
    (void)fclose(o.out);
    assert_string_equal(bytes, "It is fine.\n\n"
                               "name     n\ncount    -7\nis_good  yes\nnothing  -\n"
                               "at       2026-01-02T03:04:05Z\n\n"
                               "NODE  TASKS  NOTE\nn1        3  -\nn2       40  -\n");
    free(bytes);
}

static void what_cannot_be_written_is_an_error(void **state)
{
    struct view v = sample(*state);
    struct output o = {.out = fopen("/dev/full", "w"), .err = stderr, .format = VIEW_JSON};

    assert_non_null(o.out);
    output_view(&o, &v);
    assert_false(output_finish(&o));
    (void)fclose(o.out);
}

static void a_view_that_does_not_fit_says_so(void **state)
{
    struct arena small;
    struct view v;

    arena_init(&small, 512, 512);
    v = sample(&small);
    for (int i = 0; i < VIEW_FIELDS_MAX; i++)
        view_number(&v, "n", i);
    assert_true(v.is_cut);
    arena_deinit(&small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(json_is_versioned_and_escaped),    TEST(a_line_of_json_is_one_line),
        TEST(any_bytes_make_valid_json),        TEST(yaml_says_the_same_as_json),
        TEST(yaml_of_a_spec_is_its_own),        TEST(tsv_keeps_one_record_on_one_line),
        TEST(people_get_aligned_columns),       TEST(what_cannot_be_written_is_an_error),
        TEST(a_view_that_does_not_fit_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
