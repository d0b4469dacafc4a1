/* SPDX-License-Identifier: Apache-2.0 */
/* event_source.c - sources that are no page_change streams. Which fields older streams have is in the
 * schemas mediawiki/revision/create, page/delete and so on; Debezium's envelope in its documentation
 * of change events, CloudEvents' in version 1.0 of its JSON format (structured mode). */
#include <assert.h>
#include <string.h>

#include "proto/err.h"
#include "proto/event_part.h"
#include "proto/time_text.h"
#include "proto/where.h"

/* ---- envelopes -------------------------------------------------------------------------------- */

static void set_root(struct event_decoder *d, yyjson_val *root, struct span span)
{
    d->root = root;
    d->root_span = span;
}

/* The record itself; only white space stands around its braces. */
static void open_plain(struct event_decoder *d)
{
    const struct slice bytes = d->event->bytes;
    const uint8_t *brace = memchr(bytes.ptr, '{', bytes.len);
    size_t end = bytes.len;

    assert(brace != NULL);
    while (bytes.ptr[end - 1] != '}')
        end--;
    set_root(d, d->json.root, (struct span){(size_t)(brace - bytes.ptr), end});
}

static int open_cloudevents(struct event_decoder *d)
{
    const struct event_field data = {d->json.root, "data", "data"};
    yyjson_val *key = NULL;

    if (!yyjson_is_str(json_value(json_key(d->json.root, SLICE_LIT("specversion")))))
        return event_refuse(d, REASON_BAD_FIELD, "specversion", "is not there: no CloudEvent");
    const int rc = event_read_object(d, &data, &key);
    if (rc != 0)
        return rc;
    if (key == NULL)
        return event_refuse(d, REASON_BAD_FIELD, "data", "is not an object");
    set_root(d, json_value(key), json_value_span(&d->json, key));
    return 0;
}

/* With Kafka Connect's schemas the change event is in "payload", without them it is the record. */
static int open_debezium(struct event_decoder *d)
{
    yyjson_val *payload = json_key(d->json.root, SLICE_LIT("payload"));

    if (json_key(d->json.root, SLICE_LIT("op")) == NULL && yyjson_is_obj(json_value(payload)))
        set_root(d, json_value(payload), json_value_span(&d->json, payload));
    yyjson_val *op = json_value(json_key(d->root, SLICE_LIT("op")));
    if (!yyjson_is_str(op) || json_text(op).len != 1)
        return event_refuse(d, REASON_BAD_FIELD, "op", "is not there: no change event of Debezium");
    const bool is_delete = json_text(op).ptr[0] == 'd';
    yyjson_val *row = json_value(json_key(d->root, slice_str(is_delete ? "before" : "after")));
    d->row = yyjson_is_obj(row) ? row : NULL;
    return 0;
}

int event_open_envelope(struct event_decoder *d)
{
    open_plain(d);
    if (d->shape->envelope != EVENT_CLOUDEVENTS && d->shape->envelope != EVENT_DEBEZIUM)
        return 0;
    if (json_check_keys(d->root) != 0)
        return event_refuse(d, REASON_MALFORMED, "the envelope", "has a key twice, or too many");
    return d->shape->envelope == EVENT_DEBEZIUM ? open_debezium(d) : open_cloudevents(d);
}

bool event_is_page_change(const struct event_decoder *d)
{
    return d->shape->envelope == EVENT_PAGE_CHANGE ||
           json_key(d->root, SLICE_LIT("page_change_kind")) != NULL;
}

/* ---- older streams ---------------------------------------------------------------------------- */

/* Left alone if it is no integer of at least `min`. */
static bool take_integer(yyjson_val *obj, const char *name, int64_t min, int64_t *out)
{
    int64_t number = 0;

    if (json_integer(json_value(json_key(obj, slice_str(name))), &number) != 0 || number < min)
        return false;
    *out = number;
    return true;
}

