/* SPDX-License-Identifier: Apache-2.0 */
/* io_cmd_verify.c - the audit of a stream, from its range to the verdict. */
#include <inttypes.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/ctl/io_verify.h"
#include "coord/ctl/topics.h"

enum {
    MIN_OK_PERCENT = 99
};

/* ---- what it says ----------------------------------------------------------------------------- */

static void add_copies(struct verify *v, struct view *out, const struct audit_result *r)
{
    static const char *const TITLES[] = {"dc",      "records", "next_seq", "lost",
                                         "foreign", "behind",  NULL};
    struct view_table *t = view_table(out, "copies", TITLES);

    for (size_t i = 0; i < v->site_count; i++) {
        view_cell_text(out, t, v->sites[i].dc);
        view_cell_number(out, t, (int64_t)r->records[i]);
        view_cell_number(out, t, r->next_seq[i]);
        view_cell_number(out, t, (int64_t)r->lost[i]);
        view_cell_number(out, t, (int64_t)r->foreign[i]);
        view_cell_bool(out, t, v->sites[i].is_behind);
    }
}

static void add_sources(struct verify *v, struct view *out)
{
    static const char *const TITLES[] = {"origin",  "topic",   "partition", "after", "up_to",
                                         "visible", "emitted", "expired",   NULL};
    struct view_table *t = view_table(out, "sources", TITLES);

    for (size_t i = 0; i < audit_part_count(v->audit); i++) {
        const struct audit_part *p = audit_part_at(v->audit, i);

        view_cell_text(out, t, p->dc);
        view_cell_text(out, t, p->topic);
        view_cell_number(out, t, p->partition);
        if (p->lo_is_known) {
            view_cell_number(out, t, p->lo);
        } else {
            view_cell_null(out, t);
        }
        view_cell_number(out, t, p->hi);
        view_cell_number(out, t, (int64_t)p->visible_count);
        view_cell_number(out, t, (int64_t)p->emitted_count);
        view_cell_number(out, t, (int64_t)p->expired_count);
    }
}

static void add_findings(struct verify *v, struct view *out)
{
    static const char *const TITLES[] = {"finding", "dc", "seq", "what", NULL};
    struct view_table *t = view_table(out, "findings", TITLES);
    size_t count = 0;
    const struct audit_finding *findings = audit_findings(v->audit, &count);

    for (size_t i = 0; i < count; i++) {
        view_cell_text(out, t, slice_str(audit_kind_name(findings[i].kind)));
        view_cell_text(out, t, findings[i].dc);
        if (findings[i].seq >= 0) {
            view_cell_number(out, t, findings[i].seq);
        } else {
            view_cell_null(out, t);
        }
        view_cell_textf(out, t, "%s: %s", audit_kind_text(findings[i].kind), findings[i].message);
    }
}

static void add_counts(struct verify *v, struct view *out, const struct audit_result *r)
{
    view_text(out, "stream", v->stream.output);
    view_number(out, "from_seq", v->first_seq);
    view_number(out, "to_seq", r->shortest - 1);
    view_textf(out, "cut", "%u.%" PRIu64, v->stream.cut.era, v->stream.cut.number);
    view_number(out, "compared", r->shortest - v->first_seq);
    view_number(out, "ok", (int64_t)r->statuses[STATUS_OK]);
    view_number(out, "withheld", (int64_t)r->statuses[STATUS_WITHHELD]);
    view_number(out, "failed_emitted", (int64_t)r->statuses[STATUS_FAILED]);
    view_number(out, "failed_omitted", (int64_t)r->accounted[AUDIT_WHY_FAILED]);
    view_number(out, "canaries", (int64_t)r->statuses[STATUS_CANARY]);
    view_number(out, "canaries_dropped", (int64_t)r->accounted[AUDIT_WHY_CANARY]);
    view_number(out, "filtered", (int64_t)r->accounted[AUDIT_WHY_FILTERED]);
    view_number(out, "filtered_by_some_spec", (int64_t)r->accounted[AUDIT_WHY_FILTERED_ONCE]);
    view_number(out, "duplicates_dropped", (int64_t)r->accounted[AUDIT_WHY_DUPLICATE]);
    view_number(out, "in_gaps", (int64_t)(r->statuses[STATUS_GAP] + r->accounted[AUDIT_WHY_GAP]));
    view_number(out, "source_records", (int64_t)r->sources);
    view_number(out, "sources_expired", (int64_t)r->sources_expired);
    view_number(out, "revisions_back", (int64_t)v->pages.back);
    if (v->pages.back_seq >= 0) {
        view_number(out, "revisions_back_from", v->pages.back_seq);
    } else {
        view_null(out, "revisions_back_from");
    }
    view_number(out, "content_compared", (int64_t)v->content_compared);
    view_number(out, "content_not_shown", (int64_t)v->content_skipped);
    view_textf(out, "ok_percent", "%.3f", r->ok_percent);
    view_number(out, "lost", (int64_t)(r->findings[AUDIT_MISSING] + r->findings[AUDIT_LOST]));
    if (r->first_unequal >= 0) {
        view_number(out, "first_unequal", r->first_unequal);
    } else {
        view_null(out, "first_unequal");
    }
    view_number(out, "findings_count", (int64_t)r->finding_count);
}

