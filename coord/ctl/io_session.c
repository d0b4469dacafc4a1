/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_session.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "coord/ctl/io_lock.h"
#include "coord/io_yaml.h"
#include "proto/err.h"

int64_t session_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- options ---------------------------------------------------------------------------------- */

const char *session_option(const struct session *s, enum option_id id)
{
    return s->args.given[id] ? s->args.values[id] : NULL;
}

bool session_given(const struct session *s, enum option_id id)
{
    return s->args.given[id];
}

struct slice session_operand(const struct session *s, unsigned index)
{
    return index < s->args.operand_count ? slice_str(s->args.operands[index]) : (struct slice){0};
}

static bool bad_option(struct session *s, enum option_id id, const char *takes)
{
    output_error(&s->output, "--%s takes %s, not '%s'", option_at(id)->name, takes,
                 s->args.values[id]);
    return false;
}

bool session_number(struct session *s, enum option_id id, int64_t fallback, int64_t *out)
{
    int64_t value = fallback;

    if (session_given(s, id) &&
        (keys_parse_number(slice_str(s->args.values[id]), &value) != 0 || value < 0)) {
        return bad_option(s, id, "a whole number");
    }
    *out = value;
    return true;
}

bool session_duration(struct session *s, enum option_id id, int64_t fallback, int64_t *out)
{
    int64_t value = fallback;

    if (session_given(s, id) && keys_parse_duration(slice_str(s->args.values[id]), &value) != 0)
        return bad_option(s, id, "a duration such as 30s, 5m or 2h");
    *out = value;
    return true;
}

bool session_time(struct session *s, enum option_id id, int64_t fallback, int64_t *out)
{
    int64_t value = fallback;
    struct slice text = slice_str(s->args.values[id]);

    if (session_given(s, id) && keys_parse_time(text, &value) != 0) {
        if (keys_parse_duration(text, &value) != 0)
            return bad_option(s, id, "a time such as 2026-01-02T03:04:05Z, or how long ago: 1h");
        value = session_now_ms() - value;
    }
    *out = value;
    return true;
}

/* ---- files and environment -------------------------------------------------------------------- */

int session_read_file(struct session *s, const char *path, struct slice *out)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    uint8_t *bytes = arena_alloc(&s->arena, YAML_BYTES_MAX + 1);
    size_t len = 0;

    if (file == NULL || bytes == NULL) {
        output_error(&s->output, "cannot read '%s': %s", path,
                     file == NULL ? strerrordesc_np(errno) : "out of memory");
        return EXIT_REFUSED;
    }
    len = fread(bytes, 1, YAML_BYTES_MAX + 1, file);
    if (ferror(file) != 0 || len > YAML_BYTES_MAX) {
        output_error(&s->output, "cannot read '%s': %s", path,
                     len > YAML_BYTES_MAX ? "larger than 1 MiB" : "input error");
        if (file != stdin) {
            (void)fclose(file); /* only read */
        }
        return EXIT_REFUSED;
    }
    if (file != stdin) {
        (void)fclose(file); /* only read */
    }
    *out = slice_of(bytes, len);
    return 0;
}

const char *session_env(struct session *s, const char *prefix, struct slice dc)
{
    char *name =
        arena_strdup(&s->arena, slice_str(text_format(&s->arena, "%s%.*s", prefix, SLICE_ARG(dc))));
    const char *value = NULL;

    for (char *c = name; c != NULL && *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        } else if (*c == '-') {
            *c = '_';
        }
    }
    value = name == NULL ? NULL : getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* The environment's value if there is one. */
static struct slice env_or(const char *name, struct slice otherwise)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? slice_str(value) : otherwise;
}

static int read_config(struct session *s)
{
    const char *path = session_option(s, OPTION_CONFIG);
    struct yaml_file file = {
        .name = path == NULL ? CONFIG_PATH : path, .table = &CTL_CONFIG_TABLE, .arena = &s->arena};
    struct text errors = text_in(&s->arena);
    bool is_there = path != NULL || access(CONFIG_PATH, R_OK) == 0;

    file.bytes = slice_of("{}", 2);
    if (is_there && session_read_file(s, file.name, &file.bytes) != 0)
        return EXIT_CONFIG;
    if (yaml_read(&file, &s->config) == 0)
        return 0;
    yaml_print_errors(&file, &errors);
    (void)fputs(text_string(&errors), s->output.err); /* nobody else to tell */
    return EXIT_CONFIG;
}

static const char *find_who(struct arena *a)
{
    char host[128] = "localhost";
    const struct passwd *user = getpwuid(getuid());
    const char *sudo = getenv("SUDO_USER");

    (void)gethostname(host, sizeof(host) - 1); /* keeps "localhost" */
    return text_format(a, "%s@%s",
                       sudo != NULL   ? sudo
                       : user == NULL ? "nobody"
                                      : user->pw_name,
                       host);
}

int session_configure(struct session *s)
{
    struct config *c = &s->config;
    int rc = 0;

    s->who = find_who(&s->arena);
    s->output.format = session_given(s, OPTION_JSON) ? VIEW_JSON : s->args.format;
    s->output.is_quiet = session_given(s, OPTION_QUIET);
    rc = read_config(s);
    if (rc != 0)
        return rc;
    c->etcd = env_or("BRAID_ETCD", c->etcd);
    c->ca = env_or("BRAID_ETCD_CA", c->ca);
    c->cert = env_or("BRAID_ETCD_CERT", c->cert);
    c->key = env_or("BRAID_ETCD_KEY", c->key);
    c->cluster = env_or("BRAID_CLUSTER", c->cluster);
    if (session_given(s, OPTION_ETCD))
        c->etcd = slice_str(s->args.values[OPTION_ETCD]);
    if (session_given(s, OPTION_CLUSTER))
        c->cluster = slice_str(s->args.values[OPTION_CLUSTER]);
    s->cluster = c->cluster;
    return 0;
}

void session_close(struct session *s)
{
    if (s->etcd != NULL) {
        (void)lock_release(s); /* else it goes with its lease */
        etcd_sync_close(s->etcd);
    }
    s->etcd = NULL;
    arena_deinit(&s->arena);
}

/* ---- etcd ------------------------------------------------------------------------------------- */

/* A path for the client; NULL where it is empty. */
static const char *path_of(struct session *s, struct slice path)
{
    return path.len == 0 ? NULL : arena_strdup(&s->arena, path);
}

int session_etcd(struct session *s)
{
    struct etcd_config config = {
        .endpoints = arena_strdup(&s->arena, s->config.etcd),
        .ca_file = path_of(s, s->config.ca),
        .cert_file = path_of(s, s->config.cert),
        .key_file = path_of(s, s->config.key),
    };
    int rc = 0;

    if (s->etcd != NULL)
        return 0;
    rc = etcd_sync_open(&config, &s->etcd);
    if (rc == 0)
        return 0;
    output_error(&s->output, "cannot use etcd at '%.*s': %s", SLICE_ARG(s->config.etcd),
                 err_text(rc));
    return EXIT_CONFIG;
}

int session_etcd_failed(struct session *s, int rc, const char *doing)
{
    output_error(&s->output, "%s: %s (%s)", doing,
                 etcd_sync_error(s->etcd)[0] == '\0' ? err_text(rc) : etcd_sync_error(s->etcd),
                 err_name(rc));
    if (rc != ERR_UNKNOWN)
        return EXIT_REFUSED;
    output_error(&s->output, "whether it took effect is not known: look with 'braidctl status' and "
                             "'braidctl history', and do it again if it did not");
    return EXIT_UNKNOWN;
}
