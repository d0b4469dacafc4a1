/* SPDX-License-Identifier: Apache-2.0 */
/* question_redirect.c - the questions about a redirect's targets. */
#include "proto/html.h"
#include "proto/question_part.h"
#include "proto/redirect.h"

#define TARGETS_HEAD  ACTION_HEAD "query&prop=info&titles="
#define REDIRECT_HEAD ACTION_HEAD "query&redirects=1&pageids="
#define LIST_HEAD                                                                                  \
    ACTION_HEAD "query&prop=redirects&rdprop=pageid%7Ctitle%7Cfragment&rdlimit=max&titles="

static yyjson_val *get(yyjson_val *obj, const char *name)
{
    return json_value(json_key(obj, slice_str(name)));
}

/* ---- where it leads -------------------------------------------------------------------------- */

static void read_href(const struct answer *answer, struct arena *a, struct redirect_end *out)
{
    if (!answer->is_asked || answer->reason != REASON_NONE || answer->href.len == 0)
        return;
    out->href = answer->href;
    (void)html_title_of(answer->href, a, &out->title, &out->fragment);
}

void redirect_ends(const struct event *event, const struct answer *answers, struct arena *a,
                   struct redirect_ends *out)
{
    *out = (struct redirect_ends){0};
    if (slice_equal(event->kind, SLICE_LIT("delete"))) {
        out->before.href = out->before.title = event->redirect_title;
        return;
    }
    read_href(&answers[QUESTION_HTML], a, &out->now);
    if (out->now.href.len == 0)
        out->now.href = out->now.title = event->redirect_title;
    read_href(&answers[QUESTION_HTML_PARENT], a, &out->before);
}

yyjson_val *redirect_page(yyjson_val *targets, struct slice title)
{
    yyjson_val *query = get(targets, "query");
    size_t i;
    size_t n;
    yyjson_val *one;

    if (title.len == 0)
        return NULL;
    yyjson_arr_foreach(get(query, "normalized"), i, n, one)
    {
        if (slice_equal(json_text(get(one, "from")), title)) {
            title = json_text(get(one, "to"));
            break;
        }
    }
    yyjson_arr_foreach(get(query, "pages"), i, n, one)
    {
        if (slice_equal(json_text(get(one, "title")), title))
            return one;
    }
    return NULL;
}

bool redirect_shows(yyjson_val *answer, struct slice target)
{
    size_t i;
    size_t n;
    yyjson_val *one;
    bool is_local = false;

    yyjson_arr_foreach(get(get(answer, "query"), "redirects"), i, n, one)
    {
        if (target.len > 0 && slice_equal(json_text(get(one, "to")), target))
            return true;
        is_local |= get(one, "tointerwiki") == NULL;
    }
    return target.len == 0 && !is_local;
}

static bool has_page(yyjson_val *list, int64_t page_id)
{
    size_t i;
    size_t n;
    yyjson_val *one;
    int64_t id;

    yyjson_arr_foreach(list, i, n, one)
    {
        if (json_integer(get(one, "pageid"), &id) == 0 && id == page_id)
            return true;
    }
    return false;
}

bool redirect_lists(yyjson_val *answer, struct slice target, int64_t page_id, bool *found)
{
    size_t i;
    size_t n;
    yyjson_val *page;

    yyjson_arr_foreach(get(get(answer, "query"), "pages"), i, n, page)
    {
        if (!has_page(get(page, "redirects"), page_id))
            continue;
        if (target.len == 0 || !slice_equal(json_text(get(page, "title")), target))
            return false;
        *found = true;
    }
    return true;
}

/* MediaWiki answers REDIRECT from the page itself where its table does not have it yet, so that the
 * lists have a say, too: as far as they come in one part. */
static bool is_early(const struct question *q, yyjson_val *answer)
{
    bool is_found = false;

    if (q->kind == QUESTION_REDIRECT)
        return !redirect_shows(answer, q->expect);
    if (get(answer, "continue") != NULL ||
        memmem(q->text.ptr, q->text.len, "&rdcontinue=", 12) != NULL)
        return false;
    return !redirect_lists(answer, q->expect, q->page_id, &is_found) ||
           (q->expect.len > 0 && !is_found);
}

bool question_is_early(const struct question *q, struct slice body, struct arena *scratch)
{
    struct json json;

    if (q->kind != QUESTION_REDIRECT && q->kind != QUESTION_REDIRECTS)
        return false;
    arena_reset(scratch);
    const bool is_read = question_read(scratch, body, &json) == 0;
    const bool result = is_read && is_early(q, json.root);
    arena_reset(scratch);
    return result;
}

