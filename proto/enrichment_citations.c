/* SPDX-License-Identifier: Apache-2.0 */
/* enrichment_citations.c - the references in Parsoid's HTML. */
#include <stdlib.h>

#include "proto/enrichment.h"
#include "proto/err.h"
#include "proto/html.h"

/* Sorted by what tells them apart: a reference's text and addresses, as its id counts with its place. */
struct element {
    struct slice identity;
    const struct html_reference *reference; /* NULL: the identity is an address */
};

struct elements {
    struct element *items;
    size_t count;
};

struct found {
    struct html_references refs;
    struct elements references;
    struct elements urls;
};

static int by_identity(const void *a, const void *b)
{
    return slice_compare(((const struct element *)a)->identity,
                         ((const struct element *)b)->identity);
}

static struct slice identity_of(const struct html_reference *r, struct arena *a)
{
    size_t len = r->text.len;

    for (size_t i = 0; i < r->url_count; i++)
        len += 1 + r->urls[i].len;
    uint8_t *bytes = arena_alloc(a, len + 1);
    if (bytes == NULL)
        return (struct slice){0};
    size_t at = r->text.len;
    if (at > 0)
        memcpy(bytes, r->text.ptr, at);
    for (size_t i = 0; i < r->url_count; i++) {
        bytes[at++] = '\0';
        memcpy(bytes + at, r->urls[i].ptr, r->urls[i].len);
        at += r->urls[i].len;
    }
    return slice_of(bytes, len);
}

static int sort(struct found *f, struct arena *a)
{
    size_t url_count = 0;

    for (size_t i = 0; i < f->refs.count; i++)
        url_count += f->refs.items[i]->url_count;
    f->references.items = arena_calloc(a, f->refs.count + 1, sizeof(struct element));
    f->urls.items = arena_calloc(a, url_count + 1, sizeof(struct element));
    if (f->references.items == NULL || f->urls.items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < f->refs.count; i++) {
        const struct html_reference *r = f->refs.items[i];
        const struct slice identity = identity_of(r, a);
        if (identity.ptr == NULL)
            return ERR_NO_MEMORY;
        f->references.items[f->references.count++] = (struct element){identity, r};
        for (size_t k = 0; k < r->url_count; k++)
            f->urls.items[f->urls.count++] = (struct element){r->urls[k], NULL};
    }
    qsort(f->references.items, f->references.count, sizeof(struct element), by_identity);
    qsort(f->urls.items, f->urls.count, sizeof(struct element), by_identity);
    return 0;
}

/* Nothing where there is no such answer, which is what a page without a parent has. */
static int find(const struct enrichment_in *in, enum question_kind kind, struct found *out)
{
    const struct answer *answer = &in->answers[kind];
    int rc = 0;

    *out = (struct found){0};
    if (answer->is_asked && answer->reason == REASON_NONE)
        rc = html_references(answer->body, in->scratch, &out->refs);
    return rc == 0 ? sort(out, in->scratch) : rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_reference(const struct html_reference *r, struct json_out *out)
{
    json_out_open(out, '{');
    json_out_key(out, "id");
    json_out_text(out, r->id);
    json_out_key(out, "text");
    json_out_text(out, r->text);
    json_out_key(out, "urls");
    json_out_open(out, '[');
    for (size_t i = 0; i < r->url_count; i++)
        json_out_text(out, r->urls[i]);
    json_out_close(out, ']');
    json_out_close(out, '}');
}

/* Those of a that are not in b, each once. */
static void put_missing_from(const char *name, const struct elements *a, const struct elements *b,
                             struct json_out *out)
{
    size_t k = 0;

    json_out_key(out, name);
    json_out_open(out, '[');
    for (size_t i = 0; i < a->count; i++) {
        if (i > 0 && by_identity(&a->items[i - 1], &a->items[i]) == 0)
            continue;
        while (k < b->count && by_identity(&b->items[k], &a->items[i]) < 0)
            k++;
        if (k < b->count && by_identity(&b->items[k], &a->items[i]) == 0)
            continue;
        if (a->items[i].reference != NULL)
            put_reference(a->items[i].reference, out);
        else
            json_out_text(out, a->items[i].identity);
    }
    json_out_close(out, ']');
}

static void put_difference(const char *name, const struct found *a, const struct found *b,
                           struct json_out *out)
{
    json_out_key(out, name);
    json_out_open(out, '{');
    put_missing_from("references", &a->references, &b->references, out);
    put_missing_from("urls", &a->urls, &b->urls, out);
    json_out_close(out, '}');
}

void write_citations(const struct enrichment_in *in, struct json_out *out)
{
    struct found now;
    struct found before;
    int rc = find(in, QUESTION_HTML, &now);

    if (rc == 0)
        rc = find(in, QUESTION_HTML_PARENT, &before);
    if (rc != 0) {
        out->rc = out->rc == 0 ? rc : out->rc;
        return;
    }
    json_out_open(out, '{');
    enrichment_as_of(in, QUESTION_HTML, out);
    json_out_key(out, "references");
    json_out_open(out, '[');
    for (size_t i = 0; i < now.refs.count; i++)
        put_reference(now.refs.items[i], out);
    json_out_close(out, ']');
    json_out_key(out, "truncated");
    json_out_bool(out, now.refs.is_truncated || before.refs.is_truncated);
    if (enrichment_has_parent(in, QUESTION_HTML_PARENT, out)) {
        put_difference("added", &now, &before, out);
        put_difference("removed", &before, &now, out);
    }
    json_out_close(out, '}');
}
