/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/claims.h"

#include "coord/tasks.h"
#include "proto/err.h"
#include "proto/origin.h"

#include <assert.h>
#include <stddef.h>

enum run {
    RUN_IDLE,
    RUN_RUNNING,
    RUN_STOPPING, /* told to stop, not finished yet */
};

enum pending {
    PENDING_NONE,
    PENDING_CLAIM,
    PENDING_RELEASE,
};

/* What we know about one task. */
struct claim_task {
    struct claim_task *next_free; /* while it is not in use */
    uint8_t text[TASK_NAME_MAX];
    struct slice name; /* in text */
    bool is_wanted;
    bool reports; /* it compares its claim in etcd: a merge */
    enum run run;
    enum pending pending;
    bool is_used;              /* a run was under our claim: the next needs one made after it */
    int64_t create_revision;   /* of our confirmed claim, 0: none */
    int64_t released_revision; /* of our last claim that we released: news of it are old */
    bool is_seen;              /* while a list is gone through */
    bool is_others;            /* another lease holds it */
    bool is_formers;           /* and it is one that we had before */
    int64_t others_revision;
    int64_t retry_ms;   /* no claim or release before */
    int64_t restart_ms; /* no start before */
    int64_t pause_ms;   /* of the last restart, 0: none */
    int64_t started_ms;
};

struct claims {
    uint8_t node_text[TOPIC_NAME_MAX];
    struct slice node; /* our name, in node_text */
    int64_t lease;
    bool is_leaving;
    bool has_list;    /* what is claimed is known ... */
    int64_t revision; /* ... as of this revision */
    size_t node_count;
    size_t in_flight;
    size_t count;
    struct claim_task *free; /* used before */
    size_t taken;            /* of the pool, at some time */
    /* From here on nothing is read before it was written. */
    struct assign_node nodes[ASSIGN_NODES_MAX];
    uint8_t node_texts[ASSIGN_NODES_MAX][TOPIC_NAME_MAX];
    struct claim_task *tasks[TASKS_MAX]; /* in use, by name */
    struct claim_task pool[TASKS_MAX];
};

struct claims *claims_new(struct slice node, struct arena *a)
{
    struct claims *c = arena_alloc(a, sizeof *c);

    assert(node.len > 0);
    assert(node.len <= TOPIC_NAME_MAX);
    if (c == NULL)
        return NULL;
    memset(c, 0, offsetof(struct claims, nodes)); /* not all of it: it is megabytes */
    memcpy(c->node_text, node.ptr, node.len);
    c->node = slice_of(c->node_text, node.len);
    c->nodes[0] = (struct assign_node){.name = c->node, .weight = 1};
    c->node_count = 1;
    return c;
}

/* ---- the table of tasks ----------------------------------------------------------------------- */

