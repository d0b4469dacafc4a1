/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mwapi.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/err.h"
#include "proto/sha1.h"

/* One decoding: what the helpers share. */
struct decoder {
    struct json json;
    struct arena *keep;
    struct mwapi_answer *answer;
    struct sha1 sha1;
};

static const struct {
    const char *code; /* a trailing * stands for anything */
    enum mwapi_error_class class;
} CODES[] = {
    {"maxlag", MWAPI_ERROR_LIMITED},
    {"ratelimited", MWAPI_ERROR_LIMITED},
    {"concurrency-limit", MWAPI_ERROR_LIMITED},
    {"readonly", MWAPI_ERROR_TRANSIENT},
    {"internal_api_error_DB*", MWAPI_ERROR_TRANSIENT},
    {"internal_api_error_Wikimedia\\Rdbms\\*", MWAPI_ERROR_TRANSIENT},
    {"internal_api_error_*", MWAPI_ERROR_SPLIT}, /* one revision may be what it trips over */
    {"toomanyvalues", MWAPI_ERROR_SPLIT},
    {"assertbotfailed", MWAPI_ERROR_TRANSIENT},
    {"assertuserfailed", MWAPI_ERROR_TRANSIENT},
    {"timeouts", MWAPI_ERROR_TRANSIENT},
};

enum mwapi_error_class mwapi_classify(struct slice code)
{
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        struct slice known = slice_str(CODES[i].code);
        const bool is_prefix = known.ptr[known.len - 1] == '*';
        if (is_prefix)
            known.len--;
        if (is_prefix ? slice_starts_with(code, known) : slice_equal(code, known))
            return CODES[i].class;
    }
    return MWAPI_ERROR_PERMANENT;
}

/* An error code goes into headers, logs and metrics: nothing but printable ASCII without spaces. */
static void keep_code(struct slice code, char out[MWAPI_CODE_MAX])
{
    size_t len = code.len < MWAPI_CODE_MAX - 1 ? code.len : MWAPI_CODE_MAX - 1;

    for (size_t i = 0; i < len; i++)
        out[i] = (char)(code.ptr[i] > ' ' && code.ptr[i] < 0x7f ? code.ptr[i] : '?');
    out[len] = '\0';
}

static yyjson_val *member(yyjson_val *obj, const char *name)
{
    return json_value(json_key(obj, slice_str(name)));
}

static bool is_true(yyjson_val *obj, const char *name)
{
    return yyjson_is_true(member(obj, name));
}

/* {"error":{"code":..}}, or {"errors":[{"code":..}]} with errorformat. True if it is an error. */
static bool read_error(struct decoder *d)
{
    yyjson_val *error = member(d->json.root, "error");

    if (error == NULL)
        error = yyjson_arr_get_first(member(d->json.root, "errors"));
    if (error == NULL)
        return false;
    /* REST answers name the error itself */
    struct slice code = yyjson_is_str(error) ? json_text(error) : json_text(member(error, "code"));
    if (code.len == 0)
        code = SLICE_LIT("unnamed");
    keep_code(code, d->answer->error_code);
    d->answer->error_class = mwapi_classify(code);
    return true;
}

