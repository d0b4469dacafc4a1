/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a merge reads from etcd and writes there: one transaction each, so that every view is of one
 * revision. Watches only say when to read.
 */
#include <assert.h>
#include <stdlib.h>

#include "coord/keyspace.h"
#include "node/io_loop.h"
#include "node/io_merge_part.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

/* The reads of a view, in this order. */
enum view_op {
    VIEW_CLAIM,
    VIEW_HEAD,
    VIEW_HELD,
    VIEW_EPOCHS,
    VIEW_INCARNATIONS,
    VIEW_DCS,
    VIEW_PAUSES,
    VIEW_OPS,
};

#define DELETE_MAX 100 /* keys of one transaction */

/* What etcd's leader had taken when it died is never answered: the followers let it lie for 7 s. A DC whose
 * reports stall for member_timeout (3 s) is dropped, so they are given up before; then the head is read. */
#define MERGE_ETCD_TIMEOUT_MS 2000

static int key_of(const struct io_merge *m, struct keyspace_key key, bool is_prefix,
                  struct arena *a, struct slice *out)
{
    key.cluster = m->host->config.cluster;
    return is_prefix ? keyspace_prefix(&key, a, out) : keyspace_build(&key, a, out);
}

static int stream_key(const struct io_merge *m, enum keyspace_kind kind, struct slice dc,
                      struct arena *a, struct slice *out)
{
    const struct keyspace_key key = {
        .kind = kind, .output = slice_str(m->stream->output), .dc = dc};

    return key_of(m, key, dc.len == 0, a, out);
}

static int cut_key(const struct io_merge *m, uint32_t era, uint64_t number, struct arena *a,
                   struct slice *out)
{
    const struct keyspace_key key = {
        .kind = KEYSPACE_CUT, .output = slice_str(m->stream->output), .era = era, .number = number};

    return key_of(m, key, false, a, out);
}

static int claim_key(const struct io_merge *m, struct arena *a, struct slice *out)
{
    const struct keyspace_key key = {
        .kind = KEYSPACE_CLAIM, .dc = m->host->config.dc, .name = slice_str(m->name)};

    return key_of(m, key, false, a, out);
}

static int view_ops(const struct io_merge *m, struct arena *a, struct etcd_op ops[VIEW_OPS])
{
    const struct keyspace_key dcs = {.kind = KEYSPACE_DC};
    const struct keyspace_key pauses = {.kind = KEYSPACE_PAUSE};
    const struct slice all = {0};
    int rc = 0;

    for (int i = 0; i < VIEW_OPS; i++)
        ops[i] = (struct etcd_op){.type = ETCD_OP_RANGE, .range.is_prefix = i != VIEW_CLAIM};
    rc = rc != 0 ? rc : claim_key(m, a, &ops[VIEW_CLAIM].range.key);
    rc = rc != 0 ? rc : stream_key(m, KEYSPACE_CUT, all, a, &ops[VIEW_HEAD].range.key);
    rc = rc != 0 ? rc : stream_key(m, KEYSPACE_HELD, all, a, &ops[VIEW_HELD].range.key);
    rc = rc != 0 ? rc : stream_key(m, KEYSPACE_EPOCH, all, a, &ops[VIEW_EPOCHS].range.key);
    rc = rc != 0 ? rc
                 : stream_key(m, KEYSPACE_INCARNATION, all, a, &ops[VIEW_INCARNATIONS].range.key);
    rc = rc != 0 ? rc : key_of(m, dcs, true, a, &ops[VIEW_DCS].range.key);
    rc = rc != 0 ? rc : key_of(m, pauses, true, a, &ops[VIEW_PAUSES].range.key);
    ops[VIEW_HEAD].range.is_newest_first = true;
    ops[VIEW_HEAD].range.limit = 1;
    return rc;
}

/* ---- from an answer to a view --------------------------------------------------------------- */

static struct merge_dc_view *dc_of(struct merge_view *view, struct slice dc)
{
    for (uint32_t i = 0; i < view->dc_count; i++)
        if (slice_equal(view->dcs[i].dc, dc))
            return &view->dcs[i];
    return NULL;
}

