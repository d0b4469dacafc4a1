/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/missing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "proto/event.h"
#include "proto/time_text.h"
#include "proto/where.h"

enum {
    FIRST_ROOM = 1024,
    NAME_BYTES_MAX = 1024, /* of what is hashed; longer titles are cut */
    SECOND_LEN = 19,       /* "2026-01-02T03:04:05" */
    LOGGED_MS = 2000 /* so far may the event of a move or an undeletion be from its log entry */
};

/* ---- the set ---------------------------------------------------------------------------------- */

bool missing_init(struct missing *m, struct arena *a)
{
    *m = (struct missing){.arena = a, .room = FIRST_ROOM, .page_room = FIRST_ROOM};
    m->slots = arena_calloc(a, FIRST_ROOM, sizeof(*m->slots));
    m->pages = arena_calloc(a, FIRST_ROOM, sizeof(*m->pages));
    return m->slots != NULL && m->pages != NULL;
}

static size_t place_of(const uint64_t *slots, size_t room, uint64_t hash)
{
    size_t at = (size_t)hash & (room - 1);

    while (slots[at] != 0 && slots[at] != hash)
        at = (at + 1) & (room - 1);
    return at;
}

/* The old slots stay in the arena: all of them together are no larger than the new ones. */
static bool grow(struct missing *m)
{
    const size_t room = 2 * m->room;
    uint64_t *slots = arena_calloc(m->arena, room, sizeof(*slots));

    if (slots == NULL)
        return false;
    for (size_t i = 0; i < m->room; i++) {
        if (m->slots[i] != 0)
            slots[place_of(slots, room, m->slots[i])] = m->slots[i];
    }
    m->slots = slots;
    m->room = room;
    return true;
}

static bool add(struct missing *m, uint64_t hash)
{
    if (2 * (m->count + 1) > m->room && !grow(m))
        return false;
    const size_t at = place_of(m->slots, m->room, hash);
    m->count += m->slots[at] == 0;
    m->slots[at] = hash;
    return true;
}

/* ---- pages ------------------------------------------------------------------------------------ */

static struct missing_page *page_place(struct missing_page *pages, size_t room, uint64_t hash)
{
    size_t at = (size_t)hash & (room - 1);

    while (pages[at].hash != 0 && pages[at].hash != hash)
        at = (at + 1) & (room - 1);
    return &pages[at];
}

static bool grow_pages(struct missing *m)
{
    const size_t room = 2 * m->page_room;
    struct missing_page *pages = arena_calloc(m->arena, room, sizeof(*pages));

    if (pages == NULL)
        return false;
    for (size_t i = 0; i < m->page_room; i++) {
        if (m->pages[i].hash != 0)
            *page_place(pages, room, m->pages[i].hash) = m->pages[i];
    }
    m->pages = pages;
    m->page_room = room;
    return true;
}

/* A later event of the page may come from another topic: the higher revision stays, but for an
 * undeletion, which may bring an older one back. */
static bool set_page(struct missing *m, const struct missing_page *page, bool is_undeletion)
{
    if (2 * (m->page_count + 1) > m->page_room && !grow_pages(m))
        return false;
    struct missing_page *known = page_place(m->pages, m->page_room, page->hash);
    m->page_count += known->hash == 0;
    if (is_undeletion || page->rev_id > known->rev_id)
        *known = *page;
    return true;
}

/* ---- what a change is known by ---------------------------------------------------------------- */

static uint64_t hash_of(const char *text, int len)
{
    const size_t size = len < 0                        ? 0
                        : (size_t)len < NAME_BYTES_MAX ? (size_t)len
                                                       : NAME_BYTES_MAX - 1;
    const uint64_t hash = XXH3_64bits(text, size);

    return hash == 0 ? 1 : hash;
}

static uint64_t hash_of_revision(struct slice wiki, int64_t rev_id, bool is_visibility)
{
    char text[NAME_BYTES_MAX];
    const int len = snprintf(text, sizeof(text), "%.*s\n%s\n%" PRId64, SLICE_ARG(wiki),
                             is_visibility ? "visibility" : "rev", rev_id);

    return hash_of(text, len);
}

