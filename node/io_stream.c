/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_stream.h"

#include <assert.h>
#include <stdlib.h>

#include "coord/keyspace.h"
#include "coord/spec_enrich.h"
#include "node/divide.h"
#include "node/io_loop.h"
#include "node/merge_action.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

/* ---- specs ---------------------------------------------------------------------------------- */

void io_spec_release(struct io_spec *spec)
{
    if (spec == NULL)
        return;
    assert(spec->holders > 0);
    spec->holders--;
    if (spec->holders > 0)
        return;
    arena_deinit(&spec->arena);
    free(spec);
}

struct io_spec *io_spec_hold(struct io_stream *s)
{
    assert(s->spec != NULL);
    s->spec->holders++;
    return s->spec;
}

static int spec_open(struct slice bytes, uint64_t version, const struct domain_list *domains,
                     struct io_spec **out)
{
    struct io_spec *spec = calloc(1, sizeof(*spec));

    if (spec == NULL)
        return ERR_NO_MEMORY;
    spec->holders = 1;
    arena_init(&spec->arena, 16384, IO_STREAM_ARENA_MAX);
    const struct slice copy = arena_copy(&spec->arena, bytes);
    int rc = copy.ptr == NULL && bytes.len > 0 ? ERR_NO_MEMORY : 0;
    if (rc == 0)
        rc = spec_decode(copy, &spec->arena, &spec->spec);
    if (rc == 0)
        rc = spec_enrich(&spec->spec, domains, &spec->arena, &spec->enrich);
    if (rc != 0) {
        io_spec_release(spec);
        return rc;
    }
    spec->spec.version = version;
    *out = spec;
    return 0;
}

/* ---- cuts ----------------------------------------------------------------------------------- */

/* Replaces `cut` by what the bytes say; false, and it stays, if they say nothing sound. */
static bool take_cut(struct arena *arena, struct cut *cut, bool has_cut, struct slice bytes)
{
    struct arena fresh;
    struct cut decoded;

    arena_init(&fresh, 65536, IO_STREAM_ARENA_MAX);
    const struct slice copy = arena_copy(&fresh, bytes);
    if (copy.ptr == NULL || cut_decode(copy, &fresh, &decoded) != 0) {
        arena_deinit(&fresh);
        return false;
    }
    if (has_cut &&
        (decoded.era < cut->era || (decoded.era == cut->era && decoded.number <= cut->number))) {
        arena_deinit(&fresh);
        return true;
    }
    arena_deinit(arena);
    *arena = fresh;
    *cut = decoded;
    return true;
}

static void take_head(struct io_stream *s, struct slice bytes)
{
    const uint64_t number = s->has_head ? s->head.number : 0;
    const uint32_t era = s->has_head ? s->head.era : 0;

    if (!take_cut(&s->head_arena, &s->head, s->has_head, bytes)) {
        io_log_about(s->streams->log, s, LOG_ERROR, "a cut in etcd makes no sense, ignored",
                     "stream=%s", s->output);
        return;
    }
    if (s->has_head && s->head.number == number && s->head.era == era)
        return;
    s->has_head = true;
    s->head_seen++;
    s->streams->head_changed(s->streams->data, s);
}

static int64_t position_in(const struct cut *cut, const struct origin_partition *from)
{
    int64_t furthest = POSITION_NONE;

    for (uint32_t i = 0; i < cut->layout.count; i++)
        if (origin_partition_equal(&cut->layout.names[i].from, from) &&
            cut->strands[i].position > furthest)
            furthest = cut->strands[i].position;
    return furthest;
}

int64_t io_stream_position(const struct io_stream *s, const struct origin_partition *from)
{
    return s->has_head ? position_in(&s->head, from) : POSITION_NONE;
}

uint32_t io_stream_partitions(const struct io_stream *s, struct slice dc, struct slice topic)
{
    uint32_t count = 0;

    for (uint32_t i = 0; s->has_head && i < s->head.layout.count; i++) {
        const struct origin_partition *from = &s->head.layout.names[i].from;
        if (slice_equal(from->dc, dc) && slice_equal(from->topic, topic) &&
            from->partition >= count)
            count = from->partition + 1;
    }
    return count;
}

