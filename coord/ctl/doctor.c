/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/doctor.h"

#include <inttypes.h>

void doctor_add(struct doctor *d, struct doctor_line line)
{
    if (line.verdict == DOCTOR_BAD)
        d->bad++;
    if (line.verdict == DOCTOR_WARNING)
        d->warnings++;
    if (d->count < DOCTOR_LINES_MAX)
        d->lines[d->count++] = line;
}

/* ---- versions --------------------------------------------------------------------------------- */

/* A node that gets a merge whose chain follows newer rules stops it. */
static void check_rules(struct doctor *d, const struct snapshot_node *n,
                        const struct snapshot_stream *st)
{
    if (!st->has_spec || !st->has_cut || n->rules_version_max == 0 ||
        n->rules_version_max >= st->cut.params.rules_version)
        return;
    doctor_add(
        d, (struct doctor_line){
               .verdict = DOCTOR_BAD,
               .check = "versions",
               .where = text_format(d->arena, "%.*s/%.*s", SLICE_ARG(n->dc), SLICE_ARG(n->name)),
               .what = text_format(d->arena, "knows merge rules %u, %.*s follows %u",
                                   n->rules_version_max, SLICE_ARG(st->output),
                                   st->cut.params.rules_version),
               .fix = "upgrade it: it cannot merge that stream, and stops if it gets to"});
}

void doctor_check_versions(struct doctor *d, const struct snapshot *s)
{
    const struct snapshot_node *odd = NULL;

    if (s->node_count == 0)
        return;
    for (size_t i = 0; i < s->node_count; i++) {
        for (size_t k = 0; k < s->stream_count; k++)
            check_rules(d, &s->nodes[i], &s->streams[k]);
    }
    for (size_t i = 1; i < s->node_count; i++) {
        if (!slice_equal(s->nodes[i].version, s->nodes[0].version) ||
            s->nodes[i].rules_version_max != s->nodes[0].rules_version_max) {
            odd = &s->nodes[i];
        }
    }
    if (odd == NULL) {
        doctor_add(
            d, (struct doctor_line){.check = "versions",
                                    .where = "all nodes",
                                    .what = text_format(d->arena, "version %.*s, merge rules %u",
                                                        SLICE_ARG(s->nodes[0].version),
                                                        s->nodes[0].rules_version_max)});
        return;
    }
    doctor_add(
        d,
        (struct doctor_line){
            .verdict = DOCTOR_WARNING,
            .check = "versions",
            .where = text_format(d->arena, "%.*s/%.*s", SLICE_ARG(odd->dc), SLICE_ARG(odd->name)),
            .what = text_format(d->arena, "version %.*s, merge rules %u; %.*s/%.*s has %.*s, %u",
                                SLICE_ARG(odd->version), odd->rules_version_max,
                                SLICE_ARG(s->nodes[0].dc), SLICE_ARG(s->nodes[0].name),
                                SLICE_ARG(s->nodes[0].version), s->nodes[0].rules_version_max),
            .fix = "fine during an upgrade; else upgrade the older nodes"});
}

/* ---- clocks and nodes ------------------------------------------------------------------------- */

static void check_clock(struct doctor *d, const struct snapshot *s, const struct report *r,
                        struct slice output)
{
    int64_t ahead_ms = r->clock_ms - s->now_ms;
    int64_t off_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;
    struct doctor_line line = {
        .check = "clock",
        .where = text_format(d->arena, "%.*s, merge of %.*s", SLICE_ARG(r->dc), SLICE_ARG(output)),
        .what = text_format(d->arena, "%" PRId64 " ms %s ours", off_ms,
                            ahead_ms < 0 ? "behind" : "ahead of")};

    /* Behind may also mean silent: that is status's to say. */
    if (ahead_ms < -DOCTOR_REPORT_MS && off_ms < DOCTOR_CLOCK_BAD_MS) {
        line.what =
            text_format(d->arena, "not known: its last report is %" PRId64 " ms old", off_ms);
        line.verdict = DOCTOR_WARNING;
        line.fix = "look at 'braidctl status': is it silent?";
    } else if (off_ms > DOCTOR_CLOCK_BAD_MS) {
        line.verdict = DOCTOR_BAD;
        line.fix = "set the clock (chrony, ntpd), there or here; or the DC is silent";
    } else if (ahead_ms > DOCTOR_CLOCK_MS) {
        line.verdict = DOCTOR_WARNING;
        line.fix = "compare the clocks there and here with 'chronyc tracking'";
    }
    doctor_add(d, line);
}

void doctor_check_clocks(struct doctor *d, const struct snapshot *s)
{
    for (size_t i = 0; i < s->stream_count; i++) {
        for (size_t r = 0; s->streams[i].has_spec && r < s->streams[i].report_count; r++)
            check_clock(d, s, &s->streams[i].reports[r], s->streams[i].output);
    }
}

void doctor_check_nodes(struct doctor *d, const struct snapshot *s)
{
    for (size_t i = 0; i < s->dc_count; i++) {
        const struct snapshot_dc *dc = &s->dcs[i];
        struct doctor_line line = {.check = "nodes",
                                   .where = text_format(d->arena, "%.*s", SLICE_ARG(dc->dc)),
                                   .what = text_format(d->arena, "%zu registered", dc->nodes)};

        if (dc->nodes == 0) {
            line.verdict = DOCTOR_BAD;
            line.fix = "start braidd there; if it runs, its log says why it is not registered";
        } else if (dc->nodes == 1) {
            line.verdict = DOCTOR_WARNING;
            line.fix = "a second node takes over in seconds when this one is lost";
        }
        doctor_add(d, line);
    }
}

/* ---- certificates ----------------------------------------------------------------------------- */

void doctor_check_certificate(struct doctor *d, const char *file, int64_t left_s)
{
    const int64_t day_s = 24 * 3600;
    struct doctor_line line = {
        .check = "certificate",
        .where = file,
        .what = text_format(d->arena, "valid for %" PRId64 " days", left_s / day_s)};

    if (left_s <= 0) {
        line.verdict = DOCTOR_BAD;
        line.what = text_format(d->arena, "expired %" PRId64 " days ago", -left_s / day_s);
        line.fix = "renew it; nodes read theirs at the start";
    } else if (left_s < DOCTOR_CERT_DAYS * day_s) {
        line.verdict = DOCTOR_WARNING;
        line.fix = "renew it before then; nodes read theirs at the start";
    }
    doctor_add(d, line);
}

/* ---- ACLs ------------------------------------------------------------------------------------- */

void doctor_check_access(struct doctor *d, struct slice dc, const char *topic, unsigned refused)
{
    const char *operations = (refused & DOCTOR_MAY_WRITE) == 0  ? "Read"
                             : (refused & DOCTOR_MAY_READ) == 0 ? "Write"
                                                                : "Read --operation Write";

    if (refused == 0)
        return;
    doctor_add(d, (struct doctor_line){
                      .verdict = DOCTOR_BAD,
                      .check = "ACLs",
                      .where = text_format(d->arena, "%s in %.*s", topic, SLICE_ARG(dc)),
                      .what = text_format(d->arena, "these credentials may not %s it",
                                          refused == DOCTOR_MAY_READ    ? "read"
                                          : refused == DOCTOR_MAY_WRITE ? "write"
                                                                        : "read or write"),
                      .fix = text_format(d->arena,
                                         "kafka-acls --add --allow-principal User:... --topic %s "
                                         "--operation %s",
                                         topic, operations)});
}
