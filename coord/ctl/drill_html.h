/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drill_html.h - a drill as one page: figures, a timeline, tables.
 *
 * Promise: the page needs nothing but itself; every text from outside is escaped.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_CTL_DRILL_HTML_H
#define BRAID_COORD_CTL_DRILL_HTML_H

#include "coord/ctl/drill.h"

/* `verdict` NULL: passed. */
void drill_print_html(const struct drill *d, const char *verdict, const char *when,
                      struct text *out);

#endif
