/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/fill.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "coord/writer.h"
#include "proto/base36.h"
#include "proto/err.h"
#include "proto/sha1.h"

/* MediaWiki's rev_deleted. */
enum {
    HIDDEN_TEXT = 1,
    HIDDEN_COMMENT = 2,
    HIDDEN_USER = 4,
};

/* The default formats of the content models in MediaWiki itself: the API names a format only
 * beside the content. */
static const struct {
    const char *model;
    const char *format;
} FORMATS[] = {
    {"wikitext", "text/x-wiki"},       {"json", "application/json"}, {"css", "text/css"},
    {"javascript", "text/javascript"}, {"text", "text/plain"},
};

/* One revision in an answer, and the page it is of. */
struct found {
    yyjson_val *page;
    yyjson_val *rev; /* NULL: not there */
};

struct slice fill_query(struct arena *a, const struct change *c)
{
    char *out = arena_alloc(a, CHANGE_QUERY_BYTES_MAX);
    char parent[32] = "";
    int len;

    if (out == NULL)
        return (struct slice){0};
    if (c->parent_id != 0)
        (void)snprintf(parent, sizeof(parent), "%%7C%" PRId64, c->parent_id);
    len = snprintf(out, CHANGE_QUERY_BYTES_MAX,
                   "action=query&prop=revisions%%7Cinfo&inprop=url&revids=%" PRId64 "%s&rvslots=*"
                   "&rvprop=ids%%7Cflags%%7Ctimestamp%%7Cuser%%7Cuserid%%7Csize%%7Cslotsize%%7C"
                   "sha1%%7Cslotsha1%%7Ccontentmodel%%7Ccomment%%7Croles&format=json"
                   "&formatversion=2",
                   c->rev_id, parent);
    assert(len > 0);
    assert(len < CHANGE_QUERY_BYTES_MAX);
    return slice_of(out, (size_t)len);
}

int fill_decode(struct arena *a, struct slice body, struct fill_answer *out, struct slice *out_code)
{
    const struct json_limits limits = {.bytes_max = CHANGE_ANSWER_BYTES_MAX,
                                       .depth_max = CHANGE_ANSWER_DEPTH_MAX};
    struct json_flaw flaw;
    struct json json;
    int rc = json_parse(a, body, &limits, &json, &flaw);

    if (rc != 0)
        return rc;
    *out_code = json_text(yyjson_obj_get(yyjson_obj_get(json.root, "error"), "code"));
    if (out_code->ptr != NULL)
        return ERR_REFUSED;
    if (!yyjson_is_obj(yyjson_obj_get(json.root, "query")))
        return ERR_MALFORMED;
    out->json = json;
    return 0;
}

/* A number from 0 to 2^53-1, else -1. */
static int64_t number_at(yyjson_val *obj, const char *key)
{
    int64_t value;

    if (json_integer(yyjson_obj_get(obj, key), &value) != 0)
        return -1;
    return value >= 0 && value < INT64_C(1) << 53 ? value : -1;
}

static struct slice text_at(yyjson_val *obj, const char *key)
{
    return json_text(yyjson_obj_get(obj, key));
}

static bool is_true(yyjson_val *obj, const char *key)
{
    return yyjson_is_true(yyjson_obj_get(obj, key));
}

static struct found find_revision(const struct fill_answer *answer, int64_t rev_id)
{
    yyjson_val *pages = yyjson_obj_get(yyjson_obj_get(answer->json.root, "query"), "pages");
    struct found found = {0};
    yyjson_val *page;
    size_t i;
    size_t max;

    yyjson_arr_foreach(pages, i, max, page)
    {
        yyjson_val *revs = yyjson_obj_get(page, "revisions");
        yyjson_val *rev;
        size_t k;
        size_t rev_max;

        yyjson_arr_foreach(revs, k, rev_max, rev)
        {
            if (number_at(rev, "revid") == rev_id)
                found = (struct found){.page = page, .rev = rev};
        }
    }
    return found;
}

