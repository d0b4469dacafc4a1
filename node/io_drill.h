/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_drill.h - plays dead: the process ends as if it were killed, and is down for a time.
 *
 * Promise: nothing is released, flushed or said to anybody: leases run out, connections break. The
 *          process then sleeps under the same pid (so that whoever watches it does not start another),
 *          and starts anew with the same arguments.
 * Shell:   all of it. Linux.
 */
#ifndef BRAID_NODE_IO_DRILL_H
#define BRAID_NODE_IO_DRILL_H

#include <stdint.h>

/* Does not return if it works; 0 or an error code if it cannot. */
int io_drill_die(int64_t until_ms);

/* At the start of main: sleeps if the process before this one died for a drill. */
void io_drill_sleep(void);

#endif
