/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/spec_test.h"

#include "coord/spec_enrich.h"
#include "proto/err.h"

enum {
    SCRATCH_BLOCK = 1 << 20,
    SCRATCH_MAX = 256 << 20,
    PAIRS_MAX = 10000, /* values compared */
};

static const int64_t NOW_MS = 1767323045678; /* 2026-01-02T03:04:05.678Z */

/* A case being run. */
struct run {
    const struct json *file;
    yyjson_val *answers;
    struct arena *a;
    struct arena scratch;
    struct event_shape shape;
    struct enrich_page page;
    uint32_t used; /* answers, by question */
    struct spec_test_result *out;
};

static void fail(struct run *r, const char *why)
{
    if (r->out->is_ok)
        *r->out = (struct spec_test_result){.why = why};
}

/* What a key holds: a string's text, or any other value as JSON. */
static struct slice bytes_of(const struct json *file, yyjson_val *key)
{
    yyjson_val *val = json_value(key);

    if (yyjson_is_str(val))
        return json_text(val);
    const struct span span = json_value_span(file, key);
    return slice_sub(file->bytes, span.from, span.to);
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool reason_find(struct slice word, enum reason *out)
{
    for (unsigned i = 1; i < REASON_COUNT; i++) {
        if (slice_equal(slice_str(reason_word((enum reason)i)), word)) {
            *out = (enum reason)i;
            return true;
        }
    }
    return false;
}

static enum reason reason_of(const struct enrich_judgement *j)
{
    switch (j->verdict) {
    case ENRICH_VERDICT_OK:
    case ENRICH_VERDICT_EARLY:
        return REASON_NONE;
    case ENRICH_VERDICT_MISSING:
        return REASON_MISSING;
    case ENRICH_VERDICT_UNSERVED:
        return REASON_TOO_LARGE;
    case ENRICH_VERDICT_HIDDEN:
    case ENRICH_VERDICT_SUSPECT:
        return j->reason;
    }
    return REASON_BAD_ANSWER;
}

/* The answer of action=query, judged as a fetcher does. */
static void judge_revision(struct run *r, struct slice body, struct enrich_outcome *o)
{
    struct mwapi_answer *answer = arena_calloc(r->a, 1, sizeof(*answer));

    o->reason = REASON_BAD_ANSWER;
    if (answer == NULL || mwapi_decode(&r->scratch, r->a, body, answer) != 0 ||
        answer->error_class != MWAPI_ERROR_NONE)
        return;
    const struct enrich_judgement j = enrich_page_judge(&r->page.event, answer);
    o->reason = reason_of(&j);
    o->revision = j.revision;
    o->hidden = j.hidden;
}

/* A case need not say that the revision is there and visible, where contents do not matter. */
static bool assume_visible(struct run *r, struct enrich_outcome *o)
{
    struct mwapi_revision *revision = arena_calloc(r->a, 1, sizeof(*revision));

    if (revision == NULL || (r->page.spec->enrichments & ENRICHMENT_BIT(ENRICHMENT_CONTENT)) != 0)
        return false;
    revision->rev_id = r->page.event.rev_id;
    o->revision = revision;
    return true;
}

static bool answer_for(struct run *r, const struct question *q, struct enrich_outcome *o)
{
    const char *name = question_type(q->kind)->name;
    yyjson_val *key = json_key(r->answers, slice_str(name));
    yyjson_val *fails = json_value(json_key(json_value(key), SLICE_LIT("fails")));

    *o = (struct enrich_outcome){.attempts = 1, .http_status = 200, .at_ms = NOW_MS};
    r->used |= QUESTION_BIT(q->kind);
    if (key == NULL && q->kind == QUESTION_REVISION && assume_visible(r, o))
        return true;
    if (key == NULL) {
        fail(r, text_format(r->a, "'%s' is asked, and answers has none; the question: %.*s", name,
                            SLICE_ARG(q->text)));
        return false;
    }
    if (fails != NULL) {
        if (reason_find(json_text(fails), &o->reason))
            return true;
        fail(r, text_format(r->a, "answers.%s.fails is no reason: %.*s", name,
                            SLICE_ARG(json_text(fails))));
        return false;
    }
    o->body = bytes_of(r->file, key);
    if (q->kind == QUESTION_REVISION)
        judge_revision(r, o->body, o);
    return true;
}

static void check_unused(struct run *r)
{
    size_t i;
    size_t n;
    yyjson_val *key;
    yyjson_val *val;

    if (!yyjson_is_obj(r->answers))
        return;
    yyjson_obj_foreach(r->answers, i, n, key, val)
    {
        bool is_used = false;
        for (unsigned k = 0; k < QUESTION_COUNT; k++)
            is_used |=
                (r->used & QUESTION_BIT(k)) != 0 &&
                slice_equal(slice_str(question_type((enum question_kind)k)->name), json_text(key));
        if (!is_used)
            fail(r,
                 text_format(r->a, "answers.%.*s is never asked for", SLICE_ARG(json_text(key))));
    }
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* A value that must be there, and what is; the name is of the member, for people. */
struct pair {
    yyjson_val *wanted;
    yyjson_val *got;
    struct slice name;
};

struct pairs {
    struct pair *items;
    size_t count;
};

static bool push(struct pairs *p, yyjson_val *wanted, yyjson_val *got, struct slice name)
{
    if (p->count == PAIRS_MAX)
        return false;
    p->items[p->count++] = (struct pair){wanted, got, name};
    return true;
}

/* Objects: the members that are wanted; arrays: as long, and element by element. False: differs. */
static bool expand(struct pairs *p, const struct pair *pair)
{
    size_t i;
    size_t n;
    yyjson_val *val;
    bool is_equal = true;

    if (yyjson_is_obj(pair->wanted)) {
        yyjson_val *key;
        if (!yyjson_is_obj(pair->got))
            return false;
        yyjson_obj_foreach(pair->wanted, i, n, key, val)
        {
            is_equal &=
                push(p, val, json_value(json_key(pair->got, json_text(key))), json_text(key));
        }
        return is_equal;
    }
    if (!yyjson_is_arr(pair->got) || yyjson_arr_size(pair->got) != yyjson_arr_size(pair->wanted))
        return false;
    yyjson_arr_foreach(pair->wanted, i, n, val)
    {
        is_equal &= push(p, val, yyjson_arr_get(pair->got, i), pair->name);
    }
    return is_equal;
}

static bool is_same(yyjson_val *a, yyjson_val *b)
{
    if (b == NULL)
        return false;
    if (yyjson_is_str(a) || yyjson_is_str(b))
        return yyjson_is_str(a) && yyjson_is_str(b) && slice_equal(json_text(a), json_text(b));
    if (yyjson_is_raw(a) && yyjson_is_raw(b))
        return slice_equal(slice_of(yyjson_get_raw(a), yyjson_get_len(a)),
                           slice_of(yyjson_get_raw(b), yyjson_get_len(b)));
    return yyjson_get_tag(a) == yyjson_get_tag(b);
}

static void check_value(struct run *r, yyjson_val *wanted, const struct json *value)
{
    struct pairs p = {.items = arena_calloc(r->a, PAIRS_MAX, sizeof(*p.items))};

    if (p.items == NULL || !push(&p, wanted, value->root, SLICE_LIT("the value")))
        return;
    while (p.count > 0) {
        const struct pair pair = p.items[--p.count];
        const bool is_container = yyjson_is_obj(pair.wanted) || yyjson_is_arr(pair.wanted);
        if (is_container ? expand(&p, &pair) : is_same(pair.wanted, pair.got))
            continue;
        fail(r, text_format(r->a, "'%.*s' is not as expected; the value: %.*s",
                            SLICE_ARG(pair.name), SLICE_ARG(value->bytes)));
        return;
    }
}

static void check_absent(struct run *r, yyjson_val *list, const struct json *value)
{
    size_t i;
    size_t n;
    yyjson_val *pointer;

    yyjson_arr_foreach(list, i, n, pointer)
    {
        if (where_find(value->root, json_text(pointer)) != NULL)
            fail(r, text_format(r->a, "'%.*s' is there; the value: %.*s",
                                SLICE_ARG(json_text(pointer)), SLICE_ARG(value->bytes)));
    }
}

/* ---- a case ---------------------------------------------------------------------------------- */

/* What the source's keys lead to: the id, the time and the key of the enriched record. */
static void check_pointers(struct run *r, yyjson_val *expect)
{
    static const char *const NAMES[] = {"id", "key", "time"};
    const struct event *e = &r->page.event;
    char time[NUMBER_TEXT_MAX];
    const struct slice got[] = {e->id, e->key,
                                e->time_ms < 0 ? (struct slice){0}
                                               : slice_of(time, number_format(e->time_ms, time))};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]) && r->page.is_decoded; i++) {
        yyjson_val *wanted = json_value(json_key(expect, slice_str(NAMES[i])));
        const struct slice text = yyjson_is_raw(wanted)
                                      ? slice_of(yyjson_get_raw(wanted), yyjson_get_len(wanted))
                                      : json_text(wanted);
        if (wanted != NULL && !slice_equal(text, got[i]))
            fail(r, text_format(r->a, "the %s is '%.*s'", NAMES[i], SLICE_ARG(got[i])));
    }
}