static void take_report(const struct io_merge *m, struct merge_view *view, const struct etcd_kv *kv,
                        struct arena *a)
{
    struct keyspace_key key;
    struct merge_dc_view *dc = NULL;

    if (keyspace_parse(kv->key, &key) == 0)
        dc = dc_of(view, key.dc);
    if (dc == NULL)
        return;
    dc->report_revision = kv->mod_revision;
    dc->has_report = report_decode(kv->value, a, &dc->report) == 0;
    if (!dc->has_report)
        io_log_about(&m->host->log, m, LOG_ERROR, "a report in etcd makes no sense, left out",
                     "stream=%s dc=%.*s", m->stream->output, SLICE_ARG(dc->dc));
}

static void take_epoch(struct merge_view *view, const struct etcd_kv *kv)
{
    struct keyspace_key key;
    struct merge_dc_view *dc = NULL;

    if (keyspace_parse(kv->key, &key) == 0)
        dc = dc_of(view, key.dc);
    Braid__Epoch *epoch =
        dc != NULL ? braid__epoch__unpack(NULL, kv->value.len, kv->value.ptr) : NULL;
    if (epoch == NULL)
        return;
    dc->epoch_revision = kv->mod_revision;
    dc->incarnation = epoch->incarnation;
    braid__epoch__free_unpacked(epoch, NULL);
}

static void take_incarnation(struct merge_view *view, const struct etcd_kv *kv)
{
    struct keyspace_key key;
    struct merge_dc_view *dc = NULL;

    if (keyspace_parse(kv->key, &key) == 0)
        dc = dc_of(view, key.dc);
    Braid__Incarnation *wanted =
        dc != NULL ? braid__incarnation__unpack(NULL, kv->value.len, kv->value.ptr) : NULL;
    if (wanted == NULL)
        return;
    dc->by_incarnation = wanted->number;
    dc->begins_era = wanted->begins_era;
    braid__incarnation__free_unpacked(wanted, NULL);
}

static void take_dc(struct merge_view *view, const struct etcd_kv *kv)
{
    struct keyspace_key key;
    struct merge_dc_view *dc = NULL;

    if (keyspace_parse(kv->key, &key) == 0)
        dc = dc_of(view, key.dc);
    Braid__DcState *state =
        dc != NULL ? braid__dc_state__unpack(NULL, kv->value.len, kv->value.ptr) : NULL;
    if (state == NULL)
        return;
    dc->is_pooled = state->pool == BRAID__DC_STATE__POOL__POOLED;
    braid__dc_state__free_unpacked(state, NULL);
}

static bool is_pause_for(const struct io_merge *m, const struct etcd_kv *kv)
{
    struct keyspace_key key;

    if (keyspace_parse(kv->key, &key) != 0 || key.kind != KEYSPACE_PAUSE)
        return false;
    if (!slice_equal(key.name, slice_str(m->restored.pause)) &&
        !slice_equal(key.name, slice_str(m->stream->output)))
        return false;
    Braid__Pause *pause = braid__pause__unpack(NULL, kv->value.len, kv->value.ptr);
    if (pause == NULL)
        return true; /* somebody wanted a pause */
    const bool is_on = pause->until_ms == 0 || pause->until_ms > io_now_ms();
    braid__pause__free_unpacked(pause, NULL);
    return is_on;
}

