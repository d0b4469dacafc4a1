/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Happy path: read all keys of the prefix, page by page at one revision R; tell the owner; watch
 * from R + 1 on. Every reread_ms read again beside the open stream: what the stream brings
 * meanwhile is held back until the snapshot is told, then what is newer than it follows.
 *
 * Failures: the stream ends, is silent, was compacted, or holds back too much - drop it and begin
 * with reading. A page's revision was compacted - begin anew. An answer too large - smaller pages.
 */
#include "coord/io_etcd_watch.h"

#include "coord/io_etcd_core.h"
#include "proto/err.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

enum {
    WATCH_ID = 1, /* of the one watch on a stream */
    WATCH_RETRY_MS = 200,
    WATCH_SNAPSHOT_BYTES_MAX = 256 * 1024 * 1024,
    WATCH_HELD_BYTES_MAX = 16 * 1024 * 1024,
};

/* A message of the stream that waits to be told. */
struct held {
    struct held *next;
    size_t len;
    uint8_t bytes[];
};

struct etcd_watch {
    struct etcd_part part;
    struct etcd *e; /* borrowed */
    struct etcd_watch_config config;
    struct slice prefix; /* owned */
    int64_t revision;    /* told so far */
    bool is_telling;     /* the owner is being called */
    bool is_stopped;     /* it said stop meanwhile */

    /* Reading. */
    bool is_reading;
    bool is_wanted_again; /* etcd_watch_reread during a read */
    uint64_t call;        /* of the page under way, 0: none */
    uint64_t read_due_ms;
    uint32_t page_keys;
    struct arena arena;  /* of the snapshot */
    struct etcd_kv *kvs; /* owned */
    size_t kv_count;
    size_t kv_capacity;
    int64_t read_revision; /* of the first page; 0: not known yet */

    /* Watching. */
    struct grpc_call *stream; /* NULL: none */
    uint64_t heard_ms;
    uint64_t asked_ms;  /* a sign of life was asked for; 0: not */
    struct held *first; /* owned chain */
    struct held *last;
    size_t held_bytes;
    bool has_fragment; /* the last one held is not the end of its revision */
};

static struct etcd_watch *watch_of(struct etcd_part *part)
{
    return (struct etcd_watch *)(void *)((char *)part - offsetof(struct etcd_watch, part));
}

/* ---- telling ---------------------------------------------------------------------------------- */

static void held_clear(struct etcd_watch *w)
{
    while (w->first != NULL) {
        struct held *next = w->first->next;
        free(w->first);
        w->first = next;
    }
    w->last = NULL;
    w->held_bytes = 0;
    w->has_fragment = false;
}

static void snapshot_clear(struct etcd_watch *w)
{
    arena_deinit(&w->arena);
    free(w->kvs);
    w->kvs = NULL;
    w->kv_count = 0;
    w->kv_capacity = 0;
    w->read_revision = 0;
}

static void watch_free(struct etcd_watch *w)
{
    held_clear(w);
    snapshot_clear(w);
    free(w);
}

/* Calls the owner. False: it stopped the watch, which is gone. */
static bool watch_tell(struct etcd_watch *w, const struct etcd_watch_event *event)
{
    assert(!w->is_telling);
    assert(event->revision >= w->revision);

    w->revision = event->revision;
    w->is_telling = true;
    w->config.fn(w->config.arg, event);
    w->is_telling = false;
    if (!w->is_stopped)
        return true;
    watch_free(w);
    return false;
}

/* Ends the stream; reading begins soon. */
static void watch_restart(struct etcd_watch *w, uint64_t wait_ms)
{
    if (w->stream != NULL)
        (void)grpc_call_cancel(w->stream);
    w->stream = NULL;
    held_clear(w);
    if (w->is_reading) {
        w->is_wanted_again = true; /* what is being read may be older than what was told */
        return;
    }
    w->read_due_ms = uv_now(w->e->loop) + wait_ms;
    etcd_wake(w->e, w->read_due_ms);
}

/* Adds one message's changes that were not told yet. */
static int changes_add(struct etcd_watch *w, const struct held *held, struct arena *a,
                       struct etcd_change *changes, size_t *count)
{
    struct etcd_watch_message message;
    const int rc = etcd_decode_watch(slice_of(held->bytes, held->len), a, &message);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < message.change_count; i++) {
        if (message.changes[i].kv.mod_revision > w->revision)
            changes[(*count)++] = message.changes[i];
    }
    return 0;
}

