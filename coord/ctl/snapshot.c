/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

int snapshot_init(struct snapshot *s, struct arena *a)
{
    *s = (struct snapshot){0};
    s->nodes = arena_calloc(a, SNAPSHOT_NODES_MAX, sizeof(*s->nodes));
    s->claims = arena_calloc(a, SNAPSHOT_CLAIMS_MAX, sizeof(*s->claims));
    s->pauses = arena_calloc(a, SNAPSHOT_NOTES_MAX, sizeof(*s->pauses));
    s->streams = arena_calloc(a, SNAPSHOT_STREAMS_MAX, sizeof(*s->streams));
    return s->nodes == NULL || s->claims == NULL || s->pauses == NULL || s->streams == NULL
               ? ERR_NO_MEMORY
               : 0;
}

/* ---- single keys ------------------------------------------------------------------------------ */

/* The first that says something. */
static struct slice first_of(const char *a, const char *b)
{
    return slice_str(a[0] != '\0' ? a : b);
}

static bool add_alarms(struct snapshot_node *n, const Braid__NodeInfo *pb, struct arena *a)
{
    n->alarms = arena_calloc(a, pb->n_alarms + 1, sizeof(*n->alarms));
    if (n->alarms == NULL)
        return false;
    for (; n->alarm_count < pb->n_alarms; n->alarm_count++) {
        const Braid__Alarm *alarm = pb->alarms[n->alarm_count];
        n->alarms[n->alarm_count] = (struct snapshot_alarm){.task = slice_str(alarm->task),
                                                            .code = slice_str(alarm->code),
                                                            .why = slice_str(alarm->why)};
    }
    return true;
}

static bool add_node(struct snapshot *s, const struct keyspace_key *key, struct slice value,
                     struct arena *a)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    Braid__NodeInfo *pb = braid__node_info__unpack(&allocator, value.len, value.ptr);
    struct snapshot_node *n = &s->nodes[s->node_count];

    if (pb == NULL || s->node_count == SNAPSHOT_NODES_MAX)
        return false;
    *n = (struct snapshot_node){
        .dc = arena_copy(a, key->dc),
        .name = arena_copy(a, key->name),
        .version = slice_str(pb->version),
        .http = slice_str(pb->http),
        .started_ms = pb->started_ms,
        .source_kafka = first_of(pb->source_kafka_remote, pb->source_kafka),
        .braid_kafka = first_of(pb->braid_kafka_remote, pb->braid_kafka),
        .api = slice_str(pb->api),
        .weight = pb->weight,
        .rules_version_max = pb->rules_version_max,
        .is_draining = pb->draining,
    };
    if (!add_alarms(n, pb, a))
        return false;
    s->node_count++;
    return true;
}

static bool add_claim(struct snapshot *s, const struct keyspace_key *key, struct slice value,
                      struct arena *a)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    Braid__Claim *pb = braid__claim__unpack(&allocator, value.len, value.ptr);

    if (pb == NULL || s->claim_count == SNAPSHOT_CLAIMS_MAX)
        return false;
    s->claims[s->claim_count++] = (struct snapshot_claim){
        .dc = arena_copy(a, key->dc),
        .task = arena_copy(a, key->name),
        .node = slice_str(pb->node),
        .since_ms = pb->since_ms,
    };
    return true;
}

/* The DC's row, made if it is not there; NULL if there are too many. */
static struct snapshot_dc *dc_row(struct snapshot *s, struct slice dc)
{
    for (size_t i = 0; i < s->dc_count; i++) {
        if (slice_equal(s->dcs[i].dc, dc))
            return &s->dcs[i];
    }
    if (s->dc_count == DCS_MAX || dc.len == 0)
        return NULL;
    s->dcs[s->dc_count] = (struct snapshot_dc){.dc = dc};
    return &s->dcs[s->dc_count++];
}

static bool add_dc(struct snapshot *s, const struct keyspace_key *key, const struct etcd_kv *kv,
                   struct arena *a)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    Braid__DcState *pb = braid__dc_state__unpack(&allocator, kv->value.len, kv->value.ptr);
    struct snapshot_dc *row = pb == NULL ? NULL : dc_row(s, arena_copy(a, key->dc));

    if (row == NULL)
        return false;
    row->pool = (int)pb->pool;
    row->reason = slice_str(pb->reason);
    row->by = slice_str(pb->by);
    row->since_ms = pb->since_ms;
    row->revision = kv->mod_revision;
    return true;
}

static bool add_pause(struct snapshot *s, const struct keyspace_key *key, struct slice value,
                      struct arena *a)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    Braid__Pause *pb = braid__pause__unpack(&allocator, value.len, value.ptr);

    if (pb == NULL || s->pause_count == SNAPSHOT_NOTES_MAX)
        return false;
    s->pauses[s->pause_count++] = (struct snapshot_pause){
        .is_drain = key->kind == KEYSPACE_DRAIN,
        .name = arena_copy(a, key->name),
        .reason = slice_str(pb->reason),
        .by = slice_str(pb->by),
        .since_ms = pb->since_ms,
        .until_ms = pb->until_ms,
    };
    return true;
}

