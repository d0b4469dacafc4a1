/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A committed cut by its number (R11): from etcd; if it has left etcd, from our own log of cuts,
 * then from those of the other DCs; and again, until it is found. What a log had after it is kept
 * for the questions that follow.
 */
#include "node/io_merge_cut.h"

#include <stdio.h>

#include "coord/keyspace.h"
#include "node/io_loop.h"
#include "node/io_merge_part.h"
#include "proto/err.h"

static void ask_etcd(struct io_merge *m, bool is_serializable);
static void search_log(struct io_merge *m);

static void found(struct io_merge *m, struct slice bytes)
{
    struct arena scratch;
    struct cut cut;
    struct merge_event ev = {.kind = MERGE_EV_CUT, .cut_bytes = bytes, .cut = &cut};

    m->search.is_wanted = false;
    arena_init(&scratch, 65536, IO_STREAM_ARENA_MAX);
    if (cut_decode(bytes, &scratch, &cut) != 0)
        merge_run_end(m, ERR_DIVERGED, "a committed cut makes no sense");
    else
        merge_run_step(m, &ev);
    arena_deinit(&scratch);
}

static void try_later(struct io_merge *m)
{
    m->search.retry_ms = io_mono_ms() + IO_MERGE_RETRY_MS;
    m->search.next_dc = 0;
}

/* ---- etcd ----------------------------------------------------------------------------------- */

static void on_etcd(struct io_merge *m, const struct etcd_answer *answer, bool is_last)
{
    m->search.call = 0;
    if (m->stage != STAGE_RUNNING || !m->search.is_wanted)
        return;
    if (answer->rc == 0 && answer->op_count == 1 && answer->ops[0].kv_count == 1)
        found(m, answer->ops[0].kvs[0].value);
    else if (answer->rc == 0 && !is_last)
        ask_etcd(m, false);
    else
        search_log(m); /* also while etcd does not answer: a logged cut is committed */
}

static void on_near(void *arg, const struct etcd_answer *answer)
{
    on_etcd(arg, answer, false);
}

static void on_sure(void *arg, const struct etcd_answer *answer)
{
    on_etcd(arg, answer, true);
}

/* First the nearest member, which may be behind; what it has is true all the same. */
static void ask_etcd(struct io_merge *m, bool is_serializable)
{
    struct arena scratch;
    const struct keyspace_key key = {.kind = KEYSPACE_CUT,
                                     .cluster = m->host->config.cluster,
                                     .output = slice_str(m->stream->output),
                                     .era = m->search.era,
                                     .number = m->search.number};
    struct etcd_range range = {.is_serializable = is_serializable};
    const struct etcd_done done = {.fn = is_serializable ? on_near : on_sure, .arg = m};

    arena_init(&scratch, 4096, 16384);
    if (keyspace_build(&key, &scratch, &range.key) != 0 ||
        etcd_range(m->host->etcd, &range, done, &m->search.call) != 0) {
        m->search.call = 0;
        try_later(m);
    }
    arena_deinit(&scratch);
}

/* ---- logs of cuts --------------------------------------------------------------------------- */

static const struct cached_cut *cached(const struct cut_search *s)
{
    for (uint32_t i = 0; i < s->cache_count; i++)
        if (s->cache[i].era == s->era && s->cache[i].number == s->number)
            return &s->cache[i];
    return NULL;
}

static void on_begin(void *data)
{
    struct io_merge *m = data;

    m->search.cache_count = 0;
    arena_reset(&m->search.arena);
}

