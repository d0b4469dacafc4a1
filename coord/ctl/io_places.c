/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_places.h"

#include <string.h>

static struct slice in_pairs(const struct key_pairs *pairs, struct slice name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (slice_equal(pairs->items[i].name, name))
            return pairs->items[i].value;
    }
    return (struct slice){0};
}

static const char *copy_of(struct session *s, struct slice text)
{
    return text.len == 0 ? NULL : arena_strdup(&s->arena, text);
}

static const struct snapshot_node *node_of(const struct snapshot *snap, struct slice dc)
{
    for (size_t i = 0; i < snap->node_count; i++) {
        if (slice_equal(snap->nodes[i].dc, dc))
            return &snap->nodes[i];
    }
    return NULL;
}

static void say_unknown(struct session *s, const char *what, const char *variable, struct slice dc)
{
    output_error(&s->output,
                 "where is %s of %.*s? Set %s<DC>, or name it in %s; no live node of the DC says",
                 what, SLICE_ARG(dc), variable, CONFIG_PATH);
}

const char *place_kafka(struct session *s, const struct snapshot *snap, struct slice dc)
{
    const struct snapshot_node *node = node_of(snap, dc);
    const char *place = session_env(s, "BRAID_KAFKA_", dc);

    if (place == NULL)
        place = copy_of(s, in_pairs(&s->config.kafka, dc));
    if (place == NULL && node != NULL)
        place = copy_of(s, node->braid_kafka);
    if (place == NULL)
        say_unknown(s, "the Kafka", "BRAID_KAFKA_", dc);
    return place;
}

const char *place_source_kafka(struct session *s, const struct snapshot *snap, struct slice dc)
{
    const struct snapshot_node *node = node_of(snap, dc);
    const char *place = session_env(s, "BRAID_SOURCE_KAFKA_", dc);

    if (place == NULL)
        place = copy_of(s, in_pairs(&s->config.source_kafka, dc));
    /* Where the node has one Kafka for both, what holds for the one holds for the other. */
    if (place == NULL && node != NULL && !slice_equal(node->source_kafka, node->braid_kafka))
        place = copy_of(s, node->source_kafka);
    return place != NULL ? place : place_kafka(s, snap, dc);
}

const char *place_mediawiki(struct session *s, const struct snapshot *snap, struct slice dc)
{
    const struct snapshot_node *node = node_of(snap, dc);
    const char *place = session_env(s, "BRAID_MEDIAWIKI_", dc);

    if (place == NULL)
        place = copy_of(s, in_pairs(&s->config.mediawiki, dc));
    if (place == NULL && node != NULL)
        place = copy_of(s, node->api);
    if (place == NULL) {
        say_unknown(s, "MediaWiki", "BRAID_MEDIAWIKI_", dc);
        return NULL;
    }
    if (strstr(place, "api.php") == NULL)
        place = text_format(&s->arena, "%s/w/api.php", place);
    return place;
}
