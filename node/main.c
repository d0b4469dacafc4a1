/* SPDX-License-Identifier: Apache-2.0 */
/*
 * braidd - a node: registers itself, gets tasks, runs them.
 *
 * Happy path: read the file, open etcd, register (io_node.h); tasks start and stop as it says.
 * SIGTERM: tasks finish and save their places, claims are released, exit 0; all within
 * limits.drain and EXIT_MS. A second signal exits at once.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "coord/io_node.h"
#include "coord/text.h"
#include "node/drill.h"
#include "node/io_admin.h"
#include "node/io_config.h"
#include "node/io_drill.h"
#include "node/io_info.h"
#include "node/io_intake.h"
#include "node/io_loop.h"
#include "node/io_services.h"
#include "node/io_tasks.h"
#include "proto/err.h"

#define EXIT_CONFIG   78
#define EXIT_USAGE    2
#define EXIT_MS       3000 /* after the claims are released: Kafka's connections may close */
#define CONFIG_MEMORY (4 * 1024 * 1024)
#define HEAPS_MAX     2

struct daemon {
    uv_loop_t loop;
    struct arena arena; /* of the file and all texts made from it */
    struct io_host host;
    struct io_tasks tasks;
    struct io_info info;
    struct io_admin *admin;
    struct io_intake *intake; /* NULL: none */
    uv_signal_t on_term;
    uv_signal_t on_int;
    uv_timer_t exit_timer;
    int64_t started_ms;
    bool is_draining;
    bool is_ready;
    int exit_code;
};

static const char *text_of(struct daemon *d, struct slice s)
{
    const char *text = s.len > 0 ? arena_strdup(&d->arena, s) : NULL;

    return text;
}

/* ---- what io_node and io_streams say --------------------------------------------------------- */

static void on_task_start(void *arg, struct slice name, const struct task *task,
                          int64_t claim_revision)
{
    struct daemon *d = arg;

    io_tasks_start(&d->tasks, name, task, claim_revision);
}

static void on_task_stop(void *arg, struct slice name)
{
    struct daemon *d = arg;

    io_tasks_stop(&d->tasks, name);
}

static void on_task_claim(void *arg, struct slice name, int64_t claim_revision)
{
    struct daemon *d = arg;

    io_tasks_claim(&d->tasks, name, claim_revision);
}

/* An operator rehearses the loss of this DC: this node ends as if it were killed. */
static void obey_drill(struct daemon *d, const struct node_view *view)
{
    const int64_t until_ms =
        drill_until_ms(view->pauses, view->pause_count, d->host.config.dc, io_now_ms());

    if (until_ms == 0)
        return;
    io_log(&d->host.log, LOG_WARN, "a drill kills this node, it stays down", "until_ms=%lld",
           (long long)until_ms);
    const int rc = io_drill_die(until_ms);
    io_log(&d->host.log, LOG_ERROR, "this node cannot play dead, it goes on", "err=%s",
           err_name(rc));
}

static void on_view(void *arg, const struct node_view *view)
{
    struct daemon *d = arg;

    obey_drill(d, view);
    io_streams_view(&d->host.streams, view);
    if (!d->is_ready) {
        d->is_ready = true;
        io_log(&d->host.log, LOG_INFO, "node is ready", "dc=%.*s node=%.*s",
               SLICE_ARG(d->host.config.dc), SLICE_ARG(d->host.config.node));
        (void)sd_notify(0, "READY=1"); /* says nothing where there is no systemd */
    }
}

static void on_head_changed(void *data, struct io_stream *s)
{
    struct daemon *d = data;

    io_tasks_stream_changed(&d->tasks, s);
}

