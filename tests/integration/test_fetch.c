/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: events of real edits become enriched values whose content is what the wiki has stored, and
 *       each way in which a real MediaWiki fails ends in its reason.
 * Method: tests/check/65-fetch.sh starts a wiki and has edits made. Events come from the wikis'
 *         outboxes, the truth about content and visibility straight from their databases; the
 *         faults are the front end's own (deploy/local/mediawiki/testing.php).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/io_fetch.h"
#include "node/io_loop.h"
#include "proto/err.h"
#include "proto/sha1.h"

/* etcd's fixture, which is linked to every program here, wants it; no etcd runs in these tests. */
extern const int FIXTURE_PORT_OFFSET;
const int FIXTURE_PORT_OFFSET = 300;

enum {
    EVENTS_MAX = 4096
};

static const char *const WIKIS[] = {"testwiki", "frwiki"};
static const struct slice DOMAINS[] = {{(const uint8_t *)"*.wiki.localhost", 16}};

/* One event on its way. */
struct job {
    struct fixture *x;
    char *source; /* owned */
    size_t len;
    size_t wiki; /* index in WIKIS */
    struct enrich_page page;
    struct question question;
    struct io_fetch_hold *hold;
    bool is_pending;
};

struct fixture {
    uv_loop_t loop;
    struct io_fetch *f;
    struct enrich_spec spec;
    struct arena scratch;
    struct arena keep; /* of all pages */
    struct enrich_memory memory;
    sqlite3 *db[2];
    struct job *jobs; /* owned */
    size_t job_count;
    size_t pending;
    char fault[512]; /* the front end's file of faults */
};

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL || value[0] == '\0')
        fail_msg("%s is not set: run tests/run-check all fetch", name);
    return value;
}

/* ---- the wiki -------------------------------------------------------------------------------- */

static void set_fault(const struct fixture *x, const char *words)
{
    char part[600];

    (void)snprintf(part, sizeof part, "%s.new", x->fault);
    if (words == NULL) {
        (void)unlink(x->fault);
        return;
    }
    FILE *file = fopen(part, "w");
    assert_non_null(file);
    assert_true(fputs(words, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(part, x->fault), 0);
}

static void open_databases(struct fixture *x)
{
    char path[512];

    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/mediawiki/data/%s.sqlite", environment("BRAID_STATE"),
                       WIKIS[i]);
        assert_int_equal(sqlite3_open_v2(path, &x->db[i], SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
        (void)sqlite3_busy_timeout(x->db[i], 5000);
    }
}

static void read_events(struct fixture *x, size_t wiki)
{
    sqlite3_stmt *query = NULL;

    assert_int_equal(
        sqlite3_prepare_v2(x->db[wiki],
                           "SELECT bo_event FROM braid_outbox WHERE bo_event IS NOT NULL", -1,
                           &query, NULL),
        SQLITE_OK);
    while (sqlite3_step(query) == SQLITE_ROW && x->job_count < EVENTS_MAX) {
        struct job *job = &x->jobs[x->job_count++];
        job->len = (size_t)sqlite3_column_bytes(query, 0);
        job->source = malloc(job->len + 1);
        memcpy(job->source, sqlite3_column_blob(query, 0), job->len);
        job->wiki = wiki;
        job->x = x;
    }
    assert_int_equal(sqlite3_finalize(query), SQLITE_OK);
}

/* What the wiki itself knows of a revision: its rev_deleted; -1 if there is no such revision. */
static int visibility_of(sqlite3 *db, int64_t rev_id)
{
    sqlite3_stmt *query = NULL;
    int deleted = -1;

    assert_int_equal(sqlite3_prepare_v2(db, "SELECT rev_deleted FROM revision WHERE rev_id = ?", -1,
                                        &query, NULL),
                     SQLITE_OK);
    (void)sqlite3_bind_int64(query, 1, rev_id);
    if (sqlite3_step(query) == SQLITE_ROW)
        deleted = sqlite3_column_int(query, 0);
    (void)sqlite3_finalize(query);
    return deleted;
}

/* Compares a decoded content with what the database has stored. */
static void check_stored(sqlite3 *db, int64_t rev_id, struct slice role, struct slice content)
{
    sqlite3_stmt *query = NULL;

    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT old_text, old_flags FROM slots"
                           " JOIN slot_roles ON role_id = slot_role_id"
                           " JOIN content ON content_id = slot_content_id"
                           " JOIN text ON old_id = CAST(substr(content_address, 4) AS INTEGER)"
                           " WHERE slot_revision_id = ? AND role_name = ?",
                           -1, &query, NULL),
        SQLITE_OK);
    (void)sqlite3_bind_int64(query, 1, rev_id);
    (void)sqlite3_bind_text(query, 2, (const char *)role.ptr, (int)role.len, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(query), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(query, 1), "utf-8");
    const struct slice stored =
        slice_of(sqlite3_column_blob(query, 0), (size_t)sqlite3_column_bytes(query, 0));
    assert_true(slice_equal(stored, content));
    (void)sqlite3_finalize(query);
}

