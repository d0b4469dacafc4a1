/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/io_stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/io_process.h"
#include "proto/err.h"

#define OUTPUT_MAX 8192
#define BASE_PORT  "19400"
#define API_OFFSET 147

const char *const STAGE_DC[STAGE_DCS] = {"eqiad", "codfw"};

static int fail(const struct stage *s, const char *what)
{
    (void)fprintf(stderr, "braid-bench: %s; see %s\n", what, s->log);
    return ERR_UNAVAILABLE;
}

/* ---- the cluster ------------------------------------------------------------------------------ */

int stage_cluster(struct stage *s, const char *verb, const char *word)
{
    char path[STAGE_PATH_MAX + 32];
    const char *const argv[] = {path, verb, word, NULL};

    (void)snprintf(path, sizeof path, "%s/deploy/local/cluster", s->root);
    return process_run(argv, s->log) == 0 ? 0 : fail(s, verb);
}

/* export NAME=value, one a line, values without anything that a shell would need quoted. */
static void take_environment(char *text)
{
    for (char *line = text; line != NULL && *line != '\0';) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        char *name = strncmp(line, "export ", 7) == 0 ? line + 7 : NULL;
        char *value = name == NULL ? NULL : strchr(name, '=');
        if (value != NULL) {
            *value++ = '\0';
            (void)setenv(name, value, 1); /* no memory: what needs it fails */
        }
        line = next;
    }
}

static int read_environment(struct stage *s)
{
    char path[STAGE_PATH_MAX + 32];
    char text[OUTPUT_MAX];
    const char *const argv[] = {path, "env", NULL};

    (void)snprintf(path, sizeof path, "%s/deploy/local/cluster", s->root);
    if (process_read(argv, text, sizeof text) != 0)
        return fail(s, "deploy/local/cluster env");
    take_environment(text);
    for (int d = 0; d < STAGE_DCS; d++) {
        const char *kafka = getenv(d == 0 ? "BRAID_KAFKA_EQIAD" : "BRAID_KAFKA_CODFW");
        if (kafka == NULL)
            return fail(s, "the cluster does not say where Kafka is");
        (void)snprintf(s->kafka[d], sizeof s->kafka[d], "%s", kafka);
    }
    return 0;
}

/* The tree that this program was built in: .../build/plain/braid-bench. */
static int find_root(struct stage *s)
{
    const ssize_t len = readlink("/proc/self/exe", s->root, sizeof s->root - 1);

    if (len <= 0)
        return ERR_IO;
    s->root[len] = '\0';
    for (int i = 0; i < 3; i++) {
        char *slash = strrchr(s->root, '/');
        if (slash == NULL)
            return ERR_IO;
        *slash = '\0';
    }
    return 0;
}

static void set_places(struct stage *s)
{
    char counts[STAGE_PATH_MAX + 16];
    const char *state = getenv("BRAID_STATE");
    const char *base = getenv("BRAID_PORT_BASE");

    if (state != NULL)
        (void)snprintf(s->state, sizeof s->state, "%s", state);
    else
        (void)snprintf(s->state, sizeof s->state, "%.400s/.state/bench", s->root);
    if (base == NULL)
        base = BASE_PORT;
    (void)setenv("BRAID_STATE", s->state, 1);
    (void)setenv("BRAID_PORT_BASE", base, 1);
    s->api_port = (uint16_t)(strtol(base, NULL, 10) + API_OFFSET);
    (void)snprintf(s->api_url, sizeof s->api_url, "http://127.0.0.1:%u/w/api.php", s->api_port);
    (void)setenv("BRAID_API", s->api_url, 1);
    (void)snprintf(counts, sizeof counts, "%s.counts", s->state);
    (void)setenv(IO_API_COUNTS, counts, 1);
    (void)setenv("BRAID_API_DOMAINS", "*.bench", 1);
    (void)setenv("BRAID_KAFKA_HEAP", "768m", 0); /* full records of a dozen KB, many at once */
    (void)setenv("BRAID_KAFKA_TIER", "4", 0);
}

