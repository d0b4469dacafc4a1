/* SPDX-License-Identifier: Apache-2.0 */
/* enrichment_more.c - what is made of the other questions: diff, html, user; and of rules: tags. */
#include "proto/enrichment.h"
#include "proto/err.h"

/* ---- diff ------------------------------------------------------------------------------------ */

/* The slots that the action API compared: HTML rows of a table, false where a slot is in neither. */
static void put_other_slots(const struct enrichment_in *in, struct json_out *out)
{
    const struct json *json = &in->trees[QUESTION_DIFF_SLOTS];
    yyjson_val *bodies = enrichment_get(enrichment_get(json->root, "compare"), "bodies");
    size_t i;
    size_t n;
    yyjson_val *role;
    yyjson_val *body;

    if (!yyjson_is_obj(bodies))
        return;
    yyjson_obj_foreach(bodies, i, n, role, body)
    {
        if (!yyjson_is_str(body))
            continue;
        json_out_open(out, '{');
        json_out_key(out, "slot_role");
        json_out_text(out, json_text(role));
        json_out_key(out, "format");
        json_out_text(out, SLICE_LIT("html_table_rows"));
        json_out_key(out, "body");
        json_out_text(out, json_text(body));
        json_out_close(out, '}');
    }
}

static void put_main_slot(const struct enrichment_in *in, struct json_out *out)
{
    const struct json *json = &in->trees[QUESTION_DIFF];

    json_out_open(out, '{');
    json_out_key(out, "slot_role");
    json_out_text(out, SLICE_LIT("main"));
    json_out_key(out, "format");
    json_out_text(out, SLICE_LIT("rest_compare"));
    json_out_key(out, "diff");
    enrichment_copy(json, json->root, "diff", out);
    json_out_close(out, '}');
}

void write_diff(const struct enrichment_in *in, struct json_out *out)
{
    const struct answer *main_slot = &in->answers[QUESTION_DIFF];
    const struct answer *others = &in->answers[QUESTION_DIFF_SLOTS];

    json_out_open(out, '{');
    if (main_slot->is_asked)
        enrichment_as_of(in, QUESTION_DIFF, out);
    if (enrichment_has_parent(in, QUESTION_DIFF, out)) {
        json_out_key(out, "slots");
        json_out_open(out, '[');
        if (main_slot->is_asked)
            put_main_slot(in, out);
        if (others->is_asked && others->reason == REASON_NONE)
            put_other_slots(in, out);
        json_out_close(out, ']');
    }
    json_out_close(out, '}');
}

/* ---- html ------------------------------------------------------------------------------------ */

void write_html(const struct enrichment_in *in, struct json_out *out)
{
    const struct slice body = in->answers[QUESTION_HTML].body;

    json_out_open(out, '{');
    enrichment_as_of(in, QUESTION_HTML, out);
    json_out_key(out, "format");
    json_out_text(out, SLICE_LIT("parsoid"));
    json_out_key(out, "body");
    json_out_text(out, body);
    json_out_close(out, '}');
}

/* ---- user ------------------------------------------------------------------------------------ */

static bool is_hidden(yyjson_val *contribution)
{
    static const char *const FLAGS[] = {"userhidden", "commenthidden", "texthidden", "sha1hidden",
                                        "suppressed"};

    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++) {
        if (yyjson_is_true(enrichment_get(contribution, FLAGS[i])))
            return true;
    }
    return false;
}

static void put_copy(const struct json *json, yyjson_val *obj, const char *name, const char *as,
                     struct json_out *out)
{
    if (json_key(obj, slice_str(name)) == NULL)
        return;
    json_out_key(out, as);
    enrichment_copy(json, obj, name, out);
}