/* How many changes the held messages have at most: each takes two bytes or more. */
static size_t changes_max(const struct etcd_watch *w)
{
    size_t count = 1;

    for (const struct held *held = w->first; held != NULL; held = held->next)
        count += held->len / 2;
    return count;
}

/* Tells what is held, in one event. False: the watch is gone. */
static bool watch_flush(struct etcd_watch *w)
{
    struct arena a;
    size_t count = 0;
    int rc = 0;
    bool is_there = true;

    if (w->first == NULL || w->has_fragment)
        return true;
    struct etcd_change *changes = calloc(changes_max(w), sizeof *changes);
    arena_init(&a, 16 * 1024, (size_t)16 * WATCH_HELD_BYTES_MAX);
    if (changes == NULL)
        rc = ERR_NO_MEMORY;
    for (const struct held *held = w->first; held != NULL && rc == 0; held = held->next)
        rc = changes_add(w, held, &a, changes, &count);
    if (rc != 0) {
        watch_restart(w, WATCH_RETRY_MS);
    } else if (count > 0) {
        const struct etcd_watch_event event = {
            .revision = changes[count - 1].kv.mod_revision,
            .changes = changes,
            .change_count = count,
        };
        held_clear(w);
        is_there = watch_tell(w, &event);
    } else {
        held_clear(w);
    }
    free(changes);
    arena_deinit(&a);
    return is_there;
}

/* ---- watching --------------------------------------------------------------------------------- */

static bool held_add(struct etcd_watch *w, struct slice message)
{
    struct held *held = NULL;

    if (w->held_bytes + message.len <= WATCH_HELD_BYTES_MAX)
        held = calloc(1, sizeof *held + message.len);
    if (held == NULL)
        return false;
    held->len = message.len;
    memcpy(held->bytes, message.ptr, message.len);
    if (w->last != NULL)
        w->last->next = held;
    else
        w->first = held;
    w->last = held;
    w->held_bytes += message.len;
    return true;
}

static void on_stream_message(void *arg, struct slice bytes)
{
    struct etcd_watch *w = arg;
    struct etcd_watch_message message;
    struct arena a;

    w->heard_ms = uv_now(w->e->loop);
    w->asked_ms = 0;
    arena_init(&a, 16 * 1024, (size_t)16 * WATCH_HELD_BYTES_MAX);
    const int rc = etcd_decode_watch(bytes, &a, &message);
    /* Nothing of the message but numbers is used below: the bytes are held, not the structs. */
    arena_deinit(&a);
    if (rc != 0 || message.is_canceled) {
        watch_restart(w, rc == 0 && message.compact_revision > 0 ? 0 : WATCH_RETRY_MS);
        return;
    }
    etcd_note_success(w->e);
    etcd_note_header(w->e, &message.header, -1);
    if (message.watch_id != WATCH_ID || message.is_created || message.change_count == 0)
        return;
    if (!held_add(w, bytes)) {
        watch_restart(w, WATCH_RETRY_MS);
        return;
    }
    w->has_fragment = message.is_fragment;
    if (!w->is_reading)
        (void)watch_flush(w);
}

static void on_stream_end(void *arg, const struct grpc_end *end)
{
    struct etcd_watch *w = arg;

    w->stream = NULL;
    watch_restart(w, WATCH_RETRY_MS);
    /* The server goes, has no leader, or the connection broke: somewhere else. */
    if (end->status == GRPC_STATUS_NONE || end->status == 14)
        etcd_move(w->e);
}

static void stream_open(struct etcd_watch *w)
{
    struct grpc_channel *link = etcd_link(w->e, ETCD_LINK_STREAMS);
    struct slice message = {0};
    int rc = ERR_UNAVAILABLE;

    if (link != NULL)
        rc = etcd_encode_watch(w->prefix, w->revision + 1, WATCH_ID, &w->e->scratch, &message);
    if (rc == 0) {
        const struct grpc_request request = {
            .path = etcd_method_path(ETCD_METHOD_WATCH),
            .message = message,
            .is_stream = true,
            .needs_leader = true,
            .on_message = on_stream_message,
            .on_end = on_stream_end,
            .arg = w,
        };
        rc = grpc_call_start(link, &request, &w->stream);
    }
    arena_reset(&w->e->scratch);
    w->heard_ms = uv_now(w->e->loop);
    w->asked_ms = 0;
    if (rc != 0) {
        w->stream = NULL;
        watch_restart(w, WATCH_RETRY_MS);
    }
}

