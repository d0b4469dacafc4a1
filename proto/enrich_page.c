/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/enrich_page.h"

#include <assert.h>
#include <stdio.h>

#include "proto/err.h"
#include "proto/html.h"

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

static struct slice model_of(const struct event *e)
{
    for (size_t i = 0; i < e->slot_count; i++) {
        if (slice_equal(e->slots[i].role, SLICE_LIT("main")))
            return e->slots[i].model;
    }
    return (struct slice){0};
}

static bool passes_filter(const struct enrich_spec *spec, const struct event *e)
{
    if (!is_listed(spec->wikis, spec->wiki_count, e->wiki_id) ||
        !is_listed(spec->kinds, spec->kind_count, e->kind) ||
        !is_listed(spec->models, spec->model_count, model_of(e)))
        return false;
    for (size_t i = 0; i < spec->namespace_count; i++) {
        if (e->has_namespace && e->namespace_id == spec->namespaces[i])
            return true;
    }
    return spec->namespace_count == 0;
}

static bool wants(const struct enrich_page *p, enum enrichment_kind kind)
{
    return (p->spec->enrichments & ENRICHMENT_BIT(kind)) != 0;
}

/* Nothing is to be added, and nothing in it is known to be hidden. */
static bool is_bare(const struct enrich_page *p)
{
    return p->spec->enrichments == 0 && !p->event.is_content_hidden;
}

static bool is_deletion(const struct event *e)
{
    return slice_equal(e->kind, SLICE_LIT("delete"));
}

/* Of a deleted page one thing can still be asked: who else redirects to where it led. */
static bool has_lost_target(const struct enrich_page *p)
{
    return is_deletion(&p->event) && wants(p, ENRICHMENT_REDIRECT) &&
           p->event.redirect_title.len > 0;
}

static bool may_ask_of_deletion(const struct enrich_page *p)
{
    const struct event *e = &p->event;

    return is_deletion(e) && e->rev_id >= 0 && domain_is_allowed(&p->spec->domains, e->domain);
}

/* Why nothing can be asked of a revision: ENRICH_PENDING if something can. */
static void decide_revision(struct enrich_page *p)
{
    const struct event *e = &p->event;

    if (e->is_content_hidden)
        end(p, ENRICH_WITHHELD, REASON_CONTENT_HIDDEN);
    else if (e->rev_id < 0)
        end(p, ENRICH_FAILED, REASON_NO_REVISION);
    else if (e->slot_count == 0 && wants(p, ENRICHMENT_CONTENT))
        end(p, ENRICH_FAILED, REASON_NO_SLOTS);
    else if (!domain_is_allowed(&p->spec->domains, e->domain))
        end(p, ENRICH_FAILED, REASON_DOMAIN);
    else
        end(p, ENRICH_PENDING, REASON_NONE);
}

/* The rules, first match wins; docs/enrichment.md has them as a table. */
static void decide(struct enrich_page *p, bool meets_conditions)
{
    const struct event *e = &p->event;

    if (e->is_canary)
        end(p, ENRICH_CANARY, REASON_NONE);
    else if (!passes_filter(p->spec, e) || !meets_conditions)
        end(p, ENRICH_FILTERED, REASON_NONE);
    else if ((is_deletion(e) && !has_lost_target(p)) || is_bare(p))
        end(p, ENRICH_OK, REASON_NONE);
    else if (may_ask_of_deletion(p))
        end(p, ENRICH_PENDING, REASON_NONE);
    else
        decide_revision(p);
}

/* What this event can have, and what need not be asked for it: counts as asked and answered. */
static void plan_questions(struct enrich_page *p)
{
    const uint32_t redirect = ENRICHMENT_BIT(ENRICHMENT_REDIRECT);
    uint32_t needless = 0;

    p->wanted = p->spec->enrichments;
    if (is_deletion(&p->event)) {
        p->wanted &= redirect;
        needless = QUESTION_BIT(QUESTION_REVISION) | QUESTION_BIT(QUESTION_HTML) |
                   QUESTION_BIT(QUESTION_HTML_PARENT);
    } else if (p->event.is_no_redirect || p->event.redirect_title.len > 0) {
        needless = QUESTION_BIT(QUESTION_HTML) & ~enrichment_questions(p->wanted & ~redirect);
    }
    p->due = enrichment_questions(p->wanted);
    p->asked = p->answered = needless & p->due;
}

static void begin(struct enrich_page *p, const struct enrich_spec *spec, struct slice value)
{
    p->spec = spec;
    p->source = value;
    p->detail[0] = '\0';
    p->wanted = p->due = p->asked = p->answered = 0;
    memset(p->answers, 0, sizeof p->answers);
    p->made = (struct slice){0};
    p->outcome = (struct enrich_outcome){0};
    p->is_decoded = false;
}

