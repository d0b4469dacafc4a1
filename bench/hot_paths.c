/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/hot_paths.h"

#include <assert.h>
#include <stdio.h>

#include "bench/api_answer.h"
#include "node/filter.h"
#include "node/global.h"
#include "node/inner.h"
#include "node/line.h"
#include "proto/enrich_page.h"
#include "proto/err.h"

enum {
    EVENT_BYTES = 1500,
    TEXT_BYTES = 10500,
    SEED = 1,
    BATCH = 50,
    STEP = 100,
    ANSWER_BYTES = 2 * 1024 * 1024,
};
static const int64_t NOW_MS = 1767323045678;

const char *const HOT_NAMES[HOT_COUNT] = {"headers", "inner",  "filter", "line",
                                          "splice",  "answer", "seal"};

/* The headers of an enriched record, as they are on E. */
static const struct header HEADERS[] = {
    {{(const uint8_t *)"bench-time", 10}, {(const uint8_t *)"1767323045678000", 16}},
    {{(const uint8_t *)"braid-origin", 12},
     {(const uint8_t *)"eqiad/mediawiki.page_change.v1/0/3/1041/1042", 44}},
    {{(const uint8_t *)"braid-time", 10}, {(const uint8_t *)"1767323045678", 13}},
    {{(const uint8_t *)"braid-id", 8},
     {(const uint8_t *)"11111111-2222-4333-8444-555555555555", 36}},
    {{(const uint8_t *)"braid-status", 12}, {(const uint8_t *)"ok", 2}},
    {{(const uint8_t *)"braid-by", 8}, {(const uint8_t *)"codfw/0", 7}},
    {{(const uint8_t *)"braid-fetch", 11}, {(const uint8_t *)"1 200 - 12", 10}},
    {{(const uint8_t *)"braid-spec", 10}, {(const uint8_t *)"1", 1}},
};
#define HEADER_N (sizeof HEADERS / sizeof HEADERS[0])

static const struct slice DOMAINS[] = {{(const uint8_t *)"*.bench", 7}};

struct hot_paths {
    struct texts texts;
    struct event_source source;
    uint8_t event[EVENT_BYTES + EVENT_TEXT_BARE_MAX];
    size_t event_len;
    uint8_t answer[ANSWER_BYTES]; /* of BATCH revisions */
    struct slice body;            /* of it */
    struct mwapi_answer decoded;  /* of it; lies in `kept` */
    struct arena kept;
    uint8_t value[256 * 1024];
    struct enrich_spec spec;
    struct enrich_page page;
    struct arena scratch;
    struct arena keep;
    struct arena made; /* of the page */
    struct record record;
    struct line line;
    struct line_actions actions;
    struct record input[STEP];
    struct record output[STEP];
};

static int make_answer(struct hot_paths *h)
{
    struct api_request r = {.is_query = true, .count = BATCH};
    size_t len = 0;

    for (uint32_t i = 0; i < BATCH; i++)
        r.rev_ids[i] = EVENT_TEXT_REV_FIRST + (int64_t)i;
    const int rc = api_answer_write(&r, &h->texts, h->answer, sizeof h->answer, &len);
    if (rc != 0)
        return rc;
    const uint8_t *end = memmem(h->answer, len, "\r\n\r\n", 4);
    assert(end != NULL);
    h->body = slice_of(end + 4, len - (size_t)(end + 4 - h->answer));
    return 0;
}

static void make_line(struct hot_paths *h)
{
    struct line_config config = {.kind = LINE_COPY,
                                 .raw = true,
                                 .output_copy_dc = SLICE_LIT("codfw"),
                                 .strand_count = 1,
                                 .in_flight_max = 1000};
    const struct line_place none = {.valid = false};
    struct line_event start = {.kind = LINE_EV_START, .place_in = &none, .place_out = &none};
    struct line_event end = {.kind = LINE_EV_OUT_END};

    config.strands[0] =
        (struct origin_partition){.dc = SLICE_LIT("eqiad"), .topic = SLICE_LIT("t")};
    config.start[0] = -1;
    line_init(&h->line, &config);
    line_step(&h->line, &start, &h->actions);
    line_step(&h->line, &end, &h->actions);
    assert(line_room(&h->line) > STEP);
}

struct hot_paths *hot_paths_new(struct arena *a)
{
    struct hot_paths *h = arena_calloc(a, 1, sizeof *h);
    struct event_made made;

    if (h == NULL || texts_fill(&h->texts, SEED, TEXT_BYTES, 0.8, a) != 0)
        return NULL;
    event_source_init(&h->source, SEED, &h->texts, EVENT_BYTES);
    event_text(&h->source, 0, NOW_MS, h->event, &made);
    h->event_len = made.len;
    if (make_answer(h) != 0)
        return NULL;
    arena_init(&h->scratch, 1 << 20, 1 << 26);
    arena_init(&h->keep, 1 << 20, 1 << 26);
    arena_init(&h->made, 1 << 12, 1 << 26);
    arena_init(&h->kept, 1 << 20, 1 << 26);
    if (mwapi_decode(&h->scratch, &h->kept, h->body, &h->decoded) != 0)
        return NULL;
    h->spec = (struct enrich_spec){.output = SLICE_LIT("out.v1"),
                                   .domains = {DOMAINS, 1},
                                   .enrichments = ENRICHMENT_BIT(ENRICHMENT_CONTENT)};
    h->record = (struct record){.key = SLICE_LIT("{\"page_id\":1,\"wiki_id\":\"enwiki\"}"),
                                .value = slice_of(h->value, 12000)};
    headers_parse(HEADERS, HEADER_N, &h->record.braid);
    make_line(h);
    return h;
}

