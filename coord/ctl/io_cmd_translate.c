/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_translate.c - moves a consumer group's place on a global stream to another DC's copy.
 *
 * Happy path: the group's offset in the old DC becomes the number that it reads next; that number is
 * found in the new DC's copy; the records around it are compared; the offset is shown, and with
 * --execute committed for the group there.
 *
 * Failures: everything that would make the reader miss or repeat a number is refused before anything is
 * changed. Where the old DC cannot answer, --seq says which number comes next.
 */
#include <inttypes.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_group.h"
#include "coord/ctl/io_kafka.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/topics.h"
#include "coord/ctl/translate.h"

enum {
    TRANSLATE_WAITS_MAX = 50,
    TRANSLATE_POLL_MS = 100
};

struct translating {
    struct session *session;
    struct snapshot snap;
    const char *topic; /* global.<stream> */
    const char *group; /* NULL: only the offset is wanted */
    struct slice from; /* absent: not given */
    struct slice to;
    int64_t seq; /* that the reader wants next */
    int64_t offset;
    struct translate_copy copies[2]; /* from, to */
};

/* ---- finding ---------------------------------------------------------------------------------- */

static struct translate_record record_of(struct session *s, const struct kafka_record *r,
                                         const struct audit_record *parsed)
{
    return (struct translate_record){
        .seq = parsed->seq, .offset = r->raw.offset, .chain = arena_copy(&s->arena, parsed->chain)};
}

/* Reads on: the next record with a number, seq -1 at the end of the log. False: said. */
static bool next_record(struct session *s, struct kafka_reader *reader, const char *topic,
                        struct translate_record *out)
{
    struct kafka_record record;
    struct audit_record parsed;

    *out = (struct translate_record){.seq = -1};
    for (int waits = 0; waits < TRANSLATE_WAITS_MAX;) {
        enum kafka_event event = kafka_next(reader, TRANSLATE_POLL_MS, &record);

        if (event == KAFKA_FAILED)
            return false;
        if (event == KAFKA_END)
            return true;
        if (event == KAFKA_NOTHING) {
            waits++;
            continue;
        }
        audit_record_parse(&record.raw, &parsed);
        if (!parsed.has_origin || !parsed.has_seq)
            continue;
        *out = record_of(s, &record, &parsed);
        return true;
    }
    output_error(&s->output, "no answer in time for %s", topic);
    return false;
}

/* The first record with a number at or after an offset. */
static bool first_after(struct session *s, struct kafka_reader *reader, const char *topic,
                        int64_t offset, struct translate_record *out)
{
    kafka_start(reader);
    return kafka_add(reader, topic, 0, offset) && kafka_begin(reader) &&
           next_record(s, reader, topic, out);
}

/* The last record with a number. Goes back in growing steps: markers end the log. */
static bool last_of(struct session *s, struct kafka_reader *reader, const char *topic,
                    struct translate_record *out)
{
    struct translate_record next;
    int64_t first = 0;
    int64_t end = 0;

    *out = (struct translate_record){.seq = -1};
    if (!kafka_bounds(reader, topic, 0, &first, &end))
        return false;
    for (int64_t back = 8; out->seq < 0; back *= 8) {
        if (!first_after(s, reader, topic, end - back > first ? end - back : first, &next))
            return false;
        while (next.seq >= 0) {
            *out = next;
            if (!next_record(s, reader, topic, &next))
                return false;
        }
        if (end - back <= first)
            return true; /* all of it was read */
    }
    return true;
}

/* Fills in what the copy has around `seq`. False: said. */
static bool look_at_copy(struct translating *x, struct kafka_reader *reader, int64_t seq,
                         struct translate_copy *out)
{
    struct session *s = x->session;
    struct translate_record first;
    struct translate_record found;
    int64_t offset = 0;
    int64_t start = 0;
    int64_t end = 0;

