/* SPDX-License-Identifier: Apache-2.0 */
/*
 * braid-outbox - ships the events in MediaWiki's outbox to Kafka; one process for each data centre.
 *
 * The happy path: MediaWiki commits a row; it is seen within poll_ms, sent, acknowledged, marked.
 * Kafka away: rows wait in librdkafka and in the outbox. This process killed: rows that were sent
 * and not marked are sent again. The API away: nothing is compared until it is back.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/outbox/io_compare.h"
#include "node/outbox/io_outbox_kafka.h"
#include "node/outbox/io_outbox_log.h"
#include "node/outbox/io_outbox_sqlite.h"
#include "node/outbox/options.h"
#include "proto/err.h"

enum {
    EXIT_CONFIG = 78, /* sysexits.h: EX_CONFIG */
    EXIT_USAGE = 2,
    OPTIONS_BYTES_MAX = 1 << 20,
    FILE_BYTES_MAX = 256 * 1024,
    ROWS_BLOCK_BYTES = 1 << 20,
    ROWS_BYTES_MAX = 16 << 20, /* of the events of one shipment */
    BUSY_POLL_MS = 5,          /* while answers are awaited */
    RETRY_MS = 1000,
    STOP_MS_MAX = 5000,
    REPORT_MS = 60000,
};

/* One wiki's way from its table to Kafka. */
struct wiki_line {
    const struct outbox_wiki *wiki; /* borrowed */
    struct outbox_db *db;           /* owned */
    struct shipment shipment;
    struct arena arena; /* the shipment's events */
    size_t sent;        /* rows of the shipment that Kafka's client has */
    bool must_read;     /* although the database has not changed */
    struct compare compare;
    int64_t shipped; /* rows, since the last report */
};

struct outbox {
    struct outbox_options options;
    struct arena arena;         /* the options' */
    struct outbox_kafka *kafka; /* owned; NULL between producers */
    struct wiki_line *lines;    /* owned */
    int64_t report_ms;
    sigset_t signals;
};

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&pause, NULL);
}

/* ---- shipping -------------------------------------------------------------------------------- */

static bool is_under_way(const struct wiki_line *l)
{
    return l->shipment.count > 0;
}

/* Marks what has arrived. ERR_BUSY: the database is locked for long, try again. */
static int mark(struct wiki_line *l)
{
    size_t count = shipment_markable(&l->shipment);
    int rc = outbox_db_mark(l->db, &l->shipment, count, now_ms());

    if (rc != 0)
        return rc;
    l->shipped += (int64_t)count;
    shipment_begin(&l->shipment, 0);
    l->must_read = true;
    return 0;
}

/* Events that no Kafka would take must not hold up those behind them for ever. */
static int give_up_large(struct wiki_line *l, bool *out_is_any)
{
    *out_is_any = false;
    for (size_t i = 0; i < l->shipment.count; i++) {
        const struct outbox_row *row = &l->shipment.rows[i];
        int rc;

        if (row->event.len <= SHIPMENT_EVENT_BYTES_MAX)
            continue;
        outbox_log("error",
                   "msg=\"the event of '%s' is too large, giving it up\" wiki=%s bytes=%zu",
                   row->about, l->wiki->wiki_id, row->event.len);
        rc = outbox_db_give_up(l->db, row->id);
        if (rc != 0)
            return rc;
        *out_is_any = true;
    }
    return 0;
}

static int read_rows(struct outbox *o, struct wiki_line *l)
{
    bool has_changed = false;
    bool is_held = false;
    bool is_any_large = false;
    int rc = outbox_db_has_changed(l->db, &has_changed);

    if (rc != 0 || (!has_changed && !l->must_read))
        return rc;
    arena_reset(&l->arena);
    rc = outbox_db_read(l->db, now_ms() - o->options.incomplete_ms, &l->arena, &l->shipment,
                        &is_held);
    if (rc == 0)
        rc = give_up_large(l, &is_any_large);
    if (rc != 0 || is_any_large) {
        shipment_begin(&l->shipment, 0);
        l->must_read = true;
        return rc;
    }
    l->sent = 0;
    l->must_read = is_held;
    return 0;
}

static int step_line(struct outbox *o, struct wiki_line *l, bool is_stopping)
{
    int rc = 0;

    if (is_under_way(l) && shipment_is_settled(&l->shipment))
        rc = mark(l);
    if (rc == 0 && !is_under_way(l) && !is_stopping)
        rc = read_rows(o, l);
    if (rc == 0 && l->sent < l->shipment.count)
        rc = outbox_kafka_send(o->kafka, &l->shipment, l->sent, slice_str(l->wiki->wiki_id),
                               &l->sent);
    if (rc == 0 && o->options.api != NULL && !is_stopping)
        rc = compare_step(&l->compare, now_ms());
    /* The database does not tell a connection of its own changes. */
    l->must_read = l->must_read || l->compare.has_added;
    l->compare.has_added = false;
    return rc == ERR_BUSY ? 0 : rc;
}

