/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_backfill.c - `backfill` and `reconcile`: changes that MediaWiki knows and a stream lacks.
 *
 * Happy path: read what the stream has since the time asked for, what waits in the backfill topic and
 * what stands in the error topic; ask each wiki that was met for its changes; make the events of those
 * that are missing; show how many; write them. The same change always gets the same meta.id, so what
 * a run wrote before it broke off is found, or dropped as a duplicate, by the next.
 *
 * A deletion's event names the page's last revision, of which the wiki tells nobody any more: it is
 * the last that the stream has of the page. It is written only if the page is still gone, and an
 * undeletion only if it is still there: written late, it would undo what came after it.
 *
 * Failures: nothing is written before all is found out. A deletion of a page that the stream never
 * saw cannot be made into an event: it is counted and left out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_kafka.h"
#include "coord/ctl/io_kafka_write.h"
#include "coord/ctl/io_mediawiki.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/ctl/missing.h"
#include "coord/ctl/topics.h"
#include "coord/fill.h"
#include "coord/tasks.h"
#include "proto/err.h"

enum {
    EVENTS_MAX = 100000, /* of one run: the next goes on */
    BEFORE_MS = 10 * 60 * 1000,
    SETTLE_MS = 10 * 1000, /* what is younger is on its way */
    RATE_DEFAULT = 50,     /* events a second */
    STUCK_MS = 30000
};

/* An event to be written; lives in the session's arena. */
struct found {
    struct slice key;
    struct slice json;
};

struct backfilling {
    struct session *session;
    struct snapshot snap;
    const struct snapshot_stream *stream;
    struct slice dc;
    struct slice source; /* a topic of page changes, without prefix */
    const char *kafka;
    int64_t since_ms;
    int64_t until_ms;
    int64_t read_from_ms; /* topics */
    struct missing missing;
    struct arena scratch; /* of one answer, or one event */
    struct arena fill;    /* of one event that is made */
    struct mediawiki *wiki;
    struct found *found; /* EVENTS_MAX */
    size_t found_count;
    uint64_t looked_at;
    uint64_t cannot; /* be made */
    uint64_t undone; /* deletions of pages that are back, undeletions of some that are gone */
    bool has_all;    /* the stream was read from its beginning */
};

/* ---- what the stream has ---------------------------------------------------------------------- */

/* Reads a topic's partition 0 from b->read_from_ms on, up to its end. */
static int note_topic(struct backfilling *b, struct kafka_reader *reader, const char *topic,
                      bool is_error)
{
    const int partitions = kafka_partitions(reader, topic);
    int64_t seen_ms = session_now_ms();
    int64_t from = 0;
    struct kafka_record r;
    enum kafka_event event = KAFKA_NOTHING;

    if (partitions == 0)
        return 0;
    output_progress(&b->session->output, "reading %s", topic);
    kafka_start(reader);
    if (partitions < 0 || !kafka_offset_at(reader, topic, 0, b->read_from_ms, &from) ||
        !kafka_add(reader, topic, 0, from) || !kafka_begin(reader))
        return EXIT_REFUSED;
    while (event != KAFKA_END) {
        event = kafka_next(reader, 100, &r);
        if (event == KAFKA_FAILED)
            return EXIT_REFUSED;
        if (event == KAFKA_NOTHING && session_now_ms() - seen_ms > STUCK_MS) {
            output_error(&b->session->output, "reading %s brought nothing for 30 s", topic);
            return EXIT_REFUSED;
        }
        if (event != KAFKA_RECORD)
            continue;
        seen_ms = session_now_ms();
        const bool is_good = is_error ? missing_note_error(&b->missing, &b->scratch, r.raw.value)
                                      : missing_note(&b->missing, &b->scratch, r.raw.value);
        if (!is_good) {
            output_error(&b->session->output, "out of memory: take a shorter time");
            return EXIT_REFUSED;
        }
    }
    return 0;
}

static int note_all(struct backfilling *b)
{
    struct arena *a = &b->session->arena;
    const struct key_texts *dcs = &b->stream->spec.dcs;
    struct kafka_reader *reader = NULL;
    int rc = kafka_open(b->session, b->kafka, true, &reader);

    b->read_from_ms = b->since_ms - BEFORE_MS;
    if (rc == 0)
        rc = note_topic(b, reader, topic_global(a, b->stream->output), false);
    for (size_t i = 0; rc == 0 && i < dcs->count; i++) {
        const char *topic = text_format(a, "%.*s." TASK_BACKFILL_PREFIX "%.*s",
                                        SLICE_ARG(dcs->items[i]), SLICE_ARG(b->source));
        rc = note_topic(b, reader, topic, false);
    }
    if (rc == 0)
        rc = note_topic(b, reader, topic_prefixed(a, b->dc, SLICE_LIT("braid.error")), true);
    kafka_close(reader);
    return rc;
}