static int check_end(struct run *r, yyjson_val *expect)
{
    static const struct json_limits LIMITS = {.bytes_max = 256 << 20, .depth_max = 128};
    char status[ENRICH_STATUS_MAX];
    struct json value = {0};
    struct json_flaw flaw;
    bool is_null = true;
    const size_t len = enrich_page_value(&r->page, NOW_MS, &is_null);
    uint8_t *bytes = arena_alloc(r->a, len + 1);
    yyjson_val *wanted = json_value(json_key(expect, SLICE_LIT("status")));

    if (bytes == NULL)
        return ERR_NO_MEMORY;
    enrich_page_write(&r->page, bytes);
    (void)enrich_page_status_text(&r->page, status);
    if (wanted != NULL && !slice_equal(json_text(wanted), slice_str(status)))
        fail(r, text_format(r->a, "the status is %s (%s)", status, r->page.detail));
    check_unused(r);
    check_pointers(r, expect);
    if (json_parse(r->a, slice_of(bytes, len), &LIMITS, &value, &flaw) != 0)
        value = (struct json){.bytes = slice_of(bytes, len)};
    wanted = json_value(json_key(expect, SLICE_LIT("value")));
    if (wanted != NULL)
        check_value(r, wanted, &value);
    check_absent(r, json_value(json_key(expect, SLICE_LIT("absent"))), &value);
    return 0;
}

