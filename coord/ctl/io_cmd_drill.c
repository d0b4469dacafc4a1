/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_drill.c - rehearses the loss of a DC and reports what readers saw of it.
 *
 * Happy path: status is fine and says that the DC could be lost; every copy of the stream is read as it
 * grows; the DC's nodes are told to play dead (kill), nobody copies from it or to it (partition), it is
 * depooled (drain), or the operator's own command does harm; after --for it is over; once status is fine again, what was read is audited.
 *
 * Failures: if this program dies, all but a drain ends by itself: the nodes know when. A drain stays: history
 * and status say so. Nothing is done to a cluster that is not fine.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "coord/ctl/drill_html.h"
#include "coord/ctl/health.h"
#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_lock.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_recorder.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_verify.h"
#include "coord/ctl/topics.h"
#include "coord/pb_arena.h"
#include "coord/suggest.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

enum {
    FOR_MS = 60 * 1000,
    FOR_MS_MAX = 20 * 60 * 1000,
    BEFORE_MS = 5000, /* of traffic, before anything is done */
    AFTER_MS = 3000,  /* of traffic, after it is fine again */
    FINE_MS = 180 * 1000,
    LOOK_MS = 150,
    COMMAND_LOOK_MS = 50, /* has the operator's command ended? */
    LATE_MS = 5000,
    DRILL_VALUE_MAX = 16384,
    DRILL_ARENA_MAX = 256 << 20
};

enum drill_mode {
    MODE_KILL,
    MODE_DRAIN,
    MODE_PARTITION,
    MODE_COUNT
};

struct drilling {
    struct session *session;
    struct arena arena; /* of what is recorded: the threads use it */
    struct arena looks; /* of one look at etcd */
    struct snapshot snap;
    struct snapshot_stream stream; /* as it was at the start */
    enum drill_mode mode;
    struct slice dc;
    size_t nodes;      /* that the DC has */
    const char *begin; /* the operator's commands; NULL: none */
    const char *end;
    int64_t for_ms;
    bool is_lock_lost;
    struct drill_limits limits;
    struct drill drill;
    struct recorder *recorder;
    const char *what;
};

static const char *const MODE_NAMES[MODE_COUNT] = {"kill", "drain", "partition"};

/* ---- what is asked for ------------------------------------------------------------------------ */

static int read_mode(struct drilling *x)
{
    struct session *s = x->session;
    const char *mode = session_option(s, OPTION_MODE);
    struct suggest nearest = suggest_for(slice_str(mode));

    for (int i = 0; mode != NULL && i < MODE_COUNT; i++) {
        if (slice_equal(slice_str(mode), slice_str(MODE_NAMES[i]))) {
            x->mode = (enum drill_mode)i;
            return 0;
        }
        suggest_closer(&nearest, slice_str(MODE_NAMES[i]));
    }
    output_error(&s->output, "drill needs --mode kill, drain or partition%s%.*s%s",
                 nearest.best.ptr == NULL ? "" : "; did you mean ", SLICE_ARG(nearest.best),
                 nearest.best.ptr == NULL ? "" : "?");
    return EXIT_USAGE;
}

static int read_options(struct drilling *x)
{
    struct session *s = x->session;

    x->begin = session_option(s, OPTION_BEGIN);
    x->end = session_option(s, OPTION_END);
    x->dc = slice_str(session_option(s, OPTION_DRILL_DC));
    x->drill.late_limit_ms = LATE_MS;
    if (x->dc.len == 0) {
        output_error(&s->output, "drill needs --dc DC: which one is lost?");
        return EXIT_USAGE;
    }
    if (read_mode(x) != 0 || !session_duration(s, OPTION_FOR, FOR_MS, &x->for_ms) ||
        !session_duration(s, OPTION_GAP_MAX, 0, &x->limits.gap_ms)) {
        return EXIT_USAGE;
    }
    if (x->for_ms < 1000 || x->for_ms > FOR_MS_MAX) {
        output_error(&s->output, "--for takes 1s to 20m");
        return EXIT_USAGE;
    }
    if ((x->begin == NULL) != (x->end == NULL)) {
        output_error(&s->output, "--begin and --end belong together: who harms must also heal");
        return EXIT_USAGE;
    }
    return 0;
}

