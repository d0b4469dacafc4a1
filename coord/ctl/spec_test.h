/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec_test.h - one case of a spec's tests: an event, canned answers, what must come out.
 *
 * Promise: what runs is what a node runs (enrich_page.h), but for the network: which questions are
 *          asked, what is made of the answers, the status, the value.
 * Pure:    yes.
 * Not here: files and output (io_cmd_test.c); the form of a case (docs/spec-tests.md).
 */
#ifndef BRAID_COORD_CTL_SPEC_TEST_H
#define BRAID_COORD_CTL_SPEC_TEST_H

#include "coord/spec.h"
#include "proto/json.h"

struct spec_test_result {
    bool is_ok;
    const char *why; /* in the arena; "" if ok */
};

/* Runs the case, an object of `file`. Everything lies in the arena. ERR_NO_MEMORY, ERR_UNSUPPORTED:
 * the spec asks for what is not known here. */
int spec_test_run(const struct spec *spec, const struct json *file, yyjson_val *test,
                  struct arena *a, struct spec_test_result *out);

#endif