/* ---- fetching -------------------------------------------------------------------------------- */

static void start(struct fixture *x, const struct fetch_limits *limits)
{
    char url[256];

    (void)snprintf(url, sizeof url, "%s/w/api.php", environment("BRAID_MEDIAWIKI_EQIAD"));
    const struct io_fetch_config config = {.api_url = url,
                                           .user_agent = "braid-test/1 (test@example.org)",
                                           .ca_file = getenv("BRAID_MEDIAWIKI_CA"),
                                           .domains = x->spec.domains,
                                           .limits = *limits,
                                           .seed = 3};
    assert_int_equal(io_fetch_open(&x->loop, &config, NULL, &x->f), 0);
}

static void stop(struct fixture *x)
{
    io_fetch_close(x->f);
    x->f = NULL;
    assert_int_equal(uv_run(&x->loop, UV_RUN_DEFAULT), 0);
}

static void on_done(void *data, const struct enrich_outcome *outcome, struct io_fetch_hold *hold)
{
    struct job *job = data;

    assert_true(job->is_pending);
    job->is_pending = false;
    job->hold = hold;
    job->x->pending--;
    enrich_page_settle(&job->page, QUESTION_REVISION, outcome, &job->x->scratch);
}

/* Opens the event and asks for what it needs; runs the loop while the fetcher is full. */
static void begin(struct fixture *x, struct job *job, int64_t source_time_ms)
{
    arena_reset(&x->scratch);
    if (!enrich_page_open(&job->page, &x->spec, &x->memory, slice_of(job->source, job->len)))
        return;
    assert_true(enrich_page_ask(&job->page, &x->scratch, &job->question));
    const struct io_fetch_request request = {.question = &job->question,
                                             .event = &job->page.event,
                                             .source_time_ms = source_time_ms,
                                             .data = job,
                                             .done = on_done};
    int rc = io_fetch_submit(x->f, &request);
    while (rc == ERR_BUSY) {
        (void)uv_run(&x->loop, UV_RUN_ONCE);
        rc = io_fetch_submit(x->f, &request);
    }
    assert_int_equal(rc, 0);
    job->is_pending = true;
    x->pending++;
}

static void run(struct fixture *x)
{
    while (x->pending > 0)
        (void)uv_run(&x->loop, UV_RUN_ONCE);
}

static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);

    assert_non_null(x);
    (void)uv_loop_init(&x->loop);
    arena_init(&x->scratch, 1 << 16, 1 << 28);
    arena_init(&x->keep, 1 << 16, 1 << 28);
    x->memory = (struct enrich_memory){&x->scratch, &x->keep};
    x->spec = (struct enrich_spec){.output = SLICE_LIT("mediawiki.page_content_change.v1"),
                                   .domains = {DOMAINS, 1},
                                   .enrichments = ENRICHMENT_BIT(ENRICHMENT_CONTENT)};
    x->jobs = calloc(EVENTS_MAX, sizeof *x->jobs);
    assert_non_null(x->jobs);
    (void)snprintf(x->fault, sizeof x->fault, "%s/mediawiki/eqiad/fault",
                   environment("BRAID_STATE"));
    open_databases(x);
    for (size_t i = 0; i < 2; i++)
        read_events(x, i);
    assert_true(x->job_count > 50);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;

    set_fault(x, NULL);
    if (x->f != NULL)
        stop(x);
    for (size_t i = 0; i < x->job_count; i++) {
        io_fetch_release(x->jobs[i].hold);
        free(x->jobs[i].source);
    }
    for (size_t i = 0; i < 2; i++)
        (void)sqlite3_close(x->db[i]);
    assert_int_equal(uv_loop_close(&x->loop), 0);
    arena_deinit(&x->scratch);
    arena_deinit(&x->keep);
    free(x->jobs);
    free(x);
    return 0;
}

/* ---- real events ----------------------------------------------------------------------------- */