    out->before.seq = out->at.seq = -1;
    if (!kafka_bounds(reader, x->topic, 0, &start, &end) ||
        !first_after(s, reader, x->topic, start, &first) || !last_of(s, reader, x->topic, &found)) {
        return false;
    }
    out->oldest = first.seq;
    out->newest = found.seq;
    if (seq > out->newest + 1 || first.seq < 0)
        return true;
    if (!kafka_find_seq(reader, x->topic, seq > 0 ? seq - 1 : 0, &offset) ||
        !first_after(s, reader, x->topic, offset, &found)) {
        return false;
    }
    if (seq > 0 && found.seq == seq - 1) {
        out->before = found;
        if (!next_record(s, reader, x->topic, &found))
            return false;
    }
    if (found.seq == seq)
        out->at = found;
    return true;
}

/* ---- the number ------------------------------------------------------------------------------- */

/* An offset in a copy is the number of the first record there; at the end, the one after the last. */
static bool seq_at(struct translating *x, struct kafka_reader *reader, int64_t offset)
{
    struct translate_record found;

    if (!first_after(x->session, reader, x->topic, offset, &found))
        return false;
    x->seq = found.seq;
    if (found.seq >= 0)
        return true;
    if (!last_of(x->session, reader, x->topic, &found))
        return false;
    x->seq = found.seq + 1;
    return true;
}

/* 0 or an exit code, said. */
static int check_idle(struct translating *x, struct group *g, struct slice dc)
{
    int members = group_members(g);

    if (members > 0) {
        output_error(&x->session->output,
                     "group '%s' has %d members at %.*s: stop its readers first, or they go on "
                     "committing",
                     x->group, members, SLICE_ARG(dc));
    }
    return members == 0 ? 0 : EXIT_REFUSED;
}

/* The number from the group's place, or from --offset, in the old DC. 0 or an exit code, said. */
static int number_from(struct translating *x, struct kafka_reader *reader, const char *kafka)
{
    struct session *s = x->session;
    struct group *g = NULL;
    int64_t offset = 0;
    int rc = 0;

    if (session_given(s, OPTION_OFFSET)) {
        if (!session_number(s, OPTION_OFFSET, 0, &offset))
            return EXIT_USAGE;
        return seq_at(x, reader, offset) ? 0 : EXIT_REFUSED;
    }
    rc = group_open(s, kafka, x->group, &g);
    if (rc == 0)
        rc = check_idle(x, g, x->from);
    if (rc == 0 && !group_place(g, x->topic, &offset))
        rc = EXIT_REFUSED;
    group_close(g);
    if (rc != 0)
        return rc;
    if (offset < 0) {
        output_error(&s->output,
                     "group '%s' has no place on %s in %.*s; --seq says which number it wants next",
                     x->group, x->topic, SLICE_ARG(x->from));
        return EXIT_REFUSED;
    }
    return seq_at(x, reader, offset) ? 0 : EXIT_REFUSED;
}

/* ---- both copies ------------------------------------------------------------------------------ */

/* With --seq the old DC is not asked: it may be gone. */
static int look_at_old(struct translating *x)
{
    struct session *s = x->session;
    struct kafka_reader *reader = NULL;
    const char *kafka = NULL;
    int rc = 0;

    if (session_given(s, OPTION_SEQ))
        return session_number(s, OPTION_SEQ, 0, &x->seq) ? 0 : EXIT_USAGE;
    kafka = place_kafka(s, &x->snap, x->from);
    rc = kafka == NULL ? EXIT_REFUSED : kafka_open(s, kafka, true, &reader);
    if (rc == 0)
        rc = number_from(x, reader, kafka);
    if (rc == 0 && !look_at_copy(x, reader, x->seq, &x->copies[0]))
        rc = EXIT_REFUSED;
    kafka_close(reader);
    return rc;
}

static int look_at_new(struct translating *x)
{
    struct session *s = x->session;
    struct kafka_reader *reader = NULL;
    const char *kafka = place_kafka(s, &x->snap, x->to);
    const char *why = NULL;
    int rc = kafka == NULL ? EXIT_REFUSED : kafka_open(s, kafka, true, &reader);

    if (rc == 0 && !look_at_copy(x, reader, x->seq, &x->copies[1]))
        rc = EXIT_REFUSED;
    kafka_close(reader);
    if (rc != 0)
        return rc;
    why = translate_differs(&x->copies[0], &x->copies[1], &s->arena);
    if (why == NULL)
        why = translate_place(&x->copies[1], x->seq, &s->arena, &x->offset);
    if (why != NULL)
        output_error(&s->output, "%s", why);
    return why == NULL ? 0 : EXIT_REFUSED;
}