/* ---- keys of a stream ------------------------------------------------------------------------- */

static struct snapshot_stream *stream_row(struct snapshot *s, struct slice output, struct arena *a)
{
    struct snapshot_stream *st = snapshot_stream_find(s, output);

    if (st != NULL || s->stream_count == SNAPSHOT_STREAMS_MAX)
        return st;
    st = &s->streams[s->stream_count];
    st->output = arena_copy(a, output);
    if (st->output.ptr == NULL)
        return NULL;
    s->stream_count++;
    return st;
}

static void note_cut_name(struct snapshot_stream *st, const struct keyspace_key *key)
{
    if (st->cut_count == 0 || key->era > st->cut_era ||
        (key->era == st->cut_era && key->number > st->cut_number)) {
        st->has_cut = false;
        st->cut_era = key->era;
        st->cut_number = key->number;
    }
    st->cut_count++;
}

static void note_spec_name(struct snapshot_stream *st, const struct keyspace_key *key)
{
    if (key->number > st->spec_version) {
        st->has_spec = false;
        st->spec_version = key->number;
    }
}

static bool add_report(struct snapshot_stream *st, const struct etcd_kv *kv, struct arena *a)
{
    struct report r;

    if (st->report_count == DCS_MAX || report_decode(kv->value, a, &r) != 0)
        return false;
    st->reports[st->report_count] = r;
    st->report_revisions[st->report_count] = kv->mod_revision;
    st->report_count++;
    return true;
}

static bool add_incarnation(struct snapshot_stream *st, const struct keyspace_key *key,
                            const struct etcd_kv *kv, struct arena *a)
{
    Braid__Incarnation *pb = braid__incarnation__unpack(NULL, kv->value.len, kv->value.ptr);

    if (pb == NULL || st->incarnation_count == DCS_MAX) {
        braid__incarnation__free_unpacked(pb, NULL);
        return false;
    }
    st->incarnations[st->incarnation_count] = (struct snapshot_incarnation){
        .dc = arena_copy(a, key->dc), .number = pb->number, .begins_era = pb->begins_era};
    st->incarnation_count++;
    braid__incarnation__free_unpacked(pb, NULL);
    return true;
}

static bool add_stream_value(struct snapshot_stream *st, const struct keyspace_key *key,
                             const struct etcd_kv *kv, struct arena *a)
{
    switch (key->kind) {
    case KEYSPACE_SPEC:
        if (key->number != st->spec_version)
            return true;
        st->has_spec = spec_decode(kv->value, a, &st->spec) == 0;
        return st->has_spec;
    case KEYSPACE_CUT:
        if (key->era != st->cut_era || key->number != st->cut_number)
            return true;
        st->has_cut = cut_decode(kv->value, a, &st->cut) == 0;
        st->cut_hash = cut_hash(kv->value);
        return st->has_cut;
    case KEYSPACE_HELD:
        return add_report(st, kv, a);
    case KEYSPACE_INCARNATION:
        return add_incarnation(st, key, kv, a);
    case KEYSPACE_EPOCH:
    case KEYSPACE_NODE:
    case KEYSPACE_CLAIM:
    case KEYSPACE_DC:
    case KEYSPACE_PAUSE:
    case KEYSPACE_DRAIN:
    case KEYSPACE_LOCK:
    case KEYSPACE_OP:
    case KEYSPACE_CHANGED:
        return true;
    }
    return true;
}

static bool add_stream(struct snapshot *s, const struct keyspace_key *key, const struct etcd_kv *kv,
                       struct arena *a)
{
    struct snapshot_stream *st = stream_row(s, key->output, a);

    if (st == NULL)
        return false;
    if (key->kind == KEYSPACE_SPEC) {
        note_spec_name(st, key);
    } else if (key->kind == KEYSPACE_CUT) {
        note_cut_name(st, key);
    }
    return kv->value.len == 0 || add_stream_value(st, key, kv, a);
}

/* ---- the whole -------------------------------------------------------------------------------- */

int snapshot_add(struct snapshot *s, const struct etcd_kv *kv, struct arena *a)
{
    struct keyspace_key key;
    bool is_sound = true;

    if (keyspace_parse(kv->key, &key) != 0) {
        s->unreadable++;
        return 0;
    }
    switch (key.kind) {
    case KEYSPACE_NODE:
        is_sound = add_node(s, &key, kv->value, a);
        break;
    case KEYSPACE_CLAIM:
        is_sound = add_claim(s, &key, kv->value, a);
        break;
    case KEYSPACE_DC:
        is_sound = add_dc(s, &key, kv, a);
        break;
    case KEYSPACE_PAUSE:
    case KEYSPACE_DRAIN:
        is_sound = add_pause(s, &key, kv->value, a);
        break;
    case KEYSPACE_SPEC:
    case KEYSPACE_CUT:
    case KEYSPACE_HELD:
    case KEYSPACE_EPOCH:
    case KEYSPACE_INCARNATION:
        is_sound = add_stream(s, &key, kv, a);
        break;
    case KEYSPACE_LOCK:
    case KEYSPACE_OP:
    case KEYSPACE_CHANGED:
        break;
    }
    if (!is_sound)
        s->unreadable++;
    return 0;
}

