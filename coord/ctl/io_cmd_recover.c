/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_recover.c - etcd was restored from a backup: a stream's chain of cuts is brought forward to
 * the newest cut that any DC has logged, and the merges go on behind it (R13).
 *
 * One transaction puts that cut, forgets the reports, which are of another time, gives every DC a new
 * log epoch, so that it counts again only once it has shown what it holds, and lifts the pause of
 * the chain. While there is that pause, nobody makes a cut. Cuts between are read from the logs.
 */
#include <inttypes.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_epochs.h"
#include "coord/ctl/io_kafka.h"
#include "coord/ctl/io_ops.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/recover.h"
#include "coord/ctl/topics.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"

#define CHAIN "chain/" /* a pause of a stream's chain: its name begins so */

enum {
    SETTLED_MS = 60000,
    TAIL_RECORDS = 4096, /* looked at first; if what is wanted is not there, eight times as many */
    CHANGE_OPS = DCS_MAX + 3,
    SCRATCH_BYTES_MAX = 16 << 20
};

struct recovery {
    struct session *s;
    struct snapshot snap;
    const struct snapshot_stream *stream;
    struct recover_cut head;
    struct slice pause; /* the name of the chain's pause */
    struct recover_log logs[DCS_MAX];
    struct arena kept[DCS_MAX]; /* the bytes of the newest cut of each */
    struct slice newest[DCS_MAX];
    struct arena scratch; /* of one record */
};

/* ---- may it be done at all? ------------------------------------------------------------------- */

static bool is_paused(const struct recovery *r)
{
    for (size_t i = 0; i < r->snap.pause_count; i++) {
        if (!r->snap.pauses[i].is_drain && slice_equal(r->snap.pauses[i].name, r->pause))
            return true;
    }
    return false;
}

/* What a merge that has stopped had sent to a log of cuts may arrive late. */
static bool is_settled(const struct recovery *r)
{
    for (size_t i = 0; i < r->snap.pause_count; i++) {
        const struct snapshot_pause *p = &r->snap.pauses[i];
        if (!p->is_drain && slice_equal(p->name, r->pause) &&
            r->snap.now_ms - p->since_ms < SETTLED_MS)
            return false;
    }
    return true;
}

/* Does a node of the DC say that its merge of the stream has stopped for this? */
static bool has_stopped(const struct recovery *r, struct slice dc, struct slice task)
{
    for (size_t i = 0; i < r->snap.node_count; i++) {
        const struct snapshot_node *n = &r->snap.nodes[i];
        for (size_t k = 0; slice_equal(n->dc, dc) && k < n->alarm_count; k++) {
            if (slice_equal(n->alarms[k].task, task) &&
                slice_equal(n->alarms[k].code, SLICE_LIT("ERR_RESTORED")))
                return true;
        }
    }
    return false;
}

/* A merge that may still run is in the way: it may know of cuts that are not to be. */
static bool may_still_run(const struct recovery *r, struct slice dc)
{
    const struct slice task =
        slice_str(text_format(&r->s->arena, "merge/%.*s", SLICE_ARG(r->stream->output)));

    for (size_t i = 0; i < r->snap.claim_count; i++) {
        const struct snapshot_claim *c = &r->snap.claims[i];
        if (slice_equal(c->dc, dc) && slice_equal(c->task, task))
            return !has_stopped(r, dc, task);
    }
    return false;
}

static bool may_recover(struct recovery *r)
{
    struct session *s = r->s;

    if (!is_paused(r)) {
        output_error(
            &s->output,
            "no merge of %.*s has found etcd older than what it knows: there is nothing to "
            "recover",
            SLICE_ARG(r->stream->output));
        return false;
    }
    if (!is_settled(r)) {
        output_error(
            &s->output,
            "the merges have stopped less than a minute ago, and lines of theirs may still "
            "arrive in a log of cuts; try again then");
        return false;
    }
    for (size_t i = 0; i < r->stream->dc_count; i++) {
        if (may_still_run(r, r->stream->dcs[i])) {
            output_error(&s->output,
                         "the merge of %.*s has not said that it has stopped (ERR_RESTORED); wait "
                         "until it has, or end the node that has it",
                         SLICE_ARG(r->stream->dcs[i]));
            return false;
        }
    }
    return true;
}