/* Fills the other view; false if the answer makes no sense. */
static bool take_view(struct io_merge *m, const struct etcd_header *header,
                      const struct etcd_op_answer *ops)
{
    struct arena *a = &m->view_arenas[1 - m->view_now];
    struct merge_view *view = &m->views[1 - m->view_now];
    const struct key_texts *dcs = &m->spec->spec.dcs;

    arena_reset(a);
    *view = (struct merge_view){.revision = header->revision};
    for (size_t i = 0; i < dcs->count && i < DCS_MAX; i++)
        view->dcs[view->dc_count++] =
            (struct merge_dc_view){.dc = dcs->items[i], .is_pooled = true};
    view->claim_held = ops[VIEW_CLAIM].kv_count == 1 &&
                       ops[VIEW_CLAIM].kvs[0].create_revision == m->claim_revision;
    if (ops[VIEW_HEAD].kv_count == 1) {
        view->head_revision = ops[VIEW_HEAD].kvs[0].create_revision;
        view->head_bytes = arena_copy(a, ops[VIEW_HEAD].kvs[0].value);
        view->has_head = cut_decode(view->head_bytes, a, &view->head) == 0;
        if (!view->has_head)
            return false;
    }
    for (size_t i = 0; i < ops[VIEW_HELD].kv_count; i++)
        take_report(m, view, &ops[VIEW_HELD].kvs[i], a);
    for (size_t i = 0; i < ops[VIEW_EPOCHS].kv_count; i++)
        take_epoch(view, &ops[VIEW_EPOCHS].kvs[i]);
    for (size_t i = 0; i < ops[VIEW_INCARNATIONS].kv_count; i++)
        take_incarnation(view, &ops[VIEW_INCARNATIONS].kvs[i]);
    for (size_t i = 0; i < ops[VIEW_DCS].kv_count; i++)
        take_dc(view, &ops[VIEW_DCS].kvs[i]);
    for (size_t i = 0; i < ops[VIEW_PAUSES].kv_count; i++)
        view->is_paused = view->is_paused || is_pause_for(m, &ops[VIEW_PAUSES].kvs[i]);
    m->view_now = 1 - m->view_now;
    m->view_ms = io_mono_ms();
    m->is_view_stale = false;
    return true;
}

/* ---- reading -------------------------------------------------------------------------------- */

/*
 * A12: answers may overtake each other, but none is older than what was known when it was asked for, unless
 * etcd itself is: then the run is ended.
 */
static bool is_restored(struct io_merge *m, const struct etcd_answer *answer, int64_t revision_at)
{
    if (answer->rc != 0 || answer->header.revision >= revision_at)
        return false;
    merge_run_end(m, ERR_RESTORED, "etcd's revision went back: it was restored from a backup");
    return true;
}

static void on_view(void *arg, const struct etcd_answer *answer)
{
    struct io_merge *m = arg;

    m->view_call = 0;
    if (m->stage != STAGE_VIEW && m->stage != STAGE_RUNNING)
        return;
    if (is_restored(m, answer, m->revisions_at[0]))
        return;
    if (answer->rc == 0 && answer->header.revision < m->views[m->view_now].revision)
        return; /* a report was answered after this was read */
    if (answer->rc != 0 || answer->op_count != VIEW_OPS ||
        !take_view(m, &answer->header, answer->ops)) {
        io_log_about(&m->host->log, m, LOG_WARN, "cannot read a stream's state in etcd",
                     "stream=%s err=%s retry_ms=%d", m->stream->output,
                     err_name(answer->rc != 0 ? answer->rc : ERR_MALFORMED), IO_MERGE_RETRY_MS);
        m->view_ms = io_mono_ms();
        return;
    }
    const struct merge_view *view = &m->views[m->view_now];
    if (m->stage == STAGE_VIEW) {
        if (view->has_head)
            merge_recover_view(m, view);
        else
            merge_run_end(m, ERR_NOT_FOUND, "the stream has no cut in etcd");
        return;
    }
    /* While a report is under way, only its answer says what the report did. */
    struct merge_event ev = {.kind = MERGE_EV_VIEW, .view = view};
    merge_run_step(m, &ev);
}

void merge_etcd_read(struct io_merge *m)
{
    struct arena scratch;
    struct etcd_op ops[VIEW_OPS];
    const struct etcd_done done = {.fn = on_view, .arg = m, .timeout_ms = MERGE_ETCD_TIMEOUT_MS};

    m->view_ms = io_mono_ms();
    if (m->view_call != 0 || m->claim_revision == 0)
        return; /* without a confirmed claim nothing is to be learned (R12) */
    m->revisions_at[0] = m->views[m->view_now].revision;
    arena_init(&scratch, 8192, 65536);
    const struct etcd_txn txn = {.then = ops, .then_count = VIEW_OPS};
    if (view_ops(m, &scratch, ops) != 0 || etcd_txn(m->host->etcd, &txn, done, &m->view_call) != 0)
        m->view_call = 0;
    arena_deinit(&scratch);
}

