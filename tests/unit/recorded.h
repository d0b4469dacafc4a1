/* SPDX-License-Identifier: Apache-2.0 */
/* recorded.h - answers of a real MediaWiki 1.39.17, kept in tests/unit/answers: pages with links,
 * templates, a missing image, two slots, a hidden revision; faults from deploy/local/mediawiki. */
#ifndef BRAID_TESTS_UNIT_RECORDED_H
#define BRAID_TESTS_UNIT_RECORDED_H

#include "proto/arena.h"

/* The bytes of a file, in the arena. Fails the test if it cannot be read. */
struct slice recorded(struct arena *a, const char *name);

#endif