/* What keeps a sound stream from exit 0, or NULL. */
static const char *degraded(struct verify *v, const struct audit_result *r, int64_t min_ok)
{
    struct session *s = v->session;

    for (size_t i = 0; i < v->site_count; i++) {
        if (v->sites[i].is_behind) {
            return text_format(&s->arena, "%.*s had not emitted what is cut",
                               SLICE_ARG(v->sites[i].dc));
        }
    }
    if (r->ok_percent < (double)min_ok) {
        return text_format(&s->arena, "only %.2f percent of what could be enriched is ok",
                           r->ok_percent);
    }
    if (r->sources_expired > 0)
        return text_format(&s->arena, "%" PRIu64 " source records had expired", r->sources_expired);
    if (v->first_seq > v->asked_seq)
        return text_format(&s->arena, "numbers before %" PRId64 " had expired", v->first_seq);
    if (!v->has_start && v->first_seq == 0)
        return "where the stream starts is not known: cut 0 is gone";
    return NULL;
}

/* The worst in short: what is lost, and from where the copies differ. */
static const char *what_broke(struct verify *v, const struct audit_result *r)
{
    struct text t = text_in(&v->session->arena);

    if (r->findings[AUDIT_MISSING] > 0)
        text_addf(&t, "%" PRIu64 " lost in all copies; ", r->findings[AUDIT_MISSING]);
    for (size_t i = 0; i < v->site_count; i++) {
        if (r->lost[i] > 0)
            text_addf(&t, "%" PRIu64 " lost in %.*s; ", r->lost[i], SLICE_ARG(v->sites[i].dc));
    }
    if (r->first_unequal >= 0)
        text_addf(&t, "the copies differ from number %" PRId64 " on; ", r->first_unequal);
    return text_string(&t);
}

static int conclude(struct verify *v, const struct audit_result *r, int64_t min_ok)
{
    struct session *s = v->session;
    struct view *out = arena_calloc(&s->arena, 1, sizeof(*out));
    const char *why = degraded(v, r, min_ok);
    int64_t compared = r->shortest - v->first_seq;
    bool is_broken = r->finding_count > 0 || compared <= 0;

    if (out == NULL)
        return EXIT_REFUSED;
    *out = view_new(&s->arena, "Audit");
    if (compared <= 0) {
        view_heading(out, "NOTHING COMPARED: the copies have no record in the range.");
    } else if (is_broken) {
        view_heading(out, "BROKEN: %s%" PRIu64 " findings in numbers %" PRId64 " to %" PRId64 ".",
                     what_broke(v, r), r->finding_count, v->first_seq, r->shortest - 1);
    } else {
        view_heading(out,
                     "%s: %zu copies are equal, dense and in order over numbers %" PRId64
                     " to %" PRId64 "; %" PRIu64 " source records are accounted for%s%s.",
                     why == NULL ? "SOUND" : "DEGRADED", v->site_count, v->first_seq,
                     r->shortest - 1, r->sources, why == NULL ? "" : "; but ",
                     why == NULL ? "" : why);
    }
    view_bool(out, "sound", !is_broken);
    view_bool(out, "degraded", why != NULL);
    add_counts(v, out, r);
    add_copies(v, out, r);
    add_sources(v, out);
    add_findings(v, out);
    output_view(&s->output, out);
    if (is_broken)
        return EXIT_REFUSED;
    return why == NULL ? EXIT_DONE : EXIT_DEGRADED;
}