static void on_change(void *arg, const struct etcd_watch_event *event)
{
    struct io_merge *m = arg;

    if (event->is_snapshot || event->change_count > 0)
        m->is_view_stale = true;
    if (m->stage == STAGE_RUNNING && !m->is_reporting && m->view_call == 0 &&
        io_mono_ms() - m->view_ms >= IO_MERGE_VIEW_MIN_MS)
        merge_etcd_read(m);
}

static int open_watch(struct io_merge *m, enum keyspace_kind kind, struct etcd_watch **out)
{
    struct arena scratch;
    struct slice prefix = {0};
    const struct slice all = {0};

    arena_init(&scratch, 4096, 16384);
    int rc = stream_key(m, kind, all, &scratch, &prefix);
    const struct etcd_watch_config config = {.prefix = prefix, .fn = on_change, .arg = m};
    if (rc == 0)
        rc = etcd_watch(m->host->etcd, &config, out);
    arena_deinit(&scratch);
    return rc;
}

int merge_etcd_open(struct io_merge *m)
{
    const int rc = open_watch(m, KEYSPACE_CUT, &m->watch_cuts);

    return rc != 0 ? rc : open_watch(m, KEYSPACE_HELD, &m->watch_held);
}

void merge_etcd_close(struct io_merge *m)
{
    etcd_watch_stop(m->watch_cuts);
    etcd_watch_stop(m->watch_held);
    m->watch_cuts = NULL;
    m->watch_held = NULL;
    if (m->view_call != 0)
        etcd_cancel(m->host->etcd, m->view_call);
    if (m->report_call != 0)
        etcd_cancel(m->host->etcd, m->report_call);
    m->view_call = 0;
    if (m->list_call != 0)
        etcd_cancel(m->host->etcd, m->list_call);
    m->report_call = 0;
    m->list_call = 0;
    m->is_reporting = false;
}

void merge_etcd_tick(struct io_merge *m)
{
    struct merge_event ev = {.kind = MERGE_EV_REPORTED, .code = ERR_UNAVAILABLE};
    const int64_t age_ms = io_mono_ms() - m->view_ms;

    if (m->is_report_lost) {
        m->is_report_lost = false;
        merge_run_step(m, &ev);
    }
    if (m->stage == STAGE_VIEW && age_ms >= IO_MERGE_RETRY_MS)
        merge_etcd_read(m);
    if (m->stage == STAGE_RUNNING && !m->is_reporting &&
        (age_ms >= IO_MERGE_VIEW_MAX_MS || (m->is_view_stale && age_ms >= IO_MERGE_VIEW_MIN_MS)))
        merge_etcd_read(m);
}

/* ---- reports and proposals ------------------------------------------------------------------ */

static void on_reported(void *arg, const struct etcd_answer *answer)
{
    struct io_merge *m = arg;
    struct merge_event lost = {.kind = MERGE_EV_REPORTED, .code = answer->rc};
    struct merge_event ev = {.kind = MERGE_EV_VIEW, .is_answer = true};

    m->report_call = 0;
    m->is_reporting = false;
    if (m->stage != STAGE_RUNNING || is_restored(m, answer, m->revisions_at[1]))
        return;
    if (answer->rc == 0 && answer->header.revision < m->views[m->view_now].revision) {
        lost.code = ERR_CONFLICT; /* a read that was sent later has been answered first */
        merge_run_step(m, &lost);
        return;
    }
    if (answer->rc != 0 || answer->op_count < VIEW_OPS ||
        !take_view(m, &answer->header, &answer->ops[answer->op_count - VIEW_OPS])) {
        if (lost.code == 0)
            lost.code = ERR_MALFORMED;
        io_log_about(&m->host->log, m, LOG_WARN, "a report to etcd had no clear outcome",
                     "stream=%s err=%s why=\"%.*s\"", m->stream->output, err_name(lost.code),
                     SLICE_ARG(answer->text));
        merge_run_step(m, &lost);
        return;
    }
    ev.view = &m->views[m->view_now];
    merge_run_step(m, &ev);
}

static struct etcd_compare compare(struct slice key, enum etcd_compare_target target,
                                   int64_t number)
{
    return (struct etcd_compare){
        .key = key, .target = target, .result = ETCD_EQUAL, .number = number};
}