/* What the status of an event must be, from the wiki's own tables. */
static const char *expected_status(const struct fixture *x, const struct job *job)
{
    const struct event *e = &job->page.event;

    if (slice_equal(e->kind, SLICE_LIT("delete")))
        return "ok";
    if (e->is_content_hidden)
        return "withheld:content_hidden";
    const int deleted = visibility_of(x->db[job->wiki], e->rev_id);
    if (deleted < 0)
        return "failed:missing"; /* its page was deleted meanwhile */
    if ((deleted & 1) == 0)
        return "ok"; /* at most its user or comment is hidden */
    return (deleted & 8) != 0 ? "withheld:suppressed" : "withheld:text_hidden";
}

/* Checks the value: valid, for this stream, with the stored contents if ok and none otherwise. */
static size_t check_value(struct fixture *x, struct job *job, bool has_content)
{
    static const struct json_limits LIMITS = {.bytes_max = 1 << 28, .depth_max = 64};
    struct json after;
    struct json_flaw flaw;
    bool is_null = true;
    const size_t size = enrich_page_value(&job->page, io_now_ms(), &is_null);
    uint8_t *value = malloc(size + 1);
    size_t i;
    size_t n;
    size_t contents = 0;
    yyjson_val *role;
    yyjson_val *slot;

    assert_false(is_null);
    enrich_page_write(&job->page, value);
    arena_reset(&x->scratch);
    assert_int_equal(json_parse(&x->scratch, slice_of(value, size), &LIMITS, &after, &flaw), 0);
    yyjson_val *meta = json_value(json_key(after.root, SLICE_LIT("meta")));
    assert_true(yyjson_equals_str(json_value(json_key(meta, SLICE_LIT("stream"))),
                                  "mediawiki.page_content_change.v1"));
    yyjson_val *revision = json_value(json_key(after.root, SLICE_LIT("revision")));
    const int deleted = visibility_of(x->db[job->wiki], job->page.event.rev_id);
    if (job->page.outcome.attempts > 0 && deleted > 0) {
        assert_true((deleted & 2) == 0 || json_key(revision, SLICE_LIT("comment")) == NULL);
        assert_true((deleted & 4) == 0 || json_key(revision, SLICE_LIT("editor")) == NULL);
    }
    yyjson_val *slots = json_value(json_key(revision, SLICE_LIT("content_slots")));
    yyjson_obj_foreach(slots, i, n, role, slot)
    {
        const struct slice content =
            json_text(json_value(json_key(slot, SLICE_LIT("content_body"))));
        assert_int_equal(content.ptr != NULL, has_content);
        if (has_content) {
            check_stored(x->db[job->wiki], job->page.event.rev_id, json_text(role), content);
            contents++;
        }
    }
    free(value);
    return contents;
}

static void every_event_of_real_edits_has_the_stored_content(void **state)
{
    struct fixture *x = *state;
    struct io_fetch_stats stats;
    size_t ok = 0;
    size_t withheld = 0;
    size_t missing = 0;
    size_t contents = 0;
    size_t fetched = 0;

    start(x, &(struct fetch_limits){0});
    for (size_t i = 0; i < x->job_count; i++)
        begin(x, &x->jobs[i], io_now_ms() - 3600000); /* old: missing ones are not waited for */
    run(x);
    for (size_t i = 0; i < x->job_count; i++) {
        struct job *job = &x->jobs[i];
        char status[ENRICH_STATUS_MAX];
        char fetch[ENRICH_FETCH_MAX];
        (void)enrich_page_status_text(&job->page, status);
        (void)enrich_page_fetch_text(&job->page, fetch);
        if (strcmp(status, expected_status(x, job)) != 0)
            fail_msg("%s (%s), not %s: %.*s", status, fetch, expected_status(x, job), (int)job->len,
                     job->source);
        const bool has_content = job->hold != NULL;
        contents += check_value(x, job, has_content);
        fetched += job->page.outcome.attempts > 0;
        ok += job->page.status == ENRICH_OK;
        withheld += job->page.status == ENRICH_WITHHELD;
        missing += job->page.reason == REASON_MISSING;
    }
    io_fetch_stats(x->f, &stats);
    print_message("%zu events: %zu ok with %zu contents, %zu withheld, %zu missing; %zu fetched in "
                  "%llu calls\n",
                  x->job_count, ok, contents, withheld, missing, fetched,
                  (unsigned long long)stats.calls);
    assert_true(ok > x->job_count / 2);
    assert_true(contents > ok / 2);
    assert_true(withheld > 0);
    assert_int_equal(ok + withheld + missing, x->job_count);
    assert_int_equal(stats.calls_failed, 0);
    assert_true(stats.calls < fetched); /* there were batches */
}

/* ---- faults ---------------------------------------------------------------------------------- */

