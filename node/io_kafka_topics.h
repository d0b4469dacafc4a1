/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka_topics.h - whether the topics that are read are still the ones they were (R13).
 *
 * A topic that is deleted and made again keeps its name but not its id, and offsets then mean other
 * records. The ids of all topics that are held are asked for every IO_TOPICS_MS.
 *
 * Promise: a topic whose id has changed stays `anew` until nobody has held it for
 *          IO_TOPICS_FORGET_MS: a run that starts again at once does not take it for the old one.
 *          An incarnation that an operator has accepted is held as one of its own: it starts with
 *          whatever id the topic then has, while those of the old one still see it `anew`.
 * Pure:    no: shell.
 *          Nor does a topic that got more partitions stay unnoticed: how many it has is known, too.
 * Not here: what a reader does about it (io_kafka_reader.h). Ids are not kept beyond the process: a
 *          topic made anew while no node read it is noticed by its bounds, or not at all.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_KAFKA_TOPICS_H
#define BRAID_NODE_IO_KAFKA_TOPICS_H

#include "node/io_kafka_ask.h"

/* Less than member_timeout: otherwise the DC whose topic it is, and which has yet to notice, drops the
 * one that has noticed and stands still, and then stands still as the only member. */
#define IO_TOPICS_MS        1000
#define IO_TOPICS_FORGET_MS 20000
#define IO_TOPICS_ASK_MAX   256 /* names of one request; the others' turn comes next */

struct io_topics;
struct io_topic;

/* `ask` is borrowed and closed later. ERR_NO_MEMORY. */
int io_topics_open(const struct io_kafka_cluster *cluster, struct io_kafka_ask *ask,
                   struct io_topics **out);

/* All must be released. Accepts NULL. */
void io_topics_close(struct io_topics *t);

/* Counts a reader of an incarnation of the topic. NULL without memory: it is not watched then. */
struct io_topic *io_topics_hold(struct io_topics *t, const char *name, uint32_t incarnation);

/* Accepts NULL. */
void io_topic_release(struct io_topic *topic);

/* False for NULL. */
bool io_topic_is_anew(const struct io_topic *topic);

/* As the last answer had it; 0: not known, or NULL. */
uint32_t io_topic_partitions(const struct io_topic *topic);

/* To be called a few times a second: asks and forgets. */
void io_topics_sweep(struct io_topics *t);

/* What a broker says of a topic; for the answers, and for tests. */
void io_topics_take(struct io_topics *t, const char *name, const char *id, uint32_t partitions);

#endif