static void on_record(void *data, const struct record *r)
{
    struct io_merge *m = data;
    struct cut_search *s = &m->search;
    struct emitted_line line;
    struct slice bytes;
    struct cut cut;
    bool is_cut;

    if (s->cache_count == IO_MERGE_CACHE_CUTS || !slice_equal(r->key, slice_str(m->stream->output)))
        return;
    arena_reset(&m->host->scratch);
    if (line_decode(r->value, &m->host->scratch, &is_cut, &bytes, &line) != 0 || !is_cut ||
        cut_decode(bytes, &m->host->scratch, &cut) != 0)
        return;
    if (cut.era != s->era || cut.number < s->number)
        return;
    const struct slice copy = arena_copy(&s->arena, bytes);
    if (copy.ptr == NULL)
        return;
    s->cache[s->cache_count++] =
        (struct cached_cut){.era = cut.era, .number = cut.number, .bytes = copy};
}

static bool is_found(void *data)
{
    const struct io_merge *m = data;

    return cached(&m->search) != NULL;
}

static void on_ended(void *data, int code, const char *detail, struct log_bounds bounds)
{
    struct io_merge *m = data;
    const struct cached_cut *hit = cached(&m->search);

    (void)bounds;
    m->search.scan = NULL;
    if (m->stage != STAGE_RUNNING || !m->search.is_wanted)
        return;
    if (hit != NULL) {
        found(m, hit->bytes);
        return;
    }
    if (code != 0)
        io_log_about(&m->host->log, m, LOG_WARN, "cannot search a log of cuts, trying the next",
                     "stream=%s err=%s why=\"%s\"", m->stream->output, err_name(code), detail);
    m->search.next_dc++;
    search_log(m);
}

/* The DC whose log is next; false: all were searched. */
static bool next_dc(const struct io_merge *m, struct slice *out)
{
    const struct key_texts *dcs = &m->spec->spec.dcs;
    uint32_t left = m->search.next_dc;

    *out = m->host->config.dc;
    if (left == 0)
        return true;
    for (size_t i = 0; i < dcs->count; i++) {
        if (slice_equal(dcs->items[i], m->host->config.dc))
            continue;
        left--;
        *out = dcs->items[i];
        if (left == 0)
            return true;
    }
    return false;
}

static void search_log(struct io_merge *m)
{
    char topic[TOPIC_NAME_MAX + 1];
    struct io_site *site;
    struct slice dc;

    for (; next_dc(m, &dc); m->search.next_dc++) {
        if (io_host_site(m->host, dc, false, &site) != 0)
            continue;
        (void)snprintf(topic, sizeof(topic), "%.*s.braid.cuts", SLICE_ARG(dc));
        const struct io_scan_config config = {.topic = topic,
                                              .partition = 0,
                                              .from = IO_SCAN_BACK,
                                              .data = m,
                                              .begin = on_begin,
                                              .record = on_record,
                                              .is_found = is_found,
                                              .ended = on_ended};
        m->search.scan = io_scan_start(site->reader, m->host->loop, &config);
        if (m->search.scan != NULL)
            return;
    }
    try_later(m);
}

/* ---- operations ----------------------------------------------------------------------------- */

void merge_cut_wanted(struct io_merge *m, uint32_t era, uint64_t number)
{
    struct cut_search *s = &m->search;

    s->is_wanted = true;
    s->era = era;
    s->number = number;
    s->retry_ms = 0;
    s->next_dc = 0;
    if (cached(s) != NULL)
        merge_wake(m); /* told with the tick, not inside this step */
    else if (s->call == 0 && s->scan == NULL)
        ask_etcd(m, true);
}

void merge_cut_tick(struct io_merge *m)
{
    struct cut_search *s = &m->search;

    if (!s->is_wanted || s->call != 0 || s->scan != NULL || io_mono_ms() < s->retry_ms)
        return;
    const struct cached_cut *hit = cached(s);
    if (hit != NULL)
        found(m, hit->bytes);
    else
        ask_etcd(m, true);
}

void merge_cut_close(struct io_merge *m)
{
    if (m->search.call != 0)
        etcd_cancel(m->host->etcd, m->search.call);
    io_scan_cancel(m->search.scan);
    m->search.call = 0;
    m->search.scan = NULL;
    m->search.is_wanted = false;
}