/* ---- what the DCs have logged and emitted ----------------------------------------------------- */

static struct recover_cut cut_of(struct slice bytes, const struct cut *cut)
{
    return (struct recover_cut){
        .is_known = true, .era = cut->era, .number = cut->number, .hash = cut_hash(bytes)};
}

static void take_line(struct recovery *r, size_t dc, const struct kafka_record *record)
{
    struct recover_log *log = &r->logs[dc];
    struct emitted_line line;
    struct slice bytes;
    struct cut cut;
    bool is_cut = false;

    arena_reset(&r->scratch);
    if (!slice_equal(record->raw.key, r->stream->output) ||
        line_decode(record->raw.value, &r->scratch, &is_cut, &bytes, &line) != 0 || !is_cut ||
        cut_decode(bytes, &r->scratch, &cut) != 0)
        return;
    if (cut.era == r->head.era && cut.number == r->head.number)
        log->at_head = cut_of(bytes, &cut);
    if (log->newest.is_known && (cut.era < log->newest.era ||
                                 (cut.era == log->newest.era && cut.number <= log->newest.number)))
        return; /* cuts of an era that is over may have larger numbers */
    log->newest = cut_of(bytes, &cut);
    arena_reset(&r->kept[dc]);
    r->newest[dc] = arena_copy(&r->kept[dc], bytes);
}

static void take_emitted(struct recovery *r, size_t dc, const struct kafka_record *record)
{
    struct audit_record parsed;

    audit_record_parse(&record->raw, &parsed);
    if (parsed.has_seq && parsed.cut > r->logs[dc].emitted)
        r->logs[dc].emitted = parsed.cut;
}

/* Reads a topic from an offset to its end. */
static bool read_from(struct recovery *r, struct kafka_reader *reader, const char *topic, size_t dc,
                      int64_t from, bool is_log)
{
    struct kafka_record record;

    kafka_start(reader);
    if (!kafka_add(reader, topic, 0, from) || !kafka_begin(reader))
        return false;
    for (;;) {
        switch (kafka_next(reader, KAFKA_TIMEOUT_MS, &record)) {
        case KAFKA_RECORD:
            if (is_log)
                take_line(r, dc, &record);
            else
                take_emitted(r, dc, &record);
            break;
        case KAFKA_END:
            return true;
        case KAFKA_NOTHING:
            output_error(&r->s->output, "%s does not come to its end", topic);
            return false;
        case KAFKA_FAILED:
            return false;
        }
    }
}

/* Whether what was read goes back far enough. */
static bool is_enough(const struct recovery *r, size_t dc, bool is_log)
{
    const struct recover_log *log = &r->logs[dc];

    if (!is_log)
        return log->emitted > 0;
    return log->at_head.is_known || (log->newest.is_known && log->newest.era == r->head.era &&
                                     log->newest.number < r->head.number);
}

static bool read_back(struct recovery *r, struct kafka_reader *reader, const char *topic, size_t dc,
                      bool is_log)
{
    int64_t first = 0;
    int64_t end = 0;

    if (kafka_partitions(reader, topic) <= 0) {
        output_error(&r->s->output, "cannot find %s", topic);
        return false;
    }
    if (!kafka_bounds(reader, topic, 0, &first, &end))
        return false;
    for (int64_t count = TAIL_RECORDS;; count *= 8) {
        const int64_t from = end - first > count ? end - count : first;
        if (from < end && !read_from(r, reader, topic, dc, from, is_log))
            return false;
        if (from == first || is_enough(r, dc, is_log))
            return true;
    }
}

/* Every DC's: one that cannot be read may have the newest cut. 0 or an exit code, said. */
static int read_dc(struct recovery *r, size_t dc)
{
    struct session *s = r->s;
    const struct slice name = r->stream->dcs[dc];
    const char *bootstrap = place_kafka(s, &r->snap, name);
    const char *cuts = topic_prefixed(&s->arena, name, SLICE_LIT("braid.cuts"));
    const char *global = text_format(&s->arena, "global.%.*s", SLICE_ARG(r->stream->output));
    struct kafka_reader *reader = NULL;

    r->logs[dc].dc = name;
    if (bootstrap == NULL)
        return EXIT_REFUSED;
    int rc = kafka_open(s, bootstrap, true, &reader);
    if (rc == 0 &&
        (!read_back(r, reader, cuts, dc, true) || !read_back(r, reader, global, dc, false)))
        rc = EXIT_REFUSED;
    kafka_close(reader);
    return rc;
}

