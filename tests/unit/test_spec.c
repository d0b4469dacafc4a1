/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a stream's YAML file is read as its table says; everything wrong in it is found in one run
 *       and named at its place; what goes to etcd comes back equal.
 * Method: one table of broken files, each with the line, the words and the hint that its error must
 *         have; then the good file, its defaults and the round trip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coord/io_spec.h"
#include "proto/err.h"

#define HEAD                                                                                       \
    "stream: mediawiki.page_content_change.v1\n"                                                   \
    "dcs: [eqiad, codfw]\n"                                                                        \
    "sources: [{topic: mediawiki.page_change.v1}]\n"

struct fixture {
    struct arena arena;
    struct yaml_file file;
    struct spec spec;
    const char *errors;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 1 << 16, 64 << 20);
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

static int read_spec(struct fixture *f, const char *yaml)
{
    struct text errors;
    int rc = 0;

    arena_reset(&f->arena);
    f->file = (struct yaml_file){.name = "s.yaml", .bytes = slice_str(yaml), .arena = &f->arena};
    rc = spec_read(&f->file, &f->spec);
    errors = text_in(&f->arena);
    yaml_print_errors(&f->file, &errors);
    f->errors = text_string(&errors);
    return rc;
}

struct broken {
    const char *yaml;
    unsigned line;
    unsigned column;
    const char *says;
    const char *hint; /* NULL: not looked at */
};

