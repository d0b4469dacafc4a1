/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutant.c - which rule of the core is switched off; for the simulator's build only.
 */
#include "node/mutant.h"

#include <string.h>

static enum mutant chosen = MUTANT_none;

bool mutant_is_on(enum mutant m)
{
    return chosen == m;
}

void mutant_choose(enum mutant m)
{
    chosen = m;
}

const char *mutant_name(enum mutant m)
{
    static const char *const names[MUTANT_COUNT] = {"none",
#define X(name, rule, what) #name,
                                                    MUTANT_MAP(X)
#undef X
    };

    return names[m];
}

const char *mutant_rule(enum mutant m)
{
    static const char *const rules[MUTANT_COUNT] = {"",
#define X(name, rule, what) rule,
                                                    MUTANT_MAP(X)
#undef X
    };

    return rules[m];
}

const char *mutant_what(enum mutant m)
{
    static const char *const whats[MUTANT_COUNT] = {"every rule is on",
#define X(name, rule, what) what,
                                                    MUTANT_MAP(X)
#undef X
    };

    return whats[m];
}

enum mutant mutant_lookup(const char *name)
{
    for (enum mutant m = 0; m < MUTANT_COUNT; m++) {
        if (strcmp(mutant_name(m), name) == 0)
            return m;
    }
    return MUTANT_none;
}
