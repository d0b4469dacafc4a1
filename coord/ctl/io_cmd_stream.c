/* SPDX-License-Identifier: Apache-2.0 */
/* io_cmd_stream.c - one stream as etcd has it: its spec, its cuts. */
#include <inttypes.h>
#include <stdlib.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/suggest.h"
#include "proto/err.h"

enum {
    CUTS_SHOWN = 10,
    CUTS_MAX = 1000
};

struct snapshot_stream *stream_wanted(struct session *s, const struct snapshot *snap)
{
    return stream_named(s, snap, session_operand(s, 0));
}

struct snapshot_stream *stream_named(struct session *s, const struct snapshot *snap,
                                     struct slice output)
{
    struct snapshot_stream *st = snapshot_stream_find(snap, output);
    struct suggest nearest = suggest_for(output);

    if (st != NULL)
        return st;
    for (size_t i = 0; i < snap->stream_count; i++)
        suggest_closer(&nearest, snap->streams[i].output);
    if (nearest.best.ptr != NULL) {
        output_error(&s->output, "no such stream: '%.*s'; did you mean '%.*s'?", SLICE_ARG(output),
                     SLICE_ARG(nearest.best));
    } else {
        output_error(&s->output, "no such stream: '%.*s'; 'braidctl streams' lists them",
                     SLICE_ARG(output));
    }
    return NULL;
}

/* ---- get -------------------------------------------------------------------------------------- */

static void add_list(struct session *s, struct view *v, const char *name,
                     const struct key_texts *list)
{
    struct text joined = text_in(&s->arena);

    for (size_t i = 0; i < list->count; i++)
        text_addf(&joined, "%s%.*s", i == 0 ? "" : ",", SLICE_ARG(list->items[i]));
    view_text(v, name, text_slice(&joined));
}

static const char *const REQUESTS[] = {"all", "retry", "none"}; /* as enum spec_requests */

/* Each source with what is said of it: "views (json, id=/id)". */
static void add_sources(struct session *s, struct view *v, const struct spec *spec)
{
    static const char *const NAMES[] = {"", "id=", "time=", "key=", "domain=", ""};
    const struct spec_source_keys *k = &spec->source_keys;
    const struct key_texts *const all[] = {&k->envelope, &k->id,     &k->time,
                                           &k->key,      &k->domain, &k->audience};
    struct text t = text_in(&s->arena);

    for (size_t i = 0; i < spec->sources.count; i++) {
        size_t count = 0;

        text_addf(&t, "%s%.*s", i == 0 ? "" : ",", SLICE_ARG(spec->sources.items[i]));
        for (size_t n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
            if (i >= all[n]->count || all[n]->items[i].ptr == NULL)
                continue;
            text_addf(&t, "%s%s%.*s", count == 0 ? " (" : ", ", NAMES[n],
                      SLICE_ARG(all[n]->items[i]));
            count++;
        }
        text_adds(&t, count > 0 ? ")" : "");
    }
    view_text(v, "sources", text_slice(&t));
}

