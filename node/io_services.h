/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_services.h - the servers beside the wikis that a node may ask, and the tokens for them.
 *
 * Promise: tokens are read once, at the start, and stand in no log, page or message.
 * Pure:    no: shell.
 */
#ifndef BRAID_NODE_IO_SERVICES_H
#define BRAID_NODE_IO_SERVICES_H

#include "node/config.h"
#include "node/io_fetch.h"

enum {
    SERVICE_TOKEN_MAX = 440 /* bytes of a token; it is one line of a file */
};

/* Everything lies in the arena or is borrowed from the config. 0; ERR_NO_MEMORY; ERR_CONFIG: the
 * file of *out_bad (a name) cannot be read, or has no token. */
int io_services_read(const struct config *c, struct arena *a, struct io_fetch_services *out,
                     struct slice *out_bad);

#endif