/* The comparisons that a cut stands on; returns how many, or an error. */
static int cut_compares(const struct io_merge *m, const struct merge_proposal *p, struct arena *a,
                        struct etcd_compare out[DCS_MAX + 4], size_t *out_count)
{
    struct slice key;
    size_t count = 0;
    int rc = cut_key(m, p->head_era, p->head_number, a, &key);

    if (rc != 0)
        return rc;
    out[count++] = compare(key, ETCD_COMPARE_CREATE_REVISION, p->head_revision);
    rc = cut_key(m, p->era, p->number, a, &key);
    if (rc != 0)
        return rc;
    out[count++] = compare(key, ETCD_COMPARE_CREATE_REVISION, 0);
    rc = merge_chain_pause_key(m, a, &key);
    if (rc != 0)
        return rc;
    out[count++] = compare(key, ETCD_COMPARE_CREATE_REVISION, 0);
    for (uint32_t i = 0; i < p->member_count; i++) {
        rc = stream_key(m, KEYSPACE_EPOCH, p->members[i], a, &key);
        if (rc != 0)
            return rc;
        out[count++] = compare(key, ETCD_COMPARE_MOD_REVISION, p->epoch_revisions[i]);
    }
    if (p->dropped.len > 0) {
        rc = stream_key(m, KEYSPACE_HELD, p->dropped, a, &key);
        if (rc != 0)
            return rc;
        out[count++] = compare(key, ETCD_COMPARE_MOD_REVISION, p->dropped_revision);
    }
    *out_count = count;
    return 0;
}

/* This DC's log epoch, if it is still the one that the core has seen. */
static int send_epoch(struct io_merge *m, const struct merge_proposal *p, struct arena *a)
{
    Braid__Epoch epoch = BRAID__EPOCH__INIT;
    uint8_t bytes[16];
    struct etcd_compare compares[2];
    struct etcd_op ops[1 + VIEW_OPS];
    const struct etcd_done done = {
        .fn = on_reported, .arg = m, .timeout_ms = MERGE_ETCD_TIMEOUT_MS};
    struct slice claim;
    struct slice key;
    int rc = claim_key(m, a, &claim);

    rc = rc != 0 ? rc : stream_key(m, KEYSPACE_EPOCH, m->host->config.dc, a, &key);
    rc = rc != 0 ? rc : view_ops(m, a, &ops[1]);
    if (rc != 0)
        return rc;
    epoch.incarnation = p->incarnation;
    const struct slice value = slice_of(bytes, braid__epoch__pack(&epoch, bytes));
    compares[0] = compare(claim, ETCD_COMPARE_CREATE_REVISION, m->claim_revision);
    compares[1] = compare(key, ETCD_COMPARE_MOD_REVISION, p->epoch_revision);
    ops[0] = (struct etcd_op){.type = ETCD_OP_PUT, .put = {.key = key, .value = value}};
    const struct etcd_txn txn = {.compares = compares,
                                 .compare_count = 2,
                                 .then = ops,
                                 .then_count = 1 + VIEW_OPS,
                                 .otherwise = &ops[1],
                                 .otherwise_count = VIEW_OPS};
    io_log(&m->host->log, LOG_ERROR, "Kafka lost what was reported, raising the log epoch",
           "stream=%s incarnation=%u", m->stream->output, p->incarnation);
    return etcd_txn(m->host->etcd, &txn, done, &m->report_call);
}

