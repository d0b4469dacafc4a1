/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/event.h"

#include <stdio.h>
#include <string.h>

#include "proto/err.h"
#include "proto/event_part.h"

/* Finds `name` in obj. */
static yyjson_val *find(const struct event_field *field)
{
    return json_key(field->obj, slice_str(field->name));
}

int event_refuse(struct event_decoder *d, enum reason reason, const char *where, const char *what)
{
    d->flaw->reason = reason;
    (void)snprintf(d->flaw->detail, sizeof d->flaw->detail, "%s %s", where, what);
    return reason == REASON_TOO_LARGE ? ERR_TOO_LARGE : ERR_MALFORMED;
}

int event_keep(struct event *e, struct slice text, struct slice *out)
{
    if (text.len > sizeof e->text - e->text_used)
        return ERR_TOO_LARGE;
    uint8_t *copy = e->text + e->text_used;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    e->text_used += text.len;
    *out = slice_of(copy, text.len);
    return 0;
}

/* Keeps a decoded string beyond the scratch arena: as it stands in the source if it has no escapes,
 * else in the event's own text. */
static int keep_text(struct event_decoder *d, yyjson_val *val, struct span token, struct slice *out)
{
    const struct slice text = json_text(val);
    struct event *e = d->event;

    if (token.to - token.from == text.len + 2) {
        *out = slice_sub(e->bytes, token.from + 1, token.to - 1);
        return 0;
    }
    return event_keep(e, text, out);
}

int event_read_text(struct event_decoder *d, const struct event_field *field, struct slice *out)
{
    yyjson_val *key = find(field);

    if (key == NULL)
        return 0;
    if (!yyjson_is_str(json_value(key)))
        return event_refuse(d, REASON_BAD_FIELD, field->where, "is not a string");
    if (keep_text(d, json_value(key), json_value_span(&d->json, key), out) != 0)
        return event_refuse(d, REASON_TOO_LARGE, field->where, "has too many escaped characters");
    return 0;
}

/* An integer of at least `min`, if it is there. */
static int read_integer(struct event_decoder *d, const struct event_field *field, int64_t min,
                        int64_t *out)
{
    yyjson_val *key = find(field);
    int64_t number;

    if (key == NULL)
        return 0;
    if (json_integer(json_value(key), &number) != 0)
        return event_refuse(d, REASON_BAD_FIELD, field->where, "is not an integer of 64 bits");
    if (number < min)
        return event_refuse(d, REASON_BAD_FIELD, field->where, "is too small");
    *out = number;
    return 0;
}

int event_read_object(struct event_decoder *d, const struct event_field *field,
                      yyjson_val **out_key)
{
    yyjson_val *key = find(field);

    if (key != NULL && !yyjson_is_obj(json_value(key)))
        return event_refuse(d, REASON_BAD_FIELD, field->where, "is not an object");
    if (key != NULL && json_check_keys(json_value(key)) != 0)
        return event_refuse(d, REASON_MALFORMED, field->where, "has a key twice, or too many keys");
    *out_key = key;
    return 0;
}

struct event_member event_member_of(const struct event_decoder *d, yyjson_val *obj,
                                    const char *name)
{
    yyjson_val *key = json_key(obj, slice_str(name));

    if (key == NULL)
        return (struct event_member){0};
    return (struct event_member){.value = json_value_span(&d->json, key),
                                 .whole = json_member_span(&d->json, key)};
}

static int read_meta(struct event_decoder *d)
{
    struct event *e = d->event;
    yyjson_val *key = NULL;
    int rc = event_read_object(d, &(struct event_field){d->root, "meta", "meta"}, &key);

    if (rc != 0 || key == NULL)
        return rc;
    yyjson_val *meta = json_value(key);
    e->has_meta = true;
    e->meta_is_empty = yyjson_obj_size(meta) == 0;
    e->meta_end = json_value_span(&d->json, key).to - 1;
    e->stream_value = event_member_of(d, meta, "stream").value;
    e->dt_value = event_member_of(d, meta, "dt").value;
    rc = event_read_text(d, &(struct event_field){meta, "domain", "meta.domain"}, &e->domain);
    if (rc == 0)
        rc = event_read_text(d, &(struct event_field){meta, "id", "meta.id"}, &e->id);
    if (rc == 0)
        rc = event_read_text(d, &(struct event_field){meta, "request_id", "meta.request_id"},
                             &e->request_id);
    if (rc != 0)
        return rc;
    if (e->id.len > EVENT_ID_MAX)
        return event_refuse(d, REASON_BAD_FIELD, "meta.id", "is longer than 256 bytes");
    if (e->id.len == 0)
        e->id = (struct slice){0};
    e->is_canary = slice_equal(e->domain, SLICE_LIT("canary"));
    return 0;
}

/* Where a redirect leads, if to a page of this wiki. Of another form it is left alone: only few
 * streams want it. */