int fill_uuid(const struct fill_wiki *wiki, const char *about, char out[FILL_UUID_LEN + 1])
{
    uint8_t digest[SHA1_BYTES];
    char name[512];
    int len = snprintf(name, sizeof(name), "braid-outbox %.*s %s", SLICE_ARG(wiki->wiki_id), about);
    int rc;

    if (len < 0 || (size_t)len >= sizeof(name))
        return ERR_TOO_LARGE;
    rc = sha1_of(slice_of(name, (size_t)len), digest);
    if (rc != 0)
        return rc;
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x50);
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    for (size_t i = 0, at = 0; i < 16; i++) {
        bool has_dash = i == 4 || i == 6 || i == 8 || i == 10;

        at += (size_t)snprintf(out + at, FILL_UUID_LEN + 1 - at, "%s%02x", has_dash ? "-" : "",
                               digest[i]);
    }
    return 0;
}

/* A title as the database has it: underscores for blanks. */
static void write_title(struct writer *t, struct arena *a, const char *key, struct slice title)
{
    uint8_t *copy = arena_alloc(a, title.len + 1);

    if (copy == NULL) {
        t->is_full = true;
        return;
    }
    for (size_t i = 0; i < title.len; i++)
        copy[i] = title.ptr[i] == ' ' ? '_' : title.ptr[i];
    writer_member(t, key, slice_of(copy, title.len));
}

static void write_user(struct writer *t, const char *key, struct slice name, int64_t user_id)
{
    if (name.len == 0)
        return;
    writer_key(t, key);
    writer_open(t, '{');
    writer_member(t, "user_text", name);
    if (user_id > 0)
        writer_member_int(t, "user_id", user_id);
    writer_close(t, '}');
}

static void write_sha1(struct writer *t, const char *key, yyjson_val *obj)
{
    uint8_t digest[SHA1_BYTES];
    uint8_t digits[SHA1_BASE36_LEN];

    if (is_true(obj, "sha1hidden") || sha1_from_hex(text_at(obj, "sha1"), digest) != 0)
        return;
    base36_from_sha1(digest, digits);
    writer_member(t, key, slice_of(digits, sizeof(digits)));
}

static void write_slot(struct writer *t, struct slice role, yyjson_val *slot)
{
    struct slice model = text_at(slot, "contentmodel");

    writer_open(t, '{');
    writer_member(t, "slot_role", role);
    writer_member(t, "content_model", model);
    for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++) {
        if (slice_equal(model, slice_str(FORMATS[i].model)))
            writer_member(t, "content_format", slice_str(FORMATS[i].format));
    }
    if (number_at(slot, "size") >= 0)
        writer_member_int(t, "content_size", number_at(slot, "size"));
    if (!is_true(slot, "texthidden"))
        write_sha1(t, "content_sha1", slot);
    writer_close(t, '}');
}

static void write_slots(struct writer *t, struct arena *a, yyjson_val *slots)
{
    yyjson_val *key;
    yyjson_val *slot;
    size_t i;
    size_t max;

    if (!yyjson_is_obj(slots) || yyjson_obj_size(slots) == 0)
        return;
    writer_key(t, "content_slots");
    writer_open(t, '{');
    yyjson_obj_foreach(slots, i, max, key, slot)
    {
        char *role = arena_strdup(a, json_text(key));

        if (role == NULL) {
            t->is_full = true;
            return;
        }
        writer_key(t, role);
        write_slot(t, json_text(key), slot);
    }
    writer_close(t, '}');
}

/* rev_deleted as far as the API shows it. */
static int64_t hidden_bits(yyjson_val *rev)
{
    yyjson_val *main_slot = yyjson_obj_get(yyjson_obj_get(rev, "slots"), "main");
    bool text = is_true(rev, "texthidden") || is_true(rev, "sha1hidden") ||
                is_true(main_slot, "texthidden") || is_true(main_slot, "sha1hidden");

    return (text ? HIDDEN_TEXT : 0) | (is_true(rev, "commenthidden") ? HIDDEN_COMMENT : 0) |
           (is_true(rev, "userhidden") ? HIDDEN_USER : 0);
}