/* ---- the change ------------------------------------------------------------------------------- */

static bool is_sound(struct recovery *r, enum recover_verdict verdict, size_t which)
{
    const char *why = "";

    switch (verdict) {
    case RECOVER_FORWARD:
    case RECOVER_AS_IT_IS:
        return true;
    case RECOVER_ERA:
        why = "its log of cuts is of another era";
        break;
    case RECOVER_FORKED:
        why = "its log of cuts has another cut of the same number: cuts were made in the restored "
              "etcd, or before it";
        break;
    case RECOVER_EMITTED:
        why = "it has emitted a cut that no log of cuts has";
        break;
    }
    output_error(&r->s->output, "%.*s: %s", SLICE_ARG(r->stream->dcs[which]), why);
    return false;
}

/* The spec that the cut names must be there: its window must fit into the merges' memory. */
static bool has_spec(struct recovery *r, struct slice bytes)
{
    struct cut cut;

    arena_reset(&r->scratch);
    if (bytes.len == 0 ||
        (cut_decode(bytes, &r->scratch, &cut) == 0 && cut.spec_version <= r->stream->spec_version))
        return true;
    output_error(&r->s->output,
                 "the newest cut follows version %" PRIu64
                 " of the spec, and etcd has version %" PRIu64 "; apply the spec again",
                 cut.spec_version, r->stream->spec_version);
    return false;
}

static void show(struct recovery *r, struct view *v, enum recover_verdict verdict, size_t which)
{
    static const char *const TITLES[] = {"dc", "logged", "emitted", NULL};
    struct view_table *t = view_table(v, "dcs", TITLES);

    for (size_t i = 0; i < r->stream->dc_count; i++) {
        view_cell_text(v, t, r->logs[i].dc);
        view_cell_number(v, t, (int64_t)r->logs[i].newest.number);
        view_cell_number(v, t, (int64_t)r->logs[i].emitted);
    }
    view_text(v, "stream", r->stream->output);
    view_number(v, "from_cut", (int64_t)r->head.number);
    view_number(
        v, "to_cut",
        (int64_t)(verdict == RECOVER_FORWARD ? r->logs[which].newest.number : r->head.number));
}

/* What changes, and what it stands on. 0 or an exit code, said. */
static int compose(struct recovery *r, struct slice cut_bytes, struct etcd_op *ops,
                   struct etcd_compare *compares, struct store_change *out)
{
    struct session *s = r->s;
    const struct keyspace_key held = {
        .kind = KEYSPACE_HELD, .cluster = s->cluster, .output = r->stream->output};
    const struct slice pause =
        store_key(s, (struct keyspace_key){.kind = KEYSPACE_PAUSE, .name = r->pause});
    struct cut cut = r->stream->cut;

    out->ops = ops;
    out->compares = compares;
    compares[out->compare_count++] = (struct etcd_compare){
        .key = pause, .target = ETCD_COMPARE_CREATE_REVISION, .result = ETCD_GREATER};
    ops[out->op_count++] = (struct etcd_op){.type = ETCD_OP_DELETE, .range.key = pause};
    ops[out->op_count] = (struct etcd_op){.type = ETCD_OP_DELETE, .range.is_prefix = true};
    if (keyspace_prefix(&held, &s->arena, &ops[out->op_count++].range.key) != 0)
        return EXIT_REFUSED;
    if (cut_bytes.len > 0) {
        if (cut_decode(cut_bytes, &s->arena, &cut) != 0)
            return EXIT_REFUSED;
        const struct slice key = store_key(s, (struct keyspace_key){.kind = KEYSPACE_CUT,
                                                                    .output = r->stream->output,
                                                                    .era = cut.era,
                                                                    .number = cut.number});
        compares[out->compare_count++] = (struct etcd_compare){
            .key = key, .target = ETCD_COMPARE_CREATE_REVISION, .result = ETCD_EQUAL};
        ops[out->op_count++] =
            (struct etcd_op){.type = ETCD_OP_PUT, .put = {.key = key, .value = cut_bytes}};
    }
    return epochs_raise(r->s, r->stream, &cut, ops, &out->op_count);
}

