/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/text.h"
#include "node/io_line_part.h"
#include "proto/err.h"

/* Retries and backfills leave the wiki to live events: so many of a line at once. */
enum {
    REQUESTS_IN_FLIGHT_MAX = 4
};

/* Where a strand starts: as its cut says, of a later incarnation; else in the first cut, as long as
 * etcd has it; else where its log begins. */
static int64_t start_of(const struct io_stream *s, const struct strand_name *name)
{
    for (uint32_t i = 0; name->by_incarnation > 0 && i < s->head.layout.count; i++)
        if (strand_name_compare(&s->head.layout.names[i], name) == 0)
            return s->head.strands[i].start;
    for (uint32_t i = 0; s->has_first && i < s->first.layout.count; i++)
        if (strand_name_compare(&s->first.layout.names[i], name) == 0)
            return s->first.strands[i].position;
    return LINE_START_ANY;
}

/* Adds one strand; its names are copied. */
static int add_strand(struct io_line *l, const struct strand_name *name, int64_t start)
{
    struct line_config *c = &l->config;

    if (c->strand_count == LINE_STRANDS_MAX)
        return ERR_TOO_LARGE;
    struct origin_partition *to = &c->strands[c->strand_count];
    *to = name->from;
    to->dc = arena_copy(&l->arena, name->from.dc);
    to->topic = arena_copy(&l->arena, name->from.topic);
    if (to->dc.ptr == NULL || to->topic.ptr == NULL)
        return ERR_NO_MEMORY;
    c->start[c->strand_count] = start;
    c->strand_count++;
    return 0;
}

/* Who has enriched what the task writes or copies. */
static struct slice by_of(const struct io_line *l)
{
    return l->task.kind == TASK_ENRICH ? l->host->config.dc : l->task.dc;
}

static bool is_of_task(const struct io_line *l, const struct strand_name *name)
{
    if (name->from.partition != l->task.partition)
        return false;
    if (!slice_equal(name->by, by_of(l)))
        return false;
    return l->task.kind == TASK_REPLICATE ||
           (slice_equal(name->from.dc, l->task.dc) && slice_equal(name->from.topic, l->task.topic));
}

/* The strands of the stream's newest cut that are this task's. */
static int set_strands(struct io_line *l)
{
    const struct layout *layout = &l->stream->head.layout;
    const uint32_t newest = io_stream_incarnation(l->stream, by_of(l)); /* only that counts */

    for (uint32_t i = 0; i < layout->count; i++) {
        const struct strand_name *name = &layout->names[i];
        if (!is_of_task(l, name) || name->by_incarnation != newest)
            continue;
        const int rc = add_strand(l, name, start_of(l->stream, name));
        if (rc != 0)
            return rc;
    }
    l->config.by_dc = by_of(l);
    l->config.by_incarnation = newest;
    return l->config.strand_count > 0 ? 0 : ERR_NOT_FOUND;
}

bool line_strands_changed(const struct io_line *l)
{
    const struct layout *layout = &l->stream->head.layout;
    const uint32_t newest = io_stream_incarnation(l->stream, by_of(l)); /* only that counts */
    uint32_t found = 0;

    if (newest != l->config.by_incarnation)
        return true;
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct strand_name *name = &layout->names[i];
        if (!is_of_task(l, name) || name->by_incarnation != newest)
            continue;
        if (found == l->config.strand_count ||
            !origin_partition_equal(&name->from, &l->config.strands[found]))
            return true;
        found++;
    }
    return found != l->config.strand_count;
}

/* A copy of a source topic: its one strand; the topic's incarnation as any stream's cut has it. */
static int set_source_strand(struct io_line *l)
{
    struct strand_name name = {
        .from = {.dc = l->task.dc, .topic = l->task.topic, .partition = l->task.partition}};

    for (const struct io_stream *s = l->host->streams.first; s != NULL; s = s->next)
        for (uint32_t i = 0; s->has_head && i < s->head.layout.count; i++) {
            const struct origin_partition *from = &s->head.layout.names[i].from;
            if (slice_equal(from->dc, l->task.dc) && slice_equal(from->topic, l->task.topic) &&
                from->partition == l->task.partition && from->incarnation > name.from.incarnation)
                name.from.incarnation = from->incarnation;
        }
    return add_strand(l, &name, LINE_START_ANY);
}