uint32_t io_stream_incarnation(const struct io_stream *s, struct slice by)
{
    uint32_t newest = 0;

    for (uint32_t i = 0; s->has_head && i < s->head.layout.count; i++) {
        const struct strand_name *name = &s->head.layout.names[i];
        if (slice_equal(name->by, by) && name->by_incarnation > newest)
            newest = name->by_incarnation;
    }
    return newest;
}

void io_stream_strands(const struct io_stream *s, const struct strand_name *name, int64_t *out_own,
                       int64_t *out_others)
{
    const struct layout *layout = &s->head.layout;

    *out_own = POSITION_NONE;
    *out_others = FAILING_ALONE;
    for (uint32_t i = 0; s->has_head && i < layout->count; i++) {
        const int64_t position = s->head.strands[i].position;
        if (!origin_partition_equal(&layout->names[i].from, &name->from))
            continue;
        if (strand_name_compare(&layout->names[i], name) == 0)
            *out_own = position;
        else if (position > *out_others && !slice_equal(layout->names[i].by, name->by))
            *out_others = position;
    }
}

/* ---- reading the head again ----------------------------------------------------------------- */

static const struct etcd_kv *only_kv(const struct etcd_answer *answer, size_t op)
{
    if (answer->rc != 0 || answer->op_count <= op || answer->ops[op].kv_count != 1)
        return NULL;
    return &answer->ops[op].kvs[0];
}

static void on_head(void *arg, const struct etcd_answer *answer)
{
    struct io_stream *s = arg;
    const struct etcd_kv *kv = only_kv(answer, 0);

    s->call = 0;
    if (kv != NULL)
        take_head(s, kv->value);
}

static void on_first(void *arg, const struct etcd_answer *answer)
{
    struct io_stream *s = arg;
    const struct etcd_kv *kv = only_kv(answer, 0);

    s->call = 0;
    if (answer->rc != 0)
        return;
    s->is_first_known = true;
    if (kv != NULL)
        s->has_first = take_cut(&s->first_arena, &s->first, false, kv->value);
    s->streams->head_changed(s->streams->data, s);
}

static void read_stream(struct io_stream *s)
{
    struct arena scratch;
    struct slice key;
    const struct keyspace_key name = {
        .kind = KEYSPACE_CUT,
        .cluster = s->streams->cluster,
        .output = slice_str(s->output),
        .era = s->has_head ? s->head.era : 0,
    };
    const bool wants_first = s->has_head && !s->is_first_known;

    if (s->call != 0)
        return;
    arena_init(&scratch, 4096, 65536);
    const int rc = wants_first ? keyspace_build(&name, &scratch, &key)
                               : keyspace_prefix(&name, &scratch, &key);
    const struct etcd_range range = {.key = key,
                                     .is_prefix = !wants_first,
                                     .is_newest_first = !wants_first,
                                     .is_serializable = true,
                                     .limit = 1};
    const struct etcd_done done = {.fn = wants_first ? on_first : on_head, .arg = s};
    if (rc == 0 && etcd_range(s->streams->etcd, &range, done, &s->call) != 0)
        s->call = 0;
    arena_deinit(&scratch);
}

/* ---- the view ------------------------------------------------------------------------------- */

uint32_t io_streams_count(const struct io_streams *all)
{
    uint32_t count = 0;

    for (const struct io_stream *s = all->first; s != NULL; s = s->next)
        count += s->is_present;
    return count;
}

struct io_stream *io_stream_find(struct io_streams *all, struct slice output)
{
    for (struct io_stream *s = all->first; s != NULL; s = s->next)
        if (slice_equal(slice_str(s->output), output))
            return s;
    return NULL;
}

/* A node's share of what a DC may do; at least one. */
static uint32_t share_of(const struct io_streams *all, int64_t limit)
{
    const int64_t nodes = all->node_count > 0 ? all->node_count : 1;

    return (uint32_t)(limit / nodes > 0 ? limit / nodes : 1);
}

static struct fetch_limits fetch_limits_of(const struct io_stream *s)
{
    const struct io_streams *all = s->streams;
    const struct spec *spec = &s->spec->spec;
    const uint32_t own = share_of(all, spec->in_flight_max);

