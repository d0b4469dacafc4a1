/* SPDX-License-Identifier: Apache-2.0 */
/* io_cmd_test.c - runs the cases of a file against a stream's spec, without any server. */
#include <stdio.h>
#include <string.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/spec_test.h"
#include "coord/io_spec.h"
#include "coord/io_yaml_json.h"
#include "proto/err.h"

/* Reads the file of cases. An exit code. */
static int read_cases(struct session *s, const char *path, struct json *out)
{
    static const struct json_limits LIMITS = {.bytes_max = 64 << 20, .depth_max = 128};
    struct slice yaml;
    struct slice json;
    struct json_flaw flaw = {.text = "no YAML"};
    int rc = session_read_file(s, path, &yaml);

    if (rc != 0)
        return rc;
    rc = yaml_to_json(&s->arena, yaml, &json);
    if (rc == 0)
        rc = json_parse(&s->arena, json, &LIMITS, out, &flaw);
    if (rc == 0)
        return 0;
    output_error(&s->output, "'%s' cannot be read: %s", path, flaw.text);
    return EXIT_CONFIG;
}

/* The spec that the file names, beside it. An exit code. */
static int read_spec(struct session *s, const char *path, const struct json *cases,
                     struct spec *out)
{
    const struct slice name = json_text(json_value(json_key(cases->root, SLICE_LIT("spec"))));
    const char *slash = strrchr(path, '/');
    const struct slice folder = slice_of(path, slash == NULL ? 0 : (size_t)(slash - path) + 1);
    struct yaml_file *file = arena_calloc(&s->arena, 1, sizeof(*file));
    struct text errors = text_in(&s->arena);

    if (file == NULL)
        return EXIT_REFUSED;
    if (name.len == 0) {
        output_error(&s->output, "'%s' names no spec; write 'spec: FILE.yaml'", path);
        return EXIT_CONFIG;
    }
    file->name = text_format(&s->arena, "%.*s%.*s", SLICE_ARG(folder), SLICE_ARG(name));
    file->arena = &s->arena;
    const int rc = session_read_file(s, file->name, &file->bytes);
    if (rc != 0)
        return rc;
    if (spec_read(file, out) == 0)
        return 0;
    yaml_print_errors(file, &errors);
    (void)fputs(text_string(&errors), s->output.err); /* nobody else to tell */
    return EXIT_CONFIG;
}

static int run_cases(struct session *s, const struct spec *spec, const struct json *file,
                     struct view *v)
{
    static const char *const TITLES[] = {"case", "ok", "why", NULL};
    yyjson_val *cases = json_value(json_key(file->root, SLICE_LIT("cases")));
    struct view_table *t = view_table(v, "cases", TITLES);
    struct spec_test_result result;
    size_t failed = 0;
    size_t i;
    size_t n;
    yyjson_val *test;

    yyjson_arr_foreach(cases, i, n, test)
    {
        const int rc = spec_test_run(spec, file, test, &s->arena, &result);
        if (rc != 0)
            result = (struct spec_test_result){.why = err_name(rc)};
        failed += !result.is_ok;
        view_cell_text(v, t, json_text(json_value(json_key(test, SLICE_LIT("name")))));
        view_cell_bool(v, t, result.is_ok);
        view_cell_text(v, t, slice_str(result.why));
    }
    if (yyjson_arr_size(cases) == 0) {
        output_error(&s->output, "the file has no cases");
        return EXIT_CONFIG;
    }
    view_heading(v, "%zu passed, %zu failed", yyjson_arr_size(cases) - failed, failed);
    return failed == 0 ? EXIT_DONE : EXIT_REFUSED;
}

int cmd_test(struct session *s)
{
    const char *path = text_format(&s->arena, "%.*s", SLICE_ARG(session_operand(s, 0)));
    struct json file;
    struct spec spec = {0};
    struct view v = view_new(&s->arena, "Test");

    int rc = read_cases(s, path, &file);
    if (rc == 0)
        rc = read_spec(s, path, &file, &spec);
    if (rc != 0)
        return rc;
    rc = run_cases(s, &spec, &file, &v);
    if (rc != EXIT_CONFIG)
        output_view(&s->output, &v);
    return rc;
}