static uint64_t hash_of_page(struct slice wiki, int64_t page_id)
{
    char text[NAME_BYTES_MAX];
    const int len = snprintf(text, sizeof(text), "%.*s\npage\n%" PRId64, SLICE_ARG(wiki), page_id);

    return hash_of(text, len);
}

/* Titles come with blanks or with underscores. */
static uint64_t hash_of_log(struct slice wiki, struct slice kind, struct slice title,
                            struct slice time)
{
    char text[NAME_BYTES_MAX];
    const struct slice second = slice_sub(time, 0, time.len < SECOND_LEN ? time.len : SECOND_LEN);
    const int len = snprintf(text, sizeof(text), "%.*s\n%.*s\n%.*s\n%.*s", SLICE_ARG(wiki),
                             SLICE_ARG(kind), SLICE_ARG(second), SLICE_ARG(title));

    for (size_t i = 0; i < sizeof(text) && text[i] != '\0'; i++) {
        if (text[i] == ' ')
            text[i] = '_';
    }
    return hash_of(text, len);
}

static bool has(const struct missing *m, uint64_t hash)
{
    return m->slots[place_of(m->slots, m->room, hash)] == hash;
}

static bool has_log(const struct missing *m, struct slice wiki_id, const struct change *c,
                    struct slice time)
{
    return has(m, hash_of_log(wiki_id, slice_str(change_kind_name(c->kind)), c->title, time));
}

/* The hook that makes the event runs before the log has its entry, and asks the clock itself. */
static bool has_log_nearby(const struct missing *m, struct slice wiki_id, const struct change *c)
{
    int64_t logged_ms = 0;
    char time[32];

    if (time_parse(c->timestamp, &logged_ms) != 0)
        return has_log(m, wiki_id, c, c->timestamp);
    for (int64_t ms = logged_ms - LOGGED_MS; ms <= logged_ms + LOGGED_MS; ms += 1000) {
        change_time_text(ms, false, time, sizeof(time));
        if (has_log(m, wiki_id, c, slice_str(time)))
            return true;
    }
    return false;
}

bool missing_has(const struct missing *m, struct slice wiki_id, const struct change *c)
{
    if (c->kind == CHANGE_DELETE)
        return has_log(m, wiki_id, c, c->timestamp);
    if (c->kind == CHANGE_UNDELETE)
        return has_log_nearby(m, wiki_id, c);
    if (c->kind == CHANGE_MOVE && c->rev_id == 0)
        return has_log_nearby(m, wiki_id, c);
    return has(m, hash_of_revision(wiki_id, c->rev_id, c->kind == CHANGE_VISIBILITY));
}

const struct missing_page *missing_page(const struct missing *m, struct slice wiki_id,
                                        const struct change *c)
{
    const struct missing_page *page =
        page_place(m->pages, m->page_room, hash_of_page(wiki_id, c->page_id));

    return page->hash == 0 ? NULL : page;
}

/* ---- events ----------------------------------------------------------------------------------- */

static const struct json_limits LIMITS = {.bytes_max = EVENT_BYTES_MAX,
                                          .depth_max = EVENT_DEPTH_MAX};

static bool note_wiki(struct missing *m, struct slice wiki_id, struct slice domain)
{
    for (size_t i = 0; i < m->wiki_count; i++) {
        if (slice_equal(m->wikis[i].wiki_id, wiki_id))
            return true;
    }
    if (m->wiki_count == MISSING_WIKIS_MAX || wiki_id.len == 0 || domain.len == 0 ||
        slice_equal(domain, SLICE_LIT("canary")))
        return true;
    const struct missing_wiki wiki = {arena_copy(m->arena, wiki_id), arena_copy(m->arena, domain)};
    if (wiki.wiki_id.ptr == NULL || wiki.domain.ptr == NULL)
        return false;
    m->wikis[m->wiki_count++] = wiki;
    return true;
}

static struct slice text_at(const struct json *json, const char *pointer)
{
    return json_text(where_find(json->root, slice_str(pointer)));
}