/* The last revision that the stream has of the change's page; *out NULL: none. For a page that has
 * not changed since the time asked for, all of the stream is read, once. */
static int last_revision(struct backfilling *b, struct slice wiki_id, const struct change *c,
                         const struct missing_page **out)
{
    struct kafka_reader *reader = NULL;
    int rc = 0;

    *out = missing_page(&b->missing, wiki_id, c);
    if (*out != NULL || b->has_all)
        return 0;
    b->has_all = true;
    b->read_from_ms = 0;
    rc = kafka_open(b->session, b->kafka, true, &reader);
    if (rc == 0)
        rc = note_topic(b, reader, topic_global(&b->session->arena, b->stream->output), false);
    kafka_close(reader);
    *out = missing_page(&b->missing, wiki_id, c);
    return rc;
}

/* ---- what the wikis have ---------------------------------------------------------------------- */

static int refuse_answer(struct backfilling *b, const struct missing_wiki *wiki, int rc,
                         struct slice code)
{
    output_error(&b->session->output, "%.*s: %s %.*s", SLICE_ARG(wiki->wiki_id), err_text(rc),
                 SLICE_ARG(code));
    return EXIT_REFUSED;
}

/* Keeps the event of a change. */
static int keep(struct backfilling *b, const struct missing_wiki *wiki,
                const struct fill_event *event)
{
    struct arena *a = &b->session->arena;
    const struct found f = {
        .key = slice_str(text_format(a, "{\"wiki_id\":\"%.*s\",\"page_id\":%" PRId64 "}",
                                     SLICE_ARG(wiki->wiki_id), event->page_id)),
        .json = arena_copy(a, event->json),
    };

    if (f.json.ptr == NULL) {
        output_error(&b->session->output, "out of memory: take a shorter time");
        return EXIT_REFUSED;
    }
    b->found[b->found_count++] = f;
    return missing_note(&b->missing, &b->scratch, f.json) ? 0 : EXIT_REFUSED;
}

static void source_of(struct fill_source *source, const struct change *c,
                      char about[CHANGE_ABOUT_BYTES_MAX])
{
    change_about(c, about);
    source->change = c;
    source->about = about;
    source->now_ms = session_now_ms();
}

/* Asks for the change's revision and makes the event. */
static int make(struct backfilling *b, const struct missing_wiki *wiki, const struct change *c)
{
    const struct fill_wiki of = {
        .wiki_id = wiki->wiki_id, .domain = wiki->domain, .stream = b->source};
    struct fill_source source = {.wiki = &of};
    char about[CHANGE_ABOUT_BYTES_MAX];
    struct fill_answer answer;
    struct fill_event event;
    struct slice body = {0};
    struct slice code = {0};

    int rc = mediawiki_ask(b->wiki, wiki->domain, fill_query(&b->fill, c), &body);
    if (rc != 0)
        return rc;
    rc = fill_decode(&b->fill, body, &answer, &code);
    if (rc != 0)
        return refuse_answer(b, wiki, rc, code);
    source_of(&source, c, about);
    source.answer = &answer;
    if (fill_event(&b->fill, &source, &event) != 0) {
        b->cannot++;
        return 0;
    }
    return missing_is_null_edit(&b->scratch, event.json) ? 0 : keep(b, wiki, &event);
}

/* A deletion whose page is gone. */
static int make_deletion(struct backfilling *b, const struct missing_wiki *wiki, struct change *c)
{
    const struct fill_wiki of = {
        .wiki_id = wiki->wiki_id, .domain = wiki->domain, .stream = b->source};
    const struct missing_page *last = NULL;
    const int rc = last_revision(b, wiki->wiki_id, c, &last);

    if (rc != 0)
        return rc;
    if (last == NULL) {
        b->cannot++;
        return 0;
    }
    struct fill_source source = {.wiki = &of};
    char about[CHANGE_ABOUT_BYTES_MAX];
    char rev_dt[32];
    struct fill_event event;
    change_time_text(last->rev_ms, false, rev_dt, sizeof(rev_dt));
    c->rev_id = last->rev_id;
    c->rev_dt = slice_str(rev_dt);
    source_of(&source, c, about);
    if (fill_event(&b->fill, &source, &event) == 0)
        return keep(b, wiki, &event);
    b->cannot++;
    return 0;
}

