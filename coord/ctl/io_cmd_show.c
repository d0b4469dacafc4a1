/* SPDX-License-Identifier: Apache-2.0 */
/* io_cmd_show.c - commands that show what etcd says. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "coord/ctl/health.h"
#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_store.h"

enum {
    WATCH_S = 2
};

/* ---- parts ------------------------------------------------------------------------------------ */

static struct slice pool_name(int pool)
{
    return pool == 0 ? SLICE_LIT("pooled") : pool == 1 ? SLICE_LIT("depooled") : SLICE_LIT("lost");
}

static void add_dcs(struct view *v, const struct snapshot *snap, const struct health *h)
{
    static const char *const TITLES[] = {"dc", "state", "nodes", "can_be_lost", "why_not", NULL};
    struct view_table *t = view_table(v, "dcs", TITLES);

    for (size_t i = 0; i < snap->dc_count; i++) {
        view_cell_text(v, t, snap->dcs[i].dc);
        view_cell_text(v, t, pool_name(snap->dcs[i].pool));
        view_cell_number(v, t, (int64_t)snap->dcs[i].nodes);
        view_cell_bool(v, t, h->can_lose[i]);
        view_cell_text(v, t, slice_str(h->why_not[i]));
    }
}

static void add_nodes(struct view *v, const struct snapshot *snap)
{
    static const char *const TITLES[] = {"node",  "version", "tasks", "weight",
                                         "state", "started", "http",  NULL};
    struct view_table *t = view_table(v, "nodes", TITLES);

    for (size_t i = 0; i < snap->node_count; i++) {
        const struct snapshot_node *n = &snap->nodes[i];

        view_cell_textf(v, t, "%.*s/%.*s", SLICE_ARG(n->dc), SLICE_ARG(n->name));
        view_cell_text(v, t, n->version);
        view_cell_number(v, t, (int64_t)n->tasks);
        view_cell_number(v, t, n->weight);
        view_cell_text(v, t, n->is_draining ? SLICE_LIT("draining") : SLICE_LIT("up"));
        view_cell_time(v, t, n->started_ms);
        view_cell_text(v, t, n->http);
    }
}

/* One row for each copy of each stream. */
static void add_copies(struct view *v, const struct snapshot *snap)
{
    static const char *const TITLES[] = {"stream",      "dc",       "member",        "cut",
                                         "cuts_behind", "next_seq", "report_age_ms", "caught_up",
                                         "alarm",       NULL};
    struct view_table *t = view_table(v, "streams", TITLES);

    for (size_t i = 0; i < snap->stream_count; i++) {
        const struct snapshot_stream *st = &snap->streams[i];

        for (size_t dc = 0; dc < st->dc_count; dc++) {
            struct health_copy c;

            health_copy_of(snap, st, st->dcs[dc], &c);
            view_cell_text(v, t, st->output);
            view_cell_text(v, t, st->dcs[dc]);
            view_cell_bool(v, t, c.is_member);
            view_cell_textf(v, t, "%u.%" PRIu64, st->cut_era, st->cut_number);
            if (c.cuts_behind < 0) {
                view_cell_null(v, t);
            } else {
                view_cell_number(v, t, c.cuts_behind);
            }
            view_cell_number(v, t, (int64_t)c.next_seq);
            if (c.age_ms < 0 && c.report == NULL) {
                view_cell_null(v, t);
            } else {
                view_cell_number(v, t, c.age_ms < 0 ? 0 : c.age_ms);
            }
            view_cell_bool(v, t, c.report != NULL && c.report->caught_up);
            view_cell_text(v, t,
                           c.report == NULL || c.report->alarm.len == 0 ? (struct slice){0}
                                                                        : c.report->alarm);
        }
    }
}

