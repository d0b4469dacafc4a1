/* SPDX-License-Identifier: Apache-2.0 */
/*
 * braid-bench - load and benchmark harness (docs/performance.md).
 *
 * Happy path: start the servers, run the scenarios one after the other, take the servers down, write
 * the report. Exit codes: 0 done, all counted right; 1 something failed, or events were lost,
 * doubled or out of order; 2 usage; 3 done, but a target was missed (--strict); 4 the generator was
 * saturated, so figures of a steady part say nothing.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench/api_answer.h"
#include "bench/hot_paths.h"
#include "bench/io_load_alone.h"
#include "bench/io_process.h"
#include "bench/io_scenario.h"
#include "bench/io_state.h"

enum {
    EXIT_USAGE = 2,
    EXIT_MISSED = 3,
    EXIT_SATURATED = 4,
};

static const struct {
    const char *name;
    void (*run)(struct bench *b);
    const char *what;
} SCENARIOS[] = {
    {"floor", scenario_floor, "librdkafka alone: consume and produce"},
    {"replicate", scenario_replicate, "copy a source topic from one DC to the other"},
    {"enrich", scenario_enrich, "add the content of revisions, singly and in batches"},
    {"merge", scenario_merge, "two strands into the global stream, transactional"},
    {"end-to-end", scenario_end_to_end, "everything in both DCs, with latencies of a real network"},
    {"start", scenario_start, "from a node's start to its first enriched and global record"},
    {"failover", scenario_failover, "a DC dies under load and comes back"},
};
#define SCENARIO_COUNT (sizeof SCENARIOS / sizeof SCENARIOS[0])

struct options {
    const char *scenario;
    const char *json;
    const char *html;
    const char *markdown;
    const char *resume;
    const char *only;
    uint64_t seed;
    uint64_t minutes;
    bool is_full;
    bool is_strict;
};

static int usage(FILE *to)
{
    (void)fputs("usage: braid-bench SCENARIO|all [--json FILE] [--html FILE] [--markdown FILE] "
                "[--seed N]\n"
                "                   [--only WORD] [--full] [--minutes N] [--resume FILE] "
                "[--strict]\n\n",
                to);
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        (void)fprintf(to, "  %-11s %s\n", SCENARIOS[i].name, SCENARIOS[i].what);
    (void)fputs(
        "\n  --only WORD    only the points with WORD in their name\n"
        "  --full         also the points that answer a question each (partitions, sizes, nodes, "
        "...)\n"
        "  --markdown FILE  the tables of docs/performance.md\n"
        "  --minutes N    begin no point after so long (600)\n"
        "  --resume FILE  keep what was measured in FILE, and go on from there\n"
        "  --strict       exit 3 if a target is missed\n\n"
        "Exit codes: 0 done; 1 failed, or events lost, doubled or out of order; 2 usage; 3 a "
        "target\n"
        "missed (--strict); 4 the generator was saturated. Servers: deploy/local/cluster in\n"
        "$BRAID_STATE (default .state/bench), ports from $BRAID_PORT_BASE (19400).\n",
        to);
    return to == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

/* ---- children --------------------------------------------------------------------------------- */

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

static const char *optional(const char *text)
{
    return strcmp(text, "-") == 0 ? NULL : text;
}

/* One hot path, COUNT times: under callgrind, which counts from hot_paths_run on. */
static int run_hot(const char *name, uint32_t count)
{
    struct arena a;

    arena_init(&a, 1 << 20, 1 << 26);
    struct hot_paths *h = hot_paths_new(&a);
    for (int path = 0; h != NULL && path < HOT_COUNT; path++)
        if (strcmp(name, HOT_NAMES[path]) == 0) {
            (void)printf("%llu\n",
                         (unsigned long long)hot_paths_run(h, (enum hot_path)path, count));
            arena_deinit(&a);
            return EXIT_SUCCESS;
        }
    return usage(stderr);
}

/* What this program runs as, when it starts itself (stage_api_start, bench_floor_*), and for
 * drills (tests/drills/lib.sh). */