/* A deletion or an undeletion: as long as the page is as it left it. */
static int make_logged(struct backfilling *b, const struct missing_wiki *wiki, struct change *c)
{
    struct change_page page = {0};
    struct slice body = {0};
    struct slice code = {0};

    if (c->page_id == 0) {
        b->cannot++;
        return 0;
    }
    int rc = mediawiki_ask(b->wiki, wiki->domain, change_page_query(&b->fill, c), &body);
    if (rc != 0)
        return rc;
    rc = change_page_decode(&b->fill, body, &page, &code);
    if (rc != 0)
        return refuse_answer(b, wiki, rc, code);
    if (page.is_there == (c->kind == CHANGE_DELETE)) {
        b->undone++;
        return 0;
    }
    if (c->kind == CHANGE_DELETE)
        return make_deletion(b, wiki, c);
    c->rev_id = page.rev_id;
    if (c->rev_id == 0) {
        b->cannot++;
        return 0;
    }
    return make(b, wiki, c);
}

/* A move that the log tells of: the revision that it left is looked for first. */
static int make_move(struct backfilling *b, const struct missing_wiki *wiki, struct change *c)
{
    struct change_page page = {0};
    struct slice body = {0};
    struct slice code = {0};
    int rc = 0;

    if (c->page_id != 0)
        rc = mediawiki_ask(b->wiki, wiki->domain, change_move_query(&b->fill, c), &body);
    if (rc != 0)
        return rc;
    if (c->page_id != 0)
        rc = change_move_decode(&b->fill, c, body, &page, &code);
    if (rc != 0)
        return refuse_answer(b, wiki, rc, code);
    c->rev_id = page.rev_id;
    c->parent_id = page.parent_id;
    if (c->rev_id == 0) {
        b->cannot++;
        return 0;
    }
    return missing_has(&b->missing, wiki->wiki_id, c) ? 0 : make(b, wiki, c);
}

static bool is_logged(const struct change *c)
{
    return c->kind == CHANGE_DELETE || c->kind == CHANGE_UNDELETE;
}

static int make_any(struct backfilling *b, const struct missing_wiki *wiki, struct change *c)
{
    arena_reset(&b->fill);
    if (is_logged(c))
        return make_logged(b, wiki, c);
    return c->rev_id == 0 ? make_move(b, wiki, c) : make(b, wiki, c);
}

/* One page of a list, all of whose changes are looked at. Recent changes do not say of which page a
 * deletion was: those are taken from the log. */
static int take_changes(struct backfilling *b, const struct missing_wiki *wiki,
                        enum change_list list, const struct changes *changes)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < changes->count && b->found_count < EVENTS_MAX; i++) {
        struct change *c = &changes->items[i];
        if (is_logged(c) && list != CHANGE_LIST_DELETIONS)
            continue;
        b->looked_at++;
        if (!missing_is_wanted(&b->stream->spec, wiki->wiki_id, c) ||
            missing_has(&b->missing, wiki->wiki_id, c))
            continue;
        rc = make_any(b, wiki, c);
    }
    output_progress(&b->session->output, "%.*s: %" PRIu64 " changes looked at, %zu missing",
                    SLICE_ARG(wiki->wiki_id), b->looked_at, b->found_count);
    return rc;
}

/* One of a wiki's lists. */
static int look_at_list(struct backfilling *b, const struct missing_wiki *wiki,
                        enum change_list list)
{
    const struct change_span span = {b->since_ms, b->until_ms};
    struct slice next = {0};
    struct arena answers;
    int rc = 0;

    arena_init(&answers, 1 << 18, 96 << 20);
    do {
        struct changes changes = {0};
        struct slice body = {0};
        struct slice code = {0};

        if (next.ptr != NULL) /* lives in the arena that is emptied now */
            next = arena_copy(&b->session->arena, next);
        arena_reset(&answers);
        rc = mediawiki_ask(b->wiki, wiki->domain, change_query(&answers, list, &span, next), &body);
        if (rc != 0)
            break;
        rc = change_decode(&answers, list, body, &changes, &code);
        if (rc != 0) {
            rc = refuse_answer(b, wiki, rc, code);
            break;
        }
        rc = take_changes(b, wiki, list, &changes);
        if (slice_equal(next, changes.next) && next.ptr != NULL)
            rc = refuse_answer(b, wiki, ERR_MALFORMED, SLICE_LIT("its list does not go on"));
        next = changes.next;
    } while (rc == 0 && next.ptr != NULL && b->found_count < EVENTS_MAX);
    arena_deinit(&answers);
    return rc;
}

