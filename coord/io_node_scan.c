/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which streams there are. Their keys lie among those of their cuts and reports, which are many
 * and large; so nothing under streams/ is watched. Instead the first key after each stream's name
 * is looked for, and of each stream the newest spec and the newest cut are read: some small reads,
 * whenever the key `changed` changes, and every NODE_REREAD_MS.
 *
 * A spec or a cut that cannot be read leaves its stream as it was.
 */
#include "coord/io_node_part.h"

#include "coord/keyspace.h"
#include "coord/pb_arena.h"
#include "coord/spec.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

#include <assert.h>
#include <stdlib.h>

static void next_name(struct node *n);

static void scan_end(struct node *n, uint64_t wait_ms)
{
    n->scan.is_running = false;
    n->scan.due_ms = uv_now(etcd_loop(n->e)) + wait_ms;
    arena_deinit(&n->scan.arena);
    node_wake(n);
}

/* ---- the view --------------------------------------------------------------------------------- */

static bool stream_equals(const struct node_stream *a, const struct node_stream *b)
{
    return slice_equal(a->output, b->output) && a->version == b->version &&
           a->cut_revision == b->cut_revision && slice_equal(a->spec, b->spec);
}

static bool streams_equal(const struct node *n)
{
    if (!n->has_streams || n->scan.count != n->view.stream_count)
        return false;
    for (size_t i = 0; i < n->scan.count; i++) {
        if (!stream_equals(&n->scan.streams[i], &n->streams[i]))
            return false;
    }
    return true;
}

/* What was read becomes what is seen. */
static void scan_done(struct node *n)
{
    if (!streams_equal(n)) {
        arena_deinit(&n->streams_arena);
        n->streams_arena = n->scan.arena;
        n->scan.arena = (struct arena){0};
        memcpy(n->streams, n->scan.streams, sizeof n->streams);
        n->view.streams = n->streams;
        n->view.stream_count = n->scan.count;
        n->has_new_streams = true;
    }
    n->has_streams = true;
    scan_end(n, NODE_REREAD_MS);
}

/* ---- one stream ------------------------------------------------------------------------------- */

static const struct node_stream *stream_before(const struct node *n, struct slice output)
{
    for (size_t i = 0; i < n->view.stream_count; i++) {
        if (slice_equal(n->streams[i].output, output))
            return &n->streams[i];
    }
    return NULL;
}

static bool spec_is_good(struct slice bytes)
{
    struct arena a;
    struct spec spec;

    arena_init(&a, 16 * 1024, 16 * 1024 * 1024);
    const int rc = spec_decode(bytes, &a, &spec);
    arena_deinit(&a);
    return rc == 0;
}

/* Fills in the newest spec; false: there is none, or none that can be read. */
static bool stream_set_spec(struct node *n, const struct etcd_op_answer *op,
                            struct node_stream *stream)
{
    struct keyspace_key key;

    if (op->kv_count == 0)
        return false;
    const struct etcd_kv *kv = &op->kvs[0];
    if (keyspace_parse(kv->key, &key) == 0 && spec_is_good(kv->value)) {
        stream->version = key.number;
        stream->spec = arena_copy(&n->scan.arena, kv->value);
        return stream->spec.ptr != NULL;
    }
    const struct node_stream *before = stream_before(n, stream->output);
    if (before == NULL)
        return false;
    stream->version = before->version;
    stream->spec = arena_copy(&n->scan.arena, before->spec);
    return stream->spec.ptr != NULL;
}

static bool cut_is_good(struct slice bytes)
{
    struct arena a;
    struct cut cut;

    arena_init(&a, 64 * 1024, 64 * 1024 * 1024);
    const int rc = cut_decode(bytes, &a, &cut);
    arena_deinit(&a);
    return rc == 0;
}

/* Fills in the newest cut; none if there is none yet. False: no room. */
static bool stream_set_cut(struct node *n, const struct etcd_op_answer *op,
                           struct node_stream *stream)
{
    const struct node_stream *before = stream_before(n, stream->output);
    struct slice bytes = {0};
    struct keyspace_key key;

    if (op->kv_count == 0)
        return true;
    if (keyspace_parse(op->kvs[0].key, &key) == 0 && cut_is_good(op->kvs[0].value)) {
        bytes = op->kvs[0].value;
        stream->cut_era = key.era;
        stream->cut_number = key.number;
        stream->cut_revision = op->kvs[0].create_revision;
    } else if (before != NULL) {
        bytes = before->cut;
        stream->cut_era = before->cut_era;
        stream->cut_number = before->cut_number;
        stream->cut_revision = before->cut_revision;
    }
    if (bytes.ptr == NULL)
        return true;
    stream->cut = arena_copy(&n->scan.arena, bytes);
    return stream->cut.ptr != NULL;
}

