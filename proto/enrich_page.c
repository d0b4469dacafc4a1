/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/enrich_page.h"

#include <assert.h>
#include <stdio.h>

#include "proto/err.h"

static_assert(SPLICE_EDITS_MAX >= 3 * EVENT_SLOTS_MAX + 14, "each field has room for its edit");

static bool is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < ' ' || text.ptr[i] > '~' || text.ptr[i] == '"' || text.ptr[i] == '\\')
            return false;
    }
    return true;
}

int enrich_spec_check(const struct enrich_spec *spec)
{
    if (spec->output.len == 0 || !is_plain(spec->output) || !is_plain(spec->schema))
        return ERR_CONFIG;
    return 0;
}

/* ---- deciding -------------------------------------------------------------------------------- */

static void end(struct enrich_page *p, enum enrich_status status, enum reason reason)
{
    p->status = status;
    p->reason = reason;
}

static bool is_listed(const struct slice *list, size_t count, struct slice text)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(list[i], text))
            return true;
    }
    return count == 0;
}

static bool passes_filter(const struct enrich_spec *spec, const struct event *e)
{
    if (!is_listed(spec->wikis, spec->wiki_count, e->wiki_id) ||
        !is_listed(spec->kinds, spec->kind_count, e->kind))
        return false;
    for (size_t i = 0; i < spec->namespace_count; i++) {
        if (e->has_namespace && e->namespace_id == spec->namespaces[i])
            return true;
    }
    return spec->namespace_count == 0;
}

/* The rules, first match wins; docs/enrichment.md has them as a table. */
static void decide(struct enrich_page *p)
{
    const struct event *e = &p->event;

    if (e->is_canary)
        end(p, ENRICH_CANARY, REASON_NONE);
    else if (!passes_filter(p->spec, e))
        end(p, ENRICH_FILTERED, REASON_NONE);
    else if (slice_equal(e->kind, SLICE_LIT("delete")))
        end(p, ENRICH_OK, REASON_NONE);
    else if (e->is_content_hidden)
        end(p, ENRICH_WITHHELD, REASON_CONTENT_HIDDEN);
    else if (e->rev_id < 0)
        end(p, ENRICH_FAILED, REASON_NO_REVISION);
    else if (e->slot_count == 0)
        end(p, ENRICH_FAILED, REASON_NO_SLOTS);
    else if (!domain_is_allowed(&p->spec->domains, e->domain))
        end(p, ENRICH_FAILED, REASON_DOMAIN);
    else
        end(p, ENRICH_PENDING, REASON_NONE);
}

bool enrich_page_open(struct enrich_page *p, const struct enrich_spec *spec, struct arena *scratch,
                      struct slice value)
{
    struct event_flaw flaw = {0};

    p->spec = spec;
    p->source = value;
    p->detail[0] = '\0';
    p->outcome = (struct enrich_outcome){0};
    p->is_decoded = event_decode(scratch, value, &p->event, &flaw) == 0;
    if (p->is_decoded) {
        decide(p);
    } else {
        end(p, ENRICH_FAILED, flaw.reason);
        memcpy(p->detail, flaw.detail, sizeof p->detail);
    }
    assert(p->status != ENRICH_FAILED || reason_class(p->reason) == REASON_CLASS_FAILED);
    return p->status == ENRICH_PENDING;
}

void enrich_page_settle(struct enrich_page *p, const struct enrich_outcome *outcome)
{
    assert(p->status == ENRICH_PENDING);
    p->outcome = *outcome;
    switch (reason_class(outcome->reason)) {
    case REASON_CLASS_NONE:
        assert(outcome->revision != NULL);
        end(p, ENRICH_OK, REASON_NONE);
        return;
    case REASON_CLASS_WITHHELD:
        end(p, ENRICH_WITHHELD, outcome->reason);
        break;
    case REASON_CLASS_FAILED:
        end(p, ENRICH_FAILED, outcome->reason);
        break;
    }
    p->outcome.revision = NULL;
}

/* ---- judging --------------------------------------------------------------------------------- */

