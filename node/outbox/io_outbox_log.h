/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_outbox_log.h - the log of braid-outbox: one event a line, on standard error.
 *
 * Promise: a line is written whole, or cut at its limit; line ends inside it become blanks.
 */
#ifndef BRAID_NODE_OUTBOX_IO_OUTBOX_LOG_H
#define BRAID_NODE_OUTBOX_IO_OUTBOX_LOG_H

/* level: error, warn or info. The format makes key=value pairs, msg first. */
void outbox_log(const char *level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