/* A copy that is no longer than the range and not behind must be as long as the others. */
static void check_lengths(struct verify *v)
{
    struct audit_result r;

    audit_peek(v->audit, &r);
    for (size_t i = 0; i < v->site_count; i++) {
        int64_t longest = 0;

        for (size_t k = 0; k < v->site_count; k++)
            longest = r.next_seq[k] > longest ? r.next_seq[k] : longest;
        if (!v->sites[i].is_behind && r.next_seq[i] < longest) {
            audit_add(v->audit, AUDIT_UNEQUAL, v->sites[i].dc, r.next_seq[i],
                      text_format(&v->arena,
                                  "ends before number %" PRId64 ", another copy goes on to "
                                  "%" PRId64,
                                  r.next_seq[i], longest - 1));
        }
    }
}

static int audit(struct verify *v, uint64_t content)
{
    int rc = verify_range(v);

    if (rc == 0)
        rc = verify_copies(v);
    if (rc == 0)
        check_lengths(v);
    if (rc == 0 && session_given(v->session, OPTION_UNCOMMITTED))
        rc = verify_uncommitted(v);
    if (rc == 0)
        rc = verify_sources(v);
    if (rc == 0)
        rc = verify_content(v, content);
    return rc;
}

int verify_audit(struct verify *v, uint64_t content, struct audit_result *out)
{
    int rc = audit(v, content);

    if (rc == 0)
        audit_finish(v->audit, out);
    return rc;
}

int verify_begin(struct verify *v, struct session *s, struct snapshot *snap, struct slice output)
{
    const struct snapshot_stream *st = NULL;
    int rc = store_load(s, snap);

    arena_init(&v->arena, 1 << 20, VERIFY_ARENA_MAX);
    if (rc != 0)
        return rc;
    st = output.len == 0 ? stream_wanted(s, snap) : snapshot_stream_find(snap, output);
    if (st == NULL)
        return EXIT_REFUSED;
    if (!st->has_spec || !st->has_cut) {
        output_error(&s->output, "'%.*s' has no spec or no cut that can be decoded",
                     SLICE_ARG(st->output));
        return EXIT_REFUSED;
    }
    v->session = s;
    v->snap = snap;
    v->stream = *st;
    v->global = topic_global(&s->arena, st->output);
    return 0;
}

void verify_end(struct verify *v)
{
    for (size_t i = 0; i < v->site_count; i++)
        kafka_close(v->sites[i].reader);
    audit_pages_deinit(&v->pages);
    arena_deinit(&v->arena);
}

int cmd_verify(struct session *s)
{
    struct verify *v = arena_calloc(&s->arena, 1, sizeof(*v));
    struct snapshot *snap = arena_calloc(&s->arena, 1, sizeof(*snap));
    struct audit_result result;
    int64_t content = 0;
    int64_t min_ok = 0;
    int rc = 0;

    if (v == NULL || snap == NULL)
        return EXIT_REFUSED;
    if (!session_number(s, OPTION_CONTENT, 0, &content) ||
        !session_number(s, OPTION_MIN_OK, MIN_OK_PERCENT, &min_ok)) {
        return EXIT_USAGE;
    }
    rc = verify_begin(v, s, snap, (struct slice){0});
    if (rc == 0)
        rc = verify_audit(v, (uint64_t)content, &result);
    if (rc == 0)
        rc = conclude(v, &result, min_ok);
    verify_end(v);
    return rc;
}
