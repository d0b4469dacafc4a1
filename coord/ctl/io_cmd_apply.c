/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_apply.c - a stream's YAML file becomes the stream.
 *
 * Happy path of a new stream: read and check the file; look at each DC's source topics; list the
 * topics that each DC must have; show the plan; create what is missing; resolve the start; write
 * spec version 1 and cut 0 in one transaction. Of a stream that is there: show what differs, write
 * the next version; a later cut names it.
 *
 * Failures: anything wrong is shown whole before anything is changed. Topics that were created
 * before a later step failed stay: the next apply finds them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coord/ctl/apply.h"
#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_kafka.h"
#include "coord/ctl/io_kafka_admin.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/io_spec.h"
#include "proto/err.h"

/* One DC of the stream while it is being applied. */
struct site {
    struct slice dc;
    const char *kafka;
    const char *source_kafka;
    struct kafka_admin *admin;
    struct kafka_admin *source_admin; /* the same where the Kafka is */
    struct topic_wanted wanted[TOPICS_WANTED_MAX];
    size_t wanted_count;
    bool is_missing[TOPICS_WANTED_MAX];
};

struct applying {
    struct session *session;
    struct snapshot snap;
    const struct snapshot_stream *old; /* NULL: the stream is new */
    struct spec spec;
    struct site sites[DCS_MAX];
    size_t site_count;
    struct topic_source sources[DCS_MAX * SPEC_SOURCES_MAX];
    size_t source_count;
    struct apply_start *starts; /* one for each origin partition */
    size_t start_count;
    struct text problems;
    size_t problem_count;
    size_t missing_count;
};

/* ---- the file --------------------------------------------------------------------------------- */

static int read_spec_file(struct applying *ap)
{
    struct session *s = ap->session;
    const char *path = session_option(s, OPTION_FILE);
    struct yaml_file *file = arena_calloc(&s->arena, 1, sizeof(*file));
    struct text errors = text_in(&s->arena);
    int rc = 0;

    if (path == NULL) {
        output_error(&s->output, "apply needs -f FILE; 'braidctl example' prints one");
        return EXIT_USAGE;
    }
    if (file == NULL)
        return EXIT_REFUSED;
    file->name = strcmp(path, "-") == 0 ? "<stdin>" : path;
    file->arena = &s->arena;
    rc = session_read_file(s, path, &file->bytes);
    if (rc != 0)
        return rc;
    if (spec_read(file, &ap->spec) == 0)
        return 0;
    yaml_print_errors(file, &errors);
    (void)fputs(text_string(&errors), s->output.err); /* nobody else to tell */
    return EXIT_CONFIG;
}

/* Without `dcs` in the file: those of the stream that is there, else all that have live nodes. */
static int fill_dcs(struct applying *ap)
{
    struct session *s = ap->session;
    const struct snapshot_stream *st = snapshot_stream_find(&ap->snap, ap->spec.output);
    struct spec_problems problems;
    struct slice *dcs = arena_calloc(&s->arena, DCS_MAX, sizeof(*dcs));

    if (dcs == NULL)
        return EXIT_REFUSED;
    if (ap->spec.dcs.count > 0)
        return 0;
    ap->spec.dcs = (struct key_texts){.items = dcs};
    if (st != NULL && st->has_spec)
        ap->spec.dcs = st->spec.dcs;
    for (size_t i = 0; ap->spec.dcs.items == dcs && i < ap->snap.dc_count; i++)
        if (ap->snap.dcs[i].nodes > 0)
            dcs[ap->spec.dcs.count++] = ap->snap.dcs[i].dc;
    if (ap->spec.dcs.count == 0) {
        output_error(&s->output, "which DCs? No node is alive; name them with 'dcs:' in the file");
        return EXIT_REFUSED;
    }
    spec_check(&ap->spec, &s->arena, &problems);
    for (size_t i = 0; i < problems.count; i++)
        output_error(&s->output, "'%s': %s", problems.items[i].path, problems.items[i].message);
    return problems.count == 0 ? 0 : EXIT_CONFIG;
}

/* ---- the sites -------------------------------------------------------------------------------- */

