/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/question.h"

#include <assert.h>
#include <stdio.h>

#include "proto/err.h"
#include "proto/mwapi.h"

#define ACTION_HEAD "format=json&formatversion=2&action="

/* One query for all that the parser finds, whichever of it is wanted: it is the parsing that costs,
 * and so all enrichments and streams share the answer. */
#define PARSE_HEAD                                                                                 \
    ACTION_HEAD                                                                                    \
    "parse&disablelimitreport=1&prop=links%7Cexternallinks%7Cimages%7Ctemplates"                   \
    "%7Ccategories%7Csections%7Ciwlinks%7Clanglinks%7Cproperties%7Crevid&oldid="
#define IMAGES_HEAD                                                                                \
    ACTION_HEAD "query&prop=imageinfo&iiprop=url%7Csize%7Cmime%7Csha1%7Ctimestamp&titles="
/* flags and comment are asked for because only then the answer says that they are hidden */
#define USER_HEAD                                                                                  \
    ACTION_HEAD "query&list=users%7Cusercontribs&usprop=editcount%7Cregistration%7Cgroups"         \
                "&uclimit=50&ucprop=ids%7Ctitle%7Ctimestamp%7Csize%7Csizediff%7Cflags%7Ctags"      \
                "%7Ccomment"
#define DIFF_SLOTS_HEAD ACTION_HEAD "compare&prop=diff%7Cids&fromrev="

/* ---- texts ----------------------------------------------------------------------------------- */

struct text {
    uint8_t *bytes;
    size_t len;
    size_t size;
};

static bool text_open(struct text *t, struct arena *keep, size_t size)
{
    *t = (struct text){.size = size};
    t->bytes = size > QUESTION_TEXT_MAX ? NULL : arena_alloc(keep, size);
    return t->bytes != NULL;
}

static void add(struct text *t, struct slice bytes)
{
    assert(bytes.len <= t->size - t->len);
    if (bytes.len > 0)
        memcpy(t->bytes + t->len, bytes.ptr, bytes.len);
    t->len += bytes.len;
}

/* Bytes that a value of a query may have as they are (RFC 3986, unreserved). */
static bool is_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void add_escaped(struct text *t, struct slice value)
{
    static const char HEX[] = "0123456789ABCDEF";

    for (size_t i = 0; i < value.len; i++) {
        const uint8_t c = value.ptr[i];
        const char escaped[] = {'%', HEX[c >> 4], HEX[c & 15]};
        add(t, is_unreserved(c) ? slice_of(&value.ptr[i], 1) : slice_of(escaped, sizeof escaped));
    }
}

/* Text with one number in it, or with two: b < 0 is none. */
struct numbered {
    const char *head;
    int64_t a;
    const char *middle;
    int64_t b;
};

static struct slice numbered(struct arena *keep, const struct numbered *n)
{
    char line[512];
    char last[24] = "";

    if (n->b >= 0)
        (void)snprintf(last, sizeof last, "%lld", (long long)n->b);
    const int len =
        snprintf(line, sizeof line, "%s%lld%s%s", n->head, (long long)n->a, n->middle, last);
    assert(len > 0);
    assert((size_t)len < sizeof line);
    return arena_copy(keep, slice_of(line, (size_t)len));
}

/* ---- the questions --------------------------------------------------------------------------- */

/* "Nothing to ask": absent but not for want of memory. */
static struct slice nothing(void)
{
    return SLICE_LIT("");
}

static struct slice put_revision(const struct event *event, const struct answer *answers,
                                 struct arena *scratch, struct arena *keep)
{
    (void)event;
    (void)answers;
    (void)scratch;
    (void)keep;
    return SLICE_LIT("revision"); /* fetch_http.h puts it, for many at once */
}

static struct slice put_parse(const struct event *event, const struct answer *answers,
                              struct arena *scratch, struct arena *keep)
{
    (void)answers;
    (void)scratch;
    return numbered(keep, &(struct numbered){PARSE_HEAD, event->rev_id, "", -1});
}

static struct slice put_parse_parent(const struct event *event, const struct answer *answers,
                                     struct arena *scratch, struct arena *keep)
{
    (void)answers;
    (void)scratch;
    if (event->parent_id <= 0)
        return nothing();
    return numbered(keep, &(struct numbered){PARSE_HEAD, event->parent_id, "", -1});
}

static struct slice put_diff(const struct event *event, const struct answer *answers,
                             struct arena *scratch, struct arena *keep)
{
    (void)answers;
    (void)scratch;
    if (event->parent_id <= 0)
        return nothing();
    return numbered(keep,
                    &(struct numbered){"revision/", event->parent_id, "/compare/", event->rev_id});
}

static bool is_main(const struct event_slot *slot)
{
    return slice_equal(slot->role, SLICE_LIT("main"));
}

static struct slice put_diff_slots(const struct event *event, const struct answer *answers,
                                   struct arena *scratch, struct arena *keep)
{
    struct text t;
    size_t others = 0;
    size_t size = 512;