/* What the schema's name says of the change. Of links, properties and tags that changed, an edit. */
static struct slice kind_of_schema(const struct event *e)
{
    static const struct {
        const char *prefix;
        const char *kind;
    } KINDS[] = {{"/mediawiki/page/create/", "create"},
                 {"/mediawiki/page/delete/", "delete"},
                 {"/mediawiki/page/undelete/", "undelete"},
                 {"/mediawiki/page/move/", "move"},
                 {"/mediawiki/revision/visibility-change/", "visibility_change"}};

    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (slice_starts_with(e->schema, slice_str(KINDS[i].prefix)))
            return slice_str(KINDS[i].kind);
    }
    if (slice_starts_with(e->schema, SLICE_LIT("/mediawiki/revision/create/")) && e->parent_id <= 0)
        return SLICE_LIT("create");
    return SLICE_LIT("edit");
}

static int read_older_slots(struct event_decoder *d)
{
    static const char *const NAMES[4] = {"rev_slot_sha1", "rev_slot_content_model", "rev_slot_size",
                                         "rev_slot_origin_rev_id"};
    const struct event_field field = {d->root, "rev_slots", "rev_slots"};
    yyjson_val *key = NULL;
    size_t i;
    size_t n;
    yyjson_val *role_key;
    yyjson_val *slot;
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

/* Numbers that both older streams and the tables have under these names. */
static void take_numbers(struct event *e, yyjson_val *obj)
{
    if (!take_integer(obj, "page_id", 0, &e->page_id))
        (void)take_integer(obj, "rev_page", 0, &e->page_id);
    e->has_namespace = take_integer(obj, "page_namespace", INT64_MIN, &e->namespace_id);
    if (!take_integer(obj, "rev_id", 1, &e->rev_id))
        (void)take_integer(obj, "page_latest", 1, &e->rev_id);
    (void)take_integer(obj, "rev_parent_id", 0, &e->parent_id);
}

/* A row: the database is in the event's "source", the kind is what happened to the row. */
static int read_row(struct event_decoder *d)
{
    struct event *e = d->event;
    yyjson_val *source = json_value(json_key(d->root, SLICE_LIT("source")));
    const uint8_t op = json_text(json_value(json_key(d->root, SLICE_LIT("op")))).ptr[0];

    e->kind = op == 'd'                ? SLICE_LIT("delete")
              : op == 'c' || op == 'r' ? SLICE_LIT("create")
              : op == 'u'              ? SLICE_LIT("edit")
                                       : SLICE_LIT("");
    if (d->row != NULL) {
        take_numbers(e, d->row);
        e->rev_sha1 = event_member_of(d, d->row, "rev_sha1");
    }
    return event_read_text(d, &(struct event_field){source, "db", "source.db"}, &e->wiki_id);
}

int event_read_older(struct event_decoder *d)
{
    struct event *e = d->event;
    yyjson_val *database = json_value(json_key(d->root, SLICE_LIT("database")));

    if (d->shape->envelope == EVENT_DEBEZIUM)
        return read_row(d);
    if (e->kind.ptr != NULL || !yyjson_is_str(database))
        return 0;
    int rc =
        event_read_text(d, &(struct event_field){d->root, "database", "database"}, &e->wiki_id);
    if (rc == 0)
        rc = read_older_slots(d);
    if (rc != 0)
        return rc;
    e->is_other = true;
    take_numbers(e, d->root);
    e->kind = kind_of_schema(e);
    e->rev_sha1 = event_member_of(d, d->root, "rev_sha1");
    yyjson_val *before = json_value(json_key(d->root, SLICE_LIT("prior_state")));
    if (slice_equal(e->kind, SLICE_LIT("move")))
        (void)take_integer(before, "rev_id", 1, &e->parent_id);
    yyjson_val *visible = json_value(json_key(d->root, SLICE_LIT("visibility")));
    e->is_content_hidden = yyjson_is_false(json_value(json_key(visible, SLICE_LIT("text"))));
    return 0;
}

/* ---- fields by pointer ------------------------------------------------------------------------ */

/* The text of a string, the digits of a number as they are written, true or false; else absent. */
static struct slice scalar_of(yyjson_val *val)
{
    if (yyjson_is_str(val))
        return json_text(val);
    if (yyjson_is_raw(val))
        return slice_of(yyjson_get_raw(val), yyjson_get_len(val));
    if (yyjson_is_bool(val))
        return slice_str(yyjson_is_true(val) ? "true" : "false");
    return (struct slice){0};
}

/* What a pointer of the spec leads to, kept. Nothing where there is nothing, or null. */
static int read_pointer(struct event_decoder *d, struct slice pointer, const char *what,
                        struct slice *out)
{
    yyjson_val *val = pointer.len == 0 ? NULL : where_find(d->json.root, pointer);
    const struct slice text = scalar_of(val);

    if (val == NULL || yyjson_is_null(val))
        return 0;
    if (text.ptr == NULL)
        return event_refuse(d, REASON_BAD_FIELD, what, "is neither text nor a number");
    if (event_keep(d->event, text, out) != 0)
        return event_refuse(d, REASON_TOO_LARGE, what, "is too long");
    return 0;
}

/* Joins what is there of these by slashes. */
static int join(struct event_decoder *d, yyjson_val *const *parts, size_t count, struct slice *out)
{
    struct event *e = d->event;
    const size_t start = e->text_used;
    struct slice ignored;

    for (size_t i = 0; i < count; i++) {
        const struct slice text = scalar_of(parts[i]);
        if (text.len == 0)
            continue;
        if ((e->text_used > start && event_keep(e, SLICE_LIT("/"), &ignored) != 0) ||
            event_keep(e, text, &ignored) != 0)
            return event_refuse(d, REASON_TOO_LARGE, "the id", "is too long");
    }
    *out = slice_of(e->text + start, e->text_used - start);
    return 0;
}

/* CloudEvents: source and id together are unique. Debezium: the place in the database's log. */
static int read_envelope_id(struct event_decoder *d)
{
    static const char *const PLACE[] = {"name", "db",  "table", "gtid", "file",
                                        "pos",  "row", "txId",  "lsn"};
    enum {
        PLACE_COUNT = sizeof(PLACE) / sizeof(PLACE[0])
    };
    yyjson_val *parts[PLACE_COUNT];

    if (d->shape->envelope == EVENT_CLOUDEVENTS) {
        parts[0] = json_value(json_key(d->json.root, SLICE_LIT("source")));
        parts[1] = json_value(json_key(d->json.root, SLICE_LIT("id")));
        return scalar_of(parts[1]).len == 0 ? 0 : join(d, parts, 2, &d->event->id);
    }
    yyjson_val *source = json_value(json_key(d->root, SLICE_LIT("source")));
    /* A snapshot's rows all have the place where it was taken. */
    const bool has_place =
        json_key(source, SLICE_LIT("pos")) != NULL || json_key(source, SLICE_LIT("lsn")) != NULL;
    if (!has_place ||
        slice_equal(scalar_of(json_value(json_key(d->root, SLICE_LIT("op")))), SLICE_LIT("r")))
        return 0;
    for (size_t i = 0; i < PLACE_COUNT; i++)
        parts[i] = json_value(json_key(source, slice_str(PLACE[i])));
    return join(d, parts, PLACE_COUNT, &d->event->id);
}

static int read_time(struct event_decoder *d)
{
    yyjson_val *val = d->shape->time.len == 0 ? NULL : where_find(d->json.root, d->shape->time);
    int64_t ms = 0;

    if (val == NULL || yyjson_is_null(val))
        return 0;
    if (json_integer(val, &ms) != 0 && time_parse(json_text(val), &ms) != 0)
        return event_refuse(d, REASON_BAD_FIELD, "the time",
                            "is neither ISO 8601 nor whole milliseconds since 1970");
    if (ms < 0 || ms > EVENT_TIME_MAX)
        return event_refuse(d, REASON_BAD_FIELD, "the time", "is before 1970 or after 9999");
    d->event->time_ms = ms;
    return 0;
}

int event_read_pointers(struct event_decoder *d)
{
    const struct event_shape *shape = d->shape;
    struct event *e = d->event;
    int rc = 0;

    if (shape->id.len > 0)
        rc = read_pointer(d, shape->id, "the id", &e->id);
    else if (shape->envelope == EVENT_CLOUDEVENTS || shape->envelope == EVENT_DEBEZIUM)
        rc = read_envelope_id(d);
    if (rc == 0)
        rc = read_pointer(d, shape->key, "the key", &e->key);
    if (rc == 0)
        rc = read_time(d);
    if (rc != 0)
        return rc;
    if (e->id.len > EVENT_ID_MAX)
        return event_refuse(d, REASON_BAD_FIELD, "the id", "is longer than 256 bytes");
    if (e->id.len == 0)
        e->id = (struct slice){0};
    if (e->domain.len == 0)
        e->domain = shape->domain;
    return 0;
}