static void on_fatal(void *arg, int rc, const char *why)
{
    struct daemon *d = arg;

    io_log(&d->host.log, LOG_ERROR, "node cannot go on, exiting", "err=%s why=\"%s\"", err_name(rc),
           why);
    d->exit_code = EXIT_FAILURE;
    uv_stop(&d->loop);
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void on_exit_timer(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void on_left(void *arg)
{
    struct daemon *d = arg;

    io_log(&d->host.log, LOG_INFO, "node has left", "tasks_left=%d", d->tasks.first != NULL);
    (void)uv_timer_start(&d->exit_timer, on_exit_timer, 100, 0);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;

    if (d->is_draining) {
        io_log(&d->host.log, LOG_WARN, "second signal, exiting at once", "signal=%d", number);
        d->exit_code = EXIT_FAILURE;
        uv_stop(&d->loop);
        return;
    }
    d->is_draining = true;
    io_log(&d->host.log, LOG_INFO, "leaving: tasks finish, claims are released",
           "signal=%d limit_ms=%lld", number, (long long)d->host.config.drain_ms);
    (void)sd_notify(0, "STOPPING=1");
    io_intake_quiesce(d->intake);
    (void)uv_timer_start(&d->exit_timer, on_exit_timer, (uint64_t)d->host.config.drain_ms + EXIT_MS,
                         0);
    node_leave(d->host.node, (uint32_t)d->host.config.drain_ms, on_left, d);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_etcd(struct daemon *d)
{
    const struct config *c = &d->host.config;
    struct text endpoints = text_in(&d->arena);

    for (size_t i = 0; i < c->etcd_endpoints.count; i++) {
        text_adds(&endpoints, i > 0 ? "," : "");
        text_add(&endpoints, c->etcd_endpoints.items[i]);
    }
    const struct etcd_config config = {
        .endpoints = text_string(&endpoints),
        .ca_file = text_of(d, c->etcd_ca),
        .cert_file = text_of(d, c->etcd_cert),
        .key_file = text_of(d, c->etcd_key),
    };
    return etcd_open(&d->loop, &config, &d->host.etcd);
}

static int open_streams(struct daemon *d)
{
    const struct config *c = &d->host.config;

    d->host.streams = (struct io_streams){
        .loop = &d->loop,
        .log = &d->host.log,
        .etcd = d->host.etcd,
        .config = &d->host.config,
        .cluster = c->cluster,
        .domains = {.patterns = c->api_domains.items, .count = c->api_domains.count},
        .api_url = text_of(d, c->api_base),
        .user_agent = text_of(d, c->api_user_agent),
        .api_ca = text_of(d, c->api_ca),
        .data = d,
        .head_changed = on_head_changed,
    };
    struct slice bad = {0};
    const int rc = io_services_read(c, &d->arena, &d->host.streams.services, &bad);
    if (rc == ERR_CONFIG)
        io_log(&d->host.log, LOG_ERROR, "no token in the file of services.tokens", "name='%.*s'",
               SLICE_ARG(bad));
    return rc != 0 ? rc : io_streams_open(&d->host.streams);
}

static int open_node(struct daemon *d)
{
    const struct config *c = &d->host.config;
    struct node_config config = {
        .cluster = text_of(d, c->cluster),
        .dc = text_of(d, c->dc),
        .node = text_of(d, c->node),
        .weight = (uint32_t)c->weight,
        .task_start = on_task_start,
        .task_stop = on_task_stop,
        .task_claim = on_task_claim,
        .on_view = on_view,
        .on_fatal = on_fatal,
        .arg = d,
    };
    d->info = (struct io_info){.host = &d->host, .tasks = &d->tasks, .started_ms = d->started_ms};
    int rc = io_info_open(&d->info);

    config.info = d->info.told;
    rc = rc != 0 ? rc : node_open(d->host.etcd, &config, &d->host.node);
    if (rc == 0)
        io_info_watch(&d->info);
    return rc;
}

static int open_signals(struct daemon *d)
{
    if (uv_signal_init(&d->loop, &d->on_term) != 0 || uv_signal_init(&d->loop, &d->on_int) != 0)
        return ERR_IO;
    d->on_term.data = d;
    d->on_int.data = d;
    (void)uv_timer_init(&d->loop, &d->exit_timer); /* never fails */
    if (uv_signal_start(&d->on_term, on_signal, SIGTERM) != 0 ||
        uv_signal_start(&d->on_int, on_signal, SIGINT) != 0)
        return ERR_IO;
    return 0;
}

static int open_intake(struct daemon *d)
{
    const struct io_intake_source source = {
        .loop = &d->loop,
        .log = &d->host.log,
        .config = &d->host.config,
        .streams = &d->host.streams,
        .is_draining = &d->is_draining,
    };

    return d->host.config.intake_http.len > 0 ? io_intake_open(&source, &d->intake) : 0;
}

static int open_all(struct daemon *d)
{
    const struct io_admin_source source = {
        .host = &d->host,
        .tasks = &d->tasks,
        .started_ms = d->started_ms,
        .is_draining = &d->is_draining,
        .intake = &d->intake,
    };
    int rc = io_kafka_check_version(&d->host.log);

    rc = rc != 0 ? rc : open_signals(d);
    rc = rc != 0 ? rc : open_etcd(d);
    rc = rc != 0 ? rc : open_streams(d);
    rc = rc != 0 ? rc : open_node(d);
    rc = rc != 0 ? rc : open_intake(d);
    rc = rc != 0 ? rc : io_admin_open(&source, &d->admin);
    return rc;
}

/* ---- running --------------------------------------------------------------------------------- */

static int run(struct daemon *d)
{
    d->started_ms = io_now_ms();
    d->host.loop = &d->loop;
    io_log_init(&d->host.log, (enum log_level)d->host.config.log_level);
    arena_init(&d->host.scratch, 256 * 1024, IO_HOST_SCRATCH_MAX);
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that goes away is an error code, not a death */
    if (uv_loop_init(&d->loop) != 0)
        return EXIT_FAILURE;
    io_sites_init(&d->host.sites, &d->loop, &d->host.log,
                  config_share(&d->host.config, 1).write_bytes);
    io_tasks_init(&d->tasks, &d->host);
    io_log(&d->host.log, LOG_INFO, "node starts",
           "version=" BRAID_VERSION " dc=%.*s node=%.*s librdkafka=%s",
           SLICE_ARG(d->host.config.dc), SLICE_ARG(d->host.config.node), rd_kafka_version_str());
    const int rc = open_all(d);
    if (rc != 0) {
        io_log(&d->host.log, LOG_ERROR, "node cannot start", "err=%s why=\"%s\"", err_name(rc),
               err_text(rc));
        return EXIT_FAILURE;
    }
    (void)uv_run(&d->loop, UV_RUN_DEFAULT);
    io_log(&d->host.log, LOG_INFO, "node exits", "code=%d", d->exit_code);
    return d->exit_code;
}

static int print_table(void (*print)(const struct key_table *table, struct text *out))
{
    struct arena a;

    arena_init(&a, 65536, CONFIG_MEMORY);
    struct text out = text_in(&a);
    print(&CONFIG_TABLE, &out);
    (void)fputs(text_string(&out), stdout); /* a closed stdout is the caller's wish */
    arena_deinit(&a);
    return EXIT_SUCCESS;
}

static int help(void)
{
    (void)puts("usage: braidd --config FILE         run a node\n"
               "       braidd --check-config FILE   check its file; exit 78 if it is wrong\n"
               "       braidd --example-config      print a file to start from\n"
               "       braidd --help | --version\n");
    return print_table(keys_print_help);
}

/* Reads the file; 0, or the exit code with the errors printed. */
static int read_config(struct daemon *d, const char *path)
{
    const char *errors = "";
    const int rc = io_config_read(path, &d->arena, &d->host.config, &errors);

    if (rc == 0)
        return 0;
    if (rc == ERR_CONFIG)
        (void)fputs(errors, stderr);
    else if (rc == ERR_IO)
        (void)fprintf(stderr, "braidd: cannot read %s: %s\n", path, strerror(errno));
    else
        (void)fprintf(stderr, "braidd: %s: %s\n", path, err_text(rc));
    return EXIT_CONFIG;
}

enum mode {
    MODE_NONE,
    MODE_RUN,
    MODE_CHECK,
};

static int run_mode(enum mode mode, const char *path)
{
    struct daemon *d = calloc(1, sizeof(*d)); /* two megabytes: too large for the stack */

    if (d == NULL)
        return EXIT_FAILURE;
    arena_init(&d->arena, 65536, CONFIG_MEMORY);
    const int rc = read_config(d, path);
    if (rc != 0)
        return rc;
    if (mode == MODE_CHECK) {
        (void)printf("%s: ok\n", path);
        return EXIT_SUCCESS;
    }
    return run(d);
}

int main(int argc, char **argv)
{
    const struct option options[] = {
        {"config", required_argument, NULL, 'c'},   {"check-config", required_argument, NULL, 'k'},
        {"example-config", no_argument, NULL, 'e'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},        {NULL, 0, NULL, 0},
    };
    enum mode mode = MODE_NONE;
    const char *path = NULL;

    /* Each thread of a Kafka client would get a heap of its own, which keeps what it once held. */
    (void)mallopt(M_ARENA_MAX, HEAPS_MAX);
    io_drill_sleep();
    for (int c = getopt_long(argc, argv, "", options, NULL); c != -1;
         c = getopt_long(argc, argv, "", options, NULL)) {
        switch (c) {
        case 'c':
        case 'k':
            mode = c == 'c' ? MODE_RUN : MODE_CHECK;
            path = optarg;
            break;
        case 'e':
            return print_table(keys_print_example);
        case 'h':
            return help();
        case 'v':
            (void)puts("braidd " BRAID_VERSION);
            return EXIT_SUCCESS;
        default:
            return EXIT_USAGE;
        }
    }
    if (mode == MODE_NONE || optind != argc) {
        (void)fputs("braidd: --config FILE is needed; --help says more\n", stderr);
        return EXIT_USAGE;
    }
    return run_mode(mode, path);
}