static int open_site(struct applying *ap, struct slice dc)
{
    struct session *s = ap->session;
    struct site *site = &ap->sites[ap->site_count];
    int rc = 0;

    *site = (struct site){.dc = dc};
    site->kafka = place_kafka(s, &ap->snap, dc);
    if (site->kafka == NULL)
        return EXIT_REFUSED;
    site->source_kafka = place_source_kafka(s, &ap->snap, dc);
    ap->site_count++;
    rc = kafka_admin_open(s, site->kafka, &site->admin);
    if (rc != 0)
        return rc;
    site->source_admin = site->admin;
    if (strcmp(site->kafka, site->source_kafka) != 0)
        rc = kafka_admin_open(s, site->source_kafka, &site->source_admin);
    return rc;
}

static void close_sites(struct applying *ap)
{
    for (size_t i = 0; i < ap->site_count; i++) {
        if (ap->sites[i].source_admin != ap->sites[i].admin)
            kafka_admin_close(ap->sites[i].source_admin);
        kafka_admin_close(ap->sites[i].admin);
    }
}

static int64_t number_setting(const struct topic_actual *actual, int count, const char *name,
                              int64_t otherwise)
{
    for (int i = 0; i < count; i++) {
        int64_t value = 0;

        if (strcmp(actual[i].name, name) == 0 &&
            keys_parse_number(slice_str(actual[i].value), &value) == 0) {
            return value;
        }
    }
    return otherwise;
}

/* A source topic in its own DC. 0 or an exit code, said; what is wrong with it is a problem. */
static int look_at_source(struct applying *ap, struct site *site, struct slice topic)
{
    struct session *s = ap->session;
    struct topic_actual actual[KAFKA_SETTINGS_MAX];
    const char *name = topic_prefixed(&s->arena, site->dc, topic);
    int partitions = kafka_admin_partitions(site->source_admin, name);
    int settings = 0;

    if (partitions < 0)
        return EXIT_REFUSED;
    if (partitions == 0) {
        text_addf(&ap->problems,
                  "%s is not there (at %s): Braid does not create sources, their writers do\n",
                  name, site->source_kafka);
        ap->problem_count++;
        return 0;
    }
    settings = kafka_admin_settings(site->source_admin, name, actual);
    if (settings < 0)
        return EXIT_REFUSED;
    ap->problem_count += topics_check_source(name, actual, (size_t)settings, &ap->problems);
    ap->sources[ap->source_count++] = (struct topic_source){
        .dc = site->dc,
        .topic = topic,
        .partitions = partitions,
        .message_bytes_max = number_setting(actual, settings, "max.message.bytes", 1 << 20),
    };
    return 0;
}

/* A topic that the DC must have: missing, or checked. */
static int look_at_wanted(struct applying *ap, struct site *site, size_t index)
{
    struct session *s = ap->session;
    struct topic_actual actual[KAFKA_SETTINGS_MAX];
    const struct topic_wanted *want = &site->wanted[index];
    int partitions = kafka_admin_partitions(site->admin, want->name);
    int settings = 0;

    if (partitions < 0)
        return EXIT_REFUSED;
    if (partitions == 0) {
        site->is_missing[index] = true;
        ap->missing_count++;
        return 0;
    }
    settings = kafka_admin_settings(site->admin, want->name, actual);
    if (settings < 0)
        return EXIT_REFUSED;
    ap->problem_count += topics_check(want, partitions, actual, (size_t)settings, &ap->problems);
    (void)s;
    return 0;
}

/* Reads what the reader has begun to read, up to its end: is there a record that is not ours? */
static int scan_for_foreign(struct applying *ap, struct kafka_reader *reader, const char *topic)
{
    struct kafka_record record;
    struct audit_record parsed;

    for (int waits = 0; waits < 50;) {
        enum kafka_event event = kafka_next(reader, 100, &record);

        if (event == KAFKA_FAILED)
            return EXIT_REFUSED;
        if (event == KAFKA_END)
            return 0;
        if (event == KAFKA_NOTHING) {
            waits++;
            continue;
        }
        audit_record_parse(&record.raw, &parsed);
        if (parsed.has_origin)
            continue;
        text_addf(&ap->problems,
                  "%s has records that Braid did not write, one at offset %" PRId64
                  ": does a mirror write it? Exclude it there\n",
                  topic, record.raw.offset);
        ap->problem_count++;
        return 0;
    }
    return 0;
}

