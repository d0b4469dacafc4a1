/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/change.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "proto/err.h"
#include "proto/json.h"

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

struct slice change_query(struct arena *a, int64_t from_ms, int64_t to_ms, struct slice next)
{
    char from[32];
    char to[32];
    char *out = arena_alloc(a, CHANGE_QUERY_BYTES_MAX);
    struct slice escaped = change_escape(a, next);
    int len;

    if (out == NULL || escaped.ptr == NULL)
        return (struct slice){0};
    change_time_text(from_ms, false, from, sizeof(from));
    change_time_text(to_ms, false, to, sizeof(to));
    len = snprintf(out, CHANGE_QUERY_BYTES_MAX,
                   "action=query&list=recentchanges&rctype=new%%7Cedit%%7Clog&rcprop=ids%%7C"
                   "timestamp%%7Cloginfo%%7Ctitle%%7Cuser%%7Cuserid%%7Ccomment&rclimit=%d"
                   "&rcdir=newer&rcstart=%s&rcend=%s&format=json&formatversion=2%s%.*s",
                   CHANGE_PAGE_MAX, from, to,
                   next.ptr == NULL ? "" : "&rccontinue=", SLICE_ARG(escaped));
    if (len < 0 || len >= CHANGE_QUERY_BYTES_MAX)
        return (struct slice){0};
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

/* What an entry of the log changed. */
static bool kind_of_log(yyjson_val *entry, enum change_kind *out)
{
    if (is_text(entry, "logtype", "move")) {
        *out = CHANGE_MOVE;
        return true;
    }
    if (!is_text(entry, "logtype", "delete"))
        return false;
    if (is_text(entry, "logaction", "delete") || is_text(entry, "logaction", "delete_redir") ||
        is_text(entry, "logaction", "delete_redir2")) {
        *out = CHANGE_DELETE;
        return true;
    }
    *out = CHANGE_UNDELETE;
    return is_text(entry, "logaction", "restore");
}

static bool kind_of(yyjson_val *entry, enum change_kind *out)
{
    if (is_text(entry, "type", "log"))
        return kind_of_log(entry, out);
    *out = is_text(entry, "type", "new") ? CHANGE_CREATE : CHANGE_EDIT;
    return is_text(entry, "type", "new") || is_text(entry, "type", "edit");
}

/* False if the entry is no change of a page, or lacks what names it. */
static bool change_of(yyjson_val *entry, struct change *out)
{
    enum change_kind kind;

    if (!yyjson_is_obj(entry) || !kind_of(entry, &kind))
        return false;
    *out = (struct change){
        .kind = kind,
        .rev_id = id_of(entry, "revid"),
        .parent_id = id_of(entry, "old_revid"),
        .page_id = id_of(entry, "pageid"),
        .log_id = id_of(entry, "logid"),
        .title = text_at(entry, "title"),
        .user = text_at(entry, "user"),
        .user_id = id_of(entry, "userid"),
        .comment = text_at(entry, "comment"),
        .timestamp = text_at(entry, "timestamp"),
        .leaves_redirect =
            kind == CHANGE_MOVE &&
            yyjson_is_false(yyjson_obj_get(yyjson_obj_get(entry, "logparams"), "suppressredirect")),
    };
    /* Special pages have negative namespaces, and no changes. */
    if (json_integer(yyjson_obj_get(entry, "ns"), &out->namespace_id) != 0)
        return false;
    if (out->namespace_id < 0 || out->title.len == 0 || out->timestamp.len == 0)
        return false;
    if (kind == CHANGE_DELETE || kind == CHANGE_UNDELETE)
        return out->log_id != 0;
    return out->rev_id != 0;
}

int change_decode(struct arena *a, struct slice body, struct changes *out, struct slice *out_code)
{
    const struct json_limits limits = {.bytes_max = CHANGE_ANSWER_BYTES_MAX,
                                       .depth_max = CHANGE_ANSWER_DEPTH_MAX};
    struct changes changes = {0};
    struct json_flaw flaw;
    struct json json;
    yyjson_val *list;
    yyjson_val *entry;
    size_t i;
    size_t max;
    int rc = json_parse(a, body, &limits, &json, &flaw);

    if (rc != 0)
        return rc;
    *out_code = text_at(yyjson_obj_get(json.root, "error"), "code");
    if (out_code->ptr != NULL)
        return ERR_REFUSED;
    list = yyjson_obj_get(yyjson_obj_get(json.root, "query"), "recentchanges");
    if (!yyjson_is_arr(list))
        return ERR_MALFORMED;
    changes.items = arena_calloc(a, yyjson_arr_size(list) + 1, sizeof(*changes.items));
    if (changes.items == NULL)
        return ERR_NO_MEMORY;
    yyjson_arr_foreach(list, i, max, entry)
    {
        if (change_of(entry, &changes.items[changes.count]))
            changes.count++;
    }
    changes.next = text_at(yyjson_obj_get(json.root, "continue"), "rccontinue");
    *out = changes;
    return 0;
}

/* ---- list=allrevisions ------------------------------------------------------------------------ */

struct slice change_revisions_query(struct arena *a, int64_t from_ms, int64_t to_ms,
                                    struct slice next)
{
    char from[32];
    char to[32];
    char *out = arena_alloc(a, CHANGE_QUERY_BYTES_MAX);
    struct slice escaped = change_escape(a, next);
    int len;

