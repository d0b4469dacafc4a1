/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrich_fixture.h - one page being enriched, for the tests of what is made of answers.
 *
 * Promise: a question that is not the expected one, or a member that differs, fails the test that
 *          asked.
 */
#ifndef BRAID_TESTS_UNIT_ENRICH_FIXTURE_H
#define BRAID_TESTS_UNIT_ENRICH_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "proto/enrich_page.h"
#include "proto/err.h"
#include "tests/unit/recorded.h"

#define AS_OF "\"as_of\":\"2026-01-02T03:04:05.678Z\""

struct fixture {
    struct arena answers;
    struct arena scratch;
    struct arena keep;
    struct enrich_spec spec;
    struct enrich_page page;
    struct mwapi_revision revision;
    char value[65536];
};

static const struct slice DOMAINS[] = {{(const uint8_t *)"*.wiki", 6}};

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    arena_init(&f->answers, 1 << 16, 1 << 24);
    arena_init(&f->scratch, 1 << 16, 1 << 24);
    arena_init(&f->keep, 1 << 12, 1 << 22);
    f->spec = (struct enrich_spec){.output = SLICE_LIT("out.v1"), .domains = {DOMAINS, 1}};
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->answers);
    arena_deinit(&f->scratch);
    arena_deinit(&f->keep);
    free(f);
    return 0;
}

/* The next question must be this one, with this text ("": any). */
static inline void ask(struct fixture *f, enum question_kind kind, const char *text)
{
    struct question q;

    if (!enrich_page_ask(&f->page, &f->scratch, &q)) {
        fail_msg("%s is not asked", question_type(kind)->name);
        return;
    }
    assert_int_equal(q.kind, kind);
    if (text[0] != '\0' && !slice_equal(q.text, slice_str(text)))
        fail_msg("asked: %.*s", SLICE_ARG(q.text));
}

static inline void ask_nothing(struct fixture *f)
{
    struct question q;

    assert_false(enrich_page_ask(&f->page, &f->scratch, &q));
}

static inline void settle(struct fixture *f, enum question_kind kind, struct slice body)
{
    const struct enrich_outcome outcome = {.body = body,
                                           .revision =
                                               kind == QUESTION_REVISION ? &f->revision : NULL,
                                           .at_ms = 1767323045678,
                                           .attempts = 1,
                                           .http_status = 200};

    enrich_page_settle(&f->page, kind, &outcome, &f->scratch);
}

static inline void settle_text(struct fixture *f, enum question_kind kind, const char *body)
{
    settle(f, kind, slice_str(body));
}

static inline void settle_file(struct fixture *f, enum question_kind kind, const char *file)
{
    settle(f, kind, recorded(&f->answers, file));
}

static inline void settle_reason(struct fixture *f, enum question_kind kind, enum reason reason)
{
    enrich_page_settle(&f->page, kind, &(struct enrich_outcome){.reason = reason}, &f->scratch);
}

static inline void open_event(struct fixture *f, uint32_t enrichments, const char *source)
{
    const struct enrich_memory memory = {&f->scratch, &f->keep};

    arena_reset(&f->keep);
    f->spec.enrichments = enrichments;
    assert_true(enrich_page_open(&f->page, &f->spec, &memory, slice_str(source)));
    ask(f, QUESTION_REVISION, "");
}

/* The same, and the revision is there and visible. */
static inline void open_visible(struct fixture *f, uint32_t enrichments, const char *source)
{
    open_event(f, enrichments, source);
    ask_nothing(f); /* first it must be visible */
    settle(f, QUESTION_REVISION, (struct slice){0});
}

/* The page must be done; compares its member `enrichments`, which stands last; NULL: has none. */
static inline void check(struct fixture *f, const char *status, const char *expected)
{
    static const char KEY[] = ",\"enrichments\":";
    char text[ENRICH_STATUS_MAX];
    bool is_null = true;

    ask_nothing(f);
    assert_true(enrich_page_is_done(&f->page));
    const size_t len = enrich_page_value(&f->page, 1767323045678, &is_null);
    (void)enrich_page_status_text(&f->page, text);
    assert_string_equal(text, status);
    assert_false(is_null);
    assert_true(len < sizeof f->value);
    enrich_page_write(&f->page, (uint8_t *)f->value);
    f->value[len] = '\0';
    const char *member = strstr(f->value, KEY);
    if (expected == NULL) {
        assert_null(member);
        return;
    }
    assert_non_null(member);
    f->value[len - 1] = '\0';
    assert_string_equal(member + strlen(KEY), expected);
}

#define BIT(name) ENRICHMENT_BIT(ENRICHMENT_##name)
#define EDIT                                                                                       \
    "{\"meta\":{\"domain\":\"a.wiki\"},\"page_change_kind\":\"edit\",\"page\":{\"page_id\":4},"    \
    "\"performer\":{\"user_text\":\"Loombot\"},"                                                   \
    "\"revision\":{\"rev_id\":5,\"rev_parent_id\":4}}"
#define CREATION                                                                                   \
    "{\"meta\":{\"domain\":\"a.wiki\"},\"page_change_kind\":\"create\",\"page\":{\"page_id\":4},"  \
    "\"revision\":{\"rev_id\":4}}"

#endif