static int change(struct recovery *r, struct view *v, struct slice cut_bytes)
{
    struct session *s = r->s;
    struct etcd_op ops[CHANGE_OPS];
    struct etcd_compare compares[2];
    const char *what = text_format(&s->arena, "recover-chain %.*s", SLICE_ARG(r->stream->output));
    struct store_change change = {.what = what};
    int rc = compose(r, cut_bytes, ops, compares, &change);

    if (rc != 0)
        return rc;
    if (!store_may_change(s, v, &r->snap, what, &rc))
        return rc;
    rc = store_change(s, &change);
    if (rc == 0)
        ops_done(s, v, what);
    return rc;
}

static int recover(struct recovery *r, struct slice stream)
{
    struct session *s = r->s;
    struct view v = view_new(&s->arena, "Plan");
    size_t which = 0;
    int rc = store_load(s, &r->snap);

    if (rc != 0)
        return rc;
    r->stream = snapshot_stream_find(&r->snap, stream);
    if (r->stream == NULL || !r->stream->has_cut || r->stream->spec_version == 0) {
        output_error(&s->output, "no such stream: '%.*s'; 'braidctl streams' lists them",
                     SLICE_ARG(stream));
        return EXIT_REFUSED;
    }
    r->pause = slice_str(text_format(&s->arena, CHAIN "%.*s", SLICE_ARG(r->stream->output)));
    r->head = (struct recover_cut){
        .is_known = true,
        .era = r->stream->cut_era,
        .number = r->stream->cut_number,
        .hash = r->stream->cut_hash,
    };
    if (!may_recover(r))
        return EXIT_REFUSED;
    for (size_t i = 0; rc == 0 && i < r->stream->dc_count; i++)
        rc = read_dc(r, i);
    if (rc != 0)
        return rc;
    const enum recover_verdict verdict =
        recover_choose(r->logs, r->stream->dc_count, &r->head, &which);
    const struct slice bytes = verdict == RECOVER_FORWARD ? r->newest[which] : (struct slice){0};
    if (!is_sound(r, verdict, which) || !has_spec(r, bytes))
        return EXIT_REFUSED;
    show(r, &v, verdict, which);
    return change(r, &v, bytes);
}

static int recover_stream(struct session *s, struct slice stream)
{
    struct recovery r = {.s = s};

    arena_init(&r.scratch, 65536, SCRATCH_BYTES_MAX);
    for (size_t i = 0; i < DCS_MAX; i++)
        arena_init(&r.kept[i], 65536, SCRATCH_BYTES_MAX);
    const int rc = recover(&r, stream);
    for (size_t i = 0; i < DCS_MAX; i++)
        arena_deinit(&r.kept[i]);
    arena_deinit(&r.scratch);
    return rc;
}

/* Each stream whose chain is paused, one after the other; ends with the first that cannot be. */
static int recover_all(struct session *s)
{
    struct snapshot snap;
    size_t count = 0;
    int rc = store_load(s, &snap);

    for (size_t i = 0; rc == 0 && i < snap.pause_count; i++) {
        const struct slice name = snap.pauses[i].name;
        if (snap.pauses[i].is_drain || !slice_starts_with(name, SLICE_LIT(CHAIN)))
            continue;
        count++;
        rc = recover_stream(s, slice_of(name.ptr + strlen(CHAIN), name.len - strlen(CHAIN)));
    }
    if (rc == 0 && count == 0) {
        output_error(&s->output, "no merge has found etcd older than what it knows: there is "
                                 "nothing to recover");
        return EXIT_REFUSED;
    }
    return rc;
}

int cmd_recover_chain(struct session *s)
{
    const struct slice stream = session_operand(s, 0);

    return stream.len > 0 ? recover_stream(s, stream) : recover_all(s);
}