static bool note_page(struct missing *m, const struct json *json, struct slice wiki, int64_t rev_id)
{
    struct missing_page page = {.rev_id = rev_id};
    int64_t page_id = 0;

    if (json_integer(where_find(json->root, SLICE_LIT("/page/page_id")), &page_id) != 0 ||
        time_parse(text_at(json, "/revision/rev_dt"), &page.rev_ms) != 0)
        return true;
    page.hash = hash_of_page(wiki, page_id);
    return set_page(m, &page,
                    slice_equal(text_at(json, "/page_change_kind"), SLICE_LIT("undelete")));
}

static bool note_parsed(struct missing *m, const struct json *json)
{
    const struct slice wiki = text_at(json, "/wiki_id");
    const struct slice kind = text_at(json, "/page_change_kind");
    const bool is_move = slice_equal(kind, SLICE_LIT("move"));
    const bool is_log =
        slice_equal(kind, SLICE_LIT("delete")) || slice_equal(kind, SLICE_LIT("undelete"));
    const char *title = is_move ? "/prior_state/page/page_title" : "/page/page_title";
    int64_t rev_id = 0;

    if (wiki.len == 0 || kind.len == 0)
        return true;
    if (!note_wiki(m, wiki, text_at(json, "/meta/domain")))
        return false;
    if ((is_log || is_move) &&
        !add(m, hash_of_log(wiki, kind, text_at(json, title), text_at(json, "/dt"))))
        return false;
    if (json_integer(where_find(json->root, SLICE_LIT("/revision/rev_id")), &rev_id) != 0)
        return true;
    return note_page(m, json, wiki, rev_id) &&
           (is_log || add(m, hash_of_revision(wiki, rev_id,
                                              slice_equal(kind, SLICE_LIT("visibility_change")))));
}

bool missing_note(struct missing *m, struct arena *scratch, struct slice event)
{
    struct json json;
    struct json_flaw flaw;
    bool is_good = true;

    arena_reset(scratch);
    if (event.ptr != NULL && json_parse(scratch, event, &LIMITS, &json, &flaw) == 0)
        is_good = note_parsed(m, &json);
    arena_reset(scratch);
    return is_good;
}

bool missing_note_error(struct missing *m, struct arena *scratch, struct slice error_event)
{
    struct json json;
    struct json inner;
    struct json_flaw flaw;
    bool is_good = true;

    arena_reset(scratch);
    if (error_event.ptr != NULL && json_parse(scratch, error_event, &LIMITS, &json, &flaw) == 0) {
        const struct slice raw = text_at(&json, "/raw_event");
        if (raw.len > 0 && json_parse(scratch, raw, &LIMITS, &inner, &flaw) == 0)
            is_good = note_parsed(m, &inner);
    }
    arena_reset(scratch);
    return is_good;
}

bool missing_is_null_edit(struct arena *scratch, struct slice event)
{
    struct json json;
    struct json_flaw flaw;
    bool is_null = false;

    arena_reset(scratch);
    if (json_parse(scratch, event, &LIMITS, &json, &flaw) == 0) {
        const struct slice sha1 = text_at(&json, "/revision/rev_sha1");
        is_null = sha1.len > 0 &&
                  slice_equal(sha1, text_at(&json, "/prior_state/revision/rev_sha1")) &&
                  slice_equal(text_at(&json, "/page_change_kind"), SLICE_LIT("edit"));
    }
    arena_reset(scratch);
    return is_null;
}

/* ---- the spec --------------------------------------------------------------------------------- */

static bool has_text(const struct key_texts *list, struct slice word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal(list->items[i], word))
            return true;
    }
    return list->count == 0;
}

bool missing_is_wanted(const struct spec *s, struct slice wiki_id, const struct change *c)
{
    bool is_there = s->namespaces.count == 0;

    for (size_t i = 0; i < s->namespaces.count; i++)
        is_there = is_there || s->namespaces.items[i] == c->namespace_id;
    return is_there && has_text(&s->wikis, wiki_id) &&
           has_text(&s->kinds, slice_str(change_kind_name(c->kind)));
}