static void put_contributions(const struct json *json, yyjson_val *list, struct json_out *out)
{
    static const char *const NAMES[] = {"revid", "parentid",  "pageid",  "ns",
                                        "title", "timestamp", "new",     "minor",
                                        "size",  "sizediff",  "comment", "tags"};
    size_t i;
    size_t n;
    yyjson_val *one;

    json_out_open(out, '[');
    yyjson_arr_foreach(list, i, n, one)
    {
        if (is_hidden(one) || i >= QUESTION_CONTRIBS_MAX)
            continue;
        json_out_open(out, '{');
        for (size_t k = 0; k < sizeof NAMES / sizeof NAMES[0]; k++)
            put_copy(json, one, NAMES[k], NAMES[k], out);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

/* "registered", "missing" (or hidden from us) or "unregistered": MediaWiki calls an IP address an
 * invalid user name. */
static struct slice state_of(yyjson_val *user)
{
    if (user == NULL || yyjson_is_true(enrichment_get(user, "missing")) ||
        yyjson_is_true(enrichment_get(user, "hidden")))
        return SLICE_LIT("missing");
    if (yyjson_is_true(enrichment_get(user, "invalid")))
        return SLICE_LIT("unregistered");
    return SLICE_LIT("registered");
}

void write_user(const struct enrichment_in *in, struct json_out *out)
{
    const struct json *json = &in->trees[QUESTION_USER];
    yyjson_val *query = enrichment_get(json->root, "query");
    yyjson_val *user = yyjson_arr_get_first(enrichment_get(query, "users"));
    yyjson_val *contributions = enrichment_get(query, "usercontribs");

    if (!in->answers[QUESTION_USER].is_asked) { /* the event names nobody: hidden */
        json_out_token(out, SLICE_LIT("null"));
        return;
    }
    const struct slice state = state_of(user);
    json_out_open(out, '{');
    enrichment_as_of(in, QUESTION_USER, out);
    json_out_key(out, "state");
    json_out_text(out, state);
    if (slice_equal(state, SLICE_LIT("registered"))) {
        put_copy(json, user, "userid", "user_id", out);
        put_copy(json, user, "editcount", "edit_count", out);
        put_copy(json, user, "registration", "registration_dt", out);
        put_copy(json, user, "groups", "groups", out);
    }
    if (!slice_equal(state, SLICE_LIT("missing"))) {
        json_out_key(out, "contributions");
        put_contributions(json, contributions, out);
        json_out_key(out, "contributions_truncated");
        json_out_bool(out, json_key(json->root, SLICE_LIT("continue")) != NULL);
    }
    json_out_close(out, '}');
}

/* ---- tags ------------------------------------------------------------------------------------ */

/* The members that stand before this one, as JSON; NULL without memory. */
static yyjson_val *read_made(const struct enrichment_in *in)
{
    const struct json_limits limits = {.bytes_max = in->made.len + 1,
                                       .depth_max = EVENT_DEPTH_MAX + JSON_OUT_DEPTH_MAX};
    uint8_t *copy = arena_alloc(in->scratch, in->made.len + 1);
    struct json_flaw flaw;
    struct json j;

    if (copy == NULL)
        return NULL;
    memcpy(copy, in->made.ptr, in->made.len);
    copy[in->made.len] = '}';
    return json_parse(in->scratch, slice_of(copy, in->made.len + 1), &limits, &j, &flaw) == 0
               ? j.root
               : NULL;
}

static yyjson_val *read_event(const struct enrichment_in *in)
{
    const struct json_limits limits = {.bytes_max = EVENT_BYTES_MAX, .depth_max = EVENT_DEPTH_MAX};
    struct json_flaw flaw;
    struct json j;

    return json_parse(in->scratch, in->event->bytes, &limits, &j, &flaw) == 0 ? j.root : NULL;
}

void write_tags(const struct enrichment_in *in, struct json_out *out)
{
    const struct tag_view view = {.event = read_event(in),
                                  .made = read_made(in),
                                  .is_user_hidden = in->is_user_hidden,
                                  .is_comment_hidden = in->is_comment_hidden};

    if (out->rc == 0 && (view.event == NULL || view.made == NULL))
        out->rc = ERR_NO_MEMORY; /* both are JSON: they were read, or written, a moment ago */
    json_out_open(out, '{');
    json_out_key(out, "tags");
    json_out_open(out, '[');
    for (size_t i = 0; i < in->tags.count && out->rc == 0; i++) {
        if (tag_rule_holds(&in->tags.list[i], &view))
            json_out_text(out, in->tags.list[i].name);
    }
    json_out_close(out, ']');
    json_out_close(out, '}');
}
