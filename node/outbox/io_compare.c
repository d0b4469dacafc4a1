/* SPDX-License-Identifier: Apache-2.0 */
#include "node/outbox/io_compare.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "node/outbox/io_outbox_log.h"
#include "proto/err.h"

enum {
    ARENA_BLOCK_BYTES = 256 * 1024,
    ARENA_BYTES_MAX = 96 << 20,
    FILL_ARENA_BYTES_MAX = 80 << 20,
    OVERLAP_MS = 10 * 60 * 1000, /* looked at again: transactions that took long, clocks apart */
    SETTLE_MS = 2000,            /* what is younger waits for the next round */
};

int compare_init(struct compare *c, const struct outbox_options *options,
                 const struct outbox_wiki *wiki, struct outbox_db *db)
{
    *c = (struct compare){.options = options, .wiki = wiki, .db = db};
    arena_init(&c->arena, ARENA_BLOCK_BYTES, ARENA_BYTES_MAX);
    arena_init(&c->fill_arena, ARENA_BLOCK_BYTES, FILL_ARENA_BYTES_MAX);
    c->api = outbox_api_new(options->api, (long)options->timeout_ms);
    return c->api == NULL ? ERR_NO_MEMORY : 0;
}

void compare_deinit(struct compare *c)
{
    outbox_api_free(c->api);
    arena_deinit(&c->arena);
    arena_deinit(&c->fill_arena);
}

static void time_key(const struct compare *c, char *out, size_t len)
{
    (void)snprintf(out, len, "compared:%s", c->options->dc);
}

/* The round is over without success. */
static void give_up_round(struct compare *c, const char *why, int64_t now_ms)
{
    if (!c->is_broken)
        outbox_log("warn",
                   "msg=\"cannot compare the outbox with recent changes, trying again\""
                   " wiki=%s retry_ms=%" PRId64 " err=\"%s\"",
                   c->wiki->wiki_id, c->options->compare_ms, why);
    c->is_broken = true;
    c->has_failed = true;
    c->state = COMPARE_IDLE;
    c->next_ms = now_ms + c->options->compare_ms;
}

static int ask(struct compare *c, struct slice query, enum compare_state state)
{
    int rc = query.ptr == NULL ? ERR_NO_MEMORY : outbox_api_ask(c->api, c->wiki->domain, query);

    if (rc == 0)
        c->state = state;
    return rc;
}

static int ask_for_changes(struct compare *c)
{
    struct slice next = c->changes.next;
    uint8_t copy[256];

    /* The place to go on from lives in the arena that is emptied now. */
    if (next.len > sizeof(copy))
        return ERR_TOO_LARGE;
    if (next.ptr != NULL) {
        memcpy(copy, next.ptr, next.len);
        next.ptr = copy;
    }
    arena_reset(&c->arena);
    c->changes = (struct changes){0};
    const struct change_span span = {c->from_ms, c->to_ms};
    return ask(c, change_query(&c->arena, CHANGE_LIST_RECENT, &span, next), COMPARE_LISTING);
}

static int begin_round(struct compare *c, int64_t now_ms)
{
    char key[OPTIONS_NAME_BYTES_MAX + 16];
    int64_t installed_ms = 0;
    int64_t compared_ms = 0;
    int rc;

    time_key(c, key, sizeof(key));
    rc = outbox_db_get_time(c->db, "installed", &installed_ms);
    if (rc == 0)
        rc = outbox_db_get_time(c->db, key, &compared_ms);
    if (rc != 0)
        return rc;
    c->from_ms = compared_ms - OVERLAP_MS;
    /* What was before the outbox has no events. Times of changes are whole seconds. */
    if (c->from_ms < installed_ms + 1000)
        c->from_ms = installed_ms + 1000;
    c->to_ms = now_ms - SETTLE_MS;
    c->has_failed = false;
    c->changes = (struct changes){0};
    c->next_ms = now_ms + c->options->compare_ms;
    if (c->to_ms < c->from_ms)
        return 0;
    return ask_for_changes(c);
}