void stream_add_spec(struct session *s, struct view *v, const struct spec *spec)
{
    view_text(v, "stream", spec->output);
    view_number(v, "version", (int64_t)spec->version);
    view_text(v, "description", spec->description);
    view_text(v, "owner", spec->owner);
    view_text(v, "audience",
              spec->audience == SPEC_PUBLIC ? SLICE_LIT("public") : SLICE_LIT("internal"));
    add_list(s, v, "dcs", &spec->dcs);
    add_sources(s, v, spec);
    view_text(v, "requests", slice_str(REQUESTS[spec->requests]));
    add_list(s, v, "enrich", &spec->enrichments);
    view_text(v, "enrich_at",
              spec->enrich_at == SPEC_AT_ORIGIN ? SLICE_LIT("origin") : SLICE_LIT("everywhere"));
    add_list(s, v, "filter.wikis", &spec->wikis);
    add_list(s, v, "filter.kinds", &spec->kinds);
    add_list(s, v, "filter.content_models", &spec->models);
    view_number(v, "filter.where", (int64_t)spec->where.count);
    view_number(v, "filter.namespaces", (int64_t)spec->namespaces.count);
    view_text(v, "output.schema", spec->output_schema);
    view_text(v, "failed",
              spec->failed == SPEC_FAILED_EMIT ? SLICE_LIT("emit") : SLICE_LIT("omit"));
    view_text(v, "canaries",
              spec->canaries == SPEC_CANARIES_DROP ? SLICE_LIT("drop") : SLICE_LIT("keep"));
    view_number(v, "dedup.window", spec->dedup_window);
    view_number(v, "merge.cut_interval_ms", spec->cut_interval_ms);
    view_number(v, "merge.member_timeout_ms", spec->member_timeout_ms);
    view_number(v, "merge.member_rejoin_ms", spec->member_rejoin_ms);
    view_number(v, "merge.member_lag_max_ms", spec->member_lag_max_ms);
    view_number(v, "merge.min_members", spec->min_members);
    view_number(v, "merge.failed_grace_ms", spec->failed_grace_ms);
    view_number(v, "merge.cap_records", spec->cap_records);
    view_number(v, "merge.cap_bytes", spec->cap_bytes);
    view_number(v, "limits.bytes_per_s", spec->bytes_per_s_max);
    view_number(v, "limits.fetches_per_s", spec->fetches_per_s_max);
    view_number(v, "limits.in_flight", spec->in_flight_max);
    view_number(v, "limits.batch", spec->batch_max);
    view_number(v, "limits.attempts", spec->fetch_attempts_max);
    view_number(v, "limits.deadline_ms", spec->fetch_deadline_ms);
    view_number(v, "limits.missing_retry_ms", spec->missing_retry_ms);
    view_number(v, "limits.value_bytes", spec->value_bytes_max);
    view_number(v, "limits.failed_share_max_percent", spec->failed_share_max_percent);
    view_time(v, "applied", spec->applied_ms);
    view_text(v, "applied_by", spec->applied_by);
    view_text(v, "reason", spec->reason);
}

int cmd_get(struct session *s)
{
    struct snapshot snap;
    struct view v = view_new(&s->arena, "Stream");
    const struct snapshot_stream *st = NULL;
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    st = stream_wanted(s, &snap);
    if (st == NULL)
        return EXIT_REFUSED;
    if (!st->has_spec) {
        output_error(&s->output, "'%.*s' %s", SLICE_ARG(st->output),
                     st->spec_version == 0 ? "was deleted" : "has a spec that cannot be decoded");
        return EXIT_REFUSED;
    }
    stream_add_spec(s, &v, &st->spec);
    v.yaml = st->spec.yaml;
    output_view(&s->output, &v);
    return EXIT_DONE;
}

/* ---- cuts ------------------------------------------------------------------------------------- */

static int newest_first(const void *left, const void *right)
{
    const struct cut *a = left;
    const struct cut *b = right;

    if (a->era != b->era)
        return a->era < b->era ? 1 : -1;
    return (a->number < b->number) - (a->number > b->number);
}

/* The newest cuts in etcd, newest first. */
static int load_cuts(struct session *s, struct slice output, size_t max, struct cut **out,
                     size_t *out_count)
{
    const struct keyspace_key key = {.kind = KEYSPACE_CUT, .cluster = s->cluster, .output = output};
    struct etcd_range range = {.is_prefix = true, .is_newest_first = true, .limit = (int64_t)max};
    struct etcd_answer answer;
    struct cut *cuts = NULL;
    size_t count = 0;
    int rc = keyspace_prefix(&key, &s->arena, &range.key);

    if (rc == 0)
        rc = etcd_sync_range(s->etcd, &range, &s->arena, &answer);
    if (rc != 0)
        return session_etcd_failed(s, rc, "cannot read the cuts");
    cuts = arena_calloc(&s->arena, max + 1, sizeof(*cuts));
    for (size_t i = 0; cuts != NULL && answer.op_count > 0 && i < answer.ops[0].kv_count; i++) {
        if (count < max && cut_decode(answer.ops[0].kvs[i].value, &s->arena, &cuts[count]) == 0)
            count++;
    }
    if (cuts != NULL)
        qsort(cuts, count, sizeof(*cuts), newest_first);
    *out = cuts;
    *out_count = count;
    return 0;
}