/* The newest records of a topic that only Braid writes must be Braid's. */
static int look_for_foreign(struct applying *ap, const struct site *site, const char *topic)
{
    const int64_t looked_at = 20;
    struct kafka_reader *reader = NULL;
    int64_t first = 0;
    int64_t end = 0;
    int rc = kafka_open(ap->session, site->kafka, true, &reader);

    if (rc == 0 && !kafka_bounds(reader, topic, 0, &first, &end))
        rc = EXIT_REFUSED;
    if (rc == 0 && end > first) {
        kafka_start(reader);
        if (kafka_add(reader, topic, 0, end - looked_at > first ? end - looked_at : first) &&
            kafka_begin(reader)) {
            rc = scan_for_foreign(ap, reader, topic);
        } else {
            rc = EXIT_REFUSED;
        }
    }
    kafka_close(reader);
    return rc;
}

static int look_at_site(struct applying *ap, struct site *site)
{
    struct session *s = ap->session;
    int rc = 0;

    site->wanted_count =
        topics_wanted(&ap->spec, site->dc, ap->sources, ap->source_count, &s->arena, site->wanted);
    for (size_t i = 0; rc == 0 && i < site->wanted_count; i++) {
        output_progress(&s->output, "looking at %s in %.*s", site->wanted[i].name,
                        SLICE_ARG(site->dc));
        rc = look_at_wanted(ap, site, i);
        if (rc == 0 && site->wanted[i].kind == TOPIC_GLOBAL && !site->is_missing[i])
            rc = look_for_foreign(ap, site, site->wanted[i].name);
    }
    return rc;
}

static int look_at_all(struct applying *ap)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ap->spec.dcs.count; i++)
        rc = open_site(ap, ap->spec.dcs.items[i]);
    for (size_t i = 0; rc == 0 && i < ap->site_count; i++) {
        for (size_t k = 0; rc == 0 && k < ap->spec.sources.count; k++)
            rc = look_at_source(ap, &ap->sites[i], ap->spec.sources.items[k]);
    }
    for (size_t i = 0; rc == 0 && i < ap->site_count; i++)
        rc = look_at_site(ap, &ap->sites[i]);
    return rc;
}

/* ---- where it starts -------------------------------------------------------------------------- */

/* The position before the first record wanted, in one origin partition. */
static int resolve_one(struct applying *ap, struct kafka_reader *reader, struct apply_start *start)
{
    const char *topic = topic_prefixed(&ap->session->arena, start->from.dc, start->from.topic);
    int32_t partition = (int32_t)start->from.partition;
    int64_t first = 0;
    int64_t end = 0;
    int64_t ms = 0;

    if (!kafka_bounds(reader, topic, partition, &first, &end))
        return EXIT_REFUSED;
    if (slice_equal(ap->spec.start, SLICE_LIT("earliest"))) {
        start->position = first - 1;
    } else if (slice_equal(ap->spec.start, SLICE_LIT("latest"))) {
        start->position = end - 1;
    } else {
        if (keys_parse_time(ap->spec.start, &ms) != 0 ||
            !kafka_offset_at(reader, topic, partition, ms, &first)) {
            return EXIT_REFUSED;
        }
        start->position = first - 1;
    }
    return 0;
}

/* A copy in another DC that begins later raises the start: what it lacks it cannot enrich. */
static int raise_to_copy(struct applying *ap, const struct site *site, struct apply_start *start)
{
    struct session *s = ap->session;
    const char *topic = topic_prefixed(&s->arena, start->from.dc, start->from.topic);
    struct kafka_reader *reader = NULL;
    struct kafka_record record;
    struct audit_record parsed;
    enum kafka_event event = KAFKA_NOTHING;
    int64_t first = 0;
    int64_t end = 0;
    int rc = kafka_open(s, site->kafka, true, &reader);

    if (rc != 0)
        return rc;
    kafka_start(reader);
    if (!kafka_bounds(reader, topic, (int32_t)start->from.partition, &first, &end) ||
        !kafka_add(reader, topic, (int32_t)start->from.partition, first) || !kafka_begin(reader)) {
        rc = EXIT_REFUSED;
    }
    for (int waits = 0; rc == 0 && end > first && event != KAFKA_END && waits < 50;) {
        event = kafka_next(reader, 100, &record);
        waits += event == KAFKA_NOTHING ? 1 : 0;
        if (event == KAFKA_FAILED)
            rc = EXIT_REFUSED;
        if (event != KAFKA_RECORD)
            continue;
        audit_record_parse(&record.raw, &parsed);
        if (!parsed.has_origin)
            continue;
        if (parsed.prev > start->position) {
            start->position = parsed.prev;
            start->raised_by = site->dc;
        }
        break;
    }
    kafka_close(reader);
    return rc;
}