static const char *topic_name(struct io_line *l, struct slice dc, struct slice topic)
{
    return text_format(&l->arena, "%.*s.%.*s", SLICE_ARG(dc), SLICE_ARG(topic));
}

static int set_replicate(struct io_line *l)
{
    const struct config *config = &l->host->config;
    struct slice output = {0};
    const bool is_enriched = task_copies_enriched(&l->task, &output);
    int rc;

    l->config.kind = LINE_COPY;
    l->config.raw = !is_enriched;
    l->config.output_copy_dc = config->dc;
    l->config.in_flight_max = (uint32_t)config->copies_in_flight;
    l->topic_in = l->topic_out = topic_name(l, l->task.dc, l->task.topic);
    const bool is_source = !is_enriched && !task_is_request(l->task.topic);
    rc = io_host_site(l->host, l->task.dc, is_source, &l->site_in);
    if (rc != 0)
        return rc;
    if (!is_enriched)
        return set_source_strand(l);
    l->stream = io_stream_find(&l->host->streams, output);
    if (l->stream == NULL || !l->stream->has_head || !l->stream->is_first_known)
        return ERR_UNAVAILABLE;
    return set_strands(l);
}

uint32_t line_share_max(const struct io_stream *s)
{
    const int64_t share = s->spec != NULL ? s->spec->spec.failed_share_max_percent : 0;

    return share > 0 ? (uint32_t)share : 100; /* 0: of an older spec */
}

static int set_enrich(struct io_line *l)
{
    const struct config *config = &l->host->config;
    const bool is_own = slice_equal(l->task.dc, config->dc);

    const struct origin_partition from = {.dc = l->task.dc, .topic = l->task.topic};

    l->is_global = slice_equal(l->task.dc, SLICE_LIT(TASK_GLOBAL));
    l->source = task_source_of(&from, &l->arena);
    if (l->source.ptr == NULL)
        return ERR_NO_MEMORY;
    l->config.kind = LINE_ENRICH;
    l->config.raw = is_own;
    l->config.input_copy_dc = is_own || l->is_global ? (struct slice){0} : config->dc;
    l->config.in_flight_max = (uint32_t)config->pages_in_flight;
    if (task_is_request(l->task.topic) && l->config.in_flight_max > REQUESTS_IN_FLIGHT_MAX)
        l->config.in_flight_max = REQUESTS_IN_FLIGHT_MAX;
    l->topic_in = topic_name(l, l->task.dc, l->task.topic);
    l->topic_out = text_format(&l->arena, "%.*s." TASK_ENRICHED_PREFIX "%.*s",
                               SLICE_ARG(config->dc), SLICE_ARG(l->task.output));
    l->topic_errors = text_format(&l->arena, "%.*s.braid.error", SLICE_ARG(config->dc));
    l->emitter = text_format(&l->arena, "braid-%.*s-%.*s-%.*s", SLICE_ARG(config->cluster),
                             SLICE_ARG(config->dc), SLICE_ARG(l->task.output));
    const bool is_source = is_own && !task_is_request(l->task.topic);
    const int rc = io_host_site(l->host, config->dc, is_source, &l->site_in);
    if (rc != 0)
        return rc;
    l->stream = io_stream_find(&l->host->streams, l->task.output);
    if (l->stream == NULL || l->stream->spec == NULL || !l->stream->has_head ||
        !l->stream->is_first_known)
        return ERR_UNAVAILABLE;
    l->is_remembering = l->is_global && (l->stream->spec->enrich.enrichments &
                                         ENRICHMENT_BIT(ENRICHMENT_RDF_DIFF)) != 0;
    l->config.failed_share_max = line_share_max(l->stream);
    return set_strands(l);
}

int line_set_up(struct io_line *l)
{
    int rc = io_host_site(l->host, l->host->config.dc, false, &l->site_out);

    if (rc != 0)
        return rc;
    arena_reset(&l->arena);
    l->config = (struct line_config){0};
    rc = l->task.kind == TASK_REPLICATE ? set_replicate(l) : set_enrich(l);
    if (rc != 0)
        return rc;
    l->group = text_format(&l->arena, "braid-%.*s-%s", SLICE_ARG(l->host->config.cluster), l->name);
    return l->topic_in[0] != '\0' && l->topic_out[0] != '\0' && l->group[0] != '\0' ? 0
                                                                                    : ERR_NO_MEMORY;
}
