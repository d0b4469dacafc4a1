/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_admin_text.h - the texts that io_admin.c serves.
 *
 * Pure:    no: shell; reads the clock and the tasks.
 */
#ifndef BRAID_NODE_IO_ADMIN_TEXT_H
#define BRAID_NODE_IO_ADMIN_TEXT_H

#include "coord/text.h"
#include "node/io_admin.h"

void admin_metrics(const struct io_admin_source *source, bool is_verbose, struct text *out);
void admin_status(const struct io_admin_source *source, bool is_verbose, struct text *out);
void admin_page(const struct io_admin_source *source, bool is_verbose, struct text *out);
void admin_live(const struct io_admin_source *source, bool is_verbose, struct text *out);
void admin_ready(const struct io_admin_source *source, bool is_verbose, struct text *out);

/* Registered, claims are served, no task stands still for an operator. */
bool admin_is_ready(const struct io_admin_source *source);

#endif
