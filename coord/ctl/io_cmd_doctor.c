/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_doctor.c - asks every server that Braid needs whether it is as it must be: etcd's members,
 * certificates, nodes, clocks, each DC's Kafka and the topics of each stream, each DC's API.
 *
 * From this machine and with these credentials (io_doctor.h): run on a node's machine, with the node's
 * credentials in braidctl.yaml, it sees what the node sees. From elsewhere each node's /readyz says
 * whether it reaches etcd and runs its tasks.
 */
#include <curl/curl.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_doctor.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"
#include "proto/err.h"

enum {
    DOCTOR_BODY_MAX = 2000,
    DOCTOR_ENDPOINTS_MAX = 16,
    DOCTOR_ETCD_BYTES = 1 << 30 /* etcd refuses writes at 2 GiB by default */
};

/* ---- etcd ------------------------------------------------------------------------------------- */

static void check_endpoint(struct visiting *x, struct slice endpoint)
{
    struct session *s = x->session;
    const struct etcd_config config = {
        .endpoints = arena_strdup(&s->arena, endpoint),
        .ca_file = s->config.ca.len == 0 ? NULL : arena_strdup(&s->arena, s->config.ca),
        .cert_file = s->config.cert.len == 0 ? NULL : arena_strdup(&s->arena, s->config.cert),
        .key_file = s->config.key.len == 0 ? NULL : arena_strdup(&s->arena, s->config.key),
    };
    struct doctor_line line = {.check = "etcd", .where = config.endpoints};
    struct etcd_sync *etcd = NULL;
    struct etcd_answer answer = {0};
    int rc = etcd_sync_open(&config, &etcd);

    if (rc == 0)
        rc = etcd_sync_status(etcd, &s->arena, &answer);
    if (rc != 0) {
        line.verdict = DOCTOR_BAD;
        line.what =
            text_format(&s->arena, "%s", etcd == NULL ? err_text(rc) : etcd_sync_error(etcd));
        line.fix = "does it run, and does its certificate name this address?";
    } else if (answer.leader == 0) {
        line.verdict = DOCTOR_BAD;
        line.what = "it has no leader";
        line.fix = "a majority of etcd's members must run and reach each other";
    } else {
        line.what = text_format(&s->arena, "version %.*s, %" PRId64 " MiB",
                                SLICE_ARG(answer.version), answer.db_bytes >> 20);
        if (answer.db_bytes > DOCTOR_ETCD_BYTES) {
            line.verdict = DOCTOR_WARNING;
            line.fix = "compact every five minutes (--auto-compaction-retention) and defragment";
        }
    }
    doctor_add(x->doctor, line);
    if (etcd != NULL)
        etcd_sync_close(etcd);
}

static void check_etcd(struct visiting *x)
{
    struct slice rest = x->session->config.etcd;

    for (int i = 0; i < DOCTOR_ENDPOINTS_MAX && rest.len > 0; i++) {
        const uint8_t *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.ptr);

        check_endpoint(x, slice_sub(rest, 0, len));
        rest = slice_sub(rest, comma == NULL ? len : len + 1, rest.len);
    }
}

static void check_certificate(struct visiting *x, struct slice path)
{
    const char *name = arena_strdup(&x->session->arena, path);
    FILE *file = path.len == 0 || name == NULL ? NULL : fopen(name, "rb");
    X509 *certificate = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);
    int days = 0;
    int seconds = 0;

    if (file != NULL)
        (void)fclose(file); /* only read */
    if (path.len == 0)
        return;
    if (certificate == NULL ||
        ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1) {
        doctor_add(x->doctor, (struct doctor_line){.verdict = DOCTOR_BAD,
                                                   .check = "certificate",
                                                   .where = name,
                                                   .what = "cannot be read",
                                                   .fix = "it must be PEM, and readable"});
    } else {
        doctor_check_certificate(x->doctor, name, (int64_t)days * 24 * 3600 + seconds);
    }
    X509_free(certificate);
}

/* ---- HTTP ------------------------------------------------------------------------------------- */

struct body {
    char bytes[DOCTOR_BODY_MAX + 1];
    size_t len;
};

/* Keeps the beginning. */
static size_t take_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct body *body = arg;
    size_t room = DOCTOR_BODY_MAX - body->len;
    size_t len = size * count < room ? size * count : room;

    memcpy(body->bytes + body->len, bytes, len);
    body->len += len;
    return size * count;
}