/* Deletions last: their pages' revisions are known then, and are written before them. */
static int look_at_wiki(struct backfilling *b, const struct missing_wiki *wiki, bool is_all)
{
    int rc = look_at_list(b, wiki, CHANGE_LIST_RECENT);

    if (rc == 0 && is_all)
        rc = look_at_list(b, wiki, CHANGE_LIST_REVISIONS);
    if (rc == 0)
        rc = look_at_list(b, wiki, CHANGE_LIST_MOVES);
    return rc == 0 ? look_at_list(b, wiki, CHANGE_LIST_DELETIONS) : rc;
}

static int look_at_wikis(struct backfilling *b, bool is_all)
{
    const char *only = session_option(b->session, OPTION_WIKI);
    size_t count = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < b->missing.wiki_count; i++) {
        const struct missing_wiki *wiki = &b->missing.wikis[i];
        if (only != NULL && !slice_equal(wiki->wiki_id, slice_str(only)))
            continue;
        count++;
        rc = look_at_wiki(b, wiki, is_all);
    }
    if (rc == 0 && count == 0) {
        output_error(&b->session->output,
                     "the stream has no event of %s since then, so its address is not known: take "
                     "an earlier --since",
                     only == NULL ? "any wiki" : only);
        return EXIT_REFUSED;
    }
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static int write_all(struct backfilling *b, int64_t rate, uint64_t *out_acked)
{
    struct arena *a = &b->session->arena;
    const struct header headers[] = {{slice_str(HEADER_REQUEST_BACKFILL), b->stream->output}};
    const char *topic =
        text_format(a, "%.*s." TASK_BACKFILL_PREFIX "%.*s", SLICE_ARG(b->dc), SLICE_ARG(b->source));
    const struct timespec second = {.tv_sec = 1};
    struct kafka_writer *w = NULL;
    int rc = kafka_write_open(b->session, b->kafka, &w);

    for (size_t i = 0; rc == 0 && i < b->found_count; i++) {
        const struct kafka_write record = {.topic = topic,
                                           .key = b->found[i].key,
                                           .value = b->found[i].json,
                                           .headers = headers,
                                           .header_count = 1};
        rc = kafka_write(w, &record);
        if ((int64_t)((i + 1) % (size_t)rate) == 0) {
            output_progress(&b->session->output, "%zu of %zu written", i + 1, b->found_count);
            (void)nanosleep(&second, NULL); /* a shorter pause does no harm */
        }
    }
    const int end = kafka_write_end(w, out_acked);
    return rc != 0 ? rc : end;
}

/* ---- the commands ----------------------------------------------------------------------------- */

static bool has_topic(const struct layout *layout, struct slice dc, const char *topic)
{
    for (uint32_t i = 0; i < layout->count; i++) {
        if (slice_equal(layout->names[i].from.topic, slice_str(topic)) &&
            slice_equal(layout->names[i].from.dc, dc))
            return true;
    }
    return false;
}

/* The stream, its source of page changes, and the DC whose API and Kafka are used. */
static int find_stream(struct backfilling *b)
{
    struct session *s = b->session;
    const struct spec *spec = NULL;

    b->stream = stream_wanted(s, &b->snap);
    if (b->stream == NULL)
        return EXIT_REFUSED;
    spec = &b->stream->spec;
    b->dc = slice_str(session_option(s, OPTION_DC));
    if (!session_given(s, OPTION_DC))
        b->dc = spec->dcs.items[0];
    for (size_t i = 0; i < spec->sources.count && b->source.ptr == NULL; i++) {
        const char *topic =
            text_format(&s->arena, TASK_BACKFILL_PREFIX "%.*s", SLICE_ARG(spec->sources.items[i]));
        if (spec_shape(spec, i).envelope == EVENT_PAGE_CHANGE &&
            has_topic(&b->stream->cut.layout, b->dc, topic))
            b->source = spec->sources.items[i];
    }
    if (b->source.ptr == NULL) {
        output_error(
            &s->output,
            "%.*s has no source for backfills in %.*s: it was applied by an older braidctl, "
            "with 'requests: retry' or none, or has no source of page changes",
            SLICE_ARG(b->stream->output), SLICE_ARG(b->dc));
        return EXIT_REFUSED;
    }
    b->kafka = place_kafka(s, &b->snap, b->dc);
    const char *api = place_mediawiki(s, &b->snap, b->dc);
    b->wiki = api == NULL ? NULL : mediawiki_open(s, api);
    return b->kafka == NULL || b->wiki == NULL ? EXIT_REFUSED : 0;
}

