/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/change.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/err.h"
#include "proto/json.h"
#include "proto/time_text.h"

enum {
    MOVE_LOGGED_MS = 10 * 1000, /* so long before its log entry may a move's revision be made */
    MOVE_REVISIONS_MAX = 20     /* of the page that are looked at */
};

static const char HEX[] = "0123456789ABCDEF";

static bool is_plain(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_';
}

struct slice change_escape(struct arena *a, struct slice bytes)
{
    uint8_t *out = arena_alloc(a, 3 * bytes.len + 1);
    size_t len = 0;

    if (out == NULL)
        return (struct slice){0};
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.ptr[i];

        if (is_plain(byte)) {
            out[len++] = byte;
            continue;
        }
        out[len++] = '%';
        out[len++] = (uint8_t)HEX[byte >> 4];
        out[len++] = (uint8_t)HEX[byte & 15];
    }
    out[len] = '\0';
    return slice_of(out, len);
}

/* Days since 1970 to a date (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static void civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

void change_time_text(int64_t ms, bool with_ms, char *out, size_t len)
{
    int64_t seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
    int64_t days = seconds / 86400 - (seconds % 86400 < 0 ? 1 : 0);
    int of_day = (int)(seconds - days * 86400);
    char fraction[8] = "";
    int64_t year;
    int month;
    int day;

    assert(len >= sizeof("2026-01-02T03:04:05.678Z"));
    civil_from_days(days, &year, &month, &day);
    if (with_ms)
        (void)snprintf(fraction, sizeof(fraction), ".%03d", (int)(ms - seconds * 1000));
    (void)snprintf(out, len, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d%sZ", year, month, day,
                   of_day / 3600, of_day / 60 % 60, of_day % 60, fraction);
}

static const struct {
    const char *name;
    const char *prefix; /* of its parameters */
    const char *more;
} LISTS[] = {
    [CHANGE_LIST_RECENT] = {"recentchanges", "rc",
                            "&rctype=new%7Cedit%7Clog&rcprop=ids%7Ctimestamp%7Cloginfo%7Ctitle%7C"
                            "user%7Cuserid%7Ccomment"},
    [CHANGE_LIST_REVISIONS] = {"allrevisions", "arv",
                               "&arvprop=ids%7Ctimestamp%7Cuser%7Cuserid%7Ccomment"},
    [CHANGE_LIST_MOVES] = {"logevents", "le",
                           "&letype=move&leprop=ids%7Ctitle%7Ctype%7Cuser%7Cuserid%7C"
                           "timestamp%7Ccomment"},
    [CHANGE_LIST_DELETIONS] = {"logevents", "le",
                               "&letype=delete&leprop=ids%7Ctitle%7Ctype%7Cuser%7Cuserid%7C"
                               "timestamp%7Ccomment"},
};

struct slice change_query(struct arena *a, enum change_list list, const struct change_span *span,
                          struct slice next)
{
    const char *prefix = LISTS[list].prefix;
    char from[32];
    char to[32];
    char *out = arena_alloc(a, CHANGE_QUERY_BYTES_MAX);
    struct slice escaped = change_escape(a, next);
    int len;

    if (out == NULL || escaped.ptr == NULL)
        return (struct slice){0};
    change_time_text(span->from_ms, false, from, sizeof(from));
    change_time_text(span->to_ms, false, to, sizeof(to));
    len = snprintf(out, CHANGE_QUERY_BYTES_MAX,
                   "action=query&list=%s%s&%slimit=%d&%sdir=newer&%sstart=%s&%send=%s&format=json"
                   "&formatversion=2&%scontinue=%.*s",
                   LISTS[list].name, LISTS[list].more, prefix, CHANGE_PAGE_MAX, prefix, prefix,
                   from, prefix, to, prefix, SLICE_ARG(escaped));
    if (len < 0 || len >= CHANGE_QUERY_BYTES_MAX)
        return (struct slice){0};
    if (next.ptr == NULL) /* without the empty "&..continue=" */
        len -= (int)(strlen(prefix) + strlen("&continue="));
    return slice_of(out, (size_t)len);
}