static int make_event(struct compare *c, const struct change *change,
                      const struct fill_answer *answer, const char *about, int64_t now_ms,
                      struct fill_event *out)
{
    const struct fill_wiki wiki = {
        .wiki_id = slice_str(c->wiki->wiki_id),
        .domain = slice_str(c->wiki->domain),
        .stream = slice_str(c->options->stream),
    };
    const struct fill_source source = {
        .wiki = &wiki, .change = change, .answer = answer, .about = about, .now_ms = now_ms};
    int rc = fill_event(&c->fill_arena, &source, out);

    if (rc != 0)
        outbox_log("warn", "msg=\"no event can be made of '%s'\" wiki=%s kind=%s err=\"%s\"", about,
                   c->wiki->wiki_id, change_kind_name(change->kind), err_text(rc));
    return rc;
}

/* Makes the event and adds it. A change of which nothing can be said is left out. */
static int add_event(struct compare *c, const struct change *change,
                     const struct fill_answer *answer, int64_t now_ms)
{
    struct outbox_row row = {.rev_id = change->rev_id};
    struct fill_event event;
    bool is_new = false;
    int rc;

    change_about(change, row.about);
    if (make_event(c, change, answer, row.about, now_ms, &event) != 0)
        return 0;
    row.event = event.json;
    row.page_id = event.page_id;
    rc = outbox_db_add(c->db, &row, &is_new);
    if (rc == 0 && is_new) {
        c->has_added = true;
        outbox_log("warn", "msg=\"'%s' had no event, it has one now\" wiki=%s kind=%s", row.about,
                   c->wiki->wiki_id, change_kind_name(change->kind));
    }
    return rc;
}

/* Goes to the next change: after a move, the creation of the redirect that it left behind. */
static int next_change(struct compare *c)
{
    struct change *change = &c->changes.items[c->index];
    int rc = 0;

    if (change->leaves_redirect) {
        change->leaves_redirect = false;
        rc = outbox_db_first_revision(c->db, &c->arena, change);
        if (rc == 0 && change->rev_id != 0) {
            change->kind = CHANGE_CREATE;
            change->parent_id = 0;
            return 0;
        }
    }
    c->index++;
    return rc;
}

/* Looks at the changes from c->index on, until the API must be asked. */
static int look_at_changes(struct compare *c, int64_t now_ms)
{
    int next = 0;

    for (; next == 0 && c->index < c->changes.count; next = next_change(c)) {
        struct change *change = &c->changes.items[c->index];
        char about[CHANGE_ABOUT_BYTES_MAX];
        bool is_known = false;
        int rc;

        change_about(change, about);
        rc = outbox_db_knows(c->db, about, &is_known);
        if (rc != 0)
            return rc;
        if (is_known)
            continue;
        arena_reset(&c->fill_arena);
        if (change->rev_id == 0) {
            rc = outbox_db_last_revision(c->db, &c->fill_arena, change);
            if (rc != 0)
                return rc;
        }
        if (change->rev_id != 0 && change->kind != CHANGE_DELETE)
            return ask(c, fill_query(&c->fill_arena, change), COMPARE_FILLING);
        if (change->rev_id == 0 || change->rev_dt.ptr == NULL || change->page_id == 0) {
            outbox_log("warn", "msg=\"no event can be made of '%s'\" wiki=%s kind=%s", about,
                       c->wiki->wiki_id, change_kind_name(change->kind));
            continue;
        }
        rc = add_event(c, change, NULL, now_ms);
        if (rc != 0)
            return rc;
    }
    if (next == 0 && c->changes.next.ptr != NULL)
        return ask_for_changes(c);
    c->state = COMPARE_IDLE;
    return next;
}

/* The change that the row of a change of visibility tells of. */
static struct change change_of_row(struct compare *c, char *time_text, size_t len)
{
    change_time_text(c->row.created_ms, false, time_text, len);
    return (struct change){
        .kind = CHANGE_VISIBILITY,
        .rev_id = c->row.rev_id,
        .prior_bits = c->row.prior_bits,
        .timestamp = slice_str(time_text),
    };
}

