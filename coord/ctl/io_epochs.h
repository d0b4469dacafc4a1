/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_epochs.h - a new log epoch for every DC of a stream: what was reported before counts no more, and no cut
 * that was proposed before is made (R5, R13).
 *
 * Promise: above what the key, the report and the cut say.
 * Shell:   etcd, through the session.
 */
#ifndef BRAID_COORD_CTL_IO_EPOCHS_H
#define BRAID_COORD_CTL_IO_EPOCHS_H

#include "coord/ctl/io_session.h"
#include "coord/ctl/snapshot.h"

/* Adds a put for each of the stream's DCs to ops[*count]. 0 or an exit code, said. */
int epochs_raise(struct session *s, const struct snapshot_stream *st, const struct cut *cut,
                 struct etcd_op *ops, size_t *count);

#endif