void change_about(const struct change *c, char out[CHANGE_ABOUT_BYTES_MAX])
{
    bool is_log = c->kind == CHANGE_DELETE || c->kind == CHANGE_UNDELETE;

    (void)snprintf(out, CHANGE_ABOUT_BYTES_MAX, "%s:%" PRId64, is_log ? "log" : "rev",
                   is_log ? c->log_id : c->rev_id);
}

const char *change_kind_name(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_CREATE:
        return "create";
    case CHANGE_EDIT:
        return "edit";
    case CHANGE_MOVE:
        return "move";
    case CHANGE_DELETE:
        return "delete";
    case CHANGE_UNDELETE:
        return "undelete";
    case CHANGE_VISIBILITY:
        return "visibility_change";
    }
    return "";
}

/* A number that is an id: 1 to 2^53-1. 0 for anything else, which means "does not say". */
static int64_t id_of(yyjson_val *entry, const char *key)
{
    int64_t value;

    if (json_integer(yyjson_obj_get(entry, key), &value) != 0)
        return 0;
    return value > 0 && value < INT64_C(1) << 53 ? value : 0;
}

static struct slice text_at(yyjson_val *entry, const char *key)
{
    return json_text(yyjson_obj_get(entry, key));
}

static bool is_text(yyjson_val *entry, const char *key, const char *value)
{
    return slice_equal(text_at(entry, key), slice_str(value));
}

/* What an entry of the log of deletions did. */
static bool kind_of_deletion(struct slice action, enum change_kind *out)
{
    if (slice_equal(action, SLICE_LIT("delete")) ||
        slice_equal(action, SLICE_LIT("delete_redir")) ||
        slice_equal(action, SLICE_LIT("delete_redir2"))) {
        *out = CHANGE_DELETE;
        return true;
    }
    *out = CHANGE_UNDELETE;
    return slice_equal(action, SLICE_LIT("restore"));
}

static bool kind_of_log(yyjson_val *entry, enum change_kind *out)
{
    *out = CHANGE_MOVE;
    return is_text(entry, "logtype", "move") ||
           (is_text(entry, "logtype", "delete") &&
            kind_of_deletion(text_at(entry, "logaction"), out));
}

static bool kind_of(yyjson_val *entry, enum change_kind *out)
{
    if (is_text(entry, "type", "log"))
        return kind_of_log(entry, out);
    *out = is_text(entry, "type", "new") ? CHANGE_CREATE : CHANGE_EDIT;
    return is_text(entry, "type", "new") || is_text(entry, "type", "edit");
}

/* What all lists say of a change: of which title, by whom and when. */
static struct change made_by(yyjson_val *entry)
{
    return (struct change){
        .title = text_at(entry, "title"),
        .user = text_at(entry, "user"),
        .user_id = id_of(entry, "userid"),
        .comment = text_at(entry, "comment"),
        .timestamp = text_at(entry, "timestamp"),
    };
}

/* False if the entry is no change of a page, or lacks what names it. */
static bool change_of(yyjson_val *entry, struct change *out)
{
    enum change_kind kind;

    if (!yyjson_is_obj(entry) || !kind_of(entry, &kind))
        return false;
    *out = made_by(entry);
    out->kind = kind;
    out->rev_id = id_of(entry, "revid");
    out->parent_id = id_of(entry, "old_revid");
    out->page_id = id_of(entry, "pageid");
    out->log_id = id_of(entry, "logid");
    out->leaves_redirect =
        kind == CHANGE_MOVE &&
        yyjson_is_false(yyjson_obj_get(yyjson_obj_get(entry, "logparams"), "suppressredirect"));
    /* Special pages have negative namespaces, and no changes. */
    if (json_integer(yyjson_obj_get(entry, "ns"), &out->namespace_id) != 0)
        return false;
    if (out->namespace_id < 0 || out->title.len == 0 || out->timestamp.len == 0)
        return false;
    if (kind == CHANGE_DELETE || kind == CHANGE_UNDELETE)
        return out->log_id != 0;
    return out->rev_id != 0;
}