static bool copy_is_missing(const struct applying *ap, const struct site *site,
                            const struct apply_start *start)
{
    const char *topic = topic_prefixed(&ap->session->arena, start->from.dc, start->from.topic);

    for (size_t i = 0; i < site->wanted_count; i++) {
        if (strcmp(site->wanted[i].name, topic) == 0)
            return site->is_missing[i];
    }
    return true;
}

static int resolve_starts(struct applying *ap)
{
    struct session *s = ap->session;
    struct kafka_reader *reader = NULL;
    size_t most = 0;
    int rc = 0;

    for (size_t i = 0; i < ap->source_count; i++)
        most += (size_t)ap->sources[i].partitions;
    ap->starts = arena_calloc(&s->arena, most + 1, sizeof(*ap->starts));
    if (ap->starts == NULL)
        return EXIT_REFUSED;
    for (size_t i = 0; rc == 0 && i < ap->site_count; i++) {
        rc = kafka_open(s, ap->sites[i].source_kafka, true, &reader);
        for (size_t k = 0; rc == 0 && k < ap->source_count; k++) {
            if (!slice_equal(ap->sources[k].dc, ap->sites[i].dc))
                continue;
            for (int p = 0; rc == 0 && p < ap->sources[k].partitions; p++) {
                struct apply_start *start = &ap->starts[ap->start_count++];

                start->from = (struct origin_partition){.dc = ap->sources[k].dc,
                                                        .topic = ap->sources[k].topic,
                                                        .partition = (uint32_t)p};
                rc = resolve_one(ap, reader, start);
            }
        }
        kafka_close(reader);
        reader = NULL;
    }
    for (size_t i = 0; rc == 0 && i < ap->start_count; i++) {
        for (size_t k = 0; rc == 0 && k < ap->site_count; k++) {
            if (!slice_equal(ap->sites[k].dc, ap->starts[i].from.dc) &&
                !copy_is_missing(ap, &ap->sites[k], &ap->starts[i])) {
                rc = raise_to_copy(ap, &ap->sites[k], &ap->starts[i]);
            }
        }
    }
    return rc;
}

/* ---- the plan --------------------------------------------------------------------------------- */

static void add_topics(struct applying *ap, struct view *v)
{
    static const char *const TITLES[] = {"dc", "topic", "partitions", "step", NULL};
    struct view_table *t = view_table(v, "topics", TITLES);

    for (size_t i = 0; i < ap->site_count; i++) {
        const struct site *site = &ap->sites[i];

        for (size_t k = 0; k < site->wanted_count; k++) {
            view_cell_text(v, t, site->dc);
            view_cell_text(v, t, slice_str(site->wanted[k].name));
            view_cell_number(v, t, site->wanted[k].partitions);
            view_cell_text(v, t, site->is_missing[k] ? SLICE_LIT("create") : SLICE_LIT("there"));
        }
    }
}

static void add_starts(struct applying *ap, struct view *v)
{
    static const char *const TITLES[] = {"origin",       "topic",     "partition",
                                         "starts_after", "raised_by", NULL};
    struct view_table *t = view_table(v, "starts", TITLES);

    for (size_t i = 0; i < ap->start_count; i++) {
        const struct apply_start *start = &ap->starts[i];

        view_cell_text(v, t, start->from.dc);
        view_cell_text(v, t, start->from.topic);
        view_cell_number(v, t, start->from.partition);
        view_cell_number(v, t, start->position);
        view_cell_text(v, t, start->raised_by);
    }
}