/* The status, or 0 with the reason in `body`. */
static long http_get(const char *url, struct body *body)
{
    CURL *curl = curl_easy_init();
    long status = 0;
    CURLcode rc = CURLE_FAILED_INIT;

    body->len = 0;
    if (curl != NULL) {
        /* These fail only for options that this libcurl does not know. */
        (void)curl_easy_setopt(curl, CURLOPT_URL, url);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)DOCTOR_TIMEOUT_S);
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "braidctl-doctor/" BRAID_VERSION);
        (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        rc = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_cleanup(curl);
    }
    body->bytes[body->len] = '\0';
    if (rc == CURLE_OK)
        return status;
    (void)snprintf(body->bytes, sizeof(body->bytes), "%s", curl_easy_strerror(rc));
    return 0;
}

/* The lines of /readyz?verbose that begin with [-]. */
static const char *not_ready(struct visiting *x, const char *body)
{
    const char *bad = strstr(body, "[-]");

    return bad == NULL ? body
                       : text_format(&x->session->arena, "%.*s", (int)strcspn(bad, "\n"), bad);
}

static void check_node(struct visiting *x, const struct snapshot_node *n)
{
    struct session *s = x->session;
    struct body body;
    long status =
        http_get(text_format(&s->arena, "http://%.*s/readyz?verbose", SLICE_ARG(n->http)), &body);
    struct doctor_line line = {.check = "node",
                               .where =
                                   text_format(&s->arena, "%.*s/%.*s at %.*s", SLICE_ARG(n->dc),
                                               SLICE_ARG(n->name), SLICE_ARG(n->http))};

    if (status == 200) {
        line.what = "ready";
    } else if (status == 0) {
        line.verdict = DOCTOR_WARNING;
        line.what = text_format(&s->arena, "its page cannot be reached: %s", body.bytes);
        line.fix = "reachable only inside its DC? Then ask it there; else look at its log";
    } else {
        line.verdict = DOCTOR_BAD;
        line.what = not_ready(x, body.bytes);
        line.fix = "its log says what it misses";
    }
    doctor_add(x->doctor, line);
}

/* Every Kafka that clients in this place use. */
static void check_kafkas(struct visiting *x)
{
    struct session *s = x->session;

    for (size_t i = 0; i < x->snap.dc_count; i++) {
        const struct slice dc = x->snap.dcs[i].dc;
        const char *kafka = place_kafka(s, &x->snap, dc);
        const char *source = kafka == NULL ? NULL : place_source_kafka(s, &x->snap, dc);

        if (kafka != NULL)
            doctor_reach(x, text_format(&s->arena, "Kafka of %.*s", SLICE_ARG(dc)), kafka);
        if (source != NULL && strcmp(source, kafka) != 0) {
            doctor_reach(x, text_format(&s->arena, "source Kafka of %.*s", SLICE_ARG(dc)), source);
        }
    }
}

static void check_api(struct visiting *x, struct slice dc)
{
    struct session *s = x->session;
    const char *base = place_mediawiki(s, &x->snap, dc);
    struct body body;
    long status = 0;
    struct doctor_line line = {.check = "API",
                               .where = text_format(&s->arena, "%.*s at %s", SLICE_ARG(dc), base)};

    if (base == NULL)
        return;
    status =
        http_get(text_format(&s->arena, "%s?action=query&meta=siteinfo&format=json", base), &body);
    line.what = status == 0 ? text_format(&s->arena, "%s", body.bytes)
                            : text_format(&s->arena, "HTTP %ld", status);
    if (status == 0 || status >= 500) {
        line.verdict = DOCTOR_BAD;
        line.fix = "events of this DC are enriched by the others meanwhile; bring MediaWiki back";
    } else if (status == 403 || status == 429) {
        line.verdict = DOCTOR_WARNING;
        line.fix = "may Braid's user agent and address ask the API, and so often?";
    } else if (status == 404) {
        line.what = "answers (404, since the question named no wiki)";
    }
    doctor_add(x->doctor, line);
}

/* ---- Kafka ------------------------------------------------------------------------------------ */

static void add_problems(struct visiting *x, const struct snapshot_stream *st,
                         const struct applying *ap)
{
    struct session *s = x->session;
    const char *where = text_format(&s->arena, "%.*s", SLICE_ARG(st->output));
    const char *problems = text_string(&ap->problems);

    while (*problems != '\0') {
        int len = (int)strcspn(problems, "\n");

        doctor_add(x->doctor, (struct doctor_line){
                                  .verdict = DOCTOR_BAD,
                                  .check = "topics",
                                  .where = where,
                                  .what = text_format(&s->arena, "%.*s", len, problems),
                                  .fix = "change the topic with kafka-configs, or see above"});
        problems += problems[len] == '\0' ? len : len + 1;
    }
    for (size_t i = 0; i < ap->site_count; i++) {
        for (size_t k = 0; k < ap->sites[i].wanted_count; k++) {
            if (!ap->sites[i].is_missing[k])
                continue;
            doctor_add(
                x->doctor,
                (struct doctor_line){
                    .verdict = DOCTOR_BAD,
                    .check = "topics",
                    .where = where,
                    .what = text_format(&s->arena, "%s is not in %.*s", ap->sites[i].wanted[k].name,
                                        SLICE_ARG(ap->sites[i].dc)),
                    .fix = "was it deleted? 'braidctl apply' of the stream's file makes it"});
        }
    }
}