/* One revision of a page; false if it lacks what names it. */
static bool revision_of(yyjson_val *page, yyjson_val *rev, struct change *out)
{
    *out = made_by(rev);
    out->rev_id = id_of(rev, "revid");
    out->parent_id = id_of(rev, "parentid");
    out->page_id = id_of(page, "pageid");
    out->title = text_at(page, "title");
    out->kind = out->parent_id == 0 ? CHANGE_CREATE : CHANGE_EDIT;
    return out->rev_id != 0 && out->title.len > 0 && out->timestamp.len > 0 &&
           json_integer(yyjson_obj_get(page, "ns"), &out->namespace_id) == 0;
}

static bool kind_of_move(struct slice action, enum change_kind *out)
{
    *out = CHANGE_MOVE;
    return slice_equal(action, SLICE_LIT("move")) || slice_equal(action, SLICE_LIT("move_redir"));
}

/* An entry of a log; false if it is of another kind, or what it was is hidden. */
static bool logged_of(yyjson_val *entry, enum change_list list, struct change *out)
{
    const struct slice action = text_at(entry, "action");
    enum change_kind kind;

    if (!(list == CHANGE_LIST_MOVES ? kind_of_move(action, &kind)
                                    : kind_of_deletion(action, &kind)))
        return false;
    *out = made_by(entry);
    out->kind = kind;
    out->page_id = id_of(entry, "logpage");
    out->log_id = id_of(entry, "logid");
    return out->log_id != 0 && out->title.len > 0 && out->timestamp.len > 0 &&
           json_integer(yyjson_obj_get(entry, "ns"), &out->namespace_id) == 0;
}

/* ---- lists ------------------------------------------------------------------------------------ */

static void take_page(yyjson_val *page, struct changes *out)
{
    yyjson_val *rev;
    size_t i;
    size_t max;

    yyjson_arr_foreach(yyjson_obj_get(page, "revisions"), i, max, rev)
    {
        if (revision_of(page, rev, &out->items[out->count]))
            out->count++;
    }
}

static void take_entry(yyjson_val *entry, enum change_list list, struct changes *out)
{
    switch (list) {
    case CHANGE_LIST_RECENT:
        out->count += change_of(entry, &out->items[out->count]);
        break;
    case CHANGE_LIST_REVISIONS:
        take_page(entry, out);
        break;
    case CHANGE_LIST_MOVES:
    case CHANGE_LIST_DELETIONS:
        out->count += logged_of(entry, list, &out->items[out->count]);
        break;
    }
}

/* How many changes it may have. */
static size_t room_for(yyjson_val *list)
{
    size_t room = yyjson_arr_size(list) + 1;
    yyjson_val *entry;
    size_t i;
    size_t max;

    yyjson_arr_foreach(list, i, max, entry)
    {
        room += yyjson_arr_size(yyjson_obj_get(entry, "revisions"));
    }
    return room;
}

/* 0, and the answer; ERR_REFUSED, and the error's code. */
static int parse_answer(struct arena *a, struct slice body, yyjson_val **out_root,
                        struct slice *out_code)
{
    const struct json_limits limits = {.bytes_max = CHANGE_ANSWER_BYTES_MAX,
                                       .depth_max = CHANGE_ANSWER_DEPTH_MAX};
    struct json_flaw flaw;
    struct json json;
    const int rc = json_parse(a, body, &limits, &json, &flaw);

    if (rc != 0)
        return rc;
    *out_code = text_at(yyjson_obj_get(json.root, "error"), "code");
    *out_root = json.root;
    return out_code->ptr != NULL ? ERR_REFUSED : 0;
}

int change_decode(struct arena *a, enum change_list list, struct slice body, struct changes *out,
                  struct slice *out_code)
{
    struct changes changes = {0};
    char next[16];
    yyjson_val *root;
    yyjson_val *entry;
    size_t i;
    size_t max;
    const int rc = parse_answer(a, body, &root, out_code);

    if (rc != 0)
        return rc;
    yyjson_val *entries = yyjson_obj_get(yyjson_obj_get(root, "query"), LISTS[list].name);
    if (!yyjson_is_arr(entries))
        return ERR_MALFORMED;
    changes.items = arena_calloc(a, room_for(entries), sizeof(*changes.items));
    if (changes.items == NULL)
        return ERR_NO_MEMORY;
    yyjson_arr_foreach(entries, i, max, entry)
    {
        take_entry(entry, list, &changes);
    }
    (void)snprintf(next, sizeof(next), "%scontinue", LISTS[list].prefix);
    changes.next = text_at(yyjson_obj_get(root, "continue"), next);
    *out = changes;
    return 0;
}

