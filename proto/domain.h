/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain.h - is this text from an event a host name that we may put into a Host header?
 *
 * Promise: only letters, digits, hyphens and dots in sane labels pass: no CR, LF, port, address
 *          literal or path; and only names that a pattern of the node's file allows.
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_DOMAIN_H
#define BRAID_PROTO_DOMAIN_H

#include "proto/slice.h"

enum {
    DOMAIN_LEN_MAX = 253,
    DOMAIN_LABEL_MAX = 63,
    DOMAIN_PATTERNS_MAX = 64,
};

/* A list of patterns: "test.wiki.localhost" itself, or "*.wikipedia.org" for names below it (but
 * not wikipedia.org). Compared without regard to case. */
struct domain_list {
    const struct slice *patterns; /* borrowed */
    size_t count;                 /* 0: nothing is allowed */
};

bool domain_is_hostname(struct slice name);

/* A host name, and allowed by the list. */
bool domain_is_allowed(const struct domain_list *list, struct slice name);

/* Is this a pattern as described above? For checking a configuration. */
bool domain_pattern_is_valid(struct slice pattern);

#endif