/* ---- reading ---------------------------------------------------------------------------------- */

static void read_again(struct etcd_watch *w, uint64_t wait_ms)
{
    w->is_reading = false;
    w->is_wanted_again = false;
    snapshot_clear(w);
    w->read_due_ms = uv_now(w->e->loop) + wait_ms;
    etcd_wake(w->e, w->read_due_ms);
}

/* The snapshot is complete. */
static void read_done(struct etcd_watch *w)
{
    const struct etcd_watch_event event = {
        .is_snapshot = true,
        .revision = w->read_revision,
        .kvs = w->kvs,
        .kv_count = w->kv_count,
    };

    /* A linearizable read is never older than what we were told before it began, unless etcd itself
     * went back (restored from a backup): then what it has now is what counts. */
    if (event.revision < w->revision) {
        w->revision = 0;
        watch_restart(w, 0);
    }
    const bool is_again = w->is_wanted_again;
    w->is_reading = false;
    w->is_wanted_again = false;
    w->page_keys = w->config.page_keys;
    w->read_due_ms = uv_now(w->e->loop) + (is_again ? 0 : w->config.reread_ms);
    if (!watch_tell(w, &event))
        return;
    snapshot_clear(w);
    if (w->stream == NULL)
        stream_open(w);
    else if (!watch_flush(w))
        return;
    etcd_wake(w->e, w->read_due_ms);
}

