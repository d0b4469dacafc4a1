/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutant.c - braidd with one rule switched off: BRAID_MUTANT names it (node/mutant.h). Linked into
 * build/mutant/braidd and nowhere else, to show that what looks at a real stream can find fault.
 */
#include "node/mutant.h"

#include <stdio.h>
#include <stdlib.h>

/* Before main: the core has no place where it could ask. */
__attribute__((constructor)) static void choose(void)
{
    const char *name = getenv("BRAID_MUTANT");

    if (name == NULL)
        return;
    mutant_choose(mutant_lookup(name));
    (void)fprintf(stderr, "level=warn msg=\"a rule is switched off\" mutant=%s\n", name);
}