static int run_child(int argc, char **argv)
{
    if ((argc == 8 || argc == 9) && strcmp(argv[0], "api") == 0) {
        const struct io_api_config api = {
            .port = (uint16_t)number(argv[1]),
            .seed = number(argv[2]),
            .text_bytes = (uint32_t)number(argv[3]),
            .text_sigma = strtod(argv[4], NULL),
            .latency_ms = strtod(argv[5], NULL),
            .latency_sigma = strtod(argv[6], NULL),
            .errors = (uint32_t)number(argv[7]),
            .failure = argc == 9 ? api_failure_find(argv[8]) : -1,
        };
        if (argc == 9 && api.failure < 0)
            return usage(stderr);
        return io_api_serve(&api);
    }
    if (argc == 11 && strcmp(argv[0], "load") == 0) {
        const struct load_alone l = {
            .bootstrap = argv[1],
            .topic = argv[2],
            .partitions = (int)number(argv[3]),
            .seed = number(argv[4]),
            .text_bytes = (uint32_t)number(argv[5]),
            .first = number(argv[6]),
            .count = number(argv[7]),
            .rate = strtod(argv[8], NULL),
            .seconds = strtod(argv[9], NULL),
            .pages = (uint32_t)number(argv[10]),
        };
        if (l.pages == 0 || l.pages > EVENT_TEXT_PAGES || l.partitions <= 0)
            return usage(stderr);
        return load_alone_run(&l);
    }
    if (argc == 11 && strcmp(argv[0], "floor-copy") == 0) {
        const struct floor_copy f = {
            .from = argv[1],
            .topics = {argv[2], optional(argv[3])},
            .to = optional(argv[4]),
            .topic_to = optional(argv[5]),
            .partitions = (int)number(argv[6]),
            .count = number(argv[7]),
            .warm = number(argv[8]),
            .value_bytes = (uint32_t)number(argv[9]),
            .cut_ms = (uint32_t)number(argv[10]),
        };
        return floor_copy_run(&f);
    }
    if (argc == 7 && strcmp(argv[0], "floor-curl") == 0) {
        const struct floor_curl f = {
            .url = argv[1],
            .host = argv[2],
            .count = number(argv[3]),
            .warm = number(argv[4]),
            .batch = (uint32_t)number(argv[5]),
            .in_flight = (uint32_t)number(argv[6]),
        };
        return floor_curl_run(&f);
    }
    if (argc == 3 && strcmp(argv[0], "hot") == 0)
        return run_hot(argv[1], (uint32_t)number(argv[2]));
    return usage(stderr);
}

/* ---- environment ------------------------------------------------------------------------------ */