static void write_revision(struct writer *t, struct arena *a, yyjson_val *rev)
{
    int64_t hidden = hidden_bits(rev);

    writer_key(t, "revision");
    writer_open(t, '{');
    writer_member_int(t, "rev_id", number_at(rev, "revid"));
    if (number_at(rev, "parentid") > 0)
        writer_member_int(t, "rev_parent_id", number_at(rev, "parentid"));
    writer_member(t, "rev_dt", text_at(rev, "timestamp"));
    if (number_at(rev, "size") >= 0)
        writer_member_int(t, "rev_size", number_at(rev, "size"));
    if (!(hidden & HIDDEN_TEXT))
        write_sha1(t, "rev_sha1", rev);
    if (!(hidden & HIDDEN_COMMENT))
        writer_member(t, "comment", text_at(rev, "comment"));
    if (!(hidden & HIDDEN_USER))
        write_user(t, "editor", text_at(rev, "user"), number_at(rev, "userid"));
    writer_member_bool(t, "is_minor_edit", is_true(rev, "minor"));
    writer_member_bool(t, "is_content_visible", !(hidden & HIDDEN_TEXT));
    writer_member_bool(t, "is_editor_visible", !(hidden & HIDDEN_USER));
    writer_member_bool(t, "is_comment_visible", !(hidden & HIDDEN_COMMENT));
    write_slots(t, a, yyjson_obj_get(rev, "slots"));
    writer_close(t, '}');
}

/* The booleans that differ between the two states. */
static void write_prior_visibility(struct writer *t, int64_t before, int64_t after)
{
    static const struct {
        const char *key;
        int64_t bit;
    } FIELDS[] = {
        {"is_content_visible", HIDDEN_TEXT},
        {"is_editor_visible", HIDDEN_USER},
        {"is_comment_visible", HIDDEN_COMMENT},
    };

    writer_key(t, "revision");
    writer_open(t, '{');
    for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
        if ((before & FIELDS[i].bit) != (after & FIELDS[i].bit))
            writer_member_bool(t, FIELDS[i].key, !(before & FIELDS[i].bit));
    }
    writer_close(t, '}');
}

static void write_prior_state(struct writer *t, struct arena *a, const struct change *c,
                              const struct fill_answer *answer, const struct found *found)
{
    struct found parent = {0};

    if (c->kind == CHANGE_CREATE || c->kind == CHANGE_UNDELETE)
        return;
    if (c->parent_id != 0)
        parent = find_revision(answer, c->parent_id);
    writer_key(t, "prior_state");
    writer_open(t, '{');
    if (c->kind == CHANGE_VISIBILITY)
        write_prior_visibility(t, c->prior_bits, hidden_bits(found->rev));
    if (c->kind == CHANGE_MOVE) {
        writer_key(t, "page");
        writer_open(t, '{');
        write_title(t, a, "page_title", c->title);
        if (c->namespace_id != number_at(found->page, "ns"))
            writer_member_int(t, "namespace_id", c->namespace_id);
        writer_close(t, '}');
    }
    if (parent.rev != NULL)
        write_revision(t, a, parent.rev);
    writer_close(t, '}');
}

static void write_page(struct writer *t, struct arena *a, const struct change *c,
                       const struct found *found)
{
    bool is_deletion = c->kind == CHANGE_DELETE;

    writer_key(t, "page");
    writer_open(t, '{');
    writer_member_int(t, "page_id", is_deletion ? c->page_id : number_at(found->page, "pageid"));
    write_title(t, a, "page_title", is_deletion ? c->title : text_at(found->page, "title"));
    writer_member_int(t, "namespace_id",
                      is_deletion ? c->namespace_id : number_at(found->page, "ns"));
    if (is_deletion && c->revision_count > 0)
        writer_member_int(t, "revision_count", c->revision_count);
    /* The API says what the page is now: true of the event if nothing came after it. */
    if (!is_deletion && number_at(found->page, "lastrevid") == c->rev_id)
        writer_member_bool(t, "is_redirect", is_true(found->page, "redirect"));
    writer_close(t, '}');
}