    if (out == NULL || escaped.ptr == NULL)
        return (struct slice){0};
    change_time_text(from_ms, false, from, sizeof(from));
    change_time_text(to_ms, false, to, sizeof(to));
    len = snprintf(out, CHANGE_QUERY_BYTES_MAX,
                   "action=query&list=allrevisions&arvprop=ids%%7Ctimestamp%%7Cuser%%7Cuserid%%7C"
                   "comment&arvlimit=%d&arvdir=newer&arvstart=%s&arvend=%s&format=json"
                   "&formatversion=2%s%.*s",
                   CHANGE_PAGE_MAX, from, to,
                   next.ptr == NULL ? "" : "&arvcontinue=", SLICE_ARG(escaped));
    if (len < 0 || len >= CHANGE_QUERY_BYTES_MAX)
        return (struct slice){0};
    return slice_of(out, (size_t)len);
}

/* One revision of a page; false if it lacks what names it. */
static bool revision_of(yyjson_val *page, yyjson_val *rev, struct change *out)
{
    *out = (struct change){
        .rev_id = id_of(rev, "revid"),
        .parent_id = id_of(rev, "parentid"),
        .page_id = id_of(page, "pageid"),
        .title = text_at(page, "title"),
        .user = text_at(rev, "user"),
        .user_id = id_of(rev, "userid"),
        .comment = text_at(rev, "comment"),
        .timestamp = text_at(rev, "timestamp"),
    };
    out->kind = out->parent_id == 0 ? CHANGE_CREATE : CHANGE_EDIT;
    return out->rev_id != 0 && out->title.len > 0 && out->timestamp.len > 0 &&
           json_integer(yyjson_obj_get(page, "ns"), &out->namespace_id) == 0;
}

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

int change_revisions_decode(struct arena *a, struct slice body, struct changes *out,
                            struct slice *out_code)
{
    const struct json_limits limits = {.bytes_max = CHANGE_ANSWER_BYTES_MAX,
                                       .depth_max = CHANGE_ANSWER_DEPTH_MAX};
    struct changes changes = {0};
    struct json_flaw flaw;
    struct json json;
    yyjson_val *page;
    size_t count = 0;
    size_t i;
    size_t max;
    int rc = json_parse(a, body, &limits, &json, &flaw);

    if (rc != 0)
        return rc;
    *out_code = text_at(yyjson_obj_get(json.root, "error"), "code");
    if (out_code->ptr != NULL)
        return ERR_REFUSED;
    yyjson_val *list = yyjson_obj_get(yyjson_obj_get(json.root, "query"), "allrevisions");
    if (!yyjson_is_arr(list))
        return ERR_MALFORMED;
    yyjson_arr_foreach(list, i, max, page)
    {
        count += yyjson_arr_size(yyjson_obj_get(page, "revisions"));
    }
    changes.items = arena_calloc(a, count + 1, sizeof(*changes.items));
    if (changes.items == NULL)
        return ERR_NO_MEMORY;
    yyjson_arr_foreach(list, i, max, page)
    {
        take_page(page, &changes);
    }
    changes.next = text_at(yyjson_obj_get(json.root, "continue"), "arvcontinue");
    *out = changes;
    return 0;
}
