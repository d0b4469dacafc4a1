/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/io_etcd_sync.h"

#include "proto/err.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ERROR_MAX = 512,
    PAGE_KEYS = 512,
};

struct etcd_sync {
    uv_loop_t loop;
    struct etcd *e; /* owned */
    /* The call under way. */
    struct arena *arena;     /* borrowed */
    struct etcd_answer *out; /* borrowed */
    bool is_done;
    char error[ERROR_MAX];
};

static void on_done(void *arg, const struct etcd_answer *answer)
{
    struct etcd_sync *s = arg;

    s->is_done = true;
    if (etcd_answer_copy(answer, s->arena, s->out) != 0)
        *s->out = (struct etcd_answer){.rc = answer->rc != 0 ? answer->rc : ERR_NO_MEMORY};
}

static struct etcd_done begin(struct etcd_sync *s, struct arena *a, struct etcd_answer *out)
{
    s->arena = a;
    s->out = out;
    s->is_done = false;
    s->error[0] = '\0';
    uv_update_time(&s->loop);
    return (struct etcd_done){.fn = on_done, .arg = s};
}

/* Runs the loop until the call that returned rc when started is done. */
static int finish(struct etcd_sync *s, int rc)
{
    if (rc != 0)
        *s->out = (struct etcd_answer){.rc = rc};
    while (rc == 0 && !s->is_done)
        (void)uv_run(&s->loop, UV_RUN_ONCE);
    rc = s->out->rc;
    if (rc != 0)
        (void)snprintf(s->error, sizeof s->error, "%s%s%.*s", err_text(rc),
                       s->out->text.len > 0 ? ": " : "", SLICE_ARG(s->out->text));
    return rc;
}

int etcd_sync_open(const struct etcd_config *config, struct etcd_sync **out)
{
    struct etcd_sync *s = calloc(1, sizeof *s);

    if (s == NULL)
        return ERR_NO_MEMORY;
    if (uv_loop_init(&s->loop) != 0) {
        free(s);
        return ERR_NO_MEMORY;
    }
    const int rc = etcd_open(&s->loop, config, &s->e);
    if (rc != 0) {
        (void)uv_loop_close(&s->loop);
        free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void etcd_sync_close(struct etcd_sync *s)
{
    if (s == NULL)
        return;
    etcd_close(s->e, NULL, NULL);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT); /* until nothing is open any more */
    const int rc = uv_loop_close(&s->loop);
    assert(rc == 0);
    (void)rc;
    free(s);
}

int etcd_sync_range(struct etcd_sync *s, const struct etcd_range *range, struct arena *a,
                    struct etcd_answer *out)
{
    return finish(s, etcd_range(s->e, range, begin(s, a, out), NULL));
}

int etcd_sync_put(struct etcd_sync *s, const struct etcd_put *put, struct arena *a,
                  struct etcd_answer *out)
{
    return finish(s, etcd_put(s->e, put, begin(s, a, out), NULL));
}

int etcd_sync_delete(struct etcd_sync *s, const struct etcd_range *range, struct arena *a,
                     struct etcd_answer *out)
{
    return finish(s, etcd_delete(s->e, range, begin(s, a, out), NULL));
}

int etcd_sync_txn(struct etcd_sync *s, const struct etcd_txn *txn, struct arena *a,
                  struct etcd_answer *out)
{
    return finish(s, etcd_txn(s->e, txn, begin(s, a, out), NULL));
}

int etcd_sync_lease_grant(struct etcd_sync *s, int64_t ttl_s, struct arena *a,
                          struct etcd_answer *out)
{
    return finish(s, etcd_lease_grant(s->e, ttl_s, 0, begin(s, a, out)));
}

int etcd_sync_lease_renew(struct etcd_sync *s, int64_t lease, struct arena *a,
                          struct etcd_answer *out)
{
    return finish(s, etcd_lease_renew(s->e, lease, begin(s, a, out)));
}

int etcd_sync_lease_revoke(struct etcd_sync *s, int64_t lease, struct arena *a,
                           struct etcd_answer *out)
{
    return finish(s, etcd_lease_revoke(s->e, lease, begin(s, a, out), NULL));
}

int etcd_sync_member_list(struct etcd_sync *s, struct arena *a, struct etcd_answer *out)
{
    return finish(s, etcd_member_list(s->e, begin(s, a, out)));
}

int etcd_sync_status(struct etcd_sync *s, struct arena *a, struct etcd_answer *out)
{
    return finish(s, etcd_status(s->e, begin(s, a, out)));
}

int etcd_sync_get(struct etcd_sync *s, struct slice key, struct arena *a, struct etcd_kv *out)
{
    struct etcd_answer answer;
    const int rc = etcd_sync_range(s, &(struct etcd_range){.key = key}, a, &answer);

    if (rc != 0)
        return rc;
    if (answer.op_count != 1 || answer.ops[0].kv_count != 1) {
        (void)snprintf(s->error, sizeof s->error, "no key '%.*s'", SLICE_ARG(key));
        return ERR_NOT_FOUND;
    }
    *out = answer.ops[0].kvs[0];
    return 0;
}

/* Puts a page behind what is there, all in the arena. */
static int kvs_append(struct etcd_kvs *kvs, const struct etcd_op_answer *page, struct arena *a)
{
    struct etcd_kv *items = arena_calloc(a, kvs->count + page->kv_count + 1, sizeof *items);

    if (items == NULL)
        return ERR_NO_MEMORY;
    if (kvs->count > 0)
        memcpy(items, kvs->items, kvs->count * sizeof *items);
    if (page->kv_count > 0)
        memcpy(items + kvs->count, page->kvs, page->kv_count * sizeof *items);
    kvs->items = items;
    kvs->count += page->kv_count;
    return 0;
}

/* The smallest key after `key`. */
static struct slice key_after(struct slice key, struct arena *a)
{
    uint8_t *after = arena_alloc(a, key.len + 1);

    if (after == NULL)
        return (struct slice){0};
    memcpy(after, key.ptr, key.len);
    after[key.len] = 0;
    return slice_of(after, key.len + 1);
}

int etcd_sync_get_prefix(struct etcd_sync *s, struct slice prefix, struct arena *a,
                         struct etcd_kvs *out)
{
    struct etcd_range range = {.key = prefix, .is_prefix = true, .limit = PAGE_KEYS};
    struct etcd_kvs kvs = {0};
    struct etcd_answer answer;

    do {
        int rc = etcd_sync_range(s, &range, a, &answer);
        if (rc != 0)
            return rc;
        if (answer.op_count != 1)
            return ERR_MALFORMED;
        rc = kvs_append(&kvs, &answer.ops[0], a);
        if (rc != 0)
            return rc;
        if (range.revision == 0) {
            kvs.header = answer.header;
            range.revision = answer.header.revision;
            range.is_prefix = false;
            range.end = etcd_prefix_end(prefix, a);
        }
        if (kvs.count > 0)
            range.key = key_after(kvs.items[kvs.count - 1].key, a);
        if (range.end.ptr == NULL || range.key.ptr == NULL)
            return ERR_NO_MEMORY;
    } while (answer.ops[0].more && answer.ops[0].kv_count > 0);
    *out = kvs;
    return 0;
}

const char *etcd_sync_error(const struct etcd_sync *s)
{
    return s->error;
}

struct etcd_seen etcd_sync_seen(const struct etcd_sync *s)
{
    return etcd_seen(s->e);
}