static void read_cpu(char *out, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");

    (void)snprintf(out, size, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            (void)snprintf(out, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (file != NULL)
        (void)fclose(file);
}

static void read_environment(const struct options *o, struct environment *e)
{
    struct sysinfo info = {0};
    struct utsname name = {0};
    struct tm tm;
    double load[1] = {0};
    const time_t now = (time_t)(now_wall_us() / 1000000);

    (void)gmtime_r(&now, &tm);
    (void)strftime(e->started, sizeof e->started, "%Y-%m-%dT%H:%M:%SZ", &tm);
    (void)snprintf(e->version, sizeof e->version, "%s", BRAID_VERSION);
    read_cpu(e->cpu, sizeof e->cpu);
    e->cpus = get_nprocs();
    if (sysinfo(&info) == 0)
        e->memory_gb = (double)info.totalram * info.mem_unit / 1e9;
    if (uname(&name) == 0)
        (void)snprintf(e->kernel, sizeof e->kernel, "%.40s %.80s", name.sysname, name.release);
    (void)snprintf(e->librdkafka, sizeof e->librdkafka, "%s", rd_kafka_version_str());
    (void)snprintf(e->libcurl, sizeof e->libcurl, "%s",
                   curl_version_info(CURLVERSION_NOW)->version);
    (void)snprintf(e->compiler, sizeof e->compiler, "gcc %s", __VERSION__);
    (void)snprintf(e->kafka, sizeof e->kafka, "as deploy/local/kafka/pom.xml");
    if (getloadavg(load, 1) == 1)
        e->load_before = load[0];
    e->seed = o->seed;
    e->is_full = o->is_full;
}

/* ---- running ---------------------------------------------------------------------------------- */

static int write_file(const char *path, const struct text *text)
{
    FILE *file = fopen(path, "w");

    if (file == NULL || text->is_full) {
        (void)fprintf(stderr, "braid-bench: cannot write '%s'\n", path);
        if (file != NULL)
            (void)fclose(file);
        return -1;
    }
    (void)fputs(text_string(text), file); /* fclose tells */
    return fclose(file);
}

static int write_reports(const struct options *o, const struct bench_report *r)
{
    struct arena a;
    int rc = 0;

    arena_init(&a, 1024 * 1024, 64 * 1024 * 1024);
    if (o->json != NULL) {
        struct text out = text_in(&a);
        report_json(r, &out);
        rc |= write_file(o->json, &out);
    }
    if (o->html != NULL) {
        struct text out = text_in(&a);
        report_html(r, &out);
        rc |= write_file(o->html, &out);
    }
    if (o->markdown != NULL) {
        struct text out = text_in(&a);
        report_markdown(r, &out);
        rc |= write_file(o->markdown, &out);
    }
    if (o->resume != NULL)
        rc |= state_save(o->resume, r);
    arena_deinit(&a);
    return rc;
}

static void write_lines(const struct bench_report *r)
{
    struct arena a;

    arena_init(&a, 65536, 1024 * 1024);
    for (uint32_t i = 0; i < r->count; i++) {
        struct text line = text_in(&a);
        report_line(&r->points[i], &line);
        (void)puts(text_string(&line));
    }
    arena_deinit(&a);
}

/* A run that is stopped leaves what it has. */
static void save(struct bench *b)
{
    if (write_reports(b->options, b->report) != 0)
        (void)fputs("braid-bench: the report so far could not be written\n", stderr);
}

static int verdict(const struct options *o, const struct bench_report *r)
{
    bool is_wrong = false;
    bool is_saturated = false;
    bool is_missed = false;

    for (uint32_t i = 0; i < r->count; i++) {
        const struct point *p = &r->points[i];
        is_wrong = is_wrong || p->lost + p->duplicated + p->reordered > 0;
        is_saturated = is_saturated || p->is_saturated;
        is_missed = is_missed || !point_is_met(p);
    }
    if (is_wrong)
        return EXIT_FAILURE;
    if (is_saturated) {
        (void)fputs("braid-bench: GENERATOR SATURATED: latencies of such a point say nothing\n",
                    stderr);
        return EXIT_SATURATED;
    }
    return o->is_strict && is_missed ? EXIT_MISSED : EXIT_SUCCESS;
}

static int run_all(const struct options *o, struct bench *b, struct bench_report *r)
{
    b->report = r;
    b->seed = o->seed;
    b->is_full = o->is_full;
    b->next_event = o->seed % 1000 * 1000000;
    (void)signal(SIGPIPE, SIG_IGN);
    b->save = save;
    b->options = o;
    b->only = o->only;
    b->until_us = now_us() + (int64_t)o->minutes * 60000000;
    read_environment(o, &r->environment);
    if (o->resume != NULL && state_load(o->resume, r) > 0)
        (void)fprintf(stderr, "braid-bench: %u points are there from a run begun %s\n", r->count,
                      r->environment.started);
    b->next_event += (uint64_t)r->count * 1000000; /* none is used twice */
    int rc = stage_open(&b->stage);
    for (size_t i = 0; rc == 0 && i < SCENARIO_COUNT; i++) {
        if (strcmp(o->scenario, "all") != 0 && strcmp(o->scenario, SCENARIOS[i].name) != 0)
            continue;
        SCENARIOS[i].run(b);
    }
    stage_close(&b->stage);
    arena_deinit(&b->text_arena);
    write_lines(r);
    if (write_reports(o, r) != 0 || rc != 0 || b->failed > 0)
        return EXIT_FAILURE;
    if (o->resume != NULL)
        (void)unlink(o->resume); /* all is done: the next run begins anew */
    return verdict(o, r);
}

static int run(const struct options *o)
{
    struct bench *b = calloc(1, sizeof *b); /* too large for the stack, both */
    struct bench_report *r = calloc(1, sizeof *r);
    const int code = b != NULL && r != NULL ? run_all(o, b, r) : EXIT_FAILURE;

    free(b);
    free(r);
    return code;
}

static bool is_scenario(const char *name)
{
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        if (strcmp(name, SCENARIOS[i].name) == 0)
            return true;
    return strcmp(name, "all") == 0;
}

int main(int argc, char **argv)
{
    const struct option options[] = {
        {"json", required_argument, NULL, 'j'},    {"html", required_argument, NULL, 'w'},
        {"seed", required_argument, NULL, 's'},    {"only", required_argument, NULL, 'o'},
        {"full", no_argument, NULL, 'f'},          {"markdown", required_argument, NULL, 'm'},
        {"minutes", required_argument, NULL, 'n'}, {"resume", required_argument, NULL, 'r'},
        {"strict", no_argument, NULL, 't'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},       {NULL, 0, NULL, 0},
    };
    struct options o = {.seed = 1, .minutes = 600};

    if (argc > 2 && strcmp(argv[1], "--child") == 0)
        return run_child(argc - 2, argv + 2);
    for (int c = getopt_long(argc, argv, "", options, NULL); c != -1;
         c = getopt_long(argc, argv, "", options, NULL)) {
        switch (c) {
        case 'j':
            o.json = optarg;
            break;
        case 'w':
            o.html = optarg;
            break;
        case 'm':
            o.markdown = optarg;
            break;
        case 'n':
            o.minutes = number(optarg);
            break;
        case 'r':
            o.resume = optarg;
            break;
        case 's':
            o.seed = number(optarg);
            break;
        case 'o':
            o.only = optarg;
            break;
        case 'f':
            o.is_full = true;
            break;
        case 't':
            o.is_strict = true;
            break;
        case 'h':
            return usage(stdout);
        case 'v':
            (void)puts("braid-bench " BRAID_VERSION);
            return EXIT_SUCCESS;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind + 1 != argc || !is_scenario(argv[optind]))
        return usage(stderr);
    o.scenario = argv[optind];
    return run(&o);
}