static void write_head(struct writer *t, const struct fill_source *source, const char *id,
                       struct slice uri)
{
    static const char *const CHANGELOG_KINDS[] = {
        [CHANGE_CREATE] = "insert", [CHANGE_EDIT] = "update",     [CHANGE_MOVE] = "update",
        [CHANGE_DELETE] = "delete", [CHANGE_UNDELETE] = "insert", [CHANGE_VISIBILITY] = "update",
    };
    const struct fill_wiki *wiki = source->wiki;
    const struct change *c = source->change;
    char now[32];

    change_time_text(source->now_ms, true, now, sizeof(now));
    writer_member(t, "$schema", SLICE_LIT("/mediawiki/page/change/1.2.0"));
    writer_key(t, "meta");
    writer_open(t, '{');
    writer_member(t, "stream", wiki->stream);
    writer_member(t, "id", slice_str(id));
    writer_member(t, "domain", wiki->domain);
    writer_member(t, "uri", uri);
    writer_member(t, "dt", slice_str(now));
    writer_close(t, '}');
    writer_member(t, "changelog_kind", slice_str(CHANGELOG_KINDS[c->kind]));
    writer_member(t, "page_change_kind", slice_str(change_kind_name(c->kind)));
    writer_member(t, "dt", c->timestamp);
    writer_member(t, "wiki_id", wiki->wiki_id);
}

static void write_deleted_revision(struct writer *t, const struct change *c)
{
    writer_key(t, "revision");
    writer_open(t, '{');
    writer_member_int(t, "rev_id", c->rev_id);
    writer_member(t, "rev_dt", c->rev_dt);
    writer_close(t, '}');
}

static bool has_root_comment(enum change_kind kind)
{
    return kind == CHANGE_MOVE || kind == CHANGE_DELETE || kind == CHANGE_UNDELETE;
}

/* Whether the answer has all that an event needs. */
static bool is_complete(const struct found *found)
{
    return found->rev != NULL && number_at(found->page, "pageid") >= 0 &&
           number_at(found->page, "ns") >= 0 && text_at(found->page, "title").len > 0 &&
           text_at(found->rev, "timestamp").len > 0;
}

static void write_event(struct writer *t, struct arena *a, const struct fill_source *source,
                        const struct found *found, const char *id)
{
    const struct change *c = source->change;

    writer_open(t, '{');
    write_head(t, source, id, text_at(found->page, "canonicalurl"));
    write_page(t, a, c, found);
    write_user(t, "performer", c->user, c->user_id);
    if (has_root_comment(c->kind))
        writer_member(t, "comment", c->comment);
    if (c->kind == CHANGE_DELETE) {
        write_deleted_revision(t, c);
    } else {
        write_revision(t, a, found->rev);
        write_prior_state(t, a, c, source->answer, found);
    }
    writer_close(t, '}');
}

int fill_event(struct arena *a, const struct fill_source *source, struct fill_event *out)
{
    bool is_deletion = source->change->kind == CHANGE_DELETE;
    struct found found = {0};
    char id[FILL_UUID_LEN + 1];
    struct slice json;
    uint8_t *bytes;
    struct writer t;
    int rc = fill_uuid(source->wiki, source->about, id);

    assert(is_deletion || source->answer != NULL);
    if (rc != 0)
        return rc;
    if (!is_deletion) {
        found = find_revision(source->answer, source->change->rev_id);
        if (!is_complete(&found))
            return ERR_NOT_FOUND;
    }
    bytes = arena_alloc(a, FILL_EVENT_BYTES_MAX);
    if (bytes == NULL)
        return ERR_NO_MEMORY;
    t = writer_of(bytes, FILL_EVENT_BYTES_MAX);
    write_event(&t, a, source, &found, id);
    json = writer_slice(&t);
    if (json.ptr == NULL)
        return ERR_TOO_LARGE;
    *out = (struct fill_event){
        .json = json,
        .page_id = is_deletion ? source->change->page_id : number_at(found.page, "pageid"),
    };
    return 0;
}