static void on_stream(void *arg, const struct etcd_answer *answer)
{
    struct node *n = arg;
    struct node_stream stream = {.output = n->scan.output};

    n->scan.call = 0;
    if (answer->rc != 0 || answer->op_count != 2) {
        scan_end(n, NODE_RETRY_MS);
        return;
    }
    if (n->scan.count < NODE_STREAMS_MAX && stream_set_spec(n, &answer->ops[0], &stream) &&
        stream_set_cut(n, &answer->ops[1], &stream)) {
        n->scan.streams[n->scan.count++] = stream;
    }
    next_name(n);
}

static void read_stream(struct node *n)
{
    const struct etcd_done done = {.fn = on_stream, .arg = n};
    const enum keyspace_kind kinds[] = {KEYSPACE_SPEC, KEYSPACE_CUT};
    struct etcd_op ops[2] = {{.type = ETCD_OP_RANGE}, {.type = ETCD_OP_RANGE}};
    const struct etcd_txn txn = {.then = ops, .then_count = 2};
    int rc = 0;

    for (size_t i = 0; i < 2 && rc == 0; i++) {
        const struct keyspace_key key = {
            .kind = kinds[i], .cluster = n->cluster, .output = n->scan.output};
        rc = keyspace_prefix(&key, &n->scan.arena, &ops[i].range.key);
        ops[i].range.is_prefix = true;
        ops[i].range.is_newest_first = true;
        ops[i].range.limit = 1;
    }
    if (rc == 0)
        rc = etcd_txn(n->e, &txn, done, &n->scan.call);
    if (rc != 0)
        scan_end(n, NODE_RETRY_MS);
}

/* ---- their names ------------------------------------------------------------------------------ */

static void on_name(void *arg, const struct etcd_answer *answer)
{
    struct node *n = arg;
    const struct keyspace_key all = {.kind = KEYSPACE_SPEC, .cluster = n->cluster};
    struct slice prefix;

    n->scan.call = 0;
    if (answer->rc != 0 || answer->op_count != 1 ||
        keyspace_prefix(&all, &n->scan.arena, &prefix) != 0) {
        scan_end(n, NODE_RETRY_MS);
        return;
    }
    if (answer->ops[0].kv_count == 0) {
        scan_done(n);
        return;
    }
    const struct slice key = answer->ops[0].kvs[0].key;
    assert(slice_starts_with(key, prefix));
    const struct slice rest = slice_sub(key, prefix.len, key.len);
    const uint8_t *slash = rest.len == 0 ? NULL : memchr(rest.ptr, '/', rest.len);
    const size_t len = slash == NULL ? rest.len : (size_t)(slash - rest.ptr);
    n->scan.output = arena_copy(&n->scan.arena, slice_sub(rest, 0, len));
    if (n->scan.output.ptr == NULL)
        scan_end(n, NODE_RETRY_MS);
    else if (keyspace_name_is_valid(n->scan.output))
        read_stream(n);
    else
        next_name(n); /* no key of ours */
}

/* Looks for the first key behind those of the stream just read. */
static void next_name(struct node *n)
{
    const struct etcd_done done = {.fn = on_name, .arg = n};
    const struct keyspace_key all = {.kind = KEYSPACE_SPEC, .cluster = n->cluster};
    struct etcd_range range = {.limit = 1, .keys_only = true};
    struct slice prefix;
    int rc = keyspace_prefix(&all, &n->scan.arena, &prefix);

    if (rc == 0) {
        range.end = etcd_prefix_end(prefix, &n->scan.arena);
        /* '0' is the byte after '/': the first key that does not start with "<output>/". */
        const size_t len = prefix.len + n->scan.output.len + 1;
        uint8_t *key = arena_alloc(&n->scan.arena, len);
        rc = key == NULL || range.end.ptr == NULL ? ERR_NO_MEMORY : 0;
        if (rc == 0) {
            memcpy(key, prefix.ptr, prefix.len);
            if (n->scan.output.len > 0)
                memcpy(key + prefix.len, n->scan.output.ptr, n->scan.output.len);
            key[len - 1] = '0';
            range.key = slice_of(key, n->scan.output.len > 0 ? len : prefix.len);
            rc = etcd_range(n->e, &range, done, &n->scan.call);
        }
    }
    if (rc != 0)
        scan_end(n, NODE_RETRY_MS);
}