static void read_redirect(struct event_decoder *d, yyjson_val *page)
{
    struct event *e = d->event;
    yyjson_val *link = json_value(json_key(page, SLICE_LIT("redirect_page_link")));
    yyjson_val *key = json_key(link, SLICE_LIT("page_title"));

    e->is_no_redirect = yyjson_is_false(json_value(json_key(page, SLICE_LIT("is_redirect"))));
    if (e->is_no_redirect || !yyjson_is_str(json_value(key)) ||
        json_text(json_value(key)).len > EVENT_USER_MAX ||
        json_key(link, SLICE_LIT("interwiki_prefix")) != NULL)
        return;
    (void)keep_text(d, json_value(key), json_value_span(&d->json, key), &e->redirect_title);
}

static int read_page(struct event_decoder *d)
{
    struct event *e = d->event;
    yyjson_val *key = NULL;
    int rc = event_read_object(d, &(struct event_field){d->root, "page", "page"}, &key);

    if (rc != 0 || key == NULL)
        return rc;
    yyjson_val *page = json_value(key);
    const struct event_field ns = {page, "namespace_id", "page.namespace_id"};
    e->has_namespace = find(&ns) != NULL;
    read_redirect(d, page);
    rc = read_integer(d, &ns, INT64_MIN, &e->namespace_id);
    if (rc != 0)
        return rc;
    return read_integer(d, &(struct event_field){page, "page_id", "page.page_id"}, 0, &e->page_id);
}

/* names: of sha1, model, size and origin revision. */
int event_read_slot(struct event_decoder *d, yyjson_val *role_key, const char *const names[4])
{
    struct event *e = d->event;
    yyjson_val *slot = json_value(role_key);
    const struct span place = json_value_span(&d->json, role_key);
    struct event_slot *out = &e->slots[e->slot_count];

    if (!yyjson_is_obj(slot))
        return event_refuse(d, REASON_BAD_FIELD, "an entry of content_slots", "is not an object");
    if (json_check_keys(slot) != 0)
        return event_refuse(d, REASON_MALFORMED, "an entry of content_slots",
                            "has a key twice, or too many keys");
    *out = (struct event_slot){.size = -1,
                               .origin_rev_id = -1,
                               .end = place.to - 1,
                               .is_empty = yyjson_obj_size(slot) == 0,
                               .sha1_member = event_member_of(d, slot, names[0]),
                               .body = event_member_of(d, slot, "content_body")};
    if (keep_text(d, role_key, json_key_span(&d->json, role_key), &out->role) != 0)
        return event_refuse(d, REASON_TOO_LARGE, "a slot role", "has too many escaped characters");
    int rc = event_read_text(d, &(struct event_field){slot, names[0], names[0]}, &out->sha1);
    if (rc == 0)
        rc = event_read_text(d, &(struct event_field){slot, names[1], names[1]}, &out->model);
    if (rc == 0)
        rc = read_integer(d, &(struct event_field){slot, names[2], names[2]}, 0, &out->size);
    if (rc == 0)
        rc = read_integer(d, &(struct event_field){slot, names[3], names[3]}, 0,
                          &out->origin_rev_id);
    if (rc == 0)
        e->slot_count++;
    return rc;
}