    (void)answers;
    (void)scratch;
    for (size_t i = 0; i < event->slot_count; i++) {
        others += !is_main(&event->slots[i]);
        size += 3 * event->slots[i].role.len + 3;
    }
    if (event->parent_id <= 0 || others == 0)
        return nothing();
    const struct slice head = numbered(
        keep, &(struct numbered){DIFF_SLOTS_HEAD, event->parent_id, "&torev=", event->rev_id});
    if (head.ptr == NULL || !text_open(&t, keep, size))
        return (struct slice){0};
    add(&t, head);
    add(&t, SLICE_LIT("&slots="));
    const size_t before = t.len;
    for (size_t i = 0; i < event->slot_count; i++) {
        if (is_main(&event->slots[i]))
            continue;
        if (t.len > before)
            add(&t, SLICE_LIT("%7C"));
        add_escaped(&t, event->slots[i].role);
    }
    return slice_of(t.bytes, t.len);
}

static struct slice put_html(const struct event *event, const struct answer *answers,
                             struct arena *scratch, struct arena *keep)
{
    (void)answers;
    (void)scratch;
    return numbered(keep, &(struct numbered){"revision/", event->rev_id, "/html", -1});
}

static struct slice put_user(const struct event *event, const struct answer *answers,
                             struct arena *scratch, struct arena *keep)
{
    struct text t;

    (void)answers;
    (void)scratch;
    if (event->performer_name.len == 0)
        return nothing();
    if (!text_open(&t, keep, sizeof USER_HEAD + 64 + 6 * event->performer_name.len))
        return (struct slice){0};
    add(&t, SLICE_LIT(USER_HEAD "&ususers="));
    /* U+001F instead of the bar between values: a name may have a bar in it */
    add(&t, SLICE_LIT("%1F"));
    add_escaped(&t, event->performer_name);
    add(&t, SLICE_LIT("&ucuser=%1F"));
    add_escaped(&t, event->performer_name);
    return slice_of(t.bytes, t.len);
}

/* The files that the revision shows, as the parser names them. */
static struct slice put_images(const struct event *event, const struct answer *answers,
                               struct arena *scratch, struct arena *keep)
{
    struct json json;
    struct text t;
    size_t size = sizeof IMAGES_HEAD + 8;
    size_t i;
    size_t n;
    yyjson_val *name;

    (void)event;
    if (question_read(scratch, answers[QUESTION_PARSE].body, &json) != 0)
        return nothing(); /* cannot be: it was read when it came */
    yyjson_val *images = json_value(
        json_key(json_value(json_key(json.root, SLICE_LIT("parse"))), SLICE_LIT("images")));
    if (yyjson_arr_size(images) == 0)
        return nothing();
    yyjson_arr_foreach(images, i, n, name)
    {
        if (i < QUESTION_TITLES_MAX)
            size += 3 * json_text(name).len + 16;
    }
    if (!text_open(&t, keep, size))
        return (struct slice){0};
    add(&t, SLICE_LIT(IMAGES_HEAD));
    yyjson_arr_foreach(images, i, n, name)
    {
        if (i == QUESTION_TITLES_MAX)
            break;
        add(&t, i == 0 ? SLICE_LIT("File%3A") : SLICE_LIT("%7CFile%3A"));
        add_escaped(&t, json_text(name));
    }
    return slice_of(t.bytes, t.len);
}

static const struct question_type TYPES[QUESTION_COUNT] = {
    [QUESTION_REVISION] = {"revision", QUESTION_ACTION, "query", 0, false, put_revision},
    [QUESTION_PARSE] = {"parse", QUESTION_ACTION, "parse", QUESTION_BIT(QUESTION_REVISION), false,
                        put_parse},
    [QUESTION_PARSE_PARENT] = {"parse_parent", QUESTION_ACTION, "parse",
                               QUESTION_BIT(QUESTION_REVISION), true, put_parse_parent},
    [QUESTION_IMAGES] = {"imageinfo", QUESTION_ACTION, "query", QUESTION_BIT(QUESTION_PARSE), false,
                         put_images},
    [QUESTION_DIFF] = {"compare", QUESTION_REST, "diff", QUESTION_BIT(QUESTION_REVISION), true,
                       put_diff},
    [QUESTION_DIFF_SLOTS] = {"compare_slots", QUESTION_ACTION, "compare",
                             QUESTION_BIT(QUESTION_REVISION), true, put_diff_slots},
    [QUESTION_HTML] = {"html", QUESTION_PAGE, NULL, QUESTION_BIT(QUESTION_REVISION), false,
                       put_html},
    [QUESTION_USER] = {"user", QUESTION_ACTION, "query", QUESTION_BIT(QUESTION_REVISION), false,
                       put_user},
};

const struct question_type *question_type(enum question_kind kind)
{
    assert(kind < QUESTION_COUNT);
    return &TYPES[kind];
}

int question_put(enum question_kind kind, const struct event *event, const struct answer *answers,
                 struct arena *scratch, struct arena *keep, struct question *out)
{
    const struct question_type *type = question_type(kind);

    arena_reset(scratch);
    const struct slice text = type->put(event, answers, scratch, keep);
    arena_reset(scratch);
    if (text.ptr == NULL)
        return ERR_NO_MEMORY;
    if (text.len == 0)
        return ERR_NOT_FOUND;
    *out = (struct question){.kind = kind,
                             .api = type->api,
                             .domain = event->domain,
                             .page_id = event->page_id,
                             .rev_id = event->rev_id,
                             .text = text};
    return 0;
}

int question_read(struct arena *scratch, struct slice body, struct json *out)
{
    static const struct json_limits LIMITS = {.bytes_max = MWAPI_BYTES_MAX,
                                              .depth_max = MWAPI_DEPTH_MAX};
    struct json_flaw flaw;

    return json_parse(scratch, body, &LIMITS, out, &flaw);
}
