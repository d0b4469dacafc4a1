/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_stream.h - what commands about one stream share.
 *
 * Promise: a stream that is not there is said, with the nearest name.
 * Shell:   output only.
 */
#ifndef BRAID_COORD_CTL_IO_STREAM_H
#define BRAID_COORD_CTL_IO_STREAM_H

#include "coord/ctl/io_session.h"
#include "coord/ctl/snapshot.h"

/* The stream that the first operand names; NULL if there is none: said. */
struct snapshot_stream *stream_wanted(struct session *s, const struct snapshot *snap);

/* The same of any name. */
struct snapshot_stream *stream_named(struct session *s, const struct snapshot *snap,
                                     struct slice output);

/* A spec as fields of a view. */
void stream_add_spec(struct session *s, struct view *v, const struct spec *spec);

#endif