/* What one DC holds beyond the newest cut, by strand. */
static void add_lag_of(struct view *v, struct view_table *t, const struct snapshot_stream *st,
                       const struct report *report)
{
    for (uint32_t k = 0; k < report->count; k++) {
        const struct strand_name *name = &st->cut.layout.names[k];
        int64_t position = st->cut.strands[k].position;

        if (report->read_back[k] == position)
            continue;
        view_cell_text(v, t, st->output);
        view_cell_textf(v, t, "%.*s/%u of %.*s/%.*s/%u/%u", SLICE_ARG(name->by),
                        name->by_incarnation, SLICE_ARG(name->from.dc), SLICE_ARG(name->from.topic),
                        name->from.incarnation, name->from.partition);
        view_cell_number(v, t, position);
        view_cell_text(v, t, report->dc);
        view_cell_number(v, t, report->read_back[k]);
        view_cell_number(v, t, report->read_back[k] - position);
    }
}

static void add_lag(struct view *v, const struct snapshot *snap)
{
    static const char *const TITLES[] = {"stream", "strand", "cut_position", "held_by", "held",
                                         "ahead",  NULL};
    struct view_table *t = view_table(v, "lag", TITLES);

    for (size_t i = 0; i < snap->stream_count; i++) {
        const struct snapshot_stream *st = &snap->streams[i];

        for (size_t r = 0; st->has_cut && r < st->report_count; r++) {
            if (st->reports[r].layout_hash == st->cut.layout.hash &&
                st->reports[r].count == st->cut.layout.count)
                add_lag_of(v, t, st, &st->reports[r]);
        }
    }
}

static void add_pauses(struct view *v, const struct snapshot *snap)
{
    static const char *const TITLES[] = {"what", "kind", "since", "until", "by", "reason", NULL};
    struct view_table *t = view_table(v, "pauses", TITLES);

    for (size_t i = 0; i < snap->pause_count; i++) {
        const struct snapshot_pause *p = &snap->pauses[i];

        view_cell_text(v, t, p->name);
        view_cell_text(v, t, p->is_drain ? SLICE_LIT("drain") : SLICE_LIT("pause"));
        view_cell_time(v, t, p->since_ms);
        view_cell_time(v, t, p->until_ms);
        view_cell_text(v, t, p->by);
        view_cell_text(v, t, p->reason);
    }
}

static void add_problems(struct view *v, const struct health *h)
{
    static const char *const TITLES[] = {"where", "what", "is_note", NULL};
    struct view_table *t = view_table(v, "problems", TITLES);

    for (size_t i = 0; i < h->count; i++) {
        view_cell_text(v, t, h->problems[i].where);
        view_cell_text(v, t, slice_str(h->problems[i].what));
        view_cell_bool(v, t, h->problems[i].is_note);
    }
}

/* ---- status ----------------------------------------------------------------------------------- */

static int show_status(struct session *s)
{
    struct snapshot snap;
    struct health h;
    struct view v = view_new(&s->arena, "Status");
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    health_of(&snap, &s->arena, &h);
    view_heading(&v, "%.*s", SLICE_ARG(h.sentence));
    view_text(&v, "cluster", s->cluster);
    view_bool(&v, "fine", h.problem_count == 0);
    view_number(&v, "revision", snap.revision);
    view_time(&v, "time", snap.now_ms);
    add_problems(&v, &h);
    add_dcs(&v, &snap, &h);
    add_nodes(&v, &snap);
    add_copies(&v, &snap);
    add_lag(&v, &snap);
    add_pauses(&v, &snap);
    output_view(&s->output, &v);
    return h.problem_count == 0 ? EXIT_DONE : EXIT_DEGRADED;
}

int cmd_status(struct session *s)
{
    int rc = 0;

    if (!session_given(s, OPTION_WATCH))
        return show_status(s);
    for (;;) { /* until interrupted or standard output is gone */
        const struct timespec pause = {.tv_sec = WATCH_S};

        if (s->output.format == VIEW_TABLE && isatty(STDOUT_FILENO) != 0)
            output_raw(&s->output, SLICE_LIT("\033[H\033[2J"));
        rc = show_status(s);
        if (!output_finish(&s->output) || rc == EXIT_CONFIG)
            return rc;
        (void)nanosleep(&pause, NULL); /* a shorter pause does no harm */
        if (s->arena.bytes_used > SESSION_ARENA_BYTES_MAX / 2) {
            return rc; /* after days of watching: start again */
        }
    }
}