static int by_node(const void *left, const void *right)
{
    const struct snapshot_node *a = left;
    const struct snapshot_node *b = right;
    int order = slice_compare(a->dc, b->dc);

    return order != 0 ? order : slice_compare(a->name, b->name);
}

static int by_claim(const void *left, const void *right)
{
    const struct snapshot_claim *a = left;
    const struct snapshot_claim *b = right;
    int order = slice_compare(a->dc, b->dc);

    return order != 0 ? order : slice_compare(a->task, b->task);
}

static int by_dc(const void *left, const void *right)
{
    const struct snapshot_dc *a = left;
    const struct snapshot_dc *b = right;

    return slice_compare(a->dc, b->dc);
}

/* A node's tasks, and whether it is told to drain. */
static void finish_node(struct snapshot *s, struct snapshot_node *n)
{
    struct snapshot_dc *row = dc_row(s, n->dc);

    if (row != NULL)
        row->nodes++;
    for (size_t i = 0; i < s->claim_count; i++) {
        struct slice node = s->claims[i].node;

        if (node.len == n->dc.len + 1 + n->name.len && slice_starts_with(node, n->dc) &&
            slice_equal(slice_sub(node, n->dc.len + 1, node.len), n->name)) {
            n->tasks++;
        }
    }
    for (size_t i = 0; i < s->pause_count; i++) {
        struct slice name = s->pauses[i].name;

        if (s->pauses[i].is_drain && name.len == n->dc.len + 1 + n->name.len &&
            slice_starts_with(name, n->dc) &&
            slice_equal(slice_sub(name, n->dc.len + 1, name.len), n->name)) {
            n->is_draining = true;
        }
    }
}

static void find_dc(struct snapshot_stream *st, struct slice dc)
{
    size_t at = 0;

    while (at < st->dc_count && slice_compare(st->dcs[at], dc) < 0)
        at++;
    if (at < st->dc_count && slice_equal(st->dcs[at], dc))
        return;
    if (st->dc_count == DCS_MAX || dc.len == 0)
        return;
    memmove(&st->dcs[at + 1], &st->dcs[at], (st->dc_count - at) * sizeof(st->dcs[0]));
    st->dcs[at] = dc;
    st->dc_count++;
}

/* Those of its spec; where that cannot be read, those that its cut and its reports name. */
static void find_dcs(struct snapshot_stream *st)
{
    st->dc_count = 0;
    for (size_t i = 0; st->has_spec && i < st->spec.dcs.count; i++)
        find_dc(st, st->spec.dcs.items[i]);
    if (st->has_spec || st->spec_version == 0)
        return;
    for (uint32_t i = 0; st->has_cut && i < st->cut.layout.count; i++)
        find_dc(st, st->cut.layout.names[i].by);
    for (uint32_t i = 0; st->has_cut && i < st->cut.member_count; i++)
        find_dc(st, st->cut.members[i].dc);
    for (size_t i = 0; i < st->report_count; i++)
        find_dc(st, st->reports[i].dc);
}

void snapshot_finish(struct snapshot *s)
{
    qsort(s->nodes, s->node_count, sizeof(*s->nodes), by_node);
    qsort(s->claims, s->claim_count, sizeof(*s->claims), by_claim);
    for (size_t i = 0; i < s->node_count; i++)
        finish_node(s, &s->nodes[i]);
    for (size_t i = 0; i < s->stream_count; i++) {
        find_dcs(&s->streams[i]);
        for (size_t dc = 0; dc < s->streams[i].dc_count; dc++)
            (void)dc_row(s, s->streams[i].dcs[dc]); /* full: there are DCS_MAX anyway */
    }
    qsort(s->dcs, s->dc_count, sizeof(s->dcs[0]), by_dc);
}

struct snapshot_stream *snapshot_stream_find(const struct snapshot *s, struct slice output)
{
    for (size_t i = 0; i < s->stream_count; i++) {
        if (slice_equal(s->streams[i].output, output))
            return &s->streams[i];
    }
    return NULL;
}

const struct snapshot_dc *snapshot_dc_find(const struct snapshot *s, struct slice dc)
{
    for (size_t i = 0; i < s->dc_count; i++) {
        if (slice_equal(s->dcs[i].dc, dc))
            return &s->dcs[i];
    }
    return NULL;
}

const struct report *snapshot_report_find(const struct snapshot_stream *st, struct slice dc)
{
    for (size_t i = 0; i < st->report_count; i++) {
        if (slice_equal(st->reports[i].dc, dc))
            return &st->reports[i];
    }
    return NULL;
}

int64_t snapshot_furthest(const struct cut *c, const struct origin_partition *from)
{
    int64_t furthest = POSITION_NONE;

    for (uint32_t i = 0; i < c->layout.count; i++) {
        if (origin_partition_equal(&c->layout.names[i].from, from) &&
            c->strands[i].position > furthest) {
            furthest = c->strands[i].position;
        }
    }
    return furthest;
}