static const struct broken BROKEN[] = {
    /* names */
    {HEAD "strem: x\n", 4, 1, "no such key: 'strem'", "did you mean 'stream'?"},
    {HEAD "Owner: x\n", 4, 1, "no such key: 'Owner'", "did you mean 'owner'?"},
    {HEAD "enrich-at: origin\n", 4, 1, "no such key", "did you mean 'enrich_at'?"},
    {HEAD "merge:\n  cut_intervall: 1s\n", 5, 3, "'merge.cut_intervall'", "'cut_interval'"},
    {HEAD "cap_bytes: 1MiB\n", 4, 1, "no such key", "did you mean 'merge.cap_bytes'?"},
    {HEAD "limits:\n  attemps: 3\n", 5, 3, "no such key", "did you mean 'attempts'?"},
    {HEAD "zzzzqqq: 1\n", 4, 1, "no such key: 'zzzzqqq'", NULL},
    {HEAD "filter:\n  wiki: [a]\n", 5, 3, "no such key", "did you mean 'wikis'?"},
    {HEAD "stream: twice\n", 4, 1, "given twice", "first given in line 1"},
    {HEAD "merge: {cap_records: 1, cap_records: 2}\n", 4, 25, "given twice", NULL},
    {HEAD "? [a, b]\n: c\n", 1, 1, "a key must be a word", NULL},
    /* values */
    {HEAD "start: yesterday\n", 4, 8, "earliest, latest or a time", "2026-01-02"},
    {HEAD "start: 2026-02-30T00:00:00Z\n", 4, 8, "a time", NULL},
    {HEAD "enrich: [contents]\n", 4, 10, "'contents'", "did you mean 'content'?"},
    {HEAD "enrich: content\n", 4, 1, "is no list", NULL},
    {HEAD "enrich_at: orign\n", 4, 12, "everywhere or origin", "did you mean 'origin'?"},
    {HEAD "failed: drop\n", 4, 9, "omit or emit", NULL},
    {HEAD "failed:\n", 4, 1, "has no value", "without this line it is omit"},
    {HEAD "canaries: [keep]\n", 4, 1, "is a list here", NULL},
    {HEAD "canaries: {keep: yes}\n", 4, 1, "is a map here", NULL},
    {HEAD "audience: everyone\n", 4, 11, "internal or public", NULL},
    {HEAD "filter:\n  namespaces: [0, one]\n", 5, 19, "whole numbers", NULL},
    {HEAD "filter:\n  kinds: [edti]\n", 5, 11, "'edti'", "did you mean 'edit'?"},
    {HEAD "filter: 5\n", 4, 1, "must be a map", NULL},
    {HEAD "dedup: {window: -1}\n", 4, 17, "0 to 5000000", NULL},
    {HEAD "dedup: {window: 99999999999999999999}\n", 4, 17, "whole number", NULL},
    {HEAD "merge: {cut_interval: 50}\n", 4, 23, "a duration, 10ms to 10s", NULL},
    {HEAD "merge: {cut_interval: 1ms}\n", 4, 23, "10ms to 10s", NULL},
    {HEAD "merge: {cap_bytes: 5 MB}\n", 4, 20, "a size, 1MiB to 1GiB", NULL},
    {HEAD "merge: {min_members: 9}\n", 4, 22, "0 to 8", NULL},
    {HEAD "limits: {failed_share_max: 0.5}\n", 4, 28, "a share such as 5%", NULL},
    {HEAD "owner: \"a\\nb\"\n", 4, 9, "cannot be 'a?b': it takes one line of text", NULL},
    /* across keys */
    {HEAD "merge: {min_members: 3}\n", 4, 22, "more members than the stream has DCs (2)", NULL},
    {HEAD "merge: {cut_interval: 5s}\n", 1, 1, "shorter than four cut intervals", NULL},
    {HEAD "merge: {member_lag_max: 2s}\n", 4, 25, "shorter than merge.member_timeout", NULL},
    {HEAD "output: {schema: page/change}\n", 4, 18, "named by its path", NULL},
    {"stream: a.v1\ndcs: [eqiad, eqiad]\nsources: [{topic: b.v1}]\n", 2, 1, "given twice", NULL},
    {"stream: a.v1\ndcs: [EQIAD]\nsources: [{topic: b.v1}]\n", 2, 1, "no name of a DC", NULL},
    {"stream: a.v1\ndcs: [global]\nsources: [{topic: b.v1}]\n", 2, 1, "prefix of merged", NULL},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [{topic: a.v1}]\n", 3, 1, "its own source", NULL},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [{topic: eqiad.b.v1}]\n", 3, 1, "DC's prefix",
     "write 'b.v1'"},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [{topic: global.a.v1}]\n", 3, 1, "its own source", NULL},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [{topic: global.eqiad.b}]\n", 3, 1, "DC's prefix", NULL},
    {"stream: a.v1\nsources: [{topic: global.b.v1}]\nenrich_at: origin\n", 3, 12, "arises in no DC",
     "enrich_at: everywhere"},
    {"stream: global.a\nsources: [{topic: b.v1}]\n", 1, 9, "DC's prefix", NULL},
    {"stream: a b\ndcs: [eqiad]\nsources: [{topic: b.v1}]\n", 1, 9, "no name of a topic", NULL},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [{topic: braid.x}]\n", 3, 1, "Braid's own", NULL},
    {"stream: a.v1\ndcs: []\nsources: [{topic: b.v1}]\n", 2, 1, "1 to 8 of them", NULL},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [b.v1]\n", 3, 11, "the key 'topic'",
     "write '- topic: ...'"},
    {"stream: a.v1\ndcs: [eqiad]\nsources:\n  - topik: b.v1\n", 4, 5,
     "no such key: 'sources[].topik'", "did you mean 'topic'?"},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [{id: /a}]\n", 3, 1, "the key 'topic'", NULL},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [{topic: b, topic: c}]\n", 3, 22, "given twice", NULL},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [{topic: b, envelope: xml}]\n", 3, 32, "'xml'", NULL},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [{topic: b, id: a}]\n", 3, 1, "no JSON pointer",
     "/meta/id"},
    {"audience: public\nstream: a\nsources: [{topic: b, audience: internal}]\n", 1, 11,
     "the source 'b' is internal", NULL},
    {"audience: public\nstream: a\nsources: [{topic: x.private.v1}]\n", 1, 11, "is internal", NULL},
    {"stream: a.v1\ndcs: [eqiad]\nsources: [{topic: [x]}]\n", 3, 1,
     "has an item that is no plain value", NULL},
    /* what is missing, and YAML itself */
    {HEAD "owner: \"\xc3\xa9\x87\"\n", 4, 10, "not UTF-8", NULL},
    {"%a\x87", 1, 3, "not UTF-8", NULL},
    {"dcs: [eqiad]\nsources: [{topic: b.v1}]\n", 1, 1, "'stream' is missing", "for example"},
    {"stream: a.v1\ndcs: [eqiad]\n", 1, 1, "'sources[].topic' is missing", NULL},
    {"", 1, 1, "the file is empty", NULL},
    {"[a, b]\n", 1, 1, "must be a map", NULL},
    {"stream: [a\ndcs: ]x\n", 2, 7, "", NULL},
    {HEAD "\tx: 1\n", 4, 1, "", NULL},
    {HEAD "owner: &me x\n", 4, 1, "anchors", NULL},
    {HEAD "owner: *me\n", 4, 9, "aliases", NULL},
    {HEAD "owner: !team x\n", 4, 1, "tags", NULL},
    {HEAD "---\nstream: b.v1\n", 1, 1, "more than one document", NULL},
};