/* ---- the producer ---------------------------------------------------------------------------- */

/* Waits until the topic is there: sending to one that is not would use up its first answers.
 * ERR_UNAVAILABLE: told to stop meanwhile. */
static int open_producer(struct outbox *o)
{
    int rc = outbox_kafka_new(&o->options, &o->kafka);

    while (rc == 0) {
        rc = outbox_kafka_check_topic(o->kafka, 3 * RETRY_MS);
        if (rc == 0)
            break;
        if (err_class(rc) != ERR_CLASS_RETRY && rc != ERR_NOT_FOUND)
            return rc;
        if (sigtimedwait(&o->signals, NULL, &(struct timespec){.tv_sec = RETRY_MS / 1000}) > 0)
            return ERR_UNAVAILABLE;
        rc = 0;
    }
    return rc;
}

/* Ends the producer, marks what had arrived, and forgets the rest of each shipment: it is read
 * again. */
static int close_producer(struct outbox *o)
{
    int worst = 0;

    outbox_kafka_free(o->kafka);
    o->kafka = NULL;
    for (size_t i = 0; i < o->options.wiki_count; i++) {
        struct wiki_line *l = &o->lines[i];
        int rc;

        if (l->db == NULL)
            continue;
        rc = mark(l);
        shipment_begin(&l->shipment, 0);
        l->must_read = true;
        if (rc != 0 && rc != ERR_BUSY)
            worst = rc;
    }
    return worst;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void report(struct outbox *o)
{
    int64_t now = now_ms();

    if (now < o->report_ms)
        return;
    o->report_ms = now + REPORT_MS;
    for (size_t i = 0; i < o->options.wiki_count; i++) {
        struct wiki_line *l = &o->lines[i];

        if (l->shipped > 0)
            outbox_log("info", "msg=shipped wiki=%s rows=%" PRId64, l->wiki->wiki_id, l->shipped);
        l->shipped = 0;
    }
}

/* Sets *out_is_busy if answers are awaited. */
static int step(struct outbox *o, bool is_stopping, bool *out_is_busy)
{
    bool is_busy = false;
    int rc = 0;

    for (size_t i = 0; i < o->options.wiki_count && rc == 0; i++) {
        struct wiki_line *l = &o->lines[i];

        rc = step_line(o, l, is_stopping);
        is_busy = is_busy || is_under_way(l) || l->compare.state != COMPARE_IDLE;
    }
    if (rc == 0)
        rc = outbox_kafka_poll(o->kafka, is_busy ? BUSY_POLL_MS : (int)o->options.poll_ms);
    *out_is_busy = is_busy;
    return rc;
}

static bool is_told_to_stop(struct outbox *o)
{
    return sigtimedwait(&o->signals, NULL, &(struct timespec){0}) > 0;
}

/* Until a signal comes (0) or the database is broken. */
static int run(struct outbox *o)
{
    int64_t stop_ms = 0;

    for (;;) {
        bool is_busy = false;
        int rc;

        if (stop_ms == 0 && is_told_to_stop(o))
            stop_ms = now_ms() + STOP_MS_MAX;
        rc = step(o, stop_ms != 0, &is_busy);
        if (rc == ERR_DELIVERY) {
            rc = close_producer(o);
            sleep_ms(RETRY_MS);
            if (rc == 0)
                rc = open_producer(o);
            if (rc == ERR_UNAVAILABLE)
                return 0;
        }
        if (rc != 0)
            return rc;
        report(o);
        if (stop_ms != 0 && (!is_busy || now_ms() > stop_ms))
            return close_producer(o);
    }
}

static int open_lines(struct outbox *o)
{
    o->lines = calloc(o->options.wiki_count, sizeof(*o->lines));
    if (o->lines == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < o->options.wiki_count; i++) {
        struct wiki_line *l = &o->lines[i];
        int rc;

        l->wiki = &o->options.wikis[i];
        arena_init(&l->arena, ROWS_BLOCK_BYTES, ROWS_BYTES_MAX);
        l->must_read = true;
        rc = outbox_db_open(l->wiki->wiki_id, l->wiki->path, o->options.dc, &l->db);
        if (rc == 0 && o->options.api != NULL)
            rc = compare_init(&l->compare, &o->options, l->wiki, l->db);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static void close_lines(struct outbox *o)
{
    for (size_t i = 0; i < o->options.wiki_count && o->lines != NULL; i++) {
        struct wiki_line *l = &o->lines[i];

        compare_deinit(&l->compare);
        outbox_db_close(l->db);
        arena_deinit(&l->arena);
    }
    free(o->lines);
}

/* ---- the command line ------------------------------------------------------------------------ */

static void print_help(struct outbox *o)
{
    const char *options = options_help(&o->arena);

    printf(
        "usage: braid-outbox --dc NAME --kafka HOST:PORT --wiki WIKI_ID=DOMAIN=PATH [OPTION...]\n"
        "\n"
        "Ships the page change events in MediaWiki's outbox to the topic DC.STREAM of Kafka: the\n"
        "rows of one data centre, in order, each at least once. Runs until SIGTERM.\n\n%s"
        "  --config FILE\n        the same options from a file, lines of `name value`\n"
        "  --help, --version\n",
        options == NULL ? "" : options);
}

static int read_file(struct outbox *o, const char *path, struct options_error *error)
{
    uint8_t *bytes = arena_alloc(&o->arena, FILE_BYTES_MAX);
    FILE *file = fopen(path, "re");
    size_t len;
    int rc;

    if (file == NULL || bytes == NULL) {
        (void)snprintf(error->message, sizeof(error->message), "cannot read '%.400s': %s", path,
                       strerrordesc_np(errno));
        if (file != NULL)
            (void)fclose(file);
        return ERR_CONFIG;
    }
    len = fread(bytes, 1, FILE_BYTES_MAX, file);
    (void)fclose(file);
    if (len == FILE_BYTES_MAX) {
        (void)snprintf(error->message, sizeof(error->message), "'%.400s' is too large", path);
        return ERR_CONFIG;
    }
    rc = options_set_file(&o->options, &o->arena, slice_of(bytes, len), error);
    return rc;
}

static int parse_arguments(struct outbox *o, int argc, char **argv, struct options_error *error)
{
    for (int i = 1; i < argc; i++) {
        struct slice name = slice_str(argv[i]);
        struct slice value = {0};
        const char *equals = strchr(argv[i], '=');
        int rc;

        if (!slice_starts_with(name, SLICE_LIT("--"))) {
            (void)snprintf(error->message, sizeof(error->message), "'%.400s' is not an option",
                           argv[i]);
            return ERR_CONFIG;
        }
        name = slice_sub(name, 2, name.len);
        if (equals != NULL) {
            name.len = (size_t)(equals - (const char *)name.ptr);
            value = slice_str(equals + 1);
        } else if (i + 1 < argc) {
            value = slice_str(argv[++i]);
        } else {
            (void)snprintf(error->message, sizeof(error->message), "'%.400s' needs a value",
                           argv[i]);
            return ERR_CONFIG;
        }
        rc = slice_equal(name, SLICE_LIT("config"))
                 ? read_file(o, (const char *)value.ptr, error)
                 : options_set(&o->options, &o->arena, name, value, error);
        if (rc != 0)
            return rc;
    }
    return options_check(&o->options, error);
}

static bool has_flag(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], flag) == 0)
            return true;
    }
    return false;
}