/* The stream that is looked at: the one named, or the only one. 0 or an exit code, said. */
static int find_stream(struct drilling *x)
{
    struct session *s = x->session;
    struct slice name = slice_str(session_option(s, OPTION_STREAM));
    const struct snapshot_stream *found = NULL;
    size_t fitting = 0;

    for (size_t i = 0; i < x->snap.stream_count; i++) {
        const struct snapshot_stream *st = &x->snap.streams[i];

        if (!st->has_spec || !st->has_cut || !spec_has_dc(&st->spec, x->dc) ||
            (name.len > 0 && !slice_equal(st->output, name))) {
            continue;
        }
        found = st;
        fitting++;
    }
    if (fitting == 1) {
        x->stream = *found;
        return 0;
    }
    output_error(&s->output,
                 fitting == 0 ? "no such stream in that DC: nothing could be measured"
                              : "there are several streams: --stream says which one is looked at");
    return EXIT_REFUSED;
}

/* Is it fine, and may the DC be lost? 0 or an exit code, said. */
static int check_health(struct drilling *x)
{
    struct session *s = x->session;
    struct health *h = arena_calloc(&s->arena, 1, sizeof(*h));

    if (h == NULL)
        return EXIT_REFUSED;
    health_of(&x->snap, &s->arena, h);
    if (h->problem_count > 0) {
        output_error(&s->output, "no drill on a cluster that is not fine: %.*s",
                     SLICE_ARG(h->sentence));
        return EXIT_REFUSED;
    }
    for (size_t i = 0; i < x->snap.dc_count; i++) {
        if (!slice_equal(x->snap.dcs[i].dc, x->dc))
            continue;
        x->nodes = x->snap.dcs[i].nodes;
        if (h->can_lose[i])
            return 0;
        output_error(&s->output, "%.*s must not be lost now: %s", SLICE_ARG(x->dc), h->why_not[i]);
        return EXIT_REFUSED;
    }
    output_error(&s->output, "no such DC: '%.*s'", SLICE_ARG(x->dc));
    return EXIT_REFUSED;
}

/* ---- acting ----------------------------------------------------------------------------------- */

static int pack_pause(struct drilling *x, struct slice *out)
{
    struct session *s = x->session;
    Braid__Pause pause;

    braid__pause__init(&pause);
    pause.reason = arena_strdup(&s->arena, slice_str(x->what));
    pause.by = arena_strdup(&s->arena, slice_str(s->who));
    pause.since_ms = session_now_ms();
    pause.until_ms = pause.since_ms + x->for_ms;
    return pb_pack(&pause.base, DRILL_VALUE_MAX, &s->arena, out);
}

static int pack_state(struct drilling *x, bool is_pooled, struct slice *out)
{
    struct session *s = x->session;
    Braid__DcState state;

    braid__dc_state__init(&state);
    state.pool = is_pooled ? BRAID__DC_STATE__POOL__POOLED : BRAID__DC_STATE__POOL__DEPOOLED;
    state.reason = arena_strdup(&s->arena, slice_str(x->what));
    state.by = arena_strdup(&s->arena, slice_str(s->who));
    state.since_ms = session_now_ms();
    return pb_pack(&state.base, DRILL_VALUE_MAX, &s->arena, out);
}

static void sleep_ms(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&pause, NULL); /* a shorter pause does no harm */
}

/* Said once; the drill is ended in any case. */
static void keep_lock(struct drilling *x)
{
    if (x->is_lock_lost || lock_keep(x->session) == 0)
        return;
    x->is_lock_lost = true;
    output_note(&x->session->output, "going on, so that the drill is ended");
}