static void every_broken_file_is_refused_at_the_right_place(void **state)
{
    struct fixture *f = *state;
    unsigned wrong = 0;

    for (size_t i = 0; i < sizeof(BROKEN) / sizeof(BROKEN[0]); i++) {
        const struct broken *b = &BROKEN[i];
        char place[64];

        (void)snprintf(place, sizeof(place), "s.yaml:%u:%u: error: ", b->line, b->column);
        if (read_spec(f, b->yaml) != ERR_CONFIG || strstr(f->errors, place) == NULL ||
            strstr(f->errors, b->says) == NULL ||
            (b->hint != NULL && strstr(f->errors, b->hint) == NULL)) {
            print_error("case %zu, wanted %s%s, %s\n%s\ngot:\n%s", i, place, b->says,
                        b->hint == NULL ? "" : b->hint, b->yaml, f->errors);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void all_errors_of_a_file_are_found_in_one_run_and_in_its_order(void **state)
{
    struct fixture *f = *state;
    const char *at = NULL;

    assert_int_equal(read_spec(f, HEAD "strat: earliest\nfailed: drop\nmerge:\n  cap: 1\n"
                                       "  cap_bytes: 1\nlimits: {attempts: 0}\nenrich: [x]\n"),
                     ERR_CONFIG);
    assert_int_equal(f->file.error_count, 6);
    at = f->errors;
    for (unsigned line = 4; line <= 10; line++) {
        char place[32];

        if (line == 6)
            continue; /* "merge:" itself is fine */
        (void)snprintf(place, sizeof(place), "s.yaml:%u:", line);
        at = strstr(at, place);
        assert_non_null(at);
    }
}

static void an_error_shows_its_line_with_carets_below(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_spec(f, HEAD "enrich_at: orign\n"), ERR_CONFIG);
    assert_string_equal(f->errors, "s.yaml:4:12: error: 'enrich_at' cannot be 'orign': it takes "
                                   "everywhere or origin\n"
                                   "     4 | enrich_at: orign\n"
                                   "       |            ^^^^^\n"
                                   "       = did you mean 'origin'?\n");
}

static void errors_beyond_the_limit_are_counted(void **state)
{
    struct fixture *f = *state;
    struct text yaml = text_in(&f->arena);
    char *copy = NULL;

    text_adds(&yaml, HEAD);
    for (int i = 0; i < YAML_ERRORS_MAX + 7; i++)
        text_addf(&yaml, "qq%dzz: 1\n", i);
    copy = strdup(text_string(&yaml));
    assert_int_equal(read_spec(f, copy), ERR_CONFIG);
    assert_non_null(strstr(f->errors, "s.yaml: and 7 more\n"));
    free(copy);
}

static void a_short_file_gets_the_defaults(void **state)
{
    struct fixture *f = *state;
    const struct spec *s = &f->spec;

    assert_int_equal(read_spec(f, HEAD), 0);
    assert_true(slice_equal(s->output, SLICE_LIT("mediawiki.page_content_change.v1")));
    assert_int_equal(s->dcs.count, 2);
    assert_true(slice_equal(s->dcs.items[0], SLICE_LIT("codfw"))); /* sorted */
    assert_true(slice_equal(s->start, SLICE_LIT("latest")));
    assert_int_equal(s->enrich_at, SPEC_EVERYWHERE);
    assert_int_equal(s->failed, SPEC_FAILED_OMIT);
    assert_int_equal(s->dedup_window, 200000);
    assert_int_equal(s->cut_interval_ms, 50);
    assert_int_equal(s->failed_grace_ms, 10000);
    assert_int_equal(s->min_members, 1);
    assert_int_equal(s->cap_bytes, 16 << 20);
}

static void three_dcs_need_two_members(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_spec(f, "stream: a\ndcs: [a, b, c]\nsources: [{topic: t}]\n"), 0);
    assert_int_equal(f->spec.min_members, 2);
}

static void without_dcs_the_members_wait_for_them(void **state)
{
    struct fixture *f = *state;
    struct spec_problems problems;
    struct slice dcs[3] = {SLICE_LIT("x"), SLICE_LIT("y"), SLICE_LIT("z")};

    assert_int_equal(read_spec(f, "stream: a.v1\nsources: [{topic: t}]\n"), 0);
    assert_int_equal(f->spec.dcs.count, 0);
    assert_int_equal(f->spec.min_members, 0);
    f->spec.dcs = (struct key_texts){dcs, 3};
    spec_check(&f->spec, &f->arena, &problems);
    assert_int_equal(problems.count, 0);
    assert_int_equal(f->spec.min_members, 2);
}

static void the_example_made_from_the_table_is_a_good_file(void **state)
{
    struct fixture *f = *state;
    struct text example = text_in(&f->arena);
    char *copy = NULL;

    keys_print_example(&SPEC_TABLE, &example);
    copy = strdup(text_string(&example));
    assert_int_equal(read_spec(f, copy), 0);
    assert_int_equal(f->spec.enrichments.count, 1);
    free(copy);
}

static void a_spec_comes_back_from_its_bytes_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct slice bytes = {0};
    struct slice again = {0};
    struct spec back = {0};

    assert_int_equal(read_spec(f, HEAD
                               "enrich: [content, diff, tags]\nenrich_at: origin\nfailed: emit\n"
                               "canaries: drop\naudience: public\n"
                               "filter: {wikis: [a, b], namespaces: [0, -1], kinds: [edit]}\n"
                               "tags: {x: '/a: not has y; added: z', w: '/b: is there'}\n"
                               "merge: {cap_records: 7}\nlimits: {priority: low}\n"),
                     0);
    f->spec.version = 3;
    assert_int_equal(spec_encode(&f->spec, &f->arena, &bytes), 0);
    assert_int_equal(spec_decode(bytes, &f->arena, &back), 0);
    assert_int_equal(back.version, 3);
    assert_int_equal(back.enrich_at, SPEC_AT_ORIGIN);
    assert_int_equal(back.namespaces.items[1], -1);
    assert_int_equal(back.cap_records, 7);
    assert_int_equal(back.priority, SPEC_PRIORITY_LOW);
    assert_int_equal(back.tags.count, 2);
    assert_true(slice_equal(back.tags.items[0].name, SLICE_LIT("x")));
    assert_true(slice_equal(back.tags.items[1].value, SLICE_LIT("/b: is there")));
    assert_true(slice_equal(back.yaml, f->spec.yaml));
    assert_int_equal(spec_encode(&back, &f->arena, &again), 0);
    assert_true(slice_equal(bytes, again));
}

