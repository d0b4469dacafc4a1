/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_group.h - the place of a consumer group in one Kafka.
 *
 * Promise: a place is set only while the group has no members: the broker itself refuses otherwise.
 * Shell:   librdkafka.
 */
#ifndef BRAID_COORD_CTL_IO_GROUP_H
#define BRAID_COORD_CTL_IO_GROUP_H

#include "coord/ctl/io_session.h"

struct group;

/* 0 or an exit code, said. */
int group_open(struct session *s, const char *bootstrap, const char *name, struct group **out);
void group_close(struct group *g); /* accepts NULL */

/* How many members it has; -1: said. */
int group_members(struct group *g);

/* The offset committed for partition 0 of a topic; -1: none. False: said. */
bool group_place(struct group *g, const char *topic, int64_t *out);

/* Commits it. 0 or an exit code, said. */
int group_set_place(struct group *g, const char *topic, int64_t offset);

#endif