static int send_report(struct io_merge *m, const struct merge_proposal *p, struct arena *a)
{
    struct etcd_compare compares[2];
    struct etcd_compare inner_compares[DCS_MAX + 4];
    struct etcd_op ops[2 + VIEW_OPS];
    struct etcd_op put_cut = {.type = ETCD_OP_PUT, .put.value = p->cut};
    struct etcd_txn inner = {.compares = inner_compares, .then = &put_cut, .then_count = 1};
    const struct etcd_done done = {
        .fn = on_reported, .arg = m, .timeout_ms = MERGE_ETCD_TIMEOUT_MS};
    struct slice claim;
    struct slice held;
    size_t count = 0;
    int rc = claim_key(m, a, &claim);

    rc = rc != 0 ? rc : stream_key(m, KEYSPACE_HELD, m->host->config.dc, a, &held);
    if (rc != 0)
        return rc;
    compares[0] = compare(claim, ETCD_COMPARE_CREATE_REVISION, m->claim_revision);
    compares[1] = compare(held, ETCD_COMPARE_MOD_REVISION, p->report_revision);
    ops[count++] = (struct etcd_op){.type = ETCD_OP_PUT, .put = {.key = held, .value = p->report}};
    if (p->has_cut) {
        rc = cut_compares(m, p, a, inner_compares, &inner.compare_count);
        rc = rc != 0 ? rc : cut_key(m, p->era, p->number, a, &put_cut.put.key);
        ops[count++] = (struct etcd_op){.type = ETCD_OP_TXN, .txn = &inner};
    }
    rc = rc != 0 ? rc : view_ops(m, a, &ops[count]);
    if (rc != 0)
        return rc;
    const struct etcd_txn txn = {.compares = compares,
                                 .compare_count = 2,
                                 .then = ops,
                                 .then_count = count + VIEW_OPS,
                                 .otherwise = &ops[count],
                                 .otherwise_count = VIEW_OPS};
    return etcd_txn(m->host->etcd, &txn, done, &m->report_call);
}

void merge_etcd_report(struct io_merge *m)
{
    struct arena scratch;
    int rc = ERR_UNAVAILABLE;

    assert(!m->is_reporting);
    m->revisions_at[1] = m->views[m->view_now].revision;
    arena_init(&scratch, 16384, 1024 * 1024);
    const struct merge_proposal *p = merge_proposal(m->merge);
    if (m->claim_revision != 0)
        rc = p->raises_epoch ? send_epoch(m, p, &scratch) : send_report(m, p, &scratch);
    arena_deinit(&scratch);
    m->is_reporting = rc == 0;
    if (rc != 0) {
        m->report_call = 0;
        m->is_report_lost = true; /* told with the next tick, not inside this step */
    }
}

/* ---- old cuts ------------------------------------------------------------------------------- */

/* Deletes what the list names below the number; the rest comes with the next request. Cut 0 stays:
 * it says where the stream starts, to lines that lost their places and to verify. */
static void delete_listed(struct io_merge *m, const struct etcd_op_answer *list, uint32_t era,
                          uint64_t below)
{
    struct etcd_op ops[DELETE_MAX];
    struct keyspace_key key;
    size_t count = 0;
    const struct etcd_done done = {.fn = NULL};

    for (size_t i = 0; i < list->kv_count && count < DELETE_MAX; i++)
        if (keyspace_parse(list->kvs[i].key, &key) == 0 && key.era == era && key.number > 0 &&
            key.number < below)
            ops[count++] = (struct etcd_op){.type = ETCD_OP_DELETE, .range.key = list->kvs[i].key};
    if (count == 0)
        return;
    const struct etcd_txn txn = {.then = ops, .then_count = count};
    if (etcd_txn(m->host->etcd, &txn, done, NULL) != 0)
        io_log_about(&m->host->log, m, LOG_WARN, "old cuts stay in etcd for now", "stream=%s",
                     m->stream->output);
}

static void on_cut_list(void *arg, const struct etcd_answer *answer)
{
    struct io_merge *m = arg;

    m->list_call = 0;
    if (answer->rc == 0 && answer->op_count == 1 && m->stage == STAGE_RUNNING)
        delete_listed(m, &answer->ops[0], m->delete_era, m->delete_below);
}

void merge_etcd_delete(struct io_merge *m, uint32_t era, uint64_t below)
{
    struct arena scratch;
    const struct slice all = {0};
    struct etcd_range range = {.is_prefix = true, .keys_only = true};
    const struct etcd_done done = {.fn = on_cut_list, .arg = m};

    m->delete_era = era;
    m->delete_below = below;
    if (m->list_call != 0)
        return;
    arena_init(&scratch, 4096, 16384);
    if (stream_key(m, KEYSPACE_CUT, all, &scratch, &range.key) != 0 ||
        etcd_range(m->host->etcd, &range, done, &m->list_call) != 0)
        m->list_call = 0;
    arena_deinit(&scratch);
}
