/* SPDX-License-Identifier: Apache-2.0 */
/* enrich_page_value.c - the bytes of an enriched record, once its status is known. */
#include <assert.h>
#include <stdio.h>

#include "proto/enrich_page.h"

static_assert(SPLICE_EDITS_MAX >= 3 * EVENT_SLOTS_MAX + 15, "each field has room for its edit");

static bool wants_content(const struct enrich_page *p)
{
    return (p->spec->enrichments & ENRICHMENT_BIT(ENRICHMENT_CONTENT)) != 0;
}

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
    put(p, &(struct splice_edit){.cut = at, .parts = {slice_str(before), text, slice_str(after)}});
}

/* What is added to an event that is no page change has a schema of its own. */
static struct slice schema_of(const struct enrich_page *p)
{
    const struct slice schema = p->spec->schema;
    const bool is_default = schema.len == 0 || slice_equal(schema, SLICE_LIT(ENRICHMENT_SCHEMA));

    if (p->event.is_other && p->spec->enrichments != 0 && is_default)
        return SLICE_LIT(ENRICHMENT_OTHER_SCHEMA);
    return schema;
}

static void put_schema(struct enrich_page *p)
{
    const struct event *e = &p->event;
    const struct slice schema = schema_of(p);

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
    const struct slice time = slice_of(p->time_token, TIME_TEXT_LEN);

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

/* Nothing was asked, or only for what does not touch contents: those that the source has stay. */
static bool is_passed_on(const struct enrich_page *p)
{
    return p->status == ENRICH_OK && !wants_content(p) &&
           !slice_equal(p->event.kind, SLICE_LIT("delete"));
}

static void put_enrichments(struct enrich_page *p)
{
    const struct event *e = &p->event;

    if (p->made.ptr == NULL) {
        if (p->status != ENRICH_CANARY && !is_passed_on(p))
            cut(p, &e->enrichments);
        return;
    }
    if (!span_is_absent(e->enrichments.value))
        put(p, &(struct splice_edit){.cut = e->enrichments.value, .parts = {p->made}});
    else /* a comma always: an event with a revision has members */
        put(p, &(struct splice_edit){.cut = here(e->root_end),
                                     .parts = {SLICE_LIT(",\"enrichments\":"), p->made}});
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
    if (p->status == ENRICH_OK && p->outcome.revision != NULL && wants_content(p))
        put_contents(p);
    else if (p->status != ENRICH_CANARY && !is_passed_on(p))
        cut_contents(p);
    put_enrichments(p);
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
    time_text(now_ms, (char *)p->time_token);
    *out_is_null = p->source.ptr == NULL;
    if (p->status == ENRICH_FILTERED) {
        plan_nothing(p);
        return 0;
    }
    plan(p);
    if (!fits(p) && p->status != ENRICH_WITHHELD && p->status != ENRICH_FAILED) {
        p->status = ENRICH_FAILED;
        p->reason = REASON_TOO_LARGE;
        p->made = (struct slice){0};
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