/* Asks for the next row whose event MediaWiki did not write; ends the round if there is none. */
static int complete_next(struct compare *c, int64_t now_ms)
{
    char key[OPTIONS_NAME_BYTES_MAX + 16];
    bool is_there = false;
    int rc = outbox_db_incomplete(c->db, c->row.id, &c->row, &is_there);

    if (rc != 0)
        return rc;
    if (is_there) {
        char time_text[32];
        struct change change;

        arena_reset(&c->fill_arena);
        change = change_of_row(c, time_text, sizeof(time_text));
        return ask(c, fill_query(&c->fill_arena, &change), COMPARE_COMPLETING);
    }
    c->state = COMPARE_IDLE;
    if (c->is_broken)
        outbox_log("info", "msg=\"comparing works again\" wiki=%s", c->wiki->wiki_id);
    c->is_broken = false;
    if (c->to_ms < c->from_ms)
        return 0;
    time_key(c, key, sizeof(key));
    rc = outbox_db_set_time(c->db, key, c->to_ms);
    if (rc == 0)
        rc = outbox_db_prune(c->db, now_ms - c->options->keep_days * 86400000);
    return rc;
}

static int begin_completing(struct compare *c, int64_t now_ms)
{
    int rc = outbox_db_take_incomplete(c->db, now_ms - c->options->incomplete_ms);

    c->row = (struct outbox_row){0};
    return rc != 0 ? rc : complete_next(c, now_ms);
}

static int complete(struct compare *c, const struct fill_answer *answer, int64_t now_ms)
{
    char time_text[32];
    struct change change = change_of_row(c, time_text, sizeof(time_text));
    struct fill_event event;

    /* The page may be gone: its deletion has an event of its own. */
    if (make_event(c, &change, answer, c->row.about, now_ms, &event) != 0)
        return outbox_db_give_up(c->db, c->row.id);
    c->has_added = true;
    return outbox_db_fill(c->db, c->row.id, event.json);
}

/* Takes the answer to the revision that was asked for, and goes on. */
static int take_revision(struct compare *c, struct slice body, int64_t now_ms)
{
    struct fill_answer answer;
    struct slice code = {0};
    int rc = fill_decode(&c->fill_arena, body, &answer, &code);

    if (rc != 0) {
        give_up_round(c, rc == ERR_REFUSED ? "the API refuses" : err_text(rc), now_ms);
        return 0;
    }
    if (c->state == COMPARE_COMPLETING) {
        rc = complete(c, &answer, now_ms);
        return rc != 0 ? rc : complete_next(c, now_ms);
    }
    rc = add_event(c, &c->changes.items[c->index], &answer, now_ms);
    if (rc == 0)
        rc = next_change(c);
    return rc != 0 ? rc : look_at_changes(c, now_ms);
}

static int take_changes(struct compare *c, struct slice body, int64_t now_ms)
{
    struct slice code = {0};
    int rc = change_decode(&c->arena, CHANGE_LIST_RECENT, body, &c->changes, &code);

    if (rc != 0) {
        char why[128];

        (void)snprintf(why, sizeof(why), "%s %.*s", err_text(rc), SLICE_ARG(code));
        give_up_round(c, why, now_ms);
        return 0;
    }
    c->index = 0;
    return look_at_changes(c, now_ms);
}

static int take_answer(struct compare *c, int64_t now_ms)
{
    struct slice body;
    const char *why;
    int rc = outbox_api_poll(c->api, &body, &why);

    if (rc == ERR_BUSY)
        return ERR_BUSY;
    if (rc != 0) {
        give_up_round(c, rc == ERR_UNAVAILABLE ? why : err_text(rc), now_ms);
        return 0;
    }
    return c->state == COMPARE_LISTING ? take_changes(c, body, now_ms)
                                       : take_revision(c, body, now_ms);
}

int compare_step(struct compare *c, int64_t now_ms)
{
    enum compare_state before = c->state;
    int rc;

    if (before == COMPARE_IDLE) {
        if (now_ms < c->next_ms)
            return 0;
        rc = begin_round(c, now_ms);
        if (rc == 0 && c->state == COMPARE_IDLE)
            rc = begin_completing(c, now_ms);
    } else {
        rc = take_answer(c, now_ms);
        if (rc == ERR_BUSY)
            return 0;
        if (rc == 0 && c->state == COMPARE_IDLE && before != COMPARE_COMPLETING && !c->has_failed)
            rc = begin_completing(c, now_ms);
    }
    /* A database that is only busy, or an answer that is too large, costs this round. */
    if (rc != 0 && rc != ERR_IO) {
        give_up_round(c, err_text(rc), now_ms);
        rc = 0;
    }
    return rc;
}