/* The event announces a sha1 in base 36; no sha1 announced means nothing to compare with. */
static bool sha1_is_announced(struct slice announced, const uint8_t sha1[SHA1_BYTES])
{
    uint8_t digits[SHA1_BASE36_LEN];

    if (announced.ptr == NULL)
        return true;
    base36_from_sha1(sha1, digits);
    return slice_equal(announced, slice_of(digits, sizeof digits));
}

static enum reason judge_slot(const struct event_slot *slot, const struct mwapi_revision *revision)
{
    const struct mwapi_slot *answer = mwapi_slot_of(revision, slot->role);

    if (answer == NULL || answer->content.ptr == NULL)
        return REASON_SLOT_MISSING;
    if (!answer->sha1_matches || !sha1_is_announced(slot->sha1, answer->sha1))
        return REASON_SHA1;
    return REASON_NONE;
}

static struct enrich_judgement judge_found(const struct event *event,
                                           const struct mwapi_revision *revision)
{
    struct enrich_judgement j = {
        .verdict = ENRICH_VERDICT_HIDDEN,
        .hidden = {.user = revision->is_user_hidden, .comment = revision->is_comment_hidden}};

    switch (revision->visibility) {
    case MWAPI_TEXT_HIDDEN:
        j.reason = REASON_TEXT_HIDDEN;
        return j;
    case MWAPI_SUPPRESSED:
        j.reason = REASON_SUPPRESSED;
        return j;
    case MWAPI_VISIBLE:
        break;
    }
    for (size_t i = 0; i < event->slot_count; i++) {
        j.reason = judge_slot(&event->slots[i], revision);
        if (j.reason != REASON_NONE) {
            j.verdict = ENRICH_VERDICT_SUSPECT;
            return j;
        }
    }
    j.verdict = ENRICH_VERDICT_OK;
    j.revision = revision;
    return j;
}

