/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_relay.h - the relay: listeners, and commands through a Unix socket.
 *
 * Promise: run until SIGTERM or SIGINT; or send one command to a running relay.
 * Not here: the connections (io_conn.h), the commands' meaning (faults.h).
 *
 * The command protocol is text: one line in; the answer's lines out, the last one "ok" or
 * "error: ..."; then the relay closes. Beyond faults.h there is `status`.
 */
#ifndef BRAID_DEPLOY_LOCAL_RELAY_IO_RELAY_H
#define BRAID_DEPLOY_LOCAL_RELAY_IO_RELAY_H

#include "deploy/local/relay/config.h"
#include "deploy/local/relay/faults.h"

/* Runs a relay; 0 after a signal, else a negative libuv code, logged. */
int relay_run(const struct relay_config *config, struct faults *faults, const char *socket_path);

/* Sends `command` to the relay at `socket_path` and prints its answer; 0 if it says ok, 1 if not
 * or if the relay cannot be reached (said on stderr). */
int relay_ctl(const char *socket_path, const char *command);

#endif