/* ---- the parts as commands -------------------------------------------------------------------- */

int cmd_nodes(struct session *s)
{
    struct snapshot snap;
    struct view v = view_new(&s->arena, "Nodes");
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    add_nodes(&v, &snap);
    output_view(&s->output, &v);
    return EXIT_DONE;
}

int cmd_tasks(struct session *s)
{
    static const char *const TITLES[] = {"dc", "task", "node", "since", NULL};
    struct snapshot snap;
    struct view v = view_new(&s->arena, "Tasks");
    struct view_table *t = view_table(&v, "tasks", TITLES);
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < snap.claim_count; i++) {
        view_cell_text(&v, t, snap.claims[i].dc);
        view_cell_text(&v, t, snap.claims[i].task);
        view_cell_text(&v, t, snap.claims[i].node);
        view_cell_time(&v, t, snap.claims[i].since_ms);
    }
    output_view(&s->output, &v);
    return EXIT_DONE;
}

int cmd_streams(struct session *s)
{
    static const char *const TITLES[] = {"stream", "spec",        "cut",     "members",
                                         "time",   "description", "deleted", NULL};
    struct snapshot snap;
    struct view v = view_new(&s->arena, "Streams");
    struct view_table *t = view_table(&v, "specs", TITLES);
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < snap.stream_count; i++) {
        const struct snapshot_stream *st = &snap.streams[i];
        struct text members = text_in(&s->arena);

        for (uint32_t m = 0; st->has_cut && m < st->cut.member_count; m++)
            text_addf(&members, "%s%.*s", m == 0 ? "" : ",", SLICE_ARG(st->cut.members[m].dc));
        view_cell_text(&v, t, st->output);
        view_cell_number(&v, t, (int64_t)st->spec_version);
        view_cell_textf(&v, t, "%u.%" PRIu64, st->cut_era, st->cut_number);
        view_cell_text(&v, t, text_slice(&members));
        view_cell_time(&v, t, st->has_cut ? st->cut.time_ms : 0);
        view_cell_text(&v, t, st->has_spec ? st->spec.description : (struct slice){0});
        view_cell_bool(&v, t, st->spec_version == 0);
    }
    add_copies(&v, &snap);
    output_view(&s->output, &v);
    return EXIT_DONE;
}

int cmd_history(struct session *s)
{
    static const char *const TITLES[] = {"at", "who", "what", "why", "task", "result", NULL};
    struct view v = view_new(&s->arena, "History");
    struct view_table *t = view_table(&v, "operations", TITLES);
    struct store_op *ops = NULL;
    size_t count = 0;
    int64_t max = 0;
    int rc = 0;

    if (!session_number(s, OPTION_RECORDS, 50, &max))
        return EXIT_USAGE;
    rc = store_ops(s, (size_t)max, &ops, &count);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        view_cell_time(&v, t, ops[i].at_ms);
        view_cell_text(&v, t, ops[i].who);
        view_cell_text(&v, t, ops[i].what);
        view_cell_text(&v, t, ops[i].why);
        view_cell_text(&v, t, ops[i].task);
        view_cell_text(&v, t, ops[i].result);
    }
    output_view(&s->output, &v);
    return EXIT_DONE;
}

int cmd_example(struct session *s)
{
    struct text example = text_in(&s->arena);

    keys_print_example(&SPEC_TABLE, &example);
    if (s->output.format == VIEW_JSON || s->output.format == VIEW_TSV) {
        struct view v = view_new(&s->arena, "Example");

        view_text(&v, "yaml", text_slice(&example));
        output_view(&s->output, &v);
    } else { /* a person wants the file, which is YAML as it is */
        output_raw(&s->output, text_slice(&example));
    }
    return EXIT_DONE;
}
