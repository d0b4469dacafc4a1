/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_config.h - reads a node's own file.
 *
 * Promise: every error of the file in one run, with place, source line and hint.
 * Pure:    no: shell.
 */
#ifndef BRAID_NODE_IO_CONFIG_H
#define BRAID_NODE_IO_CONFIG_H

#include "node/config.h"

/*
 * Reads the file into the arena. 0; ERR_CONFIG with the errors in `out_errors` (lies in the
 * arena), ERR_IO if it cannot be opened (errno says why), ERR_TOO_LARGE, ERR_NO_MEMORY.
 */
int io_config_read(const char *path, struct arena *a, struct config *out, const char **out_errors);

#endif