/* The process that the cluster started under that name; 0: none. */
static pid_t pid_of(const struct stage *s, const char *name)
{
    char path[STAGE_PATH_MAX + 96];
    char line[64] = "";

    (void)snprintf(path, sizeof path, "%s/run/%s", s->state, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    const bool is_read = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    return is_read ? (pid_t)strtol(line, NULL, 10) : 0;
}

static bool is_running(const struct stage *s, const char *name)
{
    const pid_t pid = pid_of(s, name);

    return pid > 0 && process_cpu_s(pid) >= 0;
}

static int open_etcd(struct stage *s)
{
    const struct etcd_config config = {
        .endpoints = getenv("BRAID_ETCD"),
        .ca_file = getenv("BRAID_ETCD_CA"),
        .cert_file = getenv("BRAID_ETCD_CERT"),
        .key_file = getenv("BRAID_ETCD_KEY"),
    };
    return config.endpoints == NULL ? ERR_CONFIG : etcd_sync_open(&config, &s->etcd);
}

int stage_open(struct stage *s)
{
    *s = (struct stage){.id = now_wall_us() / 1000000};
    arena_init(&s->arena, 65536, 4 * 1024 * 1024);
    if (find_root(s) != 0)
        return ERR_IO;
    set_places(s);
    (void)snprintf(s->log, sizeof s->log, "%s.log", s->state);
    s->was_up = is_running(s, "kafka-eqiad");
    if (is_running(s, "node-eqiad-1") || is_running(s, "node-codfw-1")) {
        (void)fprintf(stderr,
                      "braid-bench: nodes run in %s: stop them (deploy/local/cluster stop "
                      "node-eqiad-1, ...) or set another BRAID_STATE\n",
                      s->state);
        return ERR_CONFLICT;
    }
    (void)fprintf(stderr, "braid-bench: servers in %s %s\n", s->state,
                  s->was_up ? "are used as they run" : "start");
    char path[STAGE_PATH_MAX + 32];
    const char *const argv[] = {path, "up", "--only", "relay,kafka,etcd", NULL};
    (void)snprintf(path, sizeof path, "%s/.", s->state);
    for (char *at = path + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(path, 0755); /* there already, or the log cannot be opened */
        *at = '/';
    }
    (void)snprintf(path, sizeof path, "%s/deploy/local/cluster", s->root);
    if (process_run(argv, s->log) != 0)
        return fail(s, "the servers have not started");
    const int rc = read_environment(s);
    return rc != 0 ? rc : open_etcd(s);
}

void stage_close(struct stage *s)
{
    stage_nodes_stop(s);
    stage_api_stop(s);
    if (s->etcd != NULL)
        etcd_sync_close(s->etcd);
    if (!s->was_up && s->state[0] != '\0')
        (void)stage_cluster(s, "down", NULL); /* it has said what went wrong */
    arena_deinit(&s->arena);
}

int stage_latency(struct stage *s, int ms)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%d", ms);
    return stage_cluster(s, "latency", text);
}

/* ---- the API server --------------------------------------------------------------------------- */

int stage_api_start(struct stage *s, const struct io_api_config *config)
{
    char texts[7][32];
    const char *const argv[] = {"/proc/self/exe", "--child", "api",    texts[0], texts[1], texts[2],
                                texts[3],         texts[4],  texts[5], texts[6], NULL};

    stage_api_stop(s);
    (void)snprintf(texts[0], sizeof texts[0], "%u", s->api_port);
    (void)snprintf(texts[1], sizeof texts[1], "%llu", (unsigned long long)config->seed);
    (void)snprintf(texts[2], sizeof texts[2], "%u", config->text_bytes);
    (void)snprintf(texts[3], sizeof texts[3], "%g", config->text_sigma);
    (void)snprintf(texts[4], sizeof texts[4], "%g", config->latency_ms);
    (void)snprintf(texts[5], sizeof texts[5], "%g", config->latency_sigma);
    (void)snprintf(texts[6], sizeof texts[6], "%u", config->errors);
    s->api = process_start(argv, s->log);
    sleep_us(200000);
    return s->api > 0 && process_cpu_s(s->api) >= 0 ? 0 : fail(s, "the API server has ended");
}

void stage_api_stop(struct stage *s)
{
    process_end(s->api);
    s->api = 0;
}

/* ---- nodes ------------------------------------------------------------------------------------ */

static void node_name(int i, char out[64])
{
    (void)snprintf(out, 64, "node-%s-%d", STAGE_DC[i % STAGE_DCS], i / STAGE_DCS + 1);
}

void stage_nodes_find(struct stage *s)
{
    for (int i = 0; i < s->node_count; i++) {
        char name[64];
        node_name(i, name);
        s->nodes[i] = pid_of(s, name);
    }
}

int stage_nodes_start(struct stage *s, int per_dc)
{
    stage_nodes_stop(s);
    s->node_count = per_dc * STAGE_DCS;
    if (s->node_count > STAGE_NODES_MAX)
        return ERR_TOO_LARGE;
    if (per_dc > 2) /* it knows two by itself */
        (void)setenv("BRAID_NODES_PER_DC", "4", 1);
    for (int i = 0; i < s->node_count; i++) {
        char name[64];
        node_name(i, name);
        if (stage_cluster(s, "start", name) != 0)
            return ERR_UNAVAILABLE;
    }
    stage_nodes_find(s);
    return 0;
}

void stage_nodes_stop(struct stage *s)
{
    for (int i = 0; i < s->node_count; i++) {
        char name[64];
        node_name(i, name);
        (void)stage_cluster(s, "stop", name); /* it has said what went wrong */
        s->nodes[i] = 0;
    }
    s->node_count = 0;
}

double stage_cpu_s(const struct stage *s)
{
    double sum = 0;

    for (int i = 0; i < s->node_count; i++) {
        const double cpu = process_cpu_s(s->nodes[i]);
        sum += cpu > 0 ? cpu : 0;
    }
    return sum;
}

double stage_peak_mb(const struct stage *s)
{
    double peak = 0;

    for (int i = 0; i < s->node_count; i++) {
        const double mb = process_peak_mb(s->nodes[i]);
        peak = mb > peak ? mb : peak;
    }
    return peak;
}

void stage_reset_peak(const struct stage *s)
{
    for (int i = 0; i < s->node_count; i++)
        process_reset_peak(s->nodes[i]);
}