static void add_changes(struct applying *ap, struct view *v)
{
    static const char *const TITLES[] = {"key", "now", "new", NULL};
    struct view *before = arena_calloc(&ap->session->arena, 1, sizeof(*before));
    struct view *after = arena_calloc(&ap->session->arena, 1, sizeof(*after));
    struct view_table *t = view_table(v, "changes", TITLES);

    if (before == NULL || after == NULL)
        return;
    *before = view_new(&ap->session->arena, "Stream");
    *after = *before;
    stream_add_spec(ap->session, before, &ap->old->spec);
    stream_add_spec(ap->session, after, &ap->spec);
    for (size_t i = 0; i < before->field_count && i < after->field_count; i++) {
        struct text a = text_in(&ap->session->arena);
        struct text b = text_in(&ap->session->arena);

        if (strncmp(before->fields[i].name, "applied", 7) == 0 ||
            strcmp(before->fields[i].name, "reason") == 0 ||
            strcmp(before->fields[i].name, "version") == 0) {
            continue;
        }
        view_print_cell(&before->fields[i].cell, &a);
        view_print_cell(&after->fields[i].cell, &b);
        if (slice_equal(text_slice(&a), text_slice(&b)))
            continue;
        view_cell_text(v, t, slice_str(before->fields[i].name));
        view_cell_text(v, t, text_slice(&a));
        view_cell_text(v, t, text_slice(&b));
    }
}

/* ---- doing it --------------------------------------------------------------------------------- */