/* An event that is surely fetched and ok: a visible revision that still exists. */
static struct job *visible_job(struct fixture *x)
{
    for (size_t i = 0; i < x->job_count; i++) {
        struct job *job = &x->jobs[i];
        arena_reset(&x->scratch);
        if (enrich_page_open(&job->page, &x->spec, &x->memory, slice_of(job->source, job->len)) &&
            strcmp(expected_status(x, job), "ok") == 0)
            return job;
    }
    fail_msg("no visible revision among %zu events", x->job_count);
    return NULL;
}

static void fetch_under(struct fixture *x, struct job *job, const char *fault)
{
    set_fault(x, fault);
    begin(x, job, io_now_ms() - 3600000);
    run(x);
    set_fault(x, NULL);
    io_fetch_release(job->hold);
    job->hold = NULL;
}

static void each_failure_of_a_real_mediawiki_ends_in_its_reason(void **state)
{
    static const struct {
        const char *fault;
        const char *status;
        const char *api_error;
        uint32_t http_status;
        uint32_t timeout_ms;  /* of a call; 0: long enough for a busy machine */
        uint32_t deadline_ms; /* the same */
    } ROWS[] = {
        {"maxlag=7.5", "failed:unavailable", "maxlag", 200, 0, 4000},
        {"dbdown", "failed:unavailable", "internal_api_error_Wikimedia\\Rdbms\\DBConnectionError",
         500, 0, 0},
        {"exception", "failed:unavailable", "internal_api_error_RuntimeException", 200, 0, 0},
        {"fatal", "failed:unavailable", "", 500, 0, 0},
        {"garbage", "failed:bad_answer", "", 200, 0, 0},
        {"status=502", "failed:unavailable", "", 502, 0, 0},
        {"status=503", "failed:unavailable", "", 503, 0, 0},
        {"status=429", "failed:unavailable", "", 429, 0, 4000},
        {"status=404", "failed:refused", "", 404, 0, 0},
        {"status=200", "failed:bad_answer", "", 200, 0, 0},
        {"private", "failed:refused", "readapidenied", 200, 0, 0},
        {"sleep=1500", "failed:timeout", "", 0, 400, 0},
        {"resultsize=100", "failed:too_large", "", 200, 0, 0},
        {"readonly", "ok", "", 200, 0, 0},
        {"ratelimit", "ok", "", 200, 0, 0},
        {NULL, "ok", "", 200, 0, 0},
    };
    struct fixture *x = *state;
    struct job *job = visible_job(x);

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char status[ENRICH_STATUS_MAX];
        /* anew each time: pauses and the circuit are of the fetcher */
        start(x, &(struct fetch_limits){.attempts_max = 2,
                                        .backoff_min_ms = 5,
                                        .deadline_ms = ROWS[i].deadline_ms,
                                        .call_timeout_ms = ROWS[i].timeout_ms});
        fetch_under(x, job, ROWS[i].fault);
        stop(x);
        (void)enrich_page_status_text(&job->page, status);
        const struct enrich_outcome *o = &job->page.outcome;
        if (strcmp(status, ROWS[i].status) != 0 ||
            strncmp(o->api_error, ROWS[i].api_error, strlen(ROWS[i].api_error)) != 0 ||
            (ROWS[i].api_error[0] == '\0' && o->api_error[0] != '\0') ||
            o->http_status != ROWS[i].http_status)
            fail_msg("%s: %s error=%s http=%u attempts=%u", ROWS[i].fault, status, o->api_error,
                     o->http_status, o->attempts);
    }
}

/* Rewrites a job's source to name another revision or domain. */
static void replace(struct job *job, const char *what, const char *with)
{
    char *text = malloc(job->len + strlen(with) + 1);
    job->source[job->len] = '\0';
    const char *at = strstr(job->source, what);

    assert_non_null(at);
    const int len = snprintf(text, job->len + strlen(with) + 1, "%.*s%s%s", (int)(at - job->source),
                             job->source, with, at + strlen(what));
    free(job->source);
    job->source = text;
    job->len = (size_t)len;
}