void enrich_page_skip(struct enrich_page *p, const struct enrich_spec *spec, struct slice value)
{
    begin(p, spec, value);
    p->keep = NULL;
    end(p, ENRICH_FILTERED, REASON_NONE);
}

bool enrich_page_open_as(struct enrich_page *p, const struct enrich_spec *spec,
                         const struct event_shape *shape, const struct enrich_memory *memory,
                         struct slice value)
{
    struct event_flaw flaw = {0};

    if (shape->envelope == EVENT_DEBEZIUM && value.ptr == NULL) {
        /* the tombstone behind a deletion, for compaction alone */
        enrich_page_skip(p, spec, value);
        return false;
    }
    begin(p, spec, value);
    p->keep = memory->keep;
    arena_reset(memory->scratch);
    p->is_decoded = event_decode_as(memory->scratch, value, shape, &p->event, &flaw) == 0;
    arena_reset(memory->scratch);
    if (p->is_decoded) {
        plan_questions(p);
        decide(p, where_passes(memory->scratch, value, spec->where, spec->where_count));
    } else {
        end(p, ENRICH_FAILED, flaw.reason);
        memcpy(p->detail, flaw.detail, sizeof p->detail);
    }
    assert(p->status != ENRICH_FAILED || reason_class(p->reason) == REASON_CLASS_FAILED);
    return p->status == ENRICH_PENDING;
}