static int create_topics(struct applying *ap)
{
    struct session *s = ap->session;
    int64_t replication = 0;
    int rc = 0;

    if (!session_number(s, OPTION_REPLICATION, 0, &replication) || replication > 100)
        return EXIT_USAGE;
    for (size_t i = 0; i < ap->site_count; i++) {
        for (size_t k = 0; k < ap->sites[i].wanted_count; k++) {
            if (!ap->sites[i].is_missing[k])
                continue;
            output_progress(&s->output, "creating %s in %.*s", ap->sites[i].wanted[k].name,
                            SLICE_ARG(ap->sites[i].dc));
            rc = kafka_admin_create(ap->sites[i].admin, &ap->sites[i].wanted[k], (int)replication);
            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

static uint32_t lowest_rules(const struct snapshot *snap)
{
    uint32_t lowest = UINT32_MAX;

    for (size_t i = 0; i < snap->node_count; i++) {
        if (snap->nodes[i].rules_version_max > 0 && snap->nodes[i].rules_version_max < lowest)
            lowest = snap->nodes[i].rules_version_max;
    }
    return lowest == UINT32_MAX ? APPLY_RULES_VERSION : lowest;
}

static int write_spec(struct applying *ap, struct slice spec_bytes, struct slice cut_bytes)
{
    struct session *s = ap->session;
    struct slice spec_key = store_key(s, (struct keyspace_key){.kind = KEYSPACE_SPEC,
                                                               .output = ap->spec.output,
                                                               .number = ap->spec.version});
    struct slice cut_key =
        store_key(s, (struct keyspace_key){.kind = KEYSPACE_CUT, .output = ap->spec.output});
    const struct etcd_compare compares[2] = {
        {.key = spec_key, .target = ETCD_COMPARE_CREATE_REVISION, .result = ETCD_EQUAL},
        {.key = cut_key, .target = ETCD_COMPARE_CREATE_REVISION, .result = ETCD_EQUAL},
    };
    const struct etcd_op ops[2] = {
        {.type = ETCD_OP_PUT, .put = {.key = spec_key, .value = spec_bytes}},
        {.type = ETCD_OP_PUT, .put = {.key = cut_key, .value = cut_bytes}},
    };
    const struct store_change change = {
        .compares = compares,
        .compare_count = ap->old == NULL ? 2 : 1,
        .ops = ops,
        .op_count = ap->old == NULL ? 2 : 1,
        .what = text_format(&s->arena, "apply %.*s version %" PRIu64, SLICE_ARG(ap->spec.output),
                            ap->spec.version),
        .is_of_specs = true,
    };

    if (spec_key.ptr == NULL || cut_key.ptr == NULL) {
        output_error(&s->output, "no stream can have the name '%.*s'", SLICE_ARG(ap->spec.output));
        return EXIT_REFUSED;
    }
    return store_change(s, &change);
}

static int commit(struct applying *ap)
{
    struct session *s = ap->session;
    struct slice spec_bytes = {0};
    struct slice cut_bytes = {0};
    const char *why = session_option(s, OPTION_MESSAGE);
    struct cut cut;
    int rc = 0;

    ap->spec.applied_ms = session_now_ms();
    ap->spec.applied_by = slice_str(s->who);
    ap->spec.reason = slice_str(why == NULL ? "" : why);
    rc = spec_encode(&ap->spec, &s->arena, &spec_bytes);
    if (rc == 0 && ap->old == NULL) {
        rc = apply_first_cut(&ap->spec, ap->starts, ap->start_count, lowest_rules(&ap->snap),
                             &s->arena, &cut);
        if (rc == 0) {
            cut.time_ms = ap->spec.applied_ms;
            rc = cut_encode(&cut, &s->arena, &cut_bytes);
        }
    }
    if (rc != 0) {
        output_error(&s->output, "cannot write the spec: %s", err_text(rc));
        return EXIT_REFUSED;
    }
    return write_spec(ap, spec_bytes, cut_bytes);
}

/* ---- the command ------------------------------------------------------------------------------ */

static bool is_refused(struct applying *ap)
{
    struct session *s = ap->session;
    const char *why = ap->old == NULL ? NULL : apply_refusal(&ap->old->spec, &ap->spec);

    if (ap->problem_count > 0) {
        output_error(&s->output,
                     "%zu things are in the way; nothing was changed:", ap->problem_count);
        (void)fputs(text_string(&ap->problems), s->output.err); /* nobody else to tell */
        return true;
    }
    if (why != NULL)
        output_error(&s->output, "%s", why);
    return why != NULL;
}

static int find_old(struct applying *ap)
{
    struct session *s = ap->session;
    const struct snapshot_stream *st = snapshot_stream_find(&ap->snap, ap->spec.output);

    ap->spec.version = 1;
    if (st == NULL || (st->spec_version == 0 && st->cut_count == 0))
        return 0;
    if (st->spec_version == 0 || !st->has_spec || !st->has_cut) {
        output_error(&s->output,
                     "'%.*s' was deleted, but its topics and cuts are still there; 'braidctl "
                     "delete --purge' takes them away",
                     SLICE_ARG(ap->spec.output));
        return EXIT_REFUSED;
    }
    ap->old = st;
    ap->spec.version = st->spec_version + 1;
    return 0;
}

static int apply(struct applying *ap)
{
    struct session *s = ap->session;
    struct view *v = arena_calloc(&s->arena, 1, sizeof(*v));
    int code = EXIT_DONE;
    int rc = find_old(ap);

    if (rc == 0)
        rc = look_at_all(ap);
    if (rc != 0 || v == NULL || is_refused(ap))
        return rc != 0 ? rc : EXIT_REFUSED;
    if (ap->old == NULL)
        rc = resolve_starts(ap);
    if (rc != 0)
        return rc;
    *v = view_new(&s->arena, "ApplyPlan");
    view_text(v, "stream", ap->spec.output);
    view_number(v, "version", (int64_t)ap->spec.version);
    view_bool(v, "new", ap->old == NULL);
    if (ap->old != NULL)
        add_changes(ap, v);
    add_topics(ap, v);
    if (ap->old == NULL)
        add_starts(ap, v);
    if (ap->old != NULL && view_rows(&v->tables[0]) == 0 && ap->missing_count == 0) {
        output_note(&s->output, "'%.*s' is already so: version %" PRIu64,
                    SLICE_ARG(ap->spec.output), ap->old->spec_version);
        return EXIT_DONE;
    }
    if (!store_may_change(s, v, ap->snap.revision, "Apply this?", &code))
        return code;
    rc = create_topics(ap);
    if (rc == 0)
        rc = commit(ap);
    if (rc != 0)
        return rc;
    v->kind = "Applied";
    view_heading(v, "Applied %.*s version %" PRIu64 ".", SLICE_ARG(ap->spec.output),
                 ap->spec.version);
    output_view(&s->output, v);
    return EXIT_DONE;
}

int cmd_apply(struct session *s)
{
    struct applying *ap = arena_calloc(&s->arena, 1, sizeof(*ap));
    int rc = 0;

    if (ap == NULL)
        return EXIT_REFUSED;
    ap->session = s;
    ap->problems = text_in(&s->arena);
    rc = read_spec_file(ap);
    if (rc == 0)
        rc = store_load(s, &ap->snap);
    if (rc == 0)
        rc = fill_dcs(ap);
    if (rc == 0)
        rc = apply(ap);
    close_sites(ap);
    return rc;
}