static int start(struct outbox *o)
{
    int rc = open_lines(o);

    if (rc == 0)
        rc = open_producer(o);
    if (rc == ERR_UNAVAILABLE)
        return 0;
    if (rc != 0)
        return rc;
    outbox_log("info", "msg=\"braid-outbox is running\" dc=%s topic=%s.%s wikis=%zu version=%s",
               o->options.dc, o->options.dc, o->options.stream, o->options.wiki_count,
               BRAID_VERSION);
    if (o->options.api == NULL)
        outbox_log("warn", "msg=\"no --api, so changes without an event will not be found\"");
    o->report_ms = now_ms() + REPORT_MS;
    return run(o);
}

int main(int argc, char **argv)
{
    struct options_error error = {.message = "out of memory"};
    struct outbox o = {0};
    int rc;

    arena_init(&o.arena, 64 * 1024, OPTIONS_BYTES_MAX);
    if (has_flag(argc, argv, "--help") || argc == 1) {
        print_help(&o);
        arena_deinit(&o.arena);
        return argc == 1 ? EXIT_USAGE : 0;
    }
    if (has_flag(argc, argv, "--version")) {
        printf("braid-outbox %s\n", BRAID_VERSION);
        return 0;
    }
    options_init(&o.options);
    if (parse_arguments(&o, argc, argv, &error) != 0) {
        (void)fprintf(stderr, "braid-outbox: %s (see --help)\n", error.message);
        arena_deinit(&o.arena);
        return EXIT_CONFIG;
    }
    /* Taken by sigtimedwait, so that no handler is needed. */
    (void)sigemptyset(&o.signals);
    (void)sigaddset(&o.signals, SIGTERM);
    (void)sigaddset(&o.signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &o.signals, NULL);
    rc = start(&o);
    outbox_kafka_free(o.kafka);
    close_lines(&o);
    arena_deinit(&o.arena);
    outbox_log(rc == 0 ? "info" : "error", "msg=\"braid-outbox ends\" result=\"%s\"",
               rc == 0 ? "stopped" : err_text(rc));
    return rc == 0 ? 0 : 1;
}