    return (struct fetch_limits){
        .in_flight_max = s->api_share > 0 && s->api_share < own ? s->api_share : own,
        .per_second_max = share_of(all, spec->fetches_per_s_max),
        .bytes_per_second_max =
            spec->bytes_per_s_max > 0 ? share_of(all, spec->bytes_per_s_max) : 0,
        .batch_max = (uint32_t)spec->batch_max,
        .attempts_max = (uint32_t)spec->fetch_attempts_max,
        .deadline_ms = (uint32_t)spec->fetch_deadline_ms,
        .missing_retry_ms = spec->missing_retry_ms > 0 ? (uint32_t)spec->missing_retry_ms : 1,
    };
}

static void set_limits(struct io_stream *s)
{
    if (s->fetch == NULL)
        return;
    const struct fetch_limits limits = fetch_limits_of(s);
    io_fetch_set_limits(s->fetch, &limits);
}

/* What the streams may ask at once is divided anew, by what they want now. */
static void divide_api(struct io_streams *all)
{
    static const enum divide_weight WEIGHTS[] = {DIVIDE_LOW, DIVIDE_NORMAL, DIVIDE_HIGH};
    struct divide_part *parts = calloc(all->fetcher_count + 1, sizeof(*parts));
    struct io_fetch_stats stats;
    size_t count = 0;

    for (struct io_stream *s = all->first; s != NULL && parts != NULL; s = s->next)
        if (s->fetch != NULL) {
            assert(count < all->fetcher_count);
            io_fetch_stats(s->fetch, &stats);
            parts[count++] = (struct divide_part){
                .weight = WEIGHTS[s->spec->spec.priority],
                .own_max = share_of(all, s->spec->spec.in_flight_max),
                .wanted = stats.waiting,
            };
        }
    divide(parts, count, (uint32_t)all->config->api_in_flight_max);
    count = 0;
    for (struct io_stream *s = all->first; s != NULL && parts != NULL; s = s->next)
        if (s->fetch != NULL) {
            const uint32_t granted = parts[count++].granted;
            if (granted == s->api_share)
                continue;
            s->api_share = granted;
            set_limits(s);
        }
    free(parts); /* without memory the shares stay as they are */
}

static void on_timer(uv_timer_t *timer)
{
    struct io_streams *all = timer->data;

    for (struct io_stream *s = all->first; s != NULL; s = s->next)
        if (s->is_present)
            read_stream(s);
    if (all->config->api_in_flight_max > 0)
        divide_api(all);
}

/* The merge rules that a node announces; ours where it does not say. */
static uint32_t rules_of(struct slice info)
{
    Braid__NodeInfo *said = braid__node_info__unpack(NULL, info.len, info.ptr);
    uint32_t rules = MERGE_RULES_VERSION;

    if (said != NULL && said->rules_version_max > 0)
        rules = said->rules_version_max;
    braid__node_info__free_unpacked(said, NULL);
    return rules;
}

/* Live nodes of this DC: each takes its share of the limits, and any may get the merge, which must
 * then know the rules (A5). */
static void count_nodes(struct io_streams *all, const struct node_view *view)
{
    struct keyspace_key key;
    uint32_t count = 0;
    uint32_t rules = MERGE_RULES_VERSION;

    for (size_t i = 0; i < view->node_count; i++) {
        if (keyspace_parse(view->nodes[i].key, &key) != 0 || !slice_equal(key.dc, all->config->dc))
            continue;
        const uint32_t its = rules_of(view->nodes[i].value);
        count++;
        rules = its < rules ? its : rules;
    }
    if (count == all->node_count && rules == all->rules_version)
        return;
    all->node_count = count;
    all->rules_version = rules;
    for (struct io_stream *s = all->first; s != NULL; s = s->next) {
        set_limits(s);
        all->head_changed(all->data, s);
    }
}

static struct io_stream *stream_new(struct io_streams *all, struct slice output)
{
    struct io_stream *s = calloc(1, sizeof(*s));

    if (s == NULL || output.len > TOPIC_NAME_MAX) {
        free(s);
        return NULL;
    }
    s->streams = all;
    memcpy(s->output, output.ptr, output.len);
    s->next = all->first;
    all->first = s;
    return s;
}