bool enrich_page_open(struct enrich_page *p, const struct enrich_spec *spec,
                      const struct enrich_memory *memory, struct slice value)
{
    static const struct event_shape PAGE_CHANGE = {0};

    return enrich_page_open_as(p, spec, &PAGE_CHANGE, memory, value);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void fail(struct enrich_page *p, enum reason reason, enum question_kind kind,
                 const char *what)
{
    end(p, ENRICH_FAILED, reason);
    (void)snprintf(p->detail, sizeof p->detail, "%s: %s", question_type(kind)->name, what);
    p->outcome.revision = NULL;
}

/* Tries to put one question; false: it cannot be put now, or there is nothing to ask. */
static bool try_ask(struct enrich_page *p, enum question_kind kind, struct arena *scratch,
                    struct question *out)
{
    const uint32_t bit = QUESTION_BIT(kind);

    if ((p->due & ~p->asked & bit) == 0 || (question_type(kind)->after & ~p->answered) != 0)
        return false;
    const struct question_in in = {&p->event, p->answers, &p->spec->asks, scratch, p->keep};
    const int rc = question_put(kind, &in, out);
    p->asked |= bit;
    if (rc == 0) {
        p->answers[kind].is_asked = true;
        return true;
    }
    p->answered |= bit;
    if (rc != ERR_NOT_FOUND)
        fail(p, REASON_TOO_LARGE, kind, "the question is too long");
    return false;
}

static void make(struct enrich_page *p, struct arena *scratch)
{
    struct enrichment_in in = {
        .event = &p->event,
        .answers = p->answers,
        .asks = &p->spec->asks,
        .tags = p->spec->tags,
        .is_user_hidden = p->outcome.hidden.user,
        .is_comment_hidden = p->outcome.hidden.comment,
        .scratch = scratch,
    };
    enum question_kind bad = QUESTION_REVISION;
    const size_t max = p->spec->value_bytes_max == 0 ? SIZE_MAX / 4 : p->spec->value_bytes_max;

    end(p, ENRICH_OK, REASON_NONE);
    if ((p->wanted & ~ENRICHMENT_BIT(ENRICHMENT_CONTENT)) == 0)
        return;
    const int rc = enrichments_write(p->wanted, &in, max, p->keep, &p->made, &bad);
    if (rc == ERR_MALFORMED)
        fail(p, REASON_BAD_ANSWER, bad, "the answer makes no sense");
    else if (rc != 0)
        fail(p, REASON_TOO_LARGE, bad, "what is made of the answers is too large");
}

bool enrich_page_ask(struct enrich_page *p, struct arena *scratch, struct question *out)
{
    for (unsigned k = 0; k < QUESTION_COUNT && p->status == ENRICH_PENDING; k++) {
        if (try_ask(p, (enum question_kind)k, scratch, out))
            return true;
    }
    /* the last ones may have been needless */
    if (p->status == ENRICH_PENDING && p->answered == p->due)
        make(p, scratch);
    return false;
}

/* Of the first answer that is no good the page's status is made; all count as calls. */
static void note(struct enrich_page *p, enum question_kind kind,
                 const struct enrich_outcome *outcome)
{
    const struct enrich_outcome before = p->outcome;

    if (kind == QUESTION_REVISION) {
        p->outcome = *outcome;
    } else if (p->status == ENRICH_PENDING) {
        p->outcome.http_status = outcome->http_status;
        memcpy(p->outcome.api_error, outcome->api_error, sizeof p->outcome.api_error);
    }
    p->outcome.attempts = before.attempts + outcome->attempts;
    p->outcome.ms = before.ms + outcome->ms;
}

/* Of a parent it may be said that it is not there, or hidden. */
static bool is_good(enum question_kind kind, enum reason reason)
{
    if (reason == REASON_NONE)
        return true;
    if (question_type(kind)->api == QUESTION_OTHER)
        return reason == REASON_MISSING;
    return question_type(kind)->is_optional &&
           (reason == REASON_MISSING || reason == REASON_REFUSED ||
            reason_class(reason) == REASON_CLASS_WITHHELD);
}

/* Of HTML one thing is kept that other questions are made from. False: it is no HTML, or no memory. */
static bool read_href(const struct enrich_page *p, enum question_kind kind, struct arena *scratch,
                      struct answer *answer)
{
    struct slice href = {0};

    if ((kind != QUESTION_HTML && kind != QUESTION_HTML_PARENT) || !wants(p, ENRICHMENT_REDIRECT) ||
        answer->reason != REASON_NONE)
        return true;
    arena_reset(scratch);
    int rc = html_redirect(answer->body, scratch, &href);
    if (rc == 0 && href.len > 0) {
        answer->href = arena_copy(p->keep, href);
        rc = answer->href.ptr == NULL ? ERR_NO_MEMORY : 0;
    }
    arena_reset(scratch);
    return rc == 0;
}

/* An answer that has more: its bytes are kept, and the question is put again. */
static bool take_part(struct enrich_page *p, enum question_kind kind, struct arena *scratch)
{
    struct answer *answer = &p->answers[kind];
    size_t count = 1;

    answer->next = question_next(kind, answer->body, scratch, p->keep);
    for (const struct answer_part *part = answer->parts; part != NULL; part = part->before)
        count++;
    if (answer->next.len == 0 || count >= QUESTION_PARTS_MAX)
        return false;
    struct answer_part *part = arena_calloc(p->keep, 1, sizeof *part);
    if (part == NULL)
        return false;
    *part = (struct answer_part){arena_copy(p->keep, answer->body), answer->parts};
    if (part->body.ptr == NULL)
        return false;
    answer->parts = part;
    answer->body = (struct slice){0};
    p->asked &= ~QUESTION_BIT(kind);
    p->answered &= ~QUESTION_BIT(kind);
    return true;
}

void enrich_page_settle(struct enrich_page *p, enum question_kind kind,
                        const struct enrich_outcome *outcome, struct arena *scratch)
{
    const uint32_t bit = QUESTION_BIT(kind);
    struct answer *answer = &p->answers[kind];

    assert((p->asked & bit) != 0);
    assert((p->answered & bit) == 0);
    p->answered |= bit;
    if (kind == QUESTION_REVISION && outcome->hidden.user)
        p->event.performer_name = (struct slice){0}; /* is not asked about either */
    answer->reason = outcome->reason;
    answer->body = outcome->body;
    answer->revision = outcome->revision;
    answer->at_ms = outcome->at_ms;
    note(p, kind, outcome);
    if (p->status != ENRICH_PENDING)
        return;
    if (is_good(kind, outcome->reason)) {
        assert(kind != QUESTION_REVISION || outcome->revision != NULL);
        if (!read_href(p, kind, scratch, answer))
            fail(p, REASON_BAD_ANSWER, kind, "the answer makes no sense");
        else if (!take_part(p, kind, scratch) && p->answered == p->due)
            make(p, scratch);
        return;
    }
    end(p, reason_class(outcome->reason) == REASON_CLASS_WITHHELD ? ENRICH_WITHHELD : ENRICH_FAILED,
        outcome->reason);
    if (kind != QUESTION_REVISION)
        (void)snprintf(p->detail, sizeof p->detail, "%s", question_type(kind)->name);
    p->outcome.revision = NULL;
}

bool enrich_page_is_done(const struct enrich_page *p)
{
    return p->status != ENRICH_PENDING && p->asked == p->answered;
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

struct enrich_judgement enrich_page_judge_revision(const struct event *event,
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
    return enrich_page_judge_revision(event, revision);
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
