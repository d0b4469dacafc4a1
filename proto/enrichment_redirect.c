/* SPDX-License-Identifier: Apache-2.0 */
/* enrichment_redirect.c - what is made of the answers about a redirect. */
#include "proto/enrichment.h"
#include "proto/redirect.h"

/* One answer of REDIRECTS: the pages of the target's list, as far as there is room. */
static size_t put_part(yyjson_val *root, struct slice title, size_t count, bool *is_truncated,
                       struct json_out *out)
{
    yyjson_val *list = NULL;
    size_t i;
    size_t n;
    yyjson_val *one;

    yyjson_arr_foreach(enrichment_get(enrichment_get(root, "query"), "pages"), i, n, one)
    {
        if (slice_equal(json_text(enrichment_get(one, "title")), title))
            list = enrichment_get(one, "redirects");
    }
    yyjson_arr_foreach(list, i, n, one)
    {
        yyjson_val *id = enrichment_get(one, "pageid");
        yyjson_val *ns = enrichment_get(one, "ns");
        if (count == REDIRECT_LIST_MAX) {
            *is_truncated = true;
            break;
        }
        if (!yyjson_is_raw(id) || !yyjson_is_raw(ns))
            continue;
        count++;
        json_out_open(out, '{');
        json_out_key(out, "page_id");
        json_out_token(out, slice_of(yyjson_get_raw(id), yyjson_get_len(id)));
        json_out_key(out, "ns");
        json_out_token(out, slice_of(yyjson_get_raw(ns), yyjson_get_len(ns)));
        json_out_key(out, "title");
        json_out_text(out, json_text(enrichment_get(one, "title")));
        if (enrichment_get(one, "fragment") != NULL) {
            json_out_key(out, "fragment");
            json_out_text(out, json_text(enrichment_get(one, "fragment")));
        }
        json_out_close(out, '}');
    }
    return count;
}

/* The parts stand newest first, and the last answer is none of them. */
static const struct answer_part *part_at(const struct answer *answer, size_t back)
{
    const struct answer_part *part = answer->parts;

    while (back-- > 0 && part != NULL)
        part = part->before;
    return part;
}

static size_t part_count(const struct answer *answer)
{
    size_t n = 0;

    for (const struct answer_part *part = answer->parts; part != NULL; part = part->before)
        n++;
    return n;
}

static void put_list(const struct enrichment_in *in, struct slice title, struct json_out *out)
{
    const struct answer *answer = &in->answers[QUESTION_REDIRECTS];
    bool is_truncated = answer->next.len > 0; /* more parts than are asked for */
    size_t count = 0;
    struct json json;

    json_out_key(out, "redirects");
    json_out_open(out, '[');
    for (size_t k = part_count(answer); k-- > 0;) {
        if (question_read(in->scratch, part_at(answer, k)->body, &json) != 0)
            is_truncated = true; /* cannot be: it was read when it came */
        else
            count = put_part(json.root, title, count, &is_truncated, out);
    }
    (void)put_part(in->trees[QUESTION_REDIRECTS].root, title, count, &is_truncated, out);
    json_out_close(out, ']');
    json_out_key(out, "truncated");
    json_out_bool(out, is_truncated);
}

/* A target: the wiki's page, or only what the redirect says where the wiki has no page for it. */
static void put_target(const struct enrichment_in *in, const struct redirect_end *end,
                       struct json_out *out)
{
    const struct json *targets = &in->trees[QUESTION_TARGETS];
    yyjson_val *page = redirect_page(targets->root, end->title);

    if (end->href.len == 0) {
        json_out_token(out, SLICE_LIT("null"));
        return;
    }
    json_out_open(out, '{');
    if (page == NULL) {
        json_out_key(out, "elsewhere");
        json_out_text(out, end->href);
    } else {
        const struct slice title = json_text(enrichment_get(page, "title"));
        json_out_key(out, "page_id");
        enrichment_copy(targets, page, "pageid", out);
        json_out_key(out, "ns");
        enrichment_copy(targets, page, "ns", out);
        json_out_key(out, "title");
        json_out_text(out, title);
        if (end->fragment.len > 0) {
            json_out_key(out, "fragment");
            json_out_text(out, end->fragment);
        }
        put_list(in, title, out);
    }
    json_out_close(out, '}');
}

/* The page stands in its target's list, and in no other. Past the last part nothing is known. */
static bool lists_show(const struct enrichment_in *in, struct slice target)
{
    const struct answer *answer = &in->answers[QUESTION_REDIRECTS];
    const int64_t page_id = in->event->page_id;
    bool is_found = target.len == 0 || answer->next.len > 0;
    struct json json;

    for (const struct answer_part *part = answer->parts; part != NULL; part = part->before) {
        if (question_read(in->scratch, part->body, &json) == 0 &&
            !redirect_lists(json.root, target, page_id, &is_found))
            return false;
    }
    return redirect_lists(in->trees[QUESTION_REDIRECTS].root, target, page_id, &is_found) &&
           is_found;
}

static bool is_complete(const struct enrichment_in *in, const struct redirect_ends *ends)
{
    yyjson_val *page = redirect_page(in->trees[QUESTION_TARGETS].root, ends->now.title);
    const struct slice target = json_text(enrichment_get(page, "title"));

    return !in->answers[QUESTION_REDIRECT].is_asked ||
           (redirect_shows(in->trees[QUESTION_REDIRECT].root, target) && lists_show(in, target));
}

/* The last answer that it is made of. */
static enum question_kind last_of(const struct enrichment_in *in)
{
    static const enum question_kind KINDS[] = {QUESTION_REDIRECTS, QUESTION_REDIRECT,
                                               QUESTION_TARGETS, QUESTION_HTML_PARENT,
                                               QUESTION_HTML};

    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (in->answers[KINDS[i]].is_asked && in->answers[KINDS[i]].reason == REASON_NONE)
            return KINDS[i];
    }
    return QUESTION_REVISION;
}

void write_redirect(const struct enrichment_in *in, struct json_out *out)
{
    const bool is_gone = slice_equal(in->event->kind, SLICE_LIT("delete"));
    struct redirect_ends ends;

    redirect_ends(in->event, in->answers, in->scratch, &ends);
    json_out_open(out, '{');
    enrichment_as_of(in, last_of(in), out);
    json_out_key(out, "target");
    put_target(in, &ends.now, out);
    if (is_gone) {
        json_out_key(out, "parent_rev_id");
        json_out_integer(out, in->event->rev_id);
    }
    if (is_gone || enrichment_has_parent(in, QUESTION_HTML_PARENT, out)) {
        json_out_key(out, "parent_target");
        put_target(in, &ends.before, out);
    }
    json_out_key(out, "complete");
    json_out_bool(out, is_complete(in, &ends));
    json_out_close(out, '}');
}