static uint64_t run_headers(struct hot_paths *h)
{
    headers_parse(HEADERS, HEADER_N, &h->record.braid);
    return (uint64_t)h->record.braid.origin.offset;
}

static uint64_t run_inner(struct hot_paths *h)
{
    struct header headers[INNER_HEADERS_MAX];
    struct inner_text text;
    const struct inner_fields fields = {
        .origin = h->record.braid.origin,
        .time_ms = NOW_MS,
        .id = h->record.braid.raw[HEADER_ID],
        .status = SLICE_LIT("ok"),
        .by_dc = SLICE_LIT("codfw"),
        .fetch = SLICE_LIT("1 200 - 12"),
        .spec_version = 1,
    };
    return inner_headers(HEADERS, 1, &fields, &text, headers);
}

/* Ten duplicates for each record that is accepted, as in a topic that three owners wrote to. */
static uint64_t run_filter(uint32_t n)
{
    int64_t last = n;
    uint64_t accepted = 0;
    struct origin o = {.prev = last - 11, .offset = last - 10};

    for (; o.prev <= (int64_t)n; o.prev++, o.offset++)
        accepted += filter_step(&last, &o, false) == FILTER_ACCEPT;
    return accepted;
}

/* STEP records come in, are produced, acknowledged and read back. */
static uint64_t run_line(struct hot_paths *h)
{
    const int64_t first = h->line.strands[0].in_last + 1;
    struct line_event in = {.kind = LINE_EV_IN, .records = h->input, .count = STEP};
    struct line_event out = {.kind = LINE_EV_OUT, .records = h->output, .count = STEP};
    uint64_t produced = 0;

    for (int i = 0; i < STEP; i++) {
        h->input[i] = (struct record){.log_offset = first + i};
        h->output[i] = (struct record){.log_offset = first + i};
        h->output[i].braid = (struct braid_headers){.has_origin = true,
                                                    .origin = {.from = h->line.config.strands[0],
                                                               .prev = first + i - 1,
                                                               .offset = first + i}};
        h->output[i].braid.raw[HEADER_COPY] = SLICE_LIT("codfw");
    }
    line_step(&h->line, &in, &h->actions);
    produced = h->actions.count;
    const uint64_t ticket = h->line.ticket_next - STEP;
    for (uint64_t i = 0; i < STEP; i++) {
        struct line_event acked = {.kind = LINE_EV_ACKED, .ticket = ticket + i};
        line_step(&h->line, &acked, &h->actions);
    }
    line_step(&h->line, &out, &h->actions);
    assert(h->line.ticket_read == h->line.ticket_next);
    return produced;
}

static uint64_t run_answer(struct hot_paths *h)
{
    struct mwapi_answer answer;

    arena_reset(&h->scratch);
    arena_reset(&h->keep);
    const int rc = mwapi_decode(&h->scratch, &h->keep, h->body, &answer);
    return rc != 0 ? 0 : answer.revision_count;
}

static uint64_t run_splice(struct hot_paths *h)
{
    const struct enrich_memory memory = {&h->scratch, &h->made};
    struct question question;
    bool is_null;

    arena_reset(&h->made);
    bool must_ask = enrich_page_open(&h->page, &h->spec, &memory, slice_of(h->event, h->event_len));
    assert(must_ask);
    must_ask = enrich_page_ask(&h->page, &h->scratch, &question);
    assert(must_ask);
    const struct enrich_judgement j = enrich_page_judge(&h->page.event, &h->decoded);
    const struct enrich_outcome outcome = {
        .revision = j.revision, .attempts = 1, .http_status = 200, .ms = 12};
    enrich_page_settle(&h->page, question.kind, &outcome, &h->scratch);
    const size_t len = enrich_page_value(&h->page, NOW_MS, &is_null);
    assert(len <= sizeof h->value);
    enrich_page_write(&h->page, h->value);
    return len + h->value[len / 2];
}

static uint64_t run_seal(struct hot_paths *h, uint32_t n)
{
    struct global_headers out;
    const struct global_place at = {.seq = n, .cut = n / 100, .time_ms = NOW_MS, .chain = n};

    return global_seal(&h->record, HEADERS, HEADER_N, &at, &out) != 0 ? 0 : out.chain;
}

uint64_t hot_paths_run(struct hot_paths *h, enum hot_path path, uint32_t count)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        switch (path) {
        case HOT_HEADERS:
            sum += run_headers(h);
            break;
        case HOT_INNER:
            sum += run_inner(h);
            break;
        case HOT_FILTER:
            sum += run_filter(i);
            break;
        case HOT_LINE:
            sum += run_line(h);
            break;
        case HOT_SPLICE:
            sum += run_splice(h);
            break;
        case HOT_ANSWER:
            sum += run_answer(h);
            break;
        case HOT_SEAL:
            sum += run_seal(h, i);
            break;
        case HOT_COUNT:
            break;
        }
    }
    return sum;
}
