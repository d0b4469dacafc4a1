/* SPDX-License-Identifier: Apache-2.0 */
/* io_apply_look.c - the Kafkas of a stream's DCs, as they are before it is applied. */
#include <inttypes.h>
#include <string.h>

#include "coord/ctl/catalogue.h"
#include "coord/ctl/io_apply.h"
#include "coord/ctl/io_places.h"
#include "coord/tasks.h"

enum {
    FOREIGN_LOOKED_AT = 20, /* newest records of each partition */
    FOREIGN_WAITS_MAX = 50,
    FOREIGN_RECENT_MS = 10 * 60 * 1000
};

/* ---- the sites -------------------------------------------------------------------------------- */

static int open_site(struct applying *ap, struct slice dc)
{
    struct session *s = ap->session;
    struct apply_site *site = &ap->sites[ap->site_count];
    int rc = 0;

    *site = (struct apply_site){.dc = dc};
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

void apply_close(struct applying *ap)
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

/* A source topic in its own DC, or one DC's copy of another stream's output. 0 or an exit code, said;
 * what is wrong with it is a problem. */
static int look_at_source(struct applying *ap, struct apply_site *site, struct slice topic)
{
    struct session *s = ap->session;
    struct topic_actual actual[KAFKA_SETTINGS_MAX];
    struct topic_source from = {.dc = site->dc, .topic = topic};
    const bool is_global = task_source_is_global(topic, &from.topic);
    struct kafka_admin *admin = is_global ? site->admin : site->source_admin;
    const char *name = is_global ? topic_global(&s->arena, from.topic)
                                 : topic_prefixed(&s->arena, site->dc, topic);
    int settings = 0;

    from.partitions = kafka_admin_partitions(admin, name);
    if (from.partitions < 0)
        return EXIT_REFUSED;
    if (from.partitions == 0) {
        text_addf(&ap->problems,
                  "%s is not there (at %s): Braid does not create sources, their writers do\n",
                  name, is_global ? site->kafka : site->source_kafka);
        ap->problem_count++;
        return 0;
    }
    settings = kafka_admin_settings(admin, name, actual);
    if (settings < 0)
        return EXIT_REFUSED;
    ap->problem_count += topics_check_source(name, actual, (size_t)settings, &ap->problems);
    from.message_bytes_max = number_setting(actual, settings, "max.message.bytes", 1 << 20);
    if (is_global) {
        from.dc = SLICE_LIT(TASK_GLOBAL);
        from.message_bytes_max -= TOPICS_MARGIN_BYTES; /* its headers make way for new ones */
    }
    if (!is_global || site == &ap->sites[0])
        ap->sources[ap->source_count++] = from;
    return 0;
}

/* The stream that a global source is the output of must be in every DC of this one. */
static void look_at_origin(struct applying *ap, struct slice source)
{
    struct slice output;
    const struct snapshot_stream *st = NULL;

    if (!task_source_is_global(source, &output))
        return;
    st = snapshot_stream_find(&ap->snap, output);
    for (size_t i = 0; i < ap->spec.dcs.count; i++) {
        if (st != NULL && st->has_spec && spec_has_dc(&st->spec, ap->spec.dcs.items[i]))
            continue;
        text_addf(&ap->problems, "the source %.*s: there is no stream %.*s in %.*s\n",
                  SLICE_ARG(source), SLICE_ARG(output), SLICE_ARG(ap->spec.dcs.items[i]));
        ap->problem_count++;
    }
    if (ap->spec.audience == SPEC_PUBLIC && st != NULL && st->spec.audience != SPEC_PUBLIC) {
        text_addf(&ap->problems, "the source %.*s is internal: the stream cannot be public\n",
                  SLICE_ARG(source));
        ap->problem_count++;
    }
}

/* The largest record of the spec's sources: a retry or a backfill is one of theirs. */
static int64_t largest_source(const struct applying *ap)
{
    int64_t largest = 1 << 20;

    for (size_t i = 0; i < ap->source_count; i++) {
        if (ap->sources[i].message_bytes_max > largest)
            largest = ap->sources[i].message_bytes_max;
    }
    return largest;
}

/* Sources that operators' tools write: Braid creates them. */
static void add_requests(struct applying *ap)
{
    struct slice topics[SPEC_SOURCES_MAX + 1];
    const struct layout *layout = ap->old == NULL ? NULL : &ap->old->cut.layout;
    const size_t count = topics_requests(&ap->spec, layout, &ap->session->arena, topics);
    const int64_t largest = largest_source(ap) + TOPICS_MARGIN_BYTES;

    for (size_t i = 0; i < ap->site_count; i++) {
        for (size_t k = 0; k < count && ap->source_count < TOPICS_SOURCES_MAX; k++) {
            ap->sources[ap->source_count++] = (struct topic_source){
                .dc = ap->sites[i].dc,
                .topic = topics[k],
                .partitions = 1,
                .message_bytes_max = largest,
            };
        }
    }
}

/* A topic that the DC must have: missing, or checked. */
static int look_at_wanted(struct applying *ap, struct apply_site *site, size_t index)
{
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
    return 0;
}

/* ---- foreign records -------------------------------------------------------------------------- */

/* A topic that only Braid writes, while its newest records are looked at. */
struct foreign {
    const char *topic;
    struct slice copied_in; /* a topic of another DC: the DC whose copier alone may write it */
    bool is_output;         /* the global topic: any foreign record is in the way */
    bool is_said;           /* one is enough */
};

struct foreigns {
    struct foreign topics[TOPICS_WANTED_MAX];
    size_t count;
    int partitions; /* of all of them */
};

static bool is_ours(const struct foreign *f, const struct kafka_record *record)
{
    struct audit_record parsed;

    audit_record_parse(&record->raw, &parsed);
    if (!parsed.has_origin || f->copied_in.len == 0)
        return parsed.has_origin;
    for (size_t i = 0; i < record->raw.header_count; i++) {
        if (slice_equal(record->raw.headers[i].name, SLICE_LIT("braid-copy")))
            return slice_equal(record->raw.headers[i].value, f->copied_in);
    }
    return false;
}

/* One that came lately says that a mirror still writes; an old one only costs space (R3). */
static void judge(struct applying *ap, struct foreign *f, const struct kafka_record *record)
{
    if (f->is_said || is_ours(f, record))
        return;
    if (!f->is_output && session_now_ms() - record->raw.time_ms > FOREIGN_RECENT_MS) {
        output_note(&ap->session->output,
                    "%s has old records that Braid did not write; they are skipped", f->topic);
    } else {
        text_addf(&ap->problems,
                  "%s has records that Braid did not write, one at offset %" PRId64
                  " of partition %d: does a mirror write it? Exclude %s there\n",
                  f->topic, record->raw.offset, record->partition,
                  catalogue_mirror_pattern(&ap->spec, &ap->session->arena));
        ap->problem_count++;
    }
    f->is_said = true;
}

/* Reads what was begun, up to the end of each partition. */
static int scan_for_foreign(struct applying *ap, struct kafka_reader *reader, struct foreigns *all)
{
    struct kafka_record record;
    int ends = 0;

    for (int waits = 0; waits < FOREIGN_WAITS_MAX && ends < all->partitions;) {
        enum kafka_event event = kafka_next(reader, 100, &record);

        if (event == KAFKA_FAILED)
            return EXIT_REFUSED;
        waits += event == KAFKA_NOTHING ? 1 : 0;
        ends += event == KAFKA_END ? 1 : 0;
        for (size_t i = 0; event == KAFKA_RECORD && i < all->count; i++) {
            if (strcmp(all->topics[i].topic, record.topic) == 0)
                judge(ap, &all->topics[i], &record);
        }
    }
    return 0;
}

/* The topic's partitions, from shortly before their ends. */
static bool add_topic(struct applying *ap, const struct apply_site *site,
                      struct kafka_reader *reader, const struct topic_wanted *want,
                      struct foreigns *all)
{
    const char *own = topic_enriched(&ap->session->arena, site->dc, ap->spec.output);
    struct foreign f = {.topic = want->name, .is_output = want->kind == TOPIC_GLOBAL};

    if (want->kind == TOPIC_COPY || (want->kind == TOPIC_ENRICHED && strcmp(want->name, own) != 0))
        f.copied_in = site->dc;
    for (int32_t p = 0; p < want->partitions; p++) {
        int64_t first = 0;
        int64_t end = 0;

        if (!kafka_bounds(reader, want->name, p, &first, &end) ||
            !kafka_add(reader, want->name, p,
                       end - FOREIGN_LOOKED_AT > first ? end - FOREIGN_LOOKED_AT : first)) {
            return false;
        }
        if (f.is_output && ap->old == NULL && end > first) {
            text_addf(&ap->problems,
                      "%s in %.*s is not empty, and the stream is new: delete the topic first\n",
                      f.topic, SLICE_ARG(site->dc));
            ap->problem_count++;
        }
        all->partitions++;
    }
    all->topics[all->count++] = f;
    return true;
}

/* The newest records of topics that only Braid writes must be Braid's. */
static int look_for_foreign(struct applying *ap, const struct apply_site *site)
{
    struct foreigns *all = arena_calloc(&ap->session->arena, 1, sizeof(*all));
    struct kafka_reader *reader = NULL;
    int rc = all == NULL ? EXIT_REFUSED : kafka_open(ap->session, site->kafka, true, &reader);

    if (rc != 0)
        return rc;
    kafka_start(reader);
    for (size_t i = 0; rc == 0 && i < site->wanted_count; i++) {
        const struct topic_wanted *want = &site->wanted[i];

        if (!site->is_missing[i] && want->kind != TOPIC_CUTS && want->kind != TOPIC_ERROR &&
            want->kind != TOPIC_REQUEST && want->kind != TOPIC_STATE &&
            !add_topic(ap, site, reader, want, all)) {
            rc = EXIT_REFUSED;
        }
    }
    if (rc == 0 && all->partitions > 0)
        rc = kafka_begin(reader) ? scan_for_foreign(ap, reader, all) : EXIT_REFUSED;
    kafka_close(reader);
    return rc;
}

static int look_at_site(struct applying *ap, struct apply_site *site)
{
    struct session *s = ap->session;
    int rc = 0;

    site->wanted_count =
        topics_wanted(&ap->spec, site->dc, ap->sources, ap->source_count, &s->arena, site->wanted);
    for (size_t i = 0; rc == 0 && i < site->wanted_count; i++) {
        output_progress(&s->output, "looking at %s in %.*s", site->wanted[i].name,
                        SLICE_ARG(site->dc));
        rc = look_at_wanted(ap, site, i);
    }
    return rc == 0 ? look_for_foreign(ap, site) : rc;
}

int apply_look(struct applying *ap)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ap->spec.dcs.count; i++)
        rc = open_site(ap, ap->spec.dcs.items[i]);
    for (size_t k = 0; k < ap->spec.sources.count; k++)
        look_at_origin(ap, ap->spec.sources.items[k]);
    for (size_t i = 0; rc == 0 && i < ap->site_count; i++) {
        for (size_t k = 0; rc == 0 && k < ap->spec.sources.count; k++)
            rc = look_at_source(ap, &ap->sites[i], ap->spec.sources.items[k]);
    }
    if (rc == 0)
        add_requests(ap);
    for (size_t i = 0; rc == 0 && i < ap->site_count; i++)
        rc = look_at_site(ap, &ap->sites[i]);
    return rc;
}