struct enrich_judgement enrich_page_judge(const struct event *event,
                                          const struct mwapi_answer *answer)
{
    const struct mwapi_revision *revision = NULL;

    switch (mwapi_find(answer, event->rev_id, &revision)) {
    case MWAPI_MISSING:
        return (struct enrich_judgement){.verdict = ENRICH_VERDICT_MISSING};
    case MWAPI_UNSERVED:
        return (struct enrich_judgement){.verdict = ENRICH_VERDICT_UNSERVED};
    case MWAPI_FOUND:
        break;
    }
    return judge_found(event, revision);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Edits cannot fail: their places come from the decoder, apart from each other, and there is room
 * for all (the assertion at the top). */
static void put(struct enrich_page *p, const struct splice_edit *edit)
{
    const int rc = splice_put(&p->splice, edit);
    assert(rc == 0);
}

static void cut(struct enrich_page *p, const struct event_member *member)
{
    if (span_is_absent(member->value))
        return;
    const int rc = splice_cut(&p->splice, member->whole);
    assert(rc == 0);
}

static struct span here(size_t at)
{
    return (struct span){.from = at, .to = at};
}

/* Replaces a string value, text being plain ASCII; `before` has what precedes it, `after` follows:
 * quotes, and where the member is not there yet, key and comma. */
static void put_text(struct enrich_page *p, struct span at, const char *before, struct slice text,
                     const char *after)
{
    assert(is_plain(text));
    put(p, &(struct splice_edit){.cut = at, .parts = {slice_str(before), text, slice_str(after)}});
}

static void put_schema(struct enrich_page *p)
{
    const struct event *e = &p->event;
    const struct slice schema = p->spec->schema;

    if (schema.len == 0 || slice_equal(schema, e->schema))
        return;
    if (!span_is_absent(e->schema_value))
        put_text(p, e->schema_value, "\"", schema, "\"");
    else /* a comma always: there is a member behind it, or put_meta adds one */
        put_text(p, here(e->root_start), "\"$schema\":\"", schema, "\",");
}

static void put_meta(struct enrich_page *p)
{
    const struct event *e = &p->event;
    const struct slice stream = p->spec->output;
    const struct slice time = slice_of(p->time_token, ENRICH_TIME_LEN);

    if (!e->has_meta) {
        put_text(p, here(e->root_start), "\"meta\":{\"stream\":\"", stream, "\",\"dt\":\"");
        put_text(p, here(e->root_start), "", time, e->root_is_empty ? "\"}" : "\"},");
        return;
    }
    if (!span_is_absent(e->stream_value))
        put_text(p, e->stream_value, "\"", stream, "\"");
    else
        put_text(p, here(e->meta_end), e->meta_is_empty ? "\"stream\":\"" : ",\"stream\":\"",
                 stream, "\"");
    if (!span_is_absent(e->dt_value))
        put_text(p, e->dt_value, "\"", time, "\"");
    else
        put_text(p, here(e->meta_end), ",\"dt\":\"", time, "\"");
}

static void put_contents(struct enrich_page *p)
{
    const struct event *e = &p->event;

    for (size_t i = 0; i < e->slot_count; i++) {
        const struct event_slot *slot = &e->slots[i];
        const struct mwapi_slot *answer = mwapi_slot_of(p->outcome.revision, slot->role);
        assert(answer != NULL);
        assert(answer->content.len >= 2);
        struct splice_edit edit = {.cut = slot->body.value, .parts = {answer->content}};
        if (span_is_absent(slot->body.value))
            edit = (struct splice_edit){.cut = here(slot->end),
                                        .parts = {slot->is_empty ? SLICE_LIT("\"content_body\":")
                                                                 : SLICE_LIT(",\"content_body\":"),
                                                  answer->content}};
        put(p, &edit);
    }
}

/* Contents that the source brought along are not ours to pass on: nobody has checked them. */
static void cut_contents(struct enrich_page *p)
{
    for (size_t i = 0; i < p->event.slot_count; i++)
        cut(p, &p->event.slots[i].body);
}

static void put_false(struct enrich_page *p, struct span value)
{
    if (!span_is_absent(value))
        put(p, &(struct splice_edit){.cut = value, .parts = {SLICE_LIT("false")}});
}

/* Of these kinds the performer is the revision's editor, and the root's comment (of a move) stands
 * in the revision's. The others' performer is who deleted, restored or hid. */
static bool is_about_its_editor(const struct event *e)
{
    return slice_equal(e->kind, SLICE_LIT("create")) || slice_equal(e->kind, SLICE_LIT("edit")) ||
           slice_equal(e->kind, SLICE_LIT("move"));
}

/* Takes out what the wiki hides now, though the event may still show it. Of a suppressed text
 * nothing is left but numbers. */
static void cut_hidden(struct enrich_page *p)
{
    const struct event *e = &p->event;
    const bool is_all = p->status == ENRICH_WITHHELD && p->reason == REASON_SUPPRESSED;

    if (p->status == ENRICH_WITHHELD) {
        for (size_t i = 0; i < e->slot_count; i++)
            cut(p, &e->slots[i].sha1_member);
        cut(p, &e->rev_sha1);
        put_false(p, e->content_visible);
    }
    if (is_all || p->outcome.hidden.user) {
        cut(p, &e->editor);
        put_false(p, e->editor_visible);
        if (is_all || is_about_its_editor(e))
            cut(p, &e->performer);
    }
    if (is_all || p->outcome.hidden.comment) {
        cut(p, &e->rev_comment);
        put_false(p, e->comment_visible);
        if (is_all || is_about_its_editor(e))
            cut(p, &e->comment);
    }
}

static void plan(struct enrich_page *p)
{
    splice_init(&p->splice, p->source);
    if (!p->is_decoded)
        return;
    put_schema(p);
    put_meta(p);
    if (p->status == ENRICH_OK && p->outcome.revision != NULL)
        put_contents(p);
    else if (p->status != ENRICH_CANARY)
        cut_contents(p);
    cut_hidden(p);
    splice_seal(&p->splice);
}

static bool fits(const struct enrich_page *p)
{
    return p->spec->value_bytes_max == 0 || splice_size(&p->splice) <= p->spec->value_bytes_max;
}

static void plan_nothing(struct enrich_page *p)
{
    splice_init(&p->splice, slice_of("", 0));
}

size_t enrich_page_value(struct enrich_page *p, int64_t now_ms, bool *out_is_null)
{
    assert(p->status != ENRICH_PENDING);
    enrich_time_text(now_ms, (char *)p->time_token);
    *out_is_null = p->source.ptr == NULL;
    if (p->status == ENRICH_FILTERED) {
        plan_nothing(p);
        return 0;
    }
    plan(p);
    if (!fits(p) && p->status != ENRICH_WITHHELD && p->status != ENRICH_FAILED) {
        end(p, ENRICH_FAILED, REASON_TOO_LARGE);
        (void)snprintf(p->detail, sizeof p->detail, "the value would have %zu bytes",
                       splice_size(&p->splice));
        p->outcome.revision = NULL;
        plan(p);
    }
    if (!fits(p)) {
        *out_is_null = true;
        plan_nothing(p);
    }
    return splice_size(&p->splice);
}

void enrich_page_write(const struct enrich_page *p, uint8_t *out)
{
    splice_write(&p->splice, out);
}

/* ---- headers --------------------------------------------------------------------------------- */

size_t enrich_page_status_text(const struct enrich_page *p, char out[ENRICH_STATUS_MAX])
{
    const char *word = "";
    int len = 0;

    assert(p->status != ENRICH_PENDING);
    switch (p->status) {
    case ENRICH_PENDING:
        break;
    case ENRICH_OK:
        word = "ok";
        break;
    case ENRICH_WITHHELD:
        word = "withheld:";
        break;
    case ENRICH_FAILED:
        word = "failed:";
        break;
    case ENRICH_CANARY:
        word = "canary";
        break;
    case ENRICH_FILTERED:
        word = "filtered";
        break;
    }
    len = snprintf(out, ENRICH_STATUS_MAX, "%s%s", word, reason_word(p->reason));
    assert(len > 0);
    assert(len < ENRICH_STATUS_MAX);
    return (size_t)len;
}

size_t enrich_page_fetch_text(const struct enrich_page *p, char out[ENRICH_FETCH_MAX])
{
    const struct enrich_outcome *o = &p->outcome;
    const int len =
        snprintf(out, ENRICH_FETCH_MAX, "attempts=%u http=%u error=%s ms=%u", o->attempts,
                 o->http_status, o->api_error[0] == '\0' ? "-" : o->api_error, o->ms);

    assert(len > 0);
    assert(len < ENRICH_FETCH_MAX);
    return (size_t)len;
}

/* Days since 1970 to a date: Howard Hinnant's civil_from_days, for years 0 to 9999. */
void enrich_time_text(int64_t ms, char out[ENRICH_TIME_LEN])
{
    const int64_t MS_MIN = -62167219200000; /* 0000-01-01 */
    const int64_t MS_MAX = 253402300799999; /* 9999-12-31T23:59:59.999 */
    char text[ENRICH_TIME_LEN + 1];

    ms = ms < MS_MIN ? MS_MIN : ms > MS_MAX ? MS_MAX : ms;
    const uint64_t since = (uint64_t)(ms - MS_MIN); /* since 0000-01-01 */
    const unsigned in_day = (unsigned)(since % 86400000U);
    /* March-based years: day 0 is 0000-03-01, which is day 60 since 0000-01-01 */
    const int64_t day = (int64_t)(since / 86400000U) - 60 + 146097;
    const unsigned era_day = (unsigned)(day % 146097);
    const unsigned era = (unsigned)(day / 146097);
    const unsigned year_of_era =
        (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
    const unsigned day_of_year =
        era_day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned shifted = (5 * day_of_year + 2) / 153;
    const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    const unsigned year = year_of_era + era * 400 - 400 + (month <= 2 ? 1 : 0);
    const int len = snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000,
                             month, day_of_year - (153 * shifted + 2) / 5 + 1, in_day / 3600000,
                             in_day / 60000 % 60, in_day / 1000 % 60, in_day % 1000);
    assert(len == ENRICH_TIME_LEN);
    memcpy(out, text, ENRICH_TIME_LEN);
}