/* Where the name is, or where it would have to be. */
static size_t place_of(const struct claims *c, struct slice name)
{
    size_t low = 0;
    size_t high = c->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (slice_compare(c->tasks[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct claim_task *task_find(const struct claims *c, struct slice name)
{
    const size_t at = place_of(c, name);

    if (at == c->count || !slice_equal(c->tasks[at]->name, name))
        return NULL;
    return c->tasks[at];
}

/* Room for one more; NULL: the table is full. */
static struct claim_task *task_take(struct claims *c)
{
    struct claim_task *t = c->free;

    if (t != NULL)
        c->free = t->next_free;
    else if (c->taken < TASKS_MAX)
        t = &c->pool[c->taken++];
    return t;
}

/* NULL: the name is too long or the table is full: the task waits for room. */
static struct claim_task *task_find_or_add(struct claims *c, struct slice name)
{
    const size_t at = place_of(c, name);
    struct claim_task *t;
    struct task what;

    if (at < c->count && slice_equal(c->tasks[at]->name, name))
        return c->tasks[at];
    if (name.len == 0 || name.len > TASK_NAME_MAX)
        return NULL;
    t = task_take(c);
    if (t == NULL)
        return NULL;
    *t = (struct claim_task){0};
    memcpy(t->text, name.ptr, name.len);
    t->name = slice_of(t->text, name.len);
    t->reports = task_parse(t->name, &what) == 0 && what.kind == TASK_MERGE;
    memmove(&c->tasks[at + 1], &c->tasks[at], (c->count - at) * sizeof(c->tasks[0]));
    c->tasks[at] = t;
    c->count++;
    return t;
}

/* Of tasks that are nobody's business any more. */
static void tasks_forget(struct claims *c)
{
    size_t kept = 0;

    for (size_t i = 0; i < c->count; i++) {
        struct claim_task *t = c->tasks[i];
        const bool is_busy = t->run != RUN_IDLE || t->pending != PENDING_NONE;
        if (t->is_wanted || is_busy || t->create_revision != 0) {
            c->tasks[kept++] = t;
        } else {
            t->next_free = c->free;
            c->free = t;
        }
    }
    c->count = kept;
}

/* ---- actions ---------------------------------------------------------------------------------- */

static bool act(struct claims_actions *out, enum claims_action_type type,
                const struct claim_task *t, int64_t create_revision)
{
    if (out->count == CLAIMS_ACTIONS_MAX) {
        out->is_full = true;
        return false;
    }
    out->items[out->count++] = (struct claims_action){
        .type = type,
        .task = t == NULL ? (struct slice){0} : t->name,
        .create_revision = create_revision,
    };
    return true;
}

static void wake(struct claims_actions *out, int64_t at_ms)
{
    if (out->wake_ms < 0 || at_ms < out->wake_ms)
        out->wake_ms = at_ms;
}

/* ---- what is known ---------------------------------------------------------------------------- */

/* The claim is ours (revision > 0) or we have none (0). */
static void claim_note(struct claim_task *t, int64_t revision, struct claims_actions *out)
{
    if (t->create_revision == revision)
        return;
    t->create_revision = revision;
    if (revision != 0) {
        t->is_others = false;
        t->is_used = false;
    }
    /* If there is no room, the caller of the task hears of it by the next list. */
    if (t->run == RUN_RUNNING && !act(out, CLAIMS_RENAMED, t, revision))
        t->create_revision = 0;
}

static void on_nodes(struct claims *c, const struct claims_event *ev)
{
    struct assign_node self = {.name = c->node, .weight = c->nodes[0].weight};

    c->node_count = 1; /* we are the first, listed or not */
    for (size_t i = 0; i < ev->node_count; i++) {
        const struct assign_node *node = &ev->nodes[i];
        if (slice_equal(node->name, c->node)) {
            self.weight = node->weight;
            self.is_draining = node->is_draining;
        } else if (c->node_count < ASSIGN_NODES_MAX && node->name.len <= TOPIC_NAME_MAX) {
            uint8_t *text = c->node_texts[c->node_count];
            memcpy(text, node->name.ptr, node->name.len);
            c->nodes[c->node_count] = *node;
            c->nodes[c->node_count++].name = slice_of(text, node->name.len);
        }
    }
    c->nodes[0] = self;
}

static void on_wanted(struct claims *c, const struct claims_event *ev)
{
    for (size_t i = 0; i < c->count; i++)
        c->tasks[i]->is_wanted = false;
    for (size_t i = 0; i < ev->wanted_count; i++) {
        struct claim_task *t = task_find_or_add(c, ev->wanted[i]);
        if (t != NULL)
            t->is_wanted = true;
    }
}

/* One key of the list. */
static void on_listed(struct claims *c, const struct claim *claim, struct claims_actions *out)
{
    const bool is_ours = c->lease != 0 && claim->lease == c->lease;
    struct claim_task *t = is_ours ? task_find_or_add(c, claim->task) : task_find(c, claim->task);

    if (t == NULL)
        return;
    if (claim->create_revision <= t->released_revision)
        return; /* older than our release of it */
    t->is_seen = true;
    if (is_ours) {
        if (t->pending != PENDING_RELEASE)
            claim_note(t, claim->create_revision, out);
        return;
    }
    t->is_others = true;
    t->is_formers = slice_equal(claim->node, c->node);
    t->others_revision = claim->create_revision;
}

static void on_list(struct claims *c, const struct claims_event *ev, struct claims_actions *out)
{
    const bool went_back = ev->revision < c->revision;

    c->has_list = true;
    c->revision = ev->revision;
    for (size_t i = 0; i < c->count; i++) {
        c->tasks[i]->is_seen = false;
        c->tasks[i]->is_others = false;
        /* etcd was restored from a backup: its new claims may have older revisions. */
        if (went_back)
            c->tasks[i]->released_revision = 0;
    }
    for (size_t i = 0; i < ev->claim_count; i++)
        on_listed(c, &ev->claims[i], out);
    for (size_t i = 0; i < c->count; i++) {
        struct claim_task *t = c->tasks[i];
        /* A list from before our claim says nothing about it. */
        const bool is_news = went_back || ev->revision >= t->create_revision;
        if (t->create_revision != 0 && is_news && (t->is_others || !t->is_seen) &&
            t->pending != PENDING_RELEASE)
            claim_note(t, 0, out);
    }
}

static void on_lease(struct claims *c, const struct claims_event *ev, struct claims_actions *out)
{
    if (ev->lease == c->lease)
        return;
    /* The keys of the old lease went with it. */
    c->lease = ev->lease;
    for (size_t i = 0; i < c->count; i++)
        claim_note(c->tasks[i], 0, out);
}

static void pending_end(struct claims *c, struct claim_task *t)
{
    assert(c->in_flight > 0);
    c->in_flight--;
    t->pending = PENDING_NONE;
}

static void on_claimed(struct claims *c, const struct claims_event *ev, struct claims_actions *out)
{
    struct claim_task *t = task_find(c, ev->task);

    if (t == NULL || t->pending != PENDING_CLAIM)
        return;
    pending_end(c, t);
    if (ev->rc == 0 && ev->is_ours && ev->lease == c->lease && c->lease != 0) {
        claim_note(t, ev->create_revision, out);
        return;
    }
    t->retry_ms = ev->now_ms + CLAIMS_RETRY_MS;
    t->is_others = ev->rc == 0; /* until the list read now says otherwise */
    (void)act(out, CLAIMS_REREAD, NULL, 0);
}

static void on_released(struct claims *c, const struct claims_event *ev, struct claims_actions *out)
{
    struct claim_task *t = task_find(c, ev->task);

    if (t == NULL || t->pending != PENDING_RELEASE)
        return;
    pending_end(c, t);
    if (ev->rc != 0) {
        t->retry_ms = ev->now_ms + CLAIMS_RETRY_MS;
        (void)act(out, CLAIMS_REREAD, NULL, 0);
        return;
    }
    /* It is gone, whether we deleted it now or it was gone before. */
    if (t->create_revision != 0)
        t->released_revision = t->create_revision;
    else
        t->released_revision = t->others_revision;
    t->create_revision = 0;
    t->is_others = false;
}

static void on_finished(struct claims *c, const struct claims_event *ev)
{
    struct claim_task *t = task_find(c, ev->task);

    if (t == NULL || t->run == RUN_IDLE)
        return;
    if (t->run == RUN_RUNNING || ev->rc != 0) {
        const bool was_long = ev->now_ms - t->started_ms >= CLAIMS_SETTLED_MS;
        t->pause_ms = was_long || t->pause_ms == 0 ? CLAIMS_RESTART_MS : 2 * t->pause_ms;
        if (t->pause_ms > CLAIMS_RESTART_MAX_MS)
            t->pause_ms = CLAIMS_RESTART_MAX_MS;
        t->restart_ms = ev->now_ms + t->pause_ms;
    }
    t->is_used = t->reports || ev->rc == ERR_FENCED;
    t->run = RUN_IDLE;
}

/* ---- what to do ------------------------------------------------------------------------------- */

static bool is_ours_to_run(const struct claims *c, const struct claim_task *t)
{
    if (!t->is_wanted || c->is_leaving)
        return false;
    return assign_owner(c->nodes, c->node_count, t->name) == 0;
}

/* Starts a claim or a release, unless it must wait. */
static void begin(struct claims *c, struct claim_task *t, enum pending pending, int64_t now_ms,
                  struct claims_actions *out)
{
    const bool is_claim = pending == PENDING_CLAIM;
    const int64_t revision = t->create_revision != 0 ? t->create_revision : t->others_revision;

    if (t->pending != PENDING_NONE || c->in_flight == CLAIMS_IN_FLIGHT_MAX)
        return; /* an end comes, and then the next step */
    if (is_claim && (c->lease == 0 || !c->has_list))
        return;
    if (now_ms < t->retry_ms) {
        wake(out, t->retry_ms);
        return;
    }
    if (!act(out, is_claim ? CLAIMS_CLAIM : CLAIMS_RELEASE, t, is_claim ? 0 : revision))
        return;
    t->pending = pending;
    c->in_flight++;
}

static void decide_running(struct claims *c, struct claim_task *t, bool is_ours, int64_t now_ms,
                           struct claims_actions *out)
{
    /* Without our claim it goes on (the lease may be gone for a moment), unless another has it. */
    const bool is_lost = t->create_revision == 0 && t->is_others && !t->is_formers;

    if (!is_ours || is_lost) {
        if (act(out, CLAIMS_STOP, t, t->create_revision))
            t->run = RUN_STOPPING;
        return;
    }
    if (t->create_revision == 0)
        begin(c, t, t->is_others ? PENDING_RELEASE : PENDING_CLAIM, now_ms, out);
}

static void decide_idle(struct claims *c, struct claim_task *t, bool is_ours, int64_t now_ms,
                        struct claims_actions *out)
{
    const bool has_claim = t->create_revision != 0;

    if (has_claim && (!is_ours || t->is_used)) {
        begin(c, t, PENDING_RELEASE, now_ms, out);
    } else if (is_ours && !has_claim) {
        if (t->is_others && t->is_formers)
            begin(c, t, PENDING_RELEASE, now_ms, out); /* left by our former self */
        else if (!t->is_others)
            begin(c, t, PENDING_CLAIM, now_ms, out);
    } else if (is_ours && t->pending == PENDING_NONE) {
        if (now_ms < t->restart_ms)
            wake(out, t->restart_ms);
        else if (act(out, CLAIMS_START, t, t->create_revision)) {
            t->run = RUN_RUNNING;
            t->started_ms = now_ms;
        }
    }
}

static void decide(struct claims *c, struct claim_task *t, int64_t now_ms,
                   struct claims_actions *out)
{
    const bool is_ours = is_ours_to_run(c, t);

    switch (t->run) {
    case RUN_IDLE:
        decide_idle(c, t, is_ours, now_ms, out);
        break;
    case RUN_RUNNING:
        decide_running(c, t, is_ours, now_ms, out);
        break;
    case RUN_STOPPING:
        break; /* FINISHED comes */
    }
}

static void note(struct claims *c, const struct claims_event *ev, struct claims_actions *out)
{
    switch (ev->type) {
    case CLAIMS_NODES:
        on_nodes(c, ev);
        break;
    case CLAIMS_WANTED:
        on_wanted(c, ev);
        break;
    case CLAIMS_LIST:
        on_list(c, ev, out);
        break;
    case CLAIMS_LEASE:
        on_lease(c, ev, out);
        break;
    case CLAIMS_CLAIMED:
        on_claimed(c, ev, out);
        break;
    case CLAIMS_RELEASED:
        on_released(c, ev, out);
        break;
    case CLAIMS_FINISHED:
        on_finished(c, ev);
        break;
    case CLAIMS_TICK:
        break;
    case CLAIMS_LEAVE:
        c->is_leaving = true;
        break;
    }
}

void claims_step(struct claims *c, const struct claims_event *ev, struct claims_actions *out)
{
    out->count = 0;
    out->is_full = false;
    out->wake_ms = -1;
    note(c, ev, out);
    for (size_t i = 0; i < c->count && !out->is_full; i++)
        decide(c, c->tasks[i], ev->now_ms, out);
    /* Actions name tasks by their text, so nothing of this step may be forgotten in it. */
    if (ev->type == CLAIMS_TICK && out->count == 0)
        tasks_forget(c);
}

bool claims_is_idle(const struct claims *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct claim_task *t = c->tasks[i];
        if (t->run != RUN_IDLE || t->pending != PENDING_NONE || t->create_revision != 0)
            return false;
    }
    return true;
}

int64_t claims_revision(const struct claims *c, struct slice task)
{
    const struct claim_task *t = task_find(c, task);

    return t == NULL || t->run != RUN_RUNNING ? 0 : t->create_revision;
}

struct claims_count claims_count(const struct claims *c)
{
    struct claims_count count = {0};

    for (size_t i = 0; i < c->count; i++) {
        const struct claim_task *t = c->tasks[i];
        const bool is_running = t->run == RUN_RUNNING;
        count.running += is_running;
        count.unclaimed += is_running && t->create_revision == 0;
        count.waiting += t->run == RUN_IDLE && is_ours_to_run(c, t);
    }
    return count;
}