static void revisions_and_wikis_that_do_not_exist_are_told_apart(void **state)
{
    struct fixture *x = *state;
    struct job *job = visible_job(x);
    char status[ENRICH_STATUS_MAX];

    start(x, &(struct fetch_limits){.missing_retry_ms = 2000, .backoff_min_ms = 20});
    replace(job, "\"rev_id\":", "\"rev_id\":99999");
    fetch_under(x, job, NULL);
    (void)enrich_page_status_text(&job->page, status);
    assert_string_equal(status, "failed:missing");
    assert_int_equal(job->page.outcome.attempts, 1);
    begin(x, job, io_now_ms()); /* young: asked for again */
    run(x);
    (void)enrich_page_status_text(&job->page, status);
    assert_string_equal(status, "failed:missing");
    assert_in_range(job->page.outcome.attempts, 3, 20);
    assert_in_range(job->page.outcome.ms, 1990, 10000);

    replace(job, "\"rev_id\":99999", "\"rev_id\":9223372036854775807,\"x\":");
    fetch_under(x, job, NULL); /* beyond what MediaWiki takes for an id */
    (void)enrich_page_status_text(&job->page, status);
    assert_int_equal(job->page.status, ENRICH_FAILED);
    print_message("rev_id 2^63-1: %s error=%s\n", status, job->page.outcome.api_error);

    replace(job, job->wiki == 0 ? "\"domain\":\"test." : "\"domain\":\"fr.",
            "\"domain\":\"nowhere.");
    fetch_under(x, job, NULL);
    (void)enrich_page_status_text(&job->page, status);
    assert_string_equal(status, "failed:refused");
    assert_int_equal(job->page.outcome.http_status, 404);
}

static void content_that_is_not_what_the_event_announced_fails(void **state)
{
    struct fixture *x = *state;
    struct job *job = visible_job(x);
    char status[ENRICH_STATUS_MAX];

    start(x, &(struct fetch_limits){.backoff_min_ms = 5});
    replace(job, "\"content_sha1\":\"", "\"content_sha1\":\"0");
    fetch_under(x, job, NULL);
    (void)enrich_page_status_text(&job->page, status);
    assert_string_equal(status, "failed:sha1");
    assert_int_equal(job->page.outcome.attempts, 3);
}

/* All events again, under a fault that only delays: every status must still be the right one. */
static void check_all_under(struct fixture *x, const char *fault)
{
    struct io_fetch_stats stats;

    set_fault(x, fault);
    for (size_t i = 0; i < x->job_count; i++)
        begin(x, &x->jobs[i], io_now_ms() - 3600000);
    run(x);
    set_fault(x, NULL);
    for (size_t i = 0; i < x->job_count; i++) {
        char status[ENRICH_STATUS_MAX];
        (void)enrich_page_status_text(&x->jobs[i].page, status);
        if (strcmp(status, expected_status(x, &x->jobs[i])) != 0)
            fail_msg("%s: %s, not %s", fault, status, expected_status(x, &x->jobs[i]));
        (void)check_value(x, &x->jobs[i], x->jobs[i].hold != NULL);
        io_fetch_release(x->jobs[i].hold);
        x->jobs[i].hold = NULL;
    }
    io_fetch_stats(x->f, &stats);
    print_message("%s: %llu calls, %llu of them failed\n", fault, (unsigned long long)stats.calls,
                  (unsigned long long)stats.calls_failed);
}

static void answers_that_are_cut_short_are_continued(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){0});
    check_all_under(x, "resultsize=20000");
}

static void an_api_that_fails_every_other_call_loses_nothing(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.attempts_max = 20,
                                    .backoff_min_ms = 5,
                                    .backoff_max_ms = 100,
                                    .missing_retry_ms = 1});
    check_all_under(x, "percent=50,status=500");
}

static void an_exception_about_some_batches_loses_nothing(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.attempts_max = 20,
                                    .backoff_min_ms = 5,
                                    .backoff_max_ms = 100,
                                    .missing_retry_ms = 1});
    check_all_under(x, "percent=30,exception");
}

static void an_api_that_was_away_is_used_again(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.backoff_min_ms = 5, .backoff_max_ms = 100});
    struct job *job = visible_job(x);
    set_fault(x, "dbdown");
    begin(x, job, io_now_ms());
    for (int i = 0; i < 10; i++)
        (void)uv_run(&x->loop, UV_RUN_ONCE);
    set_fault(x, NULL);
    run(x);
    assert_int_equal(job->page.status, ENRICH_OK);
    assert_true(job->page.outcome.attempts > 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_event_of_real_edits_has_the_stored_content),
        TEST(each_failure_of_a_real_mediawiki_ends_in_its_reason),
        TEST(revisions_and_wikis_that_do_not_exist_are_told_apart),
        TEST(content_that_is_not_what_the_event_announced_fails),
        TEST(answers_that_are_cut_short_are_continued),
        TEST(an_api_that_fails_every_other_call_loses_nothing),
        TEST(an_exception_about_some_batches_loses_nothing),
        TEST(an_api_that_was_away_is_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