/* ---- the questions --------------------------------------------------------------------------- */

/* MediaWiki gives it back, unread. Here it makes questions about different changes differ, so that
 * none is served by the answer about the change before. */
static struct slice request_id(const struct question_in *in)
{
    return question_numbered(in->keep,
                             &(struct question_numbered){"&requestid=", in->event->rev_id, "", -1});
}

/* The head, one or two titles, an end. */
static struct slice with_titles(const struct question_in *in, struct slice head,
                                const struct slice titles[2], struct slice end)
{
    struct question_text t;

    if (titles[0].len == 0 && titles[1].len == 0)
        return question_nothing();
    if (end.ptr == NULL ||
        !question_text_open(&t, in->keep,
                            head.len + 3 * (titles[0].len + titles[1].len + 1) + end.len))
        return (struct slice){0};
    question_add(&t, head);
    question_add_escaped(&t, titles[0]);
    if (titles[0].len > 0 && titles[1].len > 0)
        question_add(&t, SLICE_LIT("%7C"));
    question_add_escaped(&t, titles[1]);
    question_add(&t, end);
    return slice_of(t.bytes, t.len);
}

struct slice put_targets(const struct question_in *in)
{
    struct redirect_ends ends;

    redirect_ends(in->event, in->answers, in->scratch, &ends);
    const struct slice titles[2] = {ends.now.title, slice_equal(ends.now.title, ends.before.title)
                                                        ? (struct slice){0}
                                                        : ends.before.title};
    return with_titles(in, SLICE_LIT(TARGETS_HEAD), titles, SLICE_LIT(""));
}

/* What the wiki calls the ends, as far as they are pages; false: TARGETS was not asked. */
static bool read_titles(const struct question_in *in, struct slice *now, struct slice *before)
{
    const struct answer *targets = &in->answers[QUESTION_TARGETS];
    struct redirect_ends ends;
    struct json json;

    *now = *before = (struct slice){0};
    if (!targets->is_asked || question_read(in->scratch, targets->body, &json) != 0)
        return false;
    redirect_ends(in->event, in->answers, in->scratch, &ends);
    *now = json_text(get(redirect_page(json.root, ends.now.title), "title"));
    *before = json_text(get(redirect_page(json.root, ends.before.title), "title"));
    return true;
}

struct slice put_redirect(const struct question_in *in)
{
    struct slice now;
    struct slice before;

    if (in->event->page_id <= 0 || !read_titles(in, &now, &before))
        return question_nothing();
    const struct slice id = request_id(in);
    const struct slice head = question_numbered(
        in->keep, &(struct question_numbered){REDIRECT_HEAD, in->event->page_id, "", -1});
    struct question_text t;
    if (id.ptr == NULL || head.ptr == NULL || !question_text_open(&t, in->keep, head.len + id.len))
        return (struct slice){0};
    question_add(&t, head);
    question_add(&t, id);
    return slice_of(t.bytes, t.len);
}

struct slice question_expected(const struct question_in *in)
{
    struct slice now;
    struct slice before;

    (void)read_titles(in, &now, &before);
    return arena_copy(in->keep, now);
}

struct slice put_redirects(const struct question_in *in)
{
    const struct slice next = in->answers[QUESTION_REDIRECTS].next;
    struct slice titles[2];
    struct question_text t;

    if (!read_titles(in, &titles[0], &titles[1]))
        return question_nothing();
    if (slice_equal(titles[0], titles[1]))
        titles[1] = (struct slice){0};
    const struct slice id = request_id(in);
    if (id.ptr == NULL || !question_text_open(&t, in->keep, id.len + 3 * next.len + 32))
        return (struct slice){0};
    question_add(&t, id);
    if (next.len > 0) {
        question_add(&t, SLICE_LIT("&rdcontinue="));
        question_add_escaped(&t, next);
    }
    return with_titles(in, SLICE_LIT(LIST_HEAD), titles, slice_of(t.bytes, t.len));
}

struct slice question_next(enum question_kind kind, struct slice body, struct arena *scratch,
                           struct arena *keep)
{
    struct json json;
    struct slice next = {0};

    if (kind != QUESTION_REDIRECTS)
        return next;
    arena_reset(scratch);
    if (question_read(scratch, body, &json) == 0)
        next = json_text(get(get(json.root, "continue"), "rdcontinue"));
    next = next.len > 0 ? arena_copy(keep, next) : (struct slice){0};
    arena_reset(scratch);
    return next;
}
