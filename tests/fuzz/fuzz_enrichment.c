/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever an API answers to one question, the event gets a status, and a value that is
 * written is valid JSON. The first byte chooses the question, the rest is its answer. */
#include <assert.h>
#include <stdlib.h>

#include "proto/enrich_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char EVENT[] =
    "{\"meta\":{\"domain\":\"a.wiki\",\"stream\":\"s\",\"dt\":\"d\"},\"page\":{\"page_id\":4},"
    "\"performer\":{\"user_text\":\"L\"},\"revision\":{\"rev_id\":5,\"rev_parent_id\":4,"
    "\"content_slots\":{\"main\":{},\"extra\":{}}}}";

static const char *const GOOD[QUESTION_COUNT] = {
    [QUESTION_REVISION] = "",
    [QUESTION_PARSE] = "{\"parse\":{\"images\":[\"A.png\"]}}",
    [QUESTION_PARSE_PARENT] = "{\"parse\":{}}",
    [QUESTION_IMAGES] = "{\"query\":{}}",
    [QUESTION_DIFF] = "{\"diff\":[]}",
    [QUESTION_DIFF_SLOTS] = "{\"compare\":{}}",
    [QUESTION_HTML] = "",
    [QUESTION_USER] = "{\"query\":{}}",
    [QUESTION_HTML_PARENT] = "<link rel='mw:PageProp/redirect' href='./T'>",
    [QUESTION_TARGETS] = "{\"query\":{\"pages\":[{\"ns\":0,\"title\":\"T\"}]}}",
    [QUESTION_REDIRECT] = "{\"query\":{}}",
    [QUESTION_ENTITY] = "{\"entities\":{}}",
    [QUESTION_ENTITY_OF_PAGE] = "{\"entities\":{}}",
    [QUESTION_SCORE] = "{}",
    [QUESTION_HTTP] = "{}",
    [QUESTION_REDIRECTS] = "{\"query\":{\"pages\":[{\"title\":\"T\",\"redirects\":[]}]}}",
};

static void check_value(struct enrich_page *p, struct arena *scratch)
{
    static const struct json_limits LIMITS = {.bytes_max = 1 << 26, .depth_max = 80};
    struct json after;
    struct json_flaw flaw;
    bool is_null = true;
    const size_t len = enrich_page_value(p, 1767323045678, &is_null);
    uint8_t *value = malloc(len + 1);

    assert(value != NULL);
    assert(!is_null);
    enrich_page_write(p, value);
    arena_reset(scratch);
    const int rc = json_parse(scratch, slice_of(value, len), &LIMITS, &after, &flaw);
    assert(rc == 0);
    assert((p->status == ENRICH_OK) == (json_key(after.root, SLICE_LIT("enrichments")) != NULL));
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice domains[] = {SLICE_LIT("*.wiki")};
    const struct tag_condition conditions[] = {
        {TAG_FIELD_ADDED, {.test = WHERE_HAS, .value = SLICE_LIT("ref")}},
        {TAG_FIELD_REMOVED, {.test = WHERE_THERE, .is_not = true}},
        {TAG_FIELD_MADE, {.pointer = SLICE_LIT("/links/added/external/0"), .test = WHERE_THERE}},
        {TAG_FIELD_EVENT, {.pointer = SLICE_LIT("/page/page_id"), .test = WHERE_ABOVE}},
    };
    const struct tag_rule rules[] = {{SLICE_LIT("a"), conditions, 1},
                                     {SLICE_LIT("b\""), conditions, 4}};
    const struct enrich_spec spec = {
        .output = SLICE_LIT("out.v1"),
        .domains = {domains, 1},
        .asks = {.http = {.url = SLICE_LIT("http://h/{/page/page_id}"),
                          .result = SLICE_LIT("/a/b")},
                 .score = {.url = SLICE_LIT("http://h"), .model = SLICE_LIT("m")},
                 .entity_domain = SLICE_LIT("d.wiki")},
        .tags = {rules, 2},
        .enrichments = ((1U << ENRICHMENT_COUNT) - 1) & ~ENRICHMENT_BIT(ENRICHMENT_CONTENT)};
    const struct mwapi_revision revision = {.rev_id = 5};
    struct enrich_page *p = calloc(1, sizeof *p);
    struct arena scratch;
    struct arena keep;
    struct question q;

    if (size == 0 || p == NULL) {
        free(p);
        return 0;
    }
    const unsigned chosen = data[0] % QUESTION_COUNT;
    uint8_t *body = malloc(size); /* of its exact size, so that reading past its end is seen */
    assert(body != NULL);
    memcpy(body, data + 1, size - 1);
    arena_init(&scratch, 1 << 16, 1 << 26);
    arena_init(&keep, 1 << 12, 1 << 26);
    const struct enrich_memory memory = {&scratch, &keep};
    const bool must_ask = enrich_page_open(p, &spec, &memory, slice_str(EVENT));
    assert(must_ask);
    while (enrich_page_ask(p, &scratch, &q)) {
        const struct enrich_outcome outcome = {
            .revision = q.kind == QUESTION_REVISION ? &revision : NULL,
            .body = q.kind == chosen ? slice_of(body, size - 1) : slice_str(GOOD[q.kind])};
        enrich_page_settle(p, q.kind, &outcome, &scratch);
    }
    assert(enrich_page_is_done(p));
    check_value(p, &scratch);
    arena_deinit(&scratch);
    arena_deinit(&keep);
    free(body);
    free(p);
    return 0;
}