/* ---- a page's revision at a time ---------------------------------------------------------------- */

static struct slice page_query(struct arena *a, const struct change *c, const char *props,
                               int limit)
{
    char *out = arena_alloc(a, CHANGE_QUERY_BYTES_MAX);
    struct slice time = change_escape(a, c->timestamp);
    int len;

    if (out == NULL || time.ptr == NULL)
        return (struct slice){0};
    len = snprintf(out, CHANGE_QUERY_BYTES_MAX,
                   "action=query&prop=revisions&pageids=%" PRId64 "&rvprop=%s&rvlimit=%d"
                   "&rvdir=older&rvstart=%.*s&format=json&formatversion=2",
                   c->page_id, props, limit, SLICE_ARG(time));
    if (len < 0 || len >= CHANGE_QUERY_BYTES_MAX)
        return (struct slice){0};
    return slice_of(out, (size_t)len);
}

struct slice change_page_query(struct arena *a, const struct change *c)
{
    return page_query(a, c, "ids", 1);
}

/* Whether the page is there, and its revisions. */
static int decode_page(struct arena *a, struct slice body, struct change_page *out,
                       yyjson_val **out_revisions, struct slice *out_code)
{
    yyjson_val *root;
    const int rc = parse_answer(a, body, &root, out_code);

    if (rc != 0)
        return rc;
    yyjson_val *page = yyjson_arr_get_first(yyjson_obj_get(yyjson_obj_get(root, "query"), "pages"));
    if (!yyjson_is_obj(page))
        return ERR_MALFORMED;
    *out = (struct change_page){.is_there = !yyjson_is_true(yyjson_obj_get(page, "missing")) &&
                                            !yyjson_is_true(yyjson_obj_get(page, "invalid"))};
    *out_revisions = yyjson_obj_get(page, "revisions");
    return 0;
}

int change_page_decode(struct arena *a, struct slice body, struct change_page *out,
                       struct slice *out_code)
{
    yyjson_val *revisions;
    const int rc = decode_page(a, body, out, &revisions, out_code);

    if (rc == 0)
        out->rev_id = id_of(yyjson_arr_get_first(revisions), "revid");
    return rc;
}

struct slice change_move_query(struct arena *a, const struct change *c)
{
    return page_query(a, c, "ids%7Ctimestamp%7Csha1%7Ccomment", MOVE_REVISIONS_MAX);
}

/* `parent` is the next older revision, NULL if none was listed. What is hidden says nothing against
 * it. */
static bool is_of_move(const struct change *c, yyjson_val *rev, yyjson_val *parent)
{
    const struct slice comment = text_at(rev, "comment");
    int64_t logged_ms = 0;
    int64_t made_ms = 0;

    if (parent == NULL || id_of(rev, "revid") == 0 || time_parse(c->timestamp, &logged_ms) != 0 ||
        time_parse(text_at(rev, "timestamp"), &made_ms) != 0 ||
        made_ms + MOVE_LOGGED_MS < logged_ms)
        return false;
    return slice_equal(text_at(rev, "sha1"), text_at(parent, "sha1")) &&
           (comment.ptr == NULL ||
            memmem(comment.ptr, comment.len, c->title.ptr, c->title.len) != NULL);
}

int change_move_decode(struct arena *a, const struct change *c, struct slice body,
                       struct change_page *out, struct slice *out_code)
{
    yyjson_val *revisions;
    yyjson_val *rev;
    size_t i;
    size_t max;
    const int rc = decode_page(a, body, out, &revisions, out_code);

    if (rc != 0)
        return rc;
    yyjson_arr_foreach(revisions, i, max, rev)
    {
        if (out->rev_id != 0 || !is_of_move(c, rev, yyjson_arr_get(revisions, i + 1)))
            continue;
        out->rev_id = id_of(rev, "revid");
        out->parent_id = id_of(rev, "parentid");
    }
    return 0;
}