static int read_times(struct backfilling *b, bool is_reconcile)
{
    struct session *s = b->session;
    const int64_t now = session_now_ms();

    if (!is_reconcile && !session_given(s, OPTION_SINCE)) {
        output_error(&s->output,
                     "since when? --since 2026-01-02T03:04:05Z, or so long ago: 1h, 7d");
        return EXIT_USAGE;
    }
    if (!session_time(s, OPTION_SINCE, b->stream->spec.applied_ms, &b->since_ms) ||
        !session_time(s, OPTION_UNTIL, now - SETTLE_MS, &b->until_ms))
        return EXIT_USAGE;
    if (b->until_ms > now - SETTLE_MS)
        b->until_ms = now - SETTLE_MS;
    if (b->since_ms < b->until_ms)
        return 0;
    output_error(
        &s->output,
        "nothing lies between the two times; what is younger than ten seconds may still come");
    return EXIT_USAGE;
}

static int finish(struct backfilling *b)
{
    struct session *s = b->session;
    struct view v = view_new(&s->arena, "Backfill");
    const struct store_change change = {
        .what = text_format(&s->arena, "backfill %.*s with %zu events from %.*s",
                            SLICE_ARG(b->stream->output), b->found_count, SLICE_ARG(b->dc))};
    uint64_t acked = 0;
    int64_t rate = RATE_DEFAULT;
    int code = EXIT_DONE;

    view_text(&v, "stream", b->stream->output);
    view_text(&v, "dc", b->dc);
    view_text(&v, "source", b->source);
    view_number(&v, "wikis", (int64_t)b->missing.wiki_count);
    view_number(&v, "changes_looked_at", (int64_t)b->looked_at);
    view_number(&v, "missing", (int64_t)b->found_count);
    view_number(&v, "cannot_be_made", (int64_t)b->cannot);
    view_number(&v, "undone_since", (int64_t)b->undone);
    if (!session_number(s, OPTION_RATE, RATE_DEFAULT, &rate) || rate < 1 || rate > 100000) {
        output_error(&s->output, "--rate takes 1 to 100000 events a second");
        return EXIT_USAGE;
    }
    if (b->cannot > 0)
        output_note(&s->output,
                    "%" PRIu64 " changes are missing of which MediaWiki tells too little",
                    b->cannot);
    if (b->found_count == 0) {
        output_view(&s->output, &v);
        return EXIT_DONE;
    }
    if (!store_may_change(s, &v, &b->snap, change.what, &code))
        return code;
    const int rc = write_all(b, rate, &acked);
    if (acked > 0 && store_change(s, &change) != 0)
        output_note(&s->output, "the events were written, but the operators' log does not say so");
    view_number(&v, "written", (int64_t)acked);
    output_view(&s->output, &v);
    if (rc == 0 && b->found_count == EVENTS_MAX)
        output_note(&s->output, "that was as much as one run takes: run it again");
    return rc;
}

static int run(struct backfilling *b, bool is_reconcile)
{
    const bool is_all = is_reconcile || session_given(b->session, OPTION_ALL_PAGES);
    int rc = store_load(b->session, &b->snap);

    if (rc == 0)
        rc = find_stream(b);
    if (rc == 0)
        rc = read_times(b, is_reconcile);
    if (rc == 0)
        rc = note_all(b);
    if (rc == 0)
        rc = look_at_wikis(b, is_all);
    return rc == 0 ? finish(b) : rc;
}

static int backfill(struct session *s, bool is_reconcile)
{
    struct backfilling *b = arena_calloc(&s->arena, 1, sizeof(*b));
    int rc = EXIT_REFUSED;

    if (b == NULL)
        return EXIT_REFUSED;
    b->session = s;
    b->found = arena_calloc(&s->arena, EVENTS_MAX, sizeof(*b->found));
    arena_init(&b->scratch, 1 << 18, (size_t)512 << 20);
    arena_init(&b->fill, 1 << 18, 80 << 20);
    if (b->found != NULL && missing_init(&b->missing, &s->arena))
        rc = run(b, is_reconcile);
    mediawiki_close(b->wiki);
    arena_deinit(&b->scratch);
    arena_deinit(&b->fill);
    return rc;
}

int cmd_backfill(struct session *s)
{
    return backfill(s, false);
}

int cmd_reconcile(struct session *s)
{
    return backfill(s, true);
}