static void what_is_said_of_a_source_stays_with_it(void **state)
{
    struct fixture *f = *state;
    struct slice bytes = {0};
    struct slice again = {0};
    struct spec back = {0};

    assert_int_equal(read_spec(f, "stream: a.v1\ndcs: [eqiad]\nsources:\n"
                                  "  - topic: views\n    envelope: json\n    id: /id\n"
                                  "    time: /dt\n    key: /page\n"
                                  "  - topic: changes\n"
                                  "  - {domain: a.wiki, envelope: debezium, topic: rows}\n"),
                     0);
    assert_int_equal(spec_encode(&f->spec, &f->arena, &bytes), 0);
    assert_int_equal(spec_decode(bytes, &f->arena, &back), 0);
    assert_int_equal(spec_encode(&back, &f->arena, &again), 0);
    assert_true(slice_equal(bytes, again));
    assert_int_equal(spec_source_find(&back, SLICE_LIT("changes")), 0);
    assert_int_equal(spec_shape(&back, 0).envelope, EVENT_PAGE_CHANGE);
    assert_null(spec_shape(&back, 0).id.ptr);
    assert_int_equal(spec_shape(&back, 1).envelope, EVENT_DEBEZIUM);
    assert_true(slice_equal(spec_shape(&back, 1).domain, SLICE_LIT("a.wiki")));
    assert_int_equal(spec_shape(&back, 2).envelope, EVENT_JSON);
    assert_true(slice_equal(spec_shape(&back, 2).id, SLICE_LIT("/id")));
    assert_true(slice_equal(spec_shape(&back, 2).time, SLICE_LIT("/dt")));
    assert_true(slice_equal(spec_shape(&back, 2).key, SLICE_LIT("/page")));
    assert_int_equal(spec_source_find(&back, SLICE_LIT("none")), 3);
    assert_int_equal(spec_shape(&back, 3).envelope, EVENT_PAGE_CHANGE);
}