/* The lock is kept meanwhile: the command may take longer than it lasts. */
static int run_command(struct drilling *x, const char *command)
{
    int status = 0;
    pid_t ended = 0;

    output_note(&x->session->output, "running: %s", command);
    const pid_t child = fork();
    if (child == 0) {
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    while (child > 0 && (ended == 0 || (ended < 0 && errno == EINTR))) {
        ended = waitpid(child, &status, WNOHANG);
        if (ended == 0) {
            keep_lock(x);
            sleep_ms(COMMAND_LOOK_MS);
        }
    }
    if (child > 0 && ended == child && status == 0)
        return 0;
    output_error(&x->session->output, "'%s' failed (status %d)", command, status);
    return EXIT_REFUSED;
}

/* Begins or ends what is rehearsed, in one transaction that is logged. */
static int change(struct drilling *x, bool is_begin)
{
    struct session *s = x->session;
    const char *command = is_begin ? x->begin : x->end;
    const char *name = text_format(&s->arena, "%s/%.*s",
                                   x->mode == MODE_PARTITION ? "links" : "drill", SLICE_ARG(x->dc));
    struct etcd_op op = {.type = ETCD_OP_PUT};
    struct store_change change = {
        .ops = &op,
        .op_count = command == NULL ? 1 : 0,
        .what = text_format(&s->arena, "%s%s", x->what, is_begin ? "" : " ends")};
    int rc = 0;

    if (command == NULL && x->mode != MODE_DRAIN) {
        op.put.key =
            store_key(s, (struct keyspace_key){.kind = KEYSPACE_PAUSE, .name = slice_str(name)});
        op.range.key = op.put.key;
        op.type = is_begin ? ETCD_OP_PUT : ETCD_OP_DELETE;
        rc = is_begin ? pack_pause(x, &op.put.value) : 0;
    } else if (command == NULL) {
        op.put.key = store_key(s, (struct keyspace_key){.kind = KEYSPACE_DC, .dc = x->dc});
        rc = pack_state(x, !is_begin, &op.put.value);
    }
    if (rc != 0)
        return EXIT_REFUSED;
    if (command == NULL)
        return store_change(s, &change);
    rc = run_command(x, command);
    if (rc == 0 && is_begin)
        return 0; /* etcd may be what is harmed: logged at the end */
    return rc == 0 ? store_change(s, &change) : rc;
}

/* ---- looking ---------------------------------------------------------------------------------- */

static bool is_member(const struct snapshot_stream *st, struct slice dc)
{
    for (uint32_t i = 0; st->has_cut && i < st->cut.member_count; i++) {
        if (slice_equal(st->cut.members[i].dc, dc))
            return true;
    }
    return false;
}

/* Looks once at etcd, which may be away: then nothing is known. */
static bool look(struct drilling *x, struct snapshot *snap)
{
    struct session *s = x->session;
    struct arena kept = s->arena;
    bool is_good = false;

    /* What a look allocates goes with the next one. */
    arena_reset(&x->looks);
    s->arena = x->looks;
    s->output.is_mute = true;
    is_good = store_load(s, snap) == 0;
    s->output.is_mute = false;
    x->looks = s->arena;
    s->arena = kept;
    return is_good;
}

static void look_for_detection(struct drilling *x, const struct snapshot *snap)
{
    const struct snapshot_stream *st = snapshot_stream_find(snap, x->stream.output);
    const struct snapshot_dc *row = snapshot_dc_find(snap, x->dc);

    if ((st != NULL && st->has_cut && !is_member(st, x->dc)) ||
        (row != NULL && row->nodes < x->nodes))
        recorder_mark(x->recorder, RECORDER_DETECTED);
}

static bool is_fine(struct drilling *x, const struct snapshot *snap)
{
    const struct snapshot_stream *st = snapshot_stream_find(snap, x->stream.output);
    const struct snapshot_dc *row = snapshot_dc_find(snap, x->dc);
    struct health *h = arena_calloc(&x->looks, 1, sizeof(*h));

    if (h == NULL || st == NULL || row == NULL || row->nodes < x->nodes || !is_member(st, x->dc))
        return false;
    health_of(snap, &x->looks, h);
    return h->problem_count == 0;
}

/* Until `until_ms` of the recording; with is_end_fine earlier, once it is fine. */
static int watch(struct drilling *x, int64_t until_ms, bool is_end_fine)
{
    struct session *s = x->session;
    struct snapshot snap;

    while (recorder_now_ms(x->recorder) < until_ms) {
        int64_t left_ms = until_ms - recorder_now_ms(x->recorder);

        output_progress(&s->output, "%s: %" PRId64 " s left%s", x->what, left_ms / 1000,
                        is_end_fine ? " to be fine again" : "");
        if (look(x, &snap)) {
            if (!is_end_fine)
                look_for_detection(x, &snap);
            if (is_end_fine && is_fine(x, &snap)) {
                recorder_mark(x->recorder, RECORDER_FINE);
                return 0;
            }
        }
        keep_lock(x);
        sleep_ms(LOOK_MS < left_ms ? LOOK_MS : left_ms);
    }
    return 0;
}

/* ---- recording -------------------------------------------------------------------------------- */

static int record_copy(struct drilling *x, struct slice dc)
{
    struct session *s = x->session;
    const char *topic = topic_global(&s->arena, x->stream.output);
    const char *kafka = place_kafka(s, &x->snap, dc);
    struct kafka_reader *reader = NULL;
    int64_t first = 0;
    int64_t end = 0;
    int rc = kafka == NULL ? EXIT_REFUSED : kafka_open(s, kafka, true, &reader);

    if (rc != 0)
        return rc;
    kafka_start(reader);
    if (!kafka_bounds(reader, topic, 0, &first, &end) || !kafka_add(reader, topic, 0, end) ||
        !kafka_begin(reader)) {
        kafka_close(reader);
        return EXIT_REFUSED;
    }
    rc = recorder_add(x->recorder, drill_copy_add(&x->drill, dc, slice_equal(dc, x->dc)), reader);
    if (rc != 0)
        kafka_close(reader);
    return rc;
}

static int record(struct drilling *x)
{
    struct session *s = x->session;
    int rc = recorder_new(s, &x->drill, &x->recorder);

    for (size_t i = 0; rc == 0 && i < x->stream.spec.dcs.count; i++)
        rc = record_copy(x, x->stream.spec.dcs.items[i]);
    if (rc != 0)
        return rc;
    output_note(&s->output, "reading %zu copies; %s in %d s", x->drill.copy_count, x->what,
                BEFORE_MS / 1000);
    sleep_ms(BEFORE_MS);
    if (recorder_fewest(x->recorder) > 0)
        return 0;
    output_error(&s->output, "a copy brought no record in %d s: a drill needs traffic to measure",
                 BEFORE_MS / 1000);
    return EXIT_REFUSED;
}

/* The failure, from its begin to when it is fine again. */
static int rehearse(struct drilling *x)
{
    struct session *s = x->session;
    int rc = 0;

    recorder_mark(x->recorder, RECORDER_ACTED);
    rc = change(x, true);
    if (rc != 0 && x->begin == NULL)
        return rc;
    (void)watch(x, recorder_now_ms(x->recorder) + x->for_ms, false);
    if (change(x, false) != 0) {
        output_error(&s->output, "the drill could not be ended: look at 'braidctl status'");
        rc = EXIT_UNKNOWN;
    }
    recorder_mark(x->recorder, RECORDER_ENDED);
    (void)watch(x, recorder_now_ms(x->recorder) + FINE_MS, true);
    sleep_ms(AFTER_MS);
    return rc;
}

/* ---- the audit -------------------------------------------------------------------------------- */

static void take_result(struct drill *d, const struct audit_result *r)
{
    d->is_audited = true;
    d->lost = r->findings[AUDIT_MISSING] + r->findings[AUDIT_LOST];
    d->duplicated = r->findings[AUDIT_TWICE];
    d->reordered = r->findings[AUDIT_ORDER];
    d->other_findings = r->finding_count - d->lost - d->duplicated - d->reordered;
    d->is_sound = r->finding_count == 0 && r->shortest > d->from_seq;
    d->to_seq = r->shortest - 1;
}

static int audit_range(struct drilling *x, struct view *out)
{
    static const char *const TITLES[] = {"origin", "topic",      "partition", "source_records",
                                         "lost",   "duplicated", "reordered", NULL};
    struct session *s = x->session;
    struct view_table *t = NULL;
    struct audit_result r;
    struct verify *v = arena_calloc(&s->arena, 1, sizeof(*v));
    struct snapshot *snap = arena_calloc(&s->arena, 1, sizeof(*snap));
    int rc = 0;

    x->drill.from_seq = INT64_MAX;
    for (size_t i = 0; i < x->drill.copy_count; i++) {
        const struct drill_copy *c = &x->drill.copies[i];

        if (c->first_seq >= 0 && c->first_seq < x->drill.from_seq)
            x->drill.from_seq = c->first_seq;
    }
    if (v == NULL || snap == NULL)
        return EXIT_REFUSED;
    s->args.given[OPTION_FROM_SEQ] = true;
    s->args.values[OPTION_FROM_SEQ] = text_format(&s->arena, "%" PRId64, x->drill.from_seq);
    rc = verify_begin(v, s, snap, x->stream.output);
    if (rc == 0)
        rc = verify_audit(v, 0, &r);
    if (rc == 0) {
        take_result(&x->drill, &r);
        t = view_table(out, "partitions", TITLES);
        for (size_t i = 0; i < audit_part_count(v->audit); i++) {
            const struct audit_part *p = audit_part_at(v->audit, i);

            view_cell_text(out, t, p->dc);
            view_cell_text(out, t, p->topic);
            view_cell_number(out, t, p->partition);
            view_cell_number(out, t, (int64_t)p->visible_count);
            view_cell_number(out, t, (int64_t)p->missing_count);
            view_cell_number(out, t, (int64_t)p->twice_count);
            view_cell_number(out, t, (int64_t)p->order_count);
        }
    }
    verify_end(v);
    return rc;
}

/* ---- the report ------------------------------------------------------------------------------- */

static void add_moment(struct view *v, const char *name, const struct drill *d, int64_t moment_ms)
{
    if (moment_ms == DRILL_NONE || d->acted_ms == DRILL_NONE) {
        view_null(v, name);
    } else {
        view_number(v, name, moment_ms - d->acted_ms);
    }
}

static void add_copies(struct view *v, const struct drill *d)
{
    static const char *const TITLES[] = {"dc",        "harmed",    "records",
                                         "first_seq", "last_seq",  "largest_gap_ms",
                                         "late",      "latest_ms", NULL};
    struct view_table *t = view_table(v, "copies", TITLES);

    for (size_t i = 0; i < d->copy_count; i++) {
        const struct drill_copy *c = &d->copies[i];

        view_cell_text(v, t, c->dc);
        view_cell_bool(v, t, c->is_harmed);
        view_cell_number(v, t, (int64_t)c->records);
        view_cell_number(v, t, c->first_seq);
        view_cell_number(v, t, c->last_seq);
        view_cell_number(v, t, c->gap_max_ms);
        view_cell_number(v, t, (int64_t)c->late_records);
        view_cell_number(v, t, c->late_max_ms);
    }
}

static int write_page(struct drilling *x, const char *verdict)
{
    struct session *s = x->session;
    const char *path = session_option(s, OPTION_HTML);
    struct text page = text_in(&x->arena);
    struct view v = view_new(&s->arena, "When");
    struct text when = text_in(&s->arena);
    FILE *file = path == NULL ? NULL : fopen(path, "wb");

    if (path == NULL)
        return 0;
    view_time(&v, "at", session_now_ms());
    view_print_cell(&v.fields[0].cell, &when);
    drill_print_html(&x->drill, verdict, text_string(&when), &page);
    if (file == NULL || page.is_full || fwrite(page.ptr, 1, page.len, file) != page.len ||
        fclose(file) != 0) {
        output_error(&s->output, "cannot write the page '%s'", path);
        return EXIT_REFUSED;
    }
    return 0;
}

static int report(struct drilling *x, struct view *v)
{
    struct session *s = x->session;
    const struct drill *d = &x->drill;
    const char *verdict = drill_verdict(d, &x->limits);

    v->kind = "Drill";
    view_heading(v, "%s: %s%s%s.", verdict == NULL ? "PASSED" : "FAILED", x->what,
                 verdict == NULL ? "" : ": ", verdict == NULL ? "" : verdict);
    view_bool(v, "passed", verdict == NULL);
    add_moment(v, "detected_ms", d, d->detected_ms);
    add_moment(v, "taken_over_ms", d, d->taken_ms);
    view_number(v, "largest_gap_ms", drill_gap_ms(d));
    add_moment(v, "ended_ms", d, d->ended_ms);
    add_moment(v, "fine_again_ms", d, d->fine_ms);
    view_number(v, "lost", (int64_t)d->lost);
    view_number(v, "duplicated", (int64_t)d->duplicated);
    view_number(v, "reordered", (int64_t)d->reordered);
    view_number(v, "other_findings", (int64_t)d->other_findings);
    view_number(v, "from_seq", d->from_seq);
    view_number(v, "to_seq", d->to_seq);
    view_number(v, "recorder_stall_ms", d->stall_max_ms);
    view_bool(v, "disturbed", d->stall_max_ms > 1000);
    add_copies(v, d);
    output_view(&s->output, v);
    if (write_page(x, verdict) != 0)
        return EXIT_REFUSED;
    return verdict == NULL ? EXIT_DONE : EXIT_REFUSED;
}

/* ---- the command ------------------------------------------------------------------------------ */

static void add_plan(struct drilling *x, struct view *v)
{
    static const char *const TITLES[] = {"step", NULL};
    struct session *s = x->session;
    struct view_table *t = view_table(v, "steps", TITLES);

    view_text(v, "dc", x->dc);
    view_text(v, "mode", slice_str(MODE_NAMES[x->mode]));
    view_text(v, "stream", x->stream.output);
    view_number(v, "for_ms", x->for_ms);
    view_cell_textf(v, t, "read every copy of %.*s for %d s", SLICE_ARG(x->stream.output),
                    BEFORE_MS / 1000);
    if (x->begin != NULL) {
        view_cell_textf(v, t, "run: %s", x->begin);
    } else if (x->mode == MODE_KILL) {
        view_cell_textf(v, t, "the %zu nodes of %.*s end as if killed and stay down", x->nodes,
                        SLICE_ARG(x->dc));
    } else if (x->mode == MODE_PARTITION) {
        view_cell_textf(v, t, "nothing is copied from %.*s or to it", SLICE_ARG(x->dc));
    } else {
        view_cell_textf(v, t, "depool %.*s", SLICE_ARG(x->dc));
    }
    view_cell_textf(v, t, "after %" PRId64 " s: %s", x->for_ms / 1000,
                    x->end != NULL              ? text_format(&s->arena, "run: %s", x->end)
                    : x->mode == MODE_KILL      ? "they start again by themselves"
                    : x->mode == MODE_PARTITION ? "copy again"
                                                : "pool it again");
    view_cell_text(v, t, SLICE_LIT("once status is fine again, audit what was read"));
}

static int run(struct drilling *x, struct view *v)
{
    int rc = record(x);

    if (rc == 0)
        rc = rehearse(x);
    recorder_stop(x->recorder);
    if (rc != 0)
        return rc;
    output_note(&x->session->output, "auditing what was read");
    rc = audit_range(x, v);
    if (rc != 0)
        output_note(&x->session->output, "it could not be audited");
    return report(x, v);
}

int cmd_drill(struct session *s)
{
    struct drilling *x = arena_calloc(&s->arena, 1, sizeof(*x));
    struct view *v = arena_calloc(&s->arena, 1, sizeof(*v));
    int code = EXIT_DONE;
    int rc = 0;

    if (x == NULL || v == NULL)
        return EXIT_REFUSED;
    x->session = s;
    *v = view_new(&s->arena, "Plan");
    rc = read_options(x);
    if (rc == 0)
        rc = store_load(s, &x->snap);
    if (rc == 0)
        rc = check_health(x);
    if (rc == 0)
        rc = find_stream(x);
    if (rc != 0)
        return rc;
    x->what = text_format(&s->arena, "drill %s %.*s for %" PRId64 " s", MODE_NAMES[x->mode],
                          SLICE_ARG(x->dc), x->for_ms / 1000);
    add_plan(x, v);
    arena_init(&x->arena, 1 << 16, DRILL_ARENA_MAX);
    arena_init(&x->looks, 1 << 16, DRILL_ARENA_MAX);
    if (drill_init(&x->drill, &x->arena) != 0) {
        rc = EXIT_REFUSED;
    } else {
        x->drill.late_limit_ms = LATE_MS;
        x->drill.stream = x->stream.output;
        x->drill.dc = x->dc;
        x->drill.mode = slice_str(MODE_NAMES[x->mode]);
        rc = store_may_change(s, v, &x->snap, x->what, &code) ? run(x, v) : code;
    }
    arena_deinit(&x->looks);
    arena_deinit(&x->arena);
    return rc;
}