void node_scan_turn(struct node *n, uint64_t now_ms)
{
    struct node_scan *scan = &n->scan;

    if (scan->is_running || (!scan->is_wanted && now_ms < scan->due_ms))
        return;
    scan->is_running = true;
    scan->is_wanted = false;
    scan->count = 0;
    scan->output = (struct slice){0};
    arena_init(&scan->arena, 64 * 1024, NODE_SCAN_BYTES_MAX);
    next_name(n);
}

/* ---- pauses of partitions --------------------------------------------------------------------- */

static bool pause_names(const struct etcd_kv *kv, struct slice *out_output, uint32_t *out_partition)
{
    struct keyspace_key key;

    return keyspace_parse(kv->key, &key) == 0 && key.kind == KEYSPACE_PAUSE &&
           task_pause_parse(key.name, out_output, out_partition);
}

/* A pause that cannot be read is one that somebody wanted. */
static bool pause_is_on(const struct etcd_kv *kv, struct arena *a)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const Braid__Pause *pause = braid__pause__unpack(&allocator, kv->value.len, kv->value.ptr);
    uv_timeval64_t now;

    if (pause == NULL || pause->until_ms == 0 || uv_gettimeofday(&now) != 0)
        return true;
    return pause->until_ms > now.tv_sec * 1000 + now.tv_usec / 1000;
}

/* Is it a pause of a DC's links (a drill)? */
static bool pause_cuts(const struct etcd_kv *kv, struct slice *out_dc)
{
    struct keyspace_key key;

    return keyspace_parse(kv->key, &key) == 0 && key.kind == KEYSPACE_PAUSE &&
           task_links_parse(key.name, out_dc);
}

bool node_has_paused_tasks(const struct node *n)
{
    const struct io_table *table = &n->watched[NODE_WATCH_PAUSES].table;
    struct slice name;
    uint32_t partition = 0;

    for (size_t i = 0; i < table->count; i++) {
        if (pause_names(&table->kvs[i], &name, &partition) || pause_cuts(&table->kvs[i], &name))
            return true;
    }
    return false;
}

/* Takes out what an operator's drill has cut. */
static size_t without_cut_links(const struct node *n, struct arena *a, struct slice *names,
                                size_t count)
{
    const struct io_table *table = &n->watched[NODE_WATCH_PAUSES].table;
    struct slice dc;

    for (size_t i = 0; i < table->count; i++) {
        if (pause_cuts(&table->kvs[i], &dc) && pause_is_on(&table->kvs[i], a))
            count = tasks_without_links(n->dc, dc, names, count);
    }
    return count;
}

/* Which partitions of the stream are paused now. */
static void add_pauses(const struct node *n, struct arena *a, struct tasks_stream *s)
{
    const struct io_table *table = &n->watched[NODE_WATCH_PAUSES].table;
    uint32_t *paused = arena_calloc(a, NODE_PAUSES_MAX, sizeof *paused);

    for (size_t i = 0; paused != NULL && i < table->count; i++) {
        struct slice output;
        uint32_t partition = 0;
        if (s->paused_count < NODE_PAUSES_MAX && pause_names(&table->kvs[i], &output, &partition) &&
            slice_equal(output, s->output) && pause_is_on(&table->kvs[i], a))
            paused[s->paused_count++] = partition;
    }
    s->paused = paused;
}

/* ---- tasks ------------------------------------------------------------------------------------ */

/* What tasks need to know of a stream; false: it has no cut yet, or one that cannot be read. */
static bool stream_for_tasks(const struct node_stream *from, struct arena *a,
                             struct tasks_stream *out)
{
    struct spec spec;
    struct cut *cut = arena_calloc(a, 1, sizeof *cut);

    if (cut == NULL || from->cut.ptr == NULL || spec_decode(from->spec, a, &spec) != 0 ||
        cut_decode(from->cut, a, cut) != 0)
        return false;
    *out = (struct tasks_stream){
        .output = from->output,
        .dcs = spec.dcs.items,
        .dc_count = (uint32_t)spec.dcs.count,
        .enrich_at_origin = spec.enrich_at == SPEC_AT_ORIGIN,
        .layout = cut->layout,
    };
    return true;
}

int node_tasks(const struct node *n, struct arena *a, struct slice **out_names, size_t *out_count)
{
    struct tasks_stream *streams = arena_calloc(a, NODE_STREAMS_MAX, sizeof *streams);
    size_t count = 0;

    if (streams == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < n->view.stream_count; i++)
        count += stream_for_tasks(&n->view.streams[i], a, &streams[count]);
    for (size_t i = 0; i < count; i++)
        add_pauses(n, a, &streams[i]);
    const int rc = tasks_list(n->dc, streams, count, a, out_names, out_count);
    if (rc == 0)
        *out_count = without_cut_links(n, a, *out_names, *out_count);
    return rc;
}