static void take_spec(struct io_stream *s, const struct node_stream *from)
{
    struct io_spec *fresh;

    if (s->spec != NULL && s->spec->spec.version == from->version)
        return;
    const int rc = spec_open(from->spec, from->version, &s->streams->domains, &fresh);
    if (rc != 0) {
        io_log_about(s->streams->log, s, LOG_ERROR, "a spec in etcd makes no sense, ignored",
                     "stream=%s version=%llu err=%s", s->output, (unsigned long long)from->version,
                     err_name(rc));
        return;
    }
    io_spec_release(s->spec);
    s->spec = fresh;
    set_limits(s);
    io_log(s->streams->log, LOG_INFO, "following a stream's spec", "stream=%s version=%llu",
           s->output, (unsigned long long)from->version);
    s->streams->head_changed(s->streams->data, s);
}

void io_streams_view(struct io_streams *all, const struct node_view *view)
{
    count_nodes(all, view);
    for (struct io_stream *s = all->first; s != NULL; s = s->next)
        s->is_present = false;
    for (size_t i = 0; i < view->stream_count; i++) {
        const struct node_stream *from = &view->streams[i];
        struct io_stream *s = io_stream_find(all, from->output);
        if (s == NULL)
            s = stream_new(all, from->output);
        if (s == NULL)
            continue;
        s->is_present = true;
        take_spec(s, from);
        if (from->cut.ptr != NULL)
            take_head(s, from->cut);
        read_stream(s);
    }
}

static void on_call_ended(void *data, uint32_t http_status, const char *api_error, uint32_t took_ms,
                          uint32_t revisions)
{
    struct io_stream *s = data;
    uint32_t i = 0;

    (void)api_error;
    (void)revisions;
    while (i < s->code_count && s->codes[i].code != http_status)
        i++;
    if (i == IO_STREAM_CODES_MAX)
        i--; /* the last one stands for all others */
    else if (i == s->code_count)
        s->codes[s->code_count++].code = http_status;
    metrics_times_add(&s->codes[i].times, took_ms);
}

struct io_fetch *io_stream_fetch(struct io_stream *s)
{
    struct io_streams *all = s->streams;
    const struct config *config = s->streams->config;
    struct io_fetch_config fetch = {
        .api_url = s->streams->api_url,
        .user_agent = s->streams->user_agent,
        .ca_file = s->streams->api_ca,
        .domains = s->streams->domains,
        .services = &s->streams->services,
        .bytes_held_max = config_share(config, io_streams_count(all)).fetch_bytes,
        .seed = (uint64_t)io_mono_ms(),
    };

    if (s->fetch != NULL || s->spec == NULL)
        return s->fetch;
    s->observer = (struct io_fetch_observer){.data = s, .call_ended = on_call_ended};
    fetch.limits = fetch_limits_of(s);
    const int rc = io_fetch_open(s->streams->loop, &fetch, &s->observer, &s->fetch);
    if (rc != 0) {
        io_log_about(s->streams->log, s, LOG_ERROR, "cannot fetch for a stream", "stream=%s err=%s",
                     s->output, err_name(rc));
        s->fetch = NULL;
    }
    all->fetcher_count += s->fetch != NULL;
    io_share_set_streams(all->share, all->fetcher_count);
    if (all->config->api_in_flight_max > 0)
        divide_api(all);
    return s->fetch;
}

/* ---- life cycle ----------------------------------------------------------------------------- */

int io_streams_open(struct io_streams *all)
{
    all->timer = calloc(1, sizeof(*all->timer));
    if (all->timer == NULL)
        return ERR_NO_MEMORY;
    const int rc = io_share_open(all->loop, &all->share);
    if (rc != 0) {
        free(all->timer);
        all->timer = NULL;
        return rc;
    }
    (void)uv_timer_init(all->loop, all->timer); /* these never fail */
    all->timer->data = all;
    (void)uv_timer_start(all->timer, on_timer, IO_STREAM_HEAD_MS, IO_STREAM_HEAD_MS);
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void io_streams_close(struct io_streams *all)
{
    if (all->timer != NULL)
        uv_close((uv_handle_t *)all->timer, on_timer_closed);
    all->timer = NULL;
    while (all->first != NULL) {
        struct io_stream *s = all->first;
        all->first = s->next;
        if (s->call != 0)
            etcd_cancel(all->etcd, s->call);
        io_fetch_close(s->fetch);
        io_spec_release(s->spec);
        arena_deinit(&s->head_arena);
        arena_deinit(&s->first_arena);
        free(s);
    }
    io_share_close(all->share); /* after the fetchers, whose requests it leads */
    all->share = NULL;
}
