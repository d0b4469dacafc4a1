/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrichment_rdf.c - which triples came and went since the revision that the stream had last of the
 * entity. What that was is a fact of the source's order (node/io_line_state.h); of an entity that the
 * stream has not had, it is the revision's parent.
 */
#include "proto/enrichment.h"
#include "proto/err.h"
#include "proto/question_part.h"
#include "proto/rdf.h"

/* The revision to compare with; 0: none, all is new; -1: not known. */
static int64_t base_of(const struct event *e)
{
    return e->emitted_rev_id >= 0 ? e->emitted_rev_id : e->parent_id;
}

/* Older than what the stream has had, or the same: there is nothing to be said. */
static bool is_behind(const struct event *e)
{
    return e->emitted_rev_id >= e->rev_id;
}

static struct slice put_of(const struct question_in *in, int64_t rev_id)
{
    if (rev_id <= 0 || is_behind(in->event))
        return question_nothing();
    return question_entity_data(in, ".nt&flavor=dump&revision=", rev_id);
}

struct slice put_rdf(const struct question_in *in)
{
    return put_of(in, in->event->rev_id);
}

struct slice put_rdf_before(const struct question_in *in)
{
    return put_of(in, base_of(in->event));
}

static const char *base_word(const struct event *e)
{
    if (is_behind(e))
        return "newer";
    if (base_of(e) == 0)
        return "nothing";
    return e->emitted_rev_id >= 0 ? "emitted" : "parent";
}

static void put_base(const struct event *e, struct json_out *out)
{
    json_out_key(out, "from");
    json_out_text(out, slice_str(base_word(e)));
    if (base_of(e) > 0) {
        json_out_key(out, "from_rev_id");
        json_out_integer(out, base_of(e));
    }
}

/* Two answers against each other. */
static void put_changes(const struct enrichment_in *in, struct json_out *out)
{
    const struct answer *before = &in->answers[QUESTION_RDF_BEFORE];
    struct rdf now = {0};
    struct rdf then = {0};
    int rc = rdf_read(in->answers[QUESTION_RDF].body, in->scratch, &now);

    if (rc == 0 && before->is_asked)
        rc = rdf_read(before->body, in->scratch, &then);
    if (rc != 0) {
        out->rc = out->rc != 0 ? out->rc : rc;
        return;
    }
    json_out_key(out, "added");
    rdf_put_difference(&now, &then, out);
    json_out_key(out, "removed");
    rdf_put_difference(&then, &now, out);
}

void write_rdf_diff(const struct enrichment_in *in, struct json_out *out)
{
    const struct event *e = in->event;
    const struct answer *before = &in->answers[QUESTION_RDF_BEFORE];

    if (is_behind(e)) {
        json_out_open(out, '{');
        put_base(e, out);
        json_out_close(out, '}');
        return;
    }
    if (!in->answers[QUESTION_RDF].is_asked) { /* no entity, or one that redirects */
        json_out_token(out, SLICE_LIT("null"));
        return;
    }
    json_out_open(out, '{');
    enrichment_as_of(in, QUESTION_RDF, out);
    put_base(e, out);
    if (base_of(e) < 0 || (before->is_asked && before->reason != REASON_NONE)) {
        json_out_key(out, "from_unknown");
        json_out_text(out, base_of(e) < 0 ? SLICE_LIT("not_said")
                                          : slice_str(reason_word(before->reason)));
    } else {
        put_changes(in, out);
    }
    json_out_close(out, '}');
}
