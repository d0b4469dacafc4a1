/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka_admin.h - topics of one Kafka and their settings.
 *
 * Promise: creating a topic that is there, or deleting one that is not, is no error.
 * Shell:   librdkafka's admin client.
 */
#ifndef BRAID_COORD_CTL_IO_KAFKA_ADMIN_H
#define BRAID_COORD_CTL_IO_KAFKA_ADMIN_H

#include "coord/ctl/io_session.h"
#include "coord/ctl/topics.h"

enum {
    KAFKA_ADMIN_TIMEOUT_MS = 20000,
    KAFKA_SETTINGS_MAX = 64
};

struct kafka_admin;

/* 0 or an exit code, said. */
int kafka_admin_open(struct session *s, const char *bootstrap, struct kafka_admin **out);
void kafka_admin_close(struct kafka_admin *k); /* accepts NULL */

/* Partitions of a topic; 0: there is none; -1: said. */
int kafka_admin_partitions(struct kafka_admin *k, const char *topic);

/* How many brokers there are; -1: said. */
int kafka_admin_brokers(struct kafka_admin *k);

/* All settings of a topic, in the session's arena; how many; -1: said. */
int kafka_admin_settings(struct kafka_admin *k, const char *topic,
                         struct topic_actual out[KAFKA_SETTINGS_MAX]);

/* What we may do with each topic: DOCTOR_MAY_*; none with one that we may not even see. 0 or an exit
 * code, said. */
int kafka_admin_access(struct kafka_admin *k, const char **topics, size_t count, unsigned *out);

/* Replication 0: the brokers' number, at most 3. 0 or an exit code, said. */
int kafka_admin_create(struct kafka_admin *k, const struct topic_wanted *topic, int replication);

int kafka_admin_delete(struct kafka_admin *k, const char *topic);

#endif