/* Which of the spec's sources the event is of: the case's "source", else the first. False: said. */
static bool shape_of(struct run *r, const struct spec *spec, yyjson_val *test,
                     struct event_shape *out)
{
    yyjson_val *named = json_value(json_key(test, SLICE_LIT("source")));
    const size_t index = named == NULL ? 0 : spec_source_find(spec, json_text(named));

    if (named != NULL && index >= spec->sources.count) {
        fail(r, "the spec has no such source");
        return false;
    }
    *out = spec_shape(spec, index);
    return true;
}

/* The case's "emitted": the last revision that the stream had of the page. */
static void set_emitted(struct run *r, yyjson_val *test)
{
    yyjson_val *emitted = json_value(json_key(test, SLICE_LIT("emitted")));
    int64_t number = 0;

    if (yyjson_is_raw(emitted) &&
        keys_parse_number(slice_of(yyjson_get_raw(emitted), yyjson_get_len(emitted)), &number) == 0)
        r->page.event.emitted_rev_id = number;
    else if (emitted != NULL)
        fail(r, "'emitted' takes the number of a revision, or 0");
}

/* The event's own wiki may be asked: which ones a node allows is no part of a spec. */
static void allow_domain(struct run *r, struct slice event, const struct event_shape *shape,
                         struct slice *out)
{
    static const struct json_limits LIMITS = {.bytes_max = EVENT_BYTES_MAX, .depth_max = 64};
    struct json json;
    struct json_flaw flaw;

    const char *pointer =
        shape->envelope == EVENT_CLOUDEVENTS ? "/data/meta/domain" : "/meta/domain";

    if (json_parse(r->a, event, &LIMITS, &json, &flaw) == 0)
        *out = json_text(where_find(json.root, slice_str(pointer)));
    if (out->len == 0)
        *out = shape->domain;
}

static int run_case(struct run *r, const struct spec *spec, yyjson_val *test)
{
    struct enrich_spec *enrich = arena_calloc(r->a, 1, sizeof(*enrich));
    struct slice *domain = arena_calloc(r->a, 1, sizeof(*domain));
    yyjson_val *event = json_key(test, SLICE_LIT("event"));
    struct enrich_outcome outcome;
    struct question q;

    if (enrich == NULL || domain == NULL)
        return ERR_NO_MEMORY;
    if (event == NULL) {
        fail(r, "the case has no event");
        return 0;
    }
    const struct slice source = bytes_of(r->file, event);
    const struct domain_list domains = {domain, 1};
    if (!shape_of(r, spec, test, &r->shape))
        return 0;
    allow_domain(r, source, &r->shape, domain);
    const int rc = spec_enrich(spec, &domains, r->a, enrich);
    if (rc != 0)
        return rc;
    const struct enrich_memory memory = {.scratch = &r->scratch, .keep = r->a};
    (void)enrich_page_open_as(&r->page, enrich, &r->shape, &memory, source);
    set_emitted(r, test);
    while (enrich_page_ask(&r->page, &r->scratch, &q)) {
        if (!answer_for(r, &q, &outcome))
            return 0;
        enrich_page_settle(&r->page, q.kind, &outcome, &r->scratch);
    }
    return check_end(r, json_value(json_key(test, SLICE_LIT("expect"))));
}

int spec_test_run(const struct spec *spec, const struct json *file, yyjson_val *test,
                  struct arena *a, struct spec_test_result *out)
{
    struct run *r = arena_calloc(a, 1, sizeof(*r)); /* 8 KB */

    if (r == NULL)
        return ERR_NO_MEMORY;
    *out = (struct spec_test_result){.is_ok = true, .why = ""};
    r->file = file;
    r->answers = json_value(json_key(test, SLICE_LIT("answers")));
    r->a = a;
    r->out = out;
    arena_init(&r->scratch, SCRATCH_BLOCK, SCRATCH_MAX);
    const int rc = run_case(r, spec, test);
    arena_deinit(&r->scratch);
    return rc;
}