/* All topics of a stream, as apply looks at them. */
static void check_stream(struct visiting *x, const struct snapshot_stream *st)
{
    struct session *s = x->session;
    struct applying *ap = arena_calloc(&s->arena, 1, sizeof(*ap));

    if (ap == NULL)
        return;
    ap->session = s;
    ap->snap = x->snap;
    ap->old = st;
    ap->spec = st->spec;
    ap->problems = text_in(&s->arena);
    if (apply_look(ap) != 0) {
        doctor_add(x->doctor, (struct doctor_line){
                                  .verdict = DOCTOR_BAD,
                                  .check = "topics",
                                  .where = text_format(&s->arena, "%.*s", SLICE_ARG(st->output)),
                                  .what = "a Kafka could not be asked: see above",
                                  .fix = "does it run, and may we describe its topics?"});
    } else {
        size_t topics = 0;

        add_problems(x, st, ap);
        for (size_t i = 0; i < ap->site_count; i++)
            topics += ap->sites[i].wanted_count;
        if (ap->problem_count + ap->missing_count == 0) {
            doctor_add(
                x->doctor,
                (struct doctor_line){
                    .check = "topics",
                    .where = text_format(&s->arena, "%.*s", SLICE_ARG(st->output)),
                    .what = text_format(&s->arena, "%zu topics in %zu DCs are as they must be",
                                        topics, ap->site_count)});
        }
        doctor_access(x, ap);
    }
    apply_close(ap);
}

/* ---- the command ------------------------------------------------------------------------------ */

static int report(struct visiting *x)
{
    static const char *const TITLES[] = {"verdict", "check", "where", "what", "fix", NULL};
    static const char *const VERDICTS[] = {"good", "warning", "BAD"};
    struct session *s = x->session;
    const struct doctor *d = x->doctor;
    struct view *v = arena_calloc(&s->arena, 1, sizeof(*v));
    struct view_table *t = NULL;

    if (v == NULL)
        return EXIT_REFUSED;
    *v = view_new(&s->arena, "CheckUp");
    t = view_table(v, "checks", TITLES);
    if (d->bad + d->warnings == 0) {
        view_heading(v, "All %zu checks are good.", d->count);
    } else {
        view_heading(v, "%zu of %zu checks are bad, %zu warn.", d->bad, d->count, d->warnings);
    }
    view_number(v, "bad", (int64_t)d->bad);
    view_number(v, "warnings", (int64_t)d->warnings);
    for (size_t i = 0; i < d->count; i++) {
        view_cell_text(v, t, slice_str(VERDICTS[d->lines[i].verdict]));
        view_cell_text(v, t, slice_str(d->lines[i].check));
        view_cell_text(v, t, slice_str(d->lines[i].where));
        view_cell_text(v, t, slice_str(d->lines[i].what));
        view_cell_text(v, t, slice_str(d->lines[i].fix));
    }
    output_view(&s->output, v);
    return d->bad > 0 ? EXIT_REFUSED : d->warnings > 0 ? EXIT_DEGRADED : EXIT_DONE;
}

int cmd_doctor(struct session *s)
{
    struct visiting *x = arena_calloc(&s->arena, 1, sizeof(*x));
    struct doctor *d = arena_calloc(&s->arena, 1, sizeof(*d));
    int rc = 0;

    if (x == NULL || d == NULL)
        return EXIT_REFUSED;
    *d = (struct doctor){.arena = &s->arena};
    x->session = s;
    x->doctor = d;
    doctor_reach(x, "etcd", arena_strdup(&s->arena, s->config.etcd));
    check_etcd(x);
    check_certificate(x, s->config.ca);
    check_certificate(x, s->config.cert);
    rc = store_load(s, &x->snap);
    if (rc != 0) {
        (void)report(x); /* what is known so far says why */
        return rc;
    }
    check_kafkas(x);
    doctor_check_nodes(d, &x->snap);
    doctor_check_versions(d, &x->snap);
    doctor_check_clocks(d, &x->snap);
    for (size_t i = 0; i < x->snap.node_count; i++)
        check_node(x, &x->snap.nodes[i]);
    for (size_t i = 0; i < x->snap.dc_count; i++)
        check_api(x, x->snap.dcs[i].dc);
    for (size_t i = 0; i < x->snap.stream_count; i++) {
        if (x->snap.streams[i].has_spec)
            check_stream(x, &x->snap.streams[i]);
    }
    return report(x);
}