static void add_strands(struct view *v, const struct cut *c)
{
    static const char *const TITLES[] = {"by",        "origin",   "topic",  "incarnation",
                                         "partition", "position", "digest", NULL};
    struct view_table *t = view_table(v, "strands", TITLES);

    for (uint32_t i = 0; i < c->layout.count; i++) {
        const struct strand_name *n = &c->layout.names[i];

        view_cell_textf(v, t, "%.*s/%u", SLICE_ARG(n->by), n->by_incarnation);
        view_cell_text(v, t, n->from.dc);
        view_cell_text(v, t, n->from.topic);
        view_cell_number(v, t, n->from.incarnation);
        view_cell_number(v, t, n->from.partition);
        view_cell_number(v, t, c->strands[i].position);
        view_cell_textf(v, t, "%016" PRIx64, c->strands[i].digest);
    }
}

static void add_cuts(struct session *s, struct view *v, const struct cut *cuts, size_t count)
{
    static const char *const TITLES[] = {"cut",     "time",     "members", "spec", "rules",
                                         "advance", "proposer", "reason",  NULL};
    struct view_table *t = view_table(v, "cuts", TITLES);

    for (size_t i = 0; i < count; i++) {
        const struct cut *c = &cuts[i];
        struct text members = text_in(&s->arena);
        int64_t advance = 0;

        for (uint32_t m = 0; m < c->member_count; m++)
            text_addf(&members, "%s%.*s", m == 0 ? "" : ",", SLICE_ARG(c->members[m].dc));
        for (uint32_t k = 0;
             i + 1 < count && k < c->layout.count && cuts[i + 1].layout.count == c->layout.count;
             k++) {
            advance += c->strands[k].position - cuts[i + 1].strands[k].position;
        }
        view_cell_textf(v, t, "%u.%" PRIu64, c->era, c->number);
        view_cell_time(v, t, c->time_ms);
        view_cell_text(v, t, text_slice(&members));
        view_cell_number(v, t, (int64_t)c->spec_version);
        view_cell_number(v, t, c->params.rules_version);
        if (i + 1 < count) {
            view_cell_number(v, t, advance);
        } else {
            view_cell_null(v, t);
        }
        view_cell_text(v, t, c->proposer);
        view_cell_text(v, t, c->reason);
    }
}

int cmd_cuts(struct session *s)
{
    struct snapshot snap;
    struct view v = view_new(&s->arena, "Cuts");
    const struct snapshot_stream *st = NULL;
    struct cut *cuts = NULL;
    size_t count = 0;
    int64_t max = 0;
    int rc = 0;

    if (!session_number(s, OPTION_RECORDS, CUTS_SHOWN, &max) || max < 1 || max > CUTS_MAX)
        return EXIT_USAGE;
    rc = store_load(s, &snap);
    if (rc != 0)
        return rc;
    st = stream_wanted(s, &snap);
    if (st == NULL)
        return EXIT_REFUSED;
    rc = load_cuts(s, st->output, (size_t)max + 1, &cuts, &count);
    if (rc != 0)
        return rc;
    view_text(&v, "stream", st->output);
    add_cuts(s, &v, cuts, count > (size_t)max ? (size_t)max : count);
    if (count > 0)
        add_strands(&v, &cuts[0]);
    output_view(&s->output, &v);
    return EXIT_DONE;
}