static int read_slots(struct event_decoder *d, yyjson_val *revision)
{
    const struct event_field field = {revision, "content_slots", "revision.content_slots"};
    yyjson_val *key = find(&field);
    size_t i;
    size_t n;
    yyjson_val *role_key;
    yyjson_val *slot;
    static const char *const NAMES[4] = {"content_sha1", "content_model", "content_size",
                                         "origin_rev_id"};

    /* PHP writes an empty map as [] */
    if (key != NULL && yyjson_is_arr(json_value(key)) && yyjson_arr_size(json_value(key)) == 0)
        return 0;
    int rc = event_read_object(d, &field, &key);
    if (rc != 0 || key == NULL)
        return rc;
    if (yyjson_obj_size(json_value(key)) > EVENT_SLOTS_MAX)
        return event_refuse(d, REASON_TOO_LARGE, field.where, "has more than 16 entries");
    yyjson_obj_foreach(json_value(key), i, n, role_key, slot)
    {
        rc = event_read_slot(d, role_key, NAMES);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Left alone if it is no number: only few streams want it. */
static void read_parent(struct event_decoder *d, yyjson_val *revision)
{
    yyjson_val *key = json_key(revision, SLICE_LIT("rev_parent_id"));
    int64_t number;

    if (key != NULL && json_integer(json_value(key), &number) == 0 && number >= 0)
        d->event->parent_id = number;
}

static int read_revision(struct event_decoder *d)
{
    struct event *e = d->event;
    yyjson_val *key = NULL;
    int rc = event_read_object(d, &(struct event_field){d->root, "revision", "revision"}, &key);

    if (rc != 0 || key == NULL)
        return rc;
    yyjson_val *revision = json_value(key);
    e->rev_sha1 = event_member_of(d, revision, "rev_sha1");
    e->rev_comment = event_member_of(d, revision, "comment");
    e->editor = event_member_of(d, revision, "editor");
    e->comment_visible = event_member_of(d, revision, "is_comment_visible").value;
    e->editor_visible = event_member_of(d, revision, "is_editor_visible").value;
    rc = read_integer(d, &(struct event_field){revision, "rev_id", "revision.rev_id"}, 1,
                      &e->rev_id);
    if (rc != 0)
        return rc;
    read_parent(d, revision);
    yyjson_val *visible = json_key(revision, SLICE_LIT("is_content_visible"));
    if (visible != NULL) {
        if (!yyjson_is_bool(json_value(visible)))
            return event_refuse(d, REASON_BAD_FIELD, "revision.is_content_visible",
                                "is not a boolean");
        e->is_content_hidden = yyjson_is_false(json_value(visible));
        e->content_visible = json_value_span(&d->json, visible);
    }
    return read_slots(d, revision);
}

/* A name that is no string, or too long, is left alone: only few streams want it. */
static void read_performer(struct event_decoder *d)
{
    struct event *e = d->event;
    yyjson_val *performer = json_value(json_key(d->root, SLICE_LIT("performer")));
    yyjson_val *key = json_key(performer, SLICE_LIT("user_text"));

    if (key == NULL || !yyjson_is_str(json_value(key)) ||
        json_text(json_value(key)).len > EVENT_USER_MAX)
        return;
    (void)keep_text(d, json_value(key), json_value_span(&d->json, key), &e->performer_name);
}

/* What only page changes have. */
static int read_page_change(struct event_decoder *d)
{
    struct event *e = d->event;
    int rc = event_read_text(d, &(struct event_field){d->root, "wiki_id", "wiki_id"}, &e->wiki_id);

    if (rc == 0)
        rc = event_read_text(
            d, &(struct event_field){d->root, "page_change_kind", "page_change_kind"}, &e->kind);
    if (rc == 0)
        rc = read_page(d);
    if (rc == 0)
        rc = read_revision(d);
    return rc;
}

static int read_root(struct event_decoder *d)
{
    struct event *e = d->event;
    yyjson_val *root = d->root;

    if (json_check_keys(root) != 0)
        return event_refuse(d, REASON_MALFORMED, "the event", "has a key twice, or too many keys");
    e->root_start = d->root_span.from + 1;
    e->root_end = d->root_span.to - 1;
    e->root_is_empty = yyjson_obj_size(root) == 0;
    e->schema_value = event_member_of(d, root, "$schema").value;
    e->comment = event_member_of(d, root, "comment");
    e->performer = event_member_of(d, root, "performer");
    e->enrichments = event_member_of(d, root, "enrichments");
    read_performer(d);
    int rc = event_read_text(d, &(struct event_field){root, "$schema", "$schema"}, &e->schema);
    if (rc == 0)
        rc = read_meta(d);
    if (rc == 0 && event_is_page_change(d))
        rc = read_page_change(d);
    e->is_other = !event_is_page_change(d);
    if (rc == 0)
        rc = event_read_older(d);
    /* "Absent" means not known, but of a created page it is (schema 1.2.0 leaves it out there). */
    if (rc == 0 && e->parent_id < 0 && slice_equal(e->kind, SLICE_LIT("create")))
        e->parent_id = 0;
    return rc == 0 ? event_read_pointers(d) : rc;
}

static int refuse_json(struct event_flaw *flaw, int rc, const struct json_flaw *why)
{
    flaw->reason = rc == ERR_UNSUPPORTED ? REASON_TOO_DEEP
                   : rc == ERR_MALFORMED ? REASON_MALFORMED
                                         : REASON_TOO_LARGE;
    (void)snprintf(flaw->detail, sizeof flaw->detail, "%s, at byte %zu", why->text, why->at);
    return rc;
}

int event_decode_as(struct arena *scratch, struct slice bytes, const struct event_shape *shape,
                    struct event *out, struct event_flaw *flaw)
{
    static const struct json_limits LIMITS = {.bytes_max = EVENT_BYTES_MAX,
                                              .depth_max = EVENT_DEPTH_MAX};
    struct event_decoder d = {.event = out, .flaw = flaw, .shape = shape};
    struct json_flaw why = {0};

    *out = (struct event){.bytes = bytes,
                          .page_id = -1,
                          .namespace_id = -1,
                          .rev_id = -1,
                          .parent_id = -1,
                          .emitted_rev_id = -1,
                          .time_ms = -1};
    int rc = json_parse(scratch, bytes, &LIMITS, &d.json, &why);
    if (rc != 0)
        return refuse_json(flaw, rc, &why);
    rc = event_open_envelope(&d);
    return rc == 0 ? read_root(&d) : rc;
}

int event_decode(struct arena *scratch, struct slice bytes, struct event *out,
                 struct event_flaw *flaw)
{
    static const struct event_shape PAGE_CHANGE = {0};

    return event_decode_as(scratch, bytes, &PAGE_CHANGE, out, flaw);
}
