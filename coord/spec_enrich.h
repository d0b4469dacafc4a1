/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec_enrich.h - what a stream's spec says about enriching, as enrich_page.h wants it.
 *
 * Promise: the same for a node and for `braidctl test`.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_SPEC_ENRICH_H
#define BRAID_COORD_SPEC_ENRICH_H

#include "coord/spec.h"
#include "proto/enrich_page.h"

/* Borrows from the spec and the arena. 0; ERR_UNSUPPORTED: an enrichment that is not known here (of
 * a newer braidctl); ERR_MALFORMED: a pointer of filter.where; ERR_NO_MEMORY. */
int spec_enrich(const struct spec *s, const struct domain_list *domains, struct arena *a,
                struct enrich_spec *out);

#endif
