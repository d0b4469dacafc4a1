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

#include "coord/ctl/catalogue.h"
#include "coord/ctl/io_apply.h"
#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_lock.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/io_spec.h"
#include "proto/err.h"

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

/* ---- the plan --------------------------------------------------------------------------------- */

static void add_topics(struct applying *ap, struct view *v)
{
    static const char *const TITLES[] = {"dc", "topic", "partitions", "step", NULL};
    struct view_table *t = view_table(v, "topics", TITLES);

    for (size_t i = 0; i < ap->site_count; i++) {
        const struct apply_site *site = &ap->sites[i];

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
            if (rc == 0)
                rc = lock_keep(s);
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

/* For the lock and the operators' log. */
static const char *apply_name(const struct applying *ap)
{
    const char *what = text_format(&ap->session->arena, "apply %.*s version %" PRIu64,
                                   SLICE_ARG(ap->spec.output), ap->spec.version);

    if (ap->rolled_back_to == 0)
        return what;
    return text_format(&ap->session->arena, "%s, which is version %" PRIu64 " again", what,
                       ap->rolled_back_to);
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
        .what = apply_name(ap),
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
        output_error(
            &s->output,
            "'%.*s' was deleted; its name cannot be used again, since its cuts are still in "
            "the DCs' logs of cuts: take another",
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
        rc = apply_look(ap);
    if (rc != 0 || v == NULL || is_refused(ap))
        return rc != 0 ? rc : EXIT_REFUSED;
    if (ap->old == NULL)
        rc = apply_starts(ap);
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
    view_text(v, "mirrors_leave_out", slice_str(catalogue_mirror_pattern(&ap->spec, &s->arena)));
    if (ap->old != NULL && view_rows(&v->tables[0]) == 0 && ap->missing_count == 0) {
        output_note(&s->output, "'%.*s' is already so: version %" PRIu64,
                    SLICE_ARG(ap->spec.output), ap->old->spec_version);
        return EXIT_DONE;
    }
    apply_cost(ap, v);
    if (!store_may_change(s, v, &ap->snap, apply_name(ap), &code))
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
    apply_close(ap);
    return rc;
}

/* ---- rollback --------------------------------------------------------------------------------- */

/* An earlier version becomes the spec that is applied. 0 or an exit code, said. */
static int read_version(struct applying *ap, const struct snapshot_stream *st)
{
    struct session *s = ap->session;
    int64_t version = 0;
    struct etcd_kv kv;
    int rc = 0;

    if (keys_parse_number(session_operand(s, 1), &version) != 0 || version < 1) {
        output_error(&s->output, "which version? A whole number from 1 to %" PRIu64 ", not '%.*s'",
                     st->spec_version, SLICE_ARG(session_operand(s, 1)));
        return EXIT_USAGE;
    }
    rc = etcd_sync_get(s->etcd,
                       store_key(s, (struct keyspace_key){.kind = KEYSPACE_SPEC,
                                                          .output = st->output,
                                                          .number = (uint64_t)version}),
                       &s->arena, &kv);
    if (rc == ERR_NOT_FOUND) {
        output_error(&s->output, "%.*s has no version %" PRId64 "; the newest is %" PRIu64,
                     SLICE_ARG(st->output), version, st->spec_version);
        return EXIT_REFUSED;
    }
    if (rc == 0)
        rc = spec_decode(kv.value, &s->arena, &ap->spec);
    if (rc != 0)
        return session_etcd_failed(s, rc, "cannot read that version");
    ap->rolled_back_to = (uint64_t)version;
    return 0;
}

int cmd_rollback(struct session *s)
{
    struct applying *ap = arena_calloc(&s->arena, 1, sizeof(*ap));
    const struct snapshot_stream *st = NULL;
    int rc = 0;

    if (ap == NULL)
        return EXIT_REFUSED;
    ap->session = s;
    ap->problems = text_in(&s->arena);
    rc = store_load(s, &ap->snap);
    if (rc != 0)
        return rc;
    st = stream_wanted(s, &ap->snap);
    if (st == NULL)
        return EXIT_REFUSED;
    rc = read_version(ap, st);
    if (rc == 0)
        rc = apply(ap);
    apply_close(ap);
    return rc;
}