static void rules_for_tags_are_checked(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_spec(f, HEAD "enrich: [tags]\ntags: {x: '/a: b'}\n"), 0);
    assert_int_equal(read_spec(f, HEAD "enrich: [tags]\n"), ERR_CONFIG);
    assert_int_equal(read_spec(f, HEAD "tags: {x: '/a: b'}\n"), ERR_CONFIG);
    assert_int_equal(read_spec(f, HEAD "enrich: [tags]\ntags: {x: 'a: b'}\n"), ERR_CONFIG);
    assert_int_equal(read_spec(f, HEAD "enrich: [tags]\ntags: {x: 'added: b'}\n"), ERR_CONFIG);
    assert_int_equal(read_spec(f, HEAD "enrich: [tags, diff]\ntags: {x: 'added: b'}\n"), 0);
}

static void broken_bytes_of_a_spec_are_refused(void **state)
{
    struct fixture *f = *state;
    struct spec back = {0};
    struct slice bytes = {0};

    assert_int_equal(spec_decode(SLICE_LIT("\xff\xff\xff"), &f->arena, &back), ERR_MALFORMED);
    assert_int_equal(spec_decode(slice_of("", 0), &f->arena, &back), ERR_MALFORMED);
    assert_int_equal(read_spec(f, HEAD), 0);
    assert_int_equal(spec_encode(&f->spec, &f->arena, &bytes), 0);
    for (size_t len = 0; len < bytes.len; len++) {
        int rc = spec_decode(slice_sub(bytes, 0, len), &f->arena, &back);

        assert_true(rc == 0 || rc == ERR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_broken_file_is_refused_at_the_right_place, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(all_errors_of_a_file_are_found_in_one_run_and_in_its_order,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_error_shows_its_line_with_carets_below, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_beyond_the_limit_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_short_file_gets_the_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(three_dcs_need_two_members, setup, teardown),
        cmocka_unit_test_setup_teardown(without_dcs_the_members_wait_for_them, setup, teardown),
        cmocka_unit_test_setup_teardown(the_example_made_from_the_table_is_a_good_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rules_for_tags_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_spec_comes_back_from_its_bytes_as_it_was, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_said_of_a_source_stays_with_it, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_bytes_of_a_spec_are_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