static bool read_truncation(const struct decoder *d)
{
    if (member(d->json.root, "continue") != NULL)
        return true;
    /* "This result was truncated because it would otherwise be larger than the limit" */
    return member(member(d->json.root, "warnings"), "result") != NULL;
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int by_rev_id(const void *a, const void *b)
{
    const struct mwapi_revision *x = a;
    const struct mwapi_revision *y = b;

    return (x->rev_id > y->rev_id) - (x->rev_id < y->rev_id);
}

/* {"999999":{"revid":999999,"missing":true},..}; PHP writes an empty map as []. */
static int read_bad_rev_ids(struct decoder *d, yyjson_val *bad)
{
    struct mwapi_answer *a = d->answer;
    size_t i;
    size_t n;
    yyjson_val *key;
    yyjson_val *val;

    if (!yyjson_is_obj(bad))
        return 0;
    if (yyjson_obj_size(bad) > MWAPI_REVISIONS_MAX)
        return ERR_TOO_LARGE;
    a->bad_rev_ids = arena_calloc(d->keep, yyjson_obj_size(bad), sizeof *a->bad_rev_ids);
    if (a->bad_rev_ids == NULL)
        return ERR_NO_MEMORY;
    yyjson_obj_foreach(bad, i, n, key, val)
    {
        if (json_integer(member(val, "revid"), &a->bad_rev_ids[a->bad_count]) != 0)
            return ERR_MALFORMED;
        a->bad_count++;
    }
    qsort(a->bad_rev_ids, a->bad_count, sizeof *a->bad_rev_ids, by_number);
    return 0;
}

/* The content's token and sha1; nothing if there is no such string (badcontentformat, a model
 * without text, a blob that could not be loaded). */
static int read_content(struct decoder *d, yyjson_val *slot, struct mwapi_slot *out)
{
    yyjson_val *key = json_key(slot, SLICE_LIT("content"));
    uint8_t announced[SHA1_BYTES];

    if (key == NULL || !yyjson_is_str(json_value(key)))
        return 0;
    const struct span token = json_value_span(&d->json, key);
    out->content = slice_sub(d->json.bytes, token.from, token.to);
    const int rc = sha1_next(&d->sha1, json_text(json_value(key)), out->sha1);
    if (rc != 0)
        return rc;
    yyjson_val *hex = member(slot, "sha1");
    out->has_api_sha1 = hex != NULL;
    out->sha1_matches = !out->has_api_sha1 || (sha1_from_hex(json_text(hex), announced) == 0 &&
                                               memcmp(announced, out->sha1, SHA1_BYTES) == 0);
    return 0;
}

static int read_slots(struct decoder *d, yyjson_val *slots, struct mwapi_revision *out)
{
    size_t i;
    size_t n;
    yyjson_val *role;
    yyjson_val *slot;

    if (!yyjson_is_obj(slots)) /* an empty map, or none: no slot is found, which has its reason */
        return 0;
    if (yyjson_obj_size(slots) > MWAPI_SLOTS_MAX)
        return ERR_TOO_LARGE;
    out->slots = arena_calloc(d->keep, yyjson_obj_size(slots), sizeof *out->slots);
    if (out->slots == NULL)
        return ERR_NO_MEMORY;
    yyjson_obj_foreach(slots, i, n, role, slot)
    {
        struct mwapi_slot *s = &out->slots[out->slot_count];
        s->role = arena_copy(d->keep, json_text(role));
        if (s->role.ptr == NULL)
            return ERR_NO_MEMORY;
        s->sha1_matches = true;
        if (is_true(slot, "texthidden") || is_true(slot, "sha1hidden"))
            out->visibility = MWAPI_TEXT_HIDDEN;
        const int rc = read_content(d, slot, s);
        if (rc != 0)
            return rc;
        out->slot_count++;
    }
    return 0;
}

/* An account with rights is shown what is hidden, beside the flags that say so: the flags rule. */
static void drop_hidden(struct mwapi_revision *revision)
{
    for (size_t i = 0; i < revision->slot_count; i++) {
        struct mwapi_slot *s = &revision->slots[i];
        *s = (struct mwapi_slot){.role = s->role, .sha1_matches = true};
    }
}

/* `suppressed` is said of a revision of which anything is hidden: the text, or only the user or the
 * comment. If nothing else is said to be hidden, it must be the text. */
static void judge_suppression(yyjson_val *val, struct mwapi_revision *revision)
{
    const bool is_other = revision->is_user_hidden || revision->is_comment_hidden;

    if (!is_true(val, "suppressed"))
        return;
    if (revision->visibility == MWAPI_TEXT_HIDDEN || !is_other)
        revision->visibility = MWAPI_SUPPRESSED;
}

static int read_revision(struct decoder *d, yyjson_val *val)
{
    struct mwapi_answer *a = d->answer;

    if (!yyjson_is_obj(val)) /* an unknown rvprop makes it [[]] */
        return ERR_MALFORMED;
    struct mwapi_revision *revision = &a->revisions[a->revision_count];
    *revision = (struct mwapi_revision){0};
    if (json_integer(member(val, "revid"), &revision->rev_id) != 0)
        return ERR_MALFORMED;
    if (is_true(val, "texthidden") || is_true(val, "sha1hidden"))
        revision->visibility = MWAPI_TEXT_HIDDEN;
    revision->is_user_hidden = is_true(val, "userhidden");
    revision->is_comment_hidden = is_true(val, "commenthidden");
    const int rc = read_slots(d, member(val, "slots"), revision);
    if (rc != 0)
        return rc;
    judge_suppression(val, revision);
    if (revision->visibility != MWAPI_VISIBLE)
        drop_hidden(revision);
    a->revision_count++;
    return 0;
}

static size_t count_revisions(yyjson_val *pages)
{
    size_t total = 0;
    size_t i;
    size_t n;
    yyjson_val *page;

    yyjson_arr_foreach(pages, i, n, page)
    {
        total += yyjson_arr_size(member(page, "revisions"));
    }
    return total;
}

/* The revisions of one page; there are none if an answer was cut short before them. */
static int read_page(struct decoder *d, yyjson_val *revisions)
{
    size_t i;
    size_t n;
    yyjson_val *revision;

    if (!yyjson_is_arr(revisions))
        return 0;
    yyjson_arr_foreach(revisions, i, n, revision)
    {
        const int rc = read_revision(d, revision);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int read_pages(struct decoder *d, yyjson_val *pages)
{
    struct mwapi_answer *a = d->answer;
    const size_t total = pages == NULL ? 0 : count_revisions(pages);
    size_t i;
    size_t n;
    yyjson_val *page;

    if (total == 0)
        return 0;
    if (total > MWAPI_REVISIONS_MAX)
        return ERR_TOO_LARGE;
    a->revisions = arena_calloc(d->keep, total, sizeof *a->revisions);
    if (a->revisions == NULL)
        return ERR_NO_MEMORY;
    yyjson_arr_foreach(pages, i, n, page)
    {
        const int rc = read_page(d, member(page, "revisions"));
        if (rc != 0)
            return rc;
    }
    qsort(a->revisions, a->revision_count, sizeof *a->revisions, by_rev_id);
    return 0;
}

static int read_answer(struct decoder *d)
{
    if (read_error(d))
        return 0;
    d->answer->is_truncated = read_truncation(d);
    yyjson_val *query = member(d->json.root, "query");
    if (query == NULL && d->answer->is_truncated)
        return 0;
    if (!yyjson_is_obj(query) || d->answer->has_trailer)
        return ERR_MALFORMED;
    yyjson_val *pages = member(query, "pages");
    if (pages != NULL && !yyjson_is_arr(pages)) /* an object: formatversion=1, not asked for */
        return ERR_MALFORMED;
    const int rc = read_bad_rev_ids(d, member(query, "badrevids"));
    if (rc != 0)
        return rc;
    return read_pages(d, pages);
}

int mwapi_decode(struct arena *scratch, struct arena *keep, struct slice body,
                 struct mwapi_answer *out)
{
    static const struct json_limits LIMITS = {
        .bytes_max = MWAPI_BYTES_MAX, .depth_max = MWAPI_DEPTH_MAX, .trailer_is_ok = true};
    struct mwapi_answer answer = {0};
    struct decoder d = {.keep = keep, .answer = &answer};
    struct json_flaw flaw = {0};

    int rc = json_parse(scratch, body, &LIMITS, &d.json, &flaw);
    if (rc != 0)
        return rc;
    answer.has_trailer = d.json.has_trailer;
    rc = read_answer(&d);
    sha1_end(&d.sha1);
    if (rc == 0)
        *out = answer;
    return rc;
}

int mwapi_decode_other(struct arena *scratch, struct slice body, const char *root,
                       struct mwapi_answer *out)
{
    static const struct json_limits LIMITS = {
        .bytes_max = MWAPI_BYTES_MAX, .depth_max = MWAPI_DEPTH_MAX, .trailer_is_ok = true};
    struct mwapi_answer answer = {0};
    struct decoder d = {.answer = &answer};
    struct json_flaw flaw = {0};
    const int rc = json_parse(scratch, body, &LIMITS, &d.json, &flaw);

    if (rc != 0)
        return rc;
    answer.has_trailer = d.json.has_trailer;
    if (!read_error(&d)) {
        if (answer.has_trailer)
            return ERR_MALFORMED;
        answer.is_truncated = read_truncation(&d);
        answer.has_root = root != NULL && member(d.json.root, root) != NULL;
    }
    *out = answer;
    return 0;
}

static bool is_bad(const struct mwapi_answer *answer, int64_t rev_id)
{
    return answer->bad_count > 0 && bsearch(&rev_id, answer->bad_rev_ids, answer->bad_count,
                                            sizeof rev_id, by_number) != NULL;
}

enum mwapi_found mwapi_find(const struct mwapi_answer *answer, int64_t rev_id,
                            const struct mwapi_revision **out)
{
    const struct mwapi_revision wanted = {.rev_id = rev_id};

    assert(answer->error_class == MWAPI_ERROR_NONE);
    if (answer->revision_count > 0) {
        const struct mwapi_revision *found =
            bsearch(&wanted, answer->revisions, answer->revision_count, sizeof wanted, by_rev_id);
        if (found != NULL) {
            *out = found;
            return MWAPI_FOUND;
        }
    }
    if (is_bad(answer, rev_id) || !answer->is_truncated)
        return MWAPI_MISSING;
    return MWAPI_UNSERVED;
}

const struct mwapi_slot *mwapi_slot_of(const struct mwapi_revision *revision, struct slice role)
{
    for (size_t i = 0; i < revision->slot_count; i++) {
        if (slice_equal(revision->slots[i].role, role))
            return &revision->slots[i];
    }
    return NULL;
}
