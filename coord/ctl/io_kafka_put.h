/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka_put.h - a few records written for an operator.
 *
 * Promise: each is acknowledged by all replicas before kafka_put returns, or its outcome is said:
 *          EXIT_REFUSED (it was not written), EXIT_UNKNOWN (it may have been).
 * Shell:   librdkafka.
 */
#ifndef BRAID_COORD_CTL_IO_KAFKA_PUT_H
#define BRAID_COORD_CTL_IO_KAFKA_PUT_H

#include "coord/ctl/audit_record.h"
#include "coord/ctl/io_session.h"

struct kafka_writer;

/* 0 or an exit code, said. */
int kafka_writer_open(struct session *s, const char *bootstrap, struct kafka_writer **out);
void kafka_writer_close(struct kafka_writer *w); /* accepts NULL */

/* Partition 0 of the topic; of `raw` key, value and headers. 0 or an exit code, said. */
int kafka_put(struct kafka_writer *w, const char *topic, const struct audit_raw *raw);

#endif