/* ---- the command ------------------------------------------------------------------------------ */

static int usage(struct session *s, const char *why)
{
    output_error(&s->output, "%s", why);
    return EXIT_USAGE;
}

static int read_options(struct translating *x)
{
    struct session *s = x->session;
    bool has_number = session_given(s, OPTION_SEQ) || session_given(s, OPTION_OFFSET);

    x->group = session_option(s, OPTION_GROUP);
    x->from = slice_str(session_option(s, OPTION_FROM));
    x->to = slice_str(session_option(s, OPTION_TO));
    if (!session_given(s, OPTION_STREAM) || x->to.len == 0)
        return usage(s, "translate needs --stream STREAM and --to DC");
    if (session_given(s, OPTION_SEQ) && session_given(s, OPTION_OFFSET))
        return usage(s, "--seq and --offset are two ways to say one thing: give one");
    if (x->from.len == 0 && !session_given(s, OPTION_SEQ))
        return usage(s, "translate needs --from DC, or --seq N");
    if (x->group == NULL && !has_number)
        return usage(s, "translate needs --group GROUP, --seq N or --offset N");
    if (x->group != NULL && session_given(s, OPTION_OFFSET))
        return usage(s, "a group's own place counts: with --group give --seq, not --offset");
    if (session_given(s, OPTION_EXECUTE) && x->group == NULL)
        return usage(s, "--execute needs --group GROUP");
    x->topic = topic_global(&s->arena, slice_str(session_option(s, OPTION_STREAM)));
    x->copies[0].dc = x->from;
    x->copies[1].dc = x->to;
    x->copies[0].before.seq = x->copies[0].at.seq = -1;
    return 0;
}

static int execute(struct translating *x, struct view *v)
{
    struct session *s = x->session;
    const char *kafka = place_kafka(s, &x->snap, x->to);
    const struct store_change change = {
        .what = text_format(&s->arena, "move group %s on %s to %.*s, number %" PRId64, x->group,
                            x->topic, SLICE_ARG(x->to), x->seq)};
    struct group *g = NULL;
    int code = EXIT_DONE;
    int rc = kafka == NULL ? EXIT_REFUSED : group_open(s, kafka, x->group, &g);

    if (rc == 0)
        rc = check_idle(x, g, x->to);
    if (rc == 0 && !store_may_change(s, v, &x->snap, change.what, &code)) {
        group_close(g);
        return code;
    }
    if (rc == 0)
        rc = group_set_place(g, x->topic, x->offset);
    group_close(g);
    if (rc != 0)
        return rc;
    if (store_change(s, &change) != 0)
        output_note(&s->output, "the group was moved, but the operators' log does not say so");
    view_heading(v, "Done: %s.", change.what);
    v->kind = "Translated";
    output_view(&s->output, v);
    return EXIT_DONE;
}

int cmd_translate(struct session *s)
{
    struct translating *x = arena_calloc(&s->arena, 1, sizeof(*x));
    struct view v = view_new(&s->arena, "Translation");
    int rc = 0;

    if (x == NULL)
        return EXIT_REFUSED;
    x->session = s;
    rc = read_options(x);
    if (rc == 0)
        rc = store_load(s, &x->snap);
    if (rc == 0)
        rc = look_at_old(x);
    if (rc == 0)
        rc = look_at_new(x);
    if (rc != 0)
        return rc;
    view_text(&v, "topic", slice_str(x->topic));
    view_text(&v, "group", slice_str(x->group));
    view_text(&v, "from", x->from);
    view_text(&v, "to", x->to);
    view_number(&v, "seq", x->seq);
    view_number(&v, "offset", x->offset);
    if (session_given(s, OPTION_EXECUTE))
        return execute(x, &v);
    if (x->group != NULL)
        output_note(&s->output, "nothing was changed; --execute commits this offset");
    output_view(&s->output, &v);
    return EXIT_DONE;
}