/* Copies a page's keys. False: no room. */
static bool page_add(struct etcd_watch *w, const struct etcd_op_answer *page)
{
    if (w->kv_count + page->kv_count > w->kv_capacity) {
        const size_t capacity = 2 * w->kv_capacity + page->kv_count;
        struct etcd_kv *grown = realloc(w->kvs, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        w->kvs = grown;
        w->kv_capacity = capacity;
    }
    for (size_t i = 0; i < page->kv_count; i++) {
        struct etcd_kv kv = page->kvs[i];
        kv.key = arena_copy(&w->arena, kv.key);
        kv.value = arena_copy(&w->arena, kv.value);
        if (kv.key.ptr == NULL || kv.value.ptr == NULL)
            return false;
        w->kvs[w->kv_count++] = kv;
    }
    return true;
}

static void page_read(struct etcd_watch *w);

static void on_page(void *arg, const struct etcd_answer *answer)
{
    struct etcd_watch *w = arg;

    w->call = 0;
    if (answer->rc == ERR_TOO_LARGE && w->page_keys > 1)
        w->page_keys /= 2;
    if (answer->rc != 0 || answer->op_count != 1) {
        read_again(w, WATCH_RETRY_MS);
        return;
    }
    const struct etcd_op_answer *page = &answer->ops[0];
    if (!page_add(w, page)) {
        read_again(w, ETCD_BACKOFF_MAX_MS);
        return;
    }
    if (w->read_revision == 0)
        w->read_revision = answer->header.revision;
    if (page->more && page->kv_count > 0)
        page_read(w);
    else
        read_done(w);
}

/* Asks for the next page: keys after the last one we have, at the first page's revision. */
static void page_read(struct etcd_watch *w)
{
    const struct etcd_done done = {.fn = on_page, .arg = w};
    struct etcd_range range = {
        .key = w->prefix,
        .is_prefix = true,
        .limit = w->page_keys,
        .revision = w->read_revision,
        .created_from = w->config.created_from,
    };

    if (w->kv_count > 0) {
        const struct slice last = w->kvs[w->kv_count - 1].key;
        uint8_t *key = arena_alloc(&w->arena, last.len + 1);
        range.end = etcd_prefix_end(w->prefix, &w->arena);
        if (key == NULL || range.end.ptr == NULL) {
            read_again(w, ETCD_BACKOFF_MAX_MS);
            return;
        }
        memcpy(key, last.ptr, last.len);
        key[last.len] = 0; /* the smallest key after it */
        range.key = slice_of(key, last.len + 1);
        range.is_prefix = false;
    }
    if (etcd_range(w->e, &range, done, &w->call) != 0) {
        w->call = 0;
        read_again(w, WATCH_RETRY_MS);
    }
}

static void read_begin(struct etcd_watch *w)
{
    assert(!w->is_reading);

    w->is_reading = true;
    w->is_wanted_again = false;
    snapshot_clear(w);
    arena_init(&w->arena, 64 * 1024, WATCH_SNAPSHOT_BYTES_MAX);
    page_read(w);
}

/* ---- the client's calls ----------------------------------------------------------------------- */

/* Asks for a sign of life, or gives the connection up. Returns when to look again. */
static uint64_t stream_check(struct etcd_watch *w, uint64_t now_ms)
{
    struct slice message = {0};

    if (now_ms >= w->heard_ms + ETCD_WATCH_SILENCE_MS) {
        etcd_move(w->e);
        return 0;
    }
    if (w->asked_ms == 0 && now_ms >= w->heard_ms + ETCD_WATCH_PROGRESS_MS) {
        if (etcd_encode_watch_progress(&w->e->scratch, &message) == 0 &&
            grpc_call_send(w->stream, message) == 0)
            w->asked_ms = now_ms;
        arena_reset(&w->e->scratch);
    }
    return w->heard_ms + (w->asked_ms == 0 ? ETCD_WATCH_PROGRESS_MS : ETCD_WATCH_SILENCE_MS);
}

static uint64_t watch_tick(struct etcd_part *part, uint64_t now_ms)
{
    struct etcd_watch *w = watch_of(part);
    uint64_t due_ms = ETCD_NEVER;

    if (w->stream != NULL)
        due_ms = stream_check(w, now_ms);
    if (w->is_reading)
        return due_ms;
    if (now_ms >= w->read_due_ms)
        read_begin(w);
    if (!w->is_reading && w->read_due_ms < due_ms)
        due_ms = w->read_due_ms;
    return due_ms;
}

static void watch_moved(struct etcd_part *part)
{
    struct etcd_watch *w = watch_of(part);

    if (w->stream == NULL)
        return;
    w->stream = NULL; /* it ends with its connection */
    watch_restart(w, 0);
}

static void watch_release(struct etcd_part *part)
{
    struct etcd_watch *w = watch_of(part);

    w->is_stopped = true;
    if (!w->is_telling)
        watch_free(w);
}

int etcd_watch(struct etcd *e, const struct etcd_watch_config *config, struct etcd_watch **out)
{
    if (config->prefix.len > ETCD_REQUEST_BYTES_MAX / 4)
        return ERR_TOO_LARGE;
    struct etcd_watch *w = calloc(1, sizeof *w + config->prefix.len);
    if (w == NULL)
        return ERR_NO_MEMORY;
    w->e = e;
    w->config = *config;
    if (w->config.reread_ms == 0)
        w->config.reread_ms = ETCD_WATCH_REREAD_MS;
    if (w->config.page_keys == 0)
        w->config.page_keys = ETCD_WATCH_PAGE_KEYS;
    w->page_keys = w->config.page_keys;
    if (config->prefix.len > 0)
        memcpy(w + 1, config->prefix.ptr, config->prefix.len);
    w->prefix = slice_of(w + 1, config->prefix.len);
    w->part.tick = watch_tick;
    w->part.moved = watch_moved;
    w->part.release = watch_release;
    etcd_part_add(e, &w->part);
    *out = w;
    return 0;
}

void etcd_watch_set_created_from(struct etcd_watch *w, int64_t revision)
{
    w->config.created_from = revision;
}

void etcd_watch_stop(struct etcd_watch *w)
{
    if (w == NULL)
        return;
    if (w->stream != NULL)
        (void)grpc_call_cancel(w->stream);
    w->stream = NULL;
    if (w->call != 0)
        etcd_cancel(w->e, w->call);
    etcd_part_remove(w->e, &w->part);
    watch_release(&w->part);
}

void etcd_watch_reread(struct etcd_watch *w)
{
    if (w->is_reading) {
        w->is_wanted_again = true;
        return;
    }
    w->read_due_ms = 0;
    etcd_wake(w->e, 0);
}

bool etcd_watch_is_live(const struct etcd_watch *w)
{
    return w->stream != NULL && uv_now(w->e->loop) < w->heard_ms + ETCD_WATCH_SILENCE_MS;
}
