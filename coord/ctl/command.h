/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - the commands of braidctl and their options, as tables.
 *
 * Promise: the tables are what command lines are read by and what the help and the man page are
 *          printed from. A mistyped command or option is answered with the nearest one.
 * Pure:    yes.
 * Not here: the options (option.h); what the commands do (io_cmd_*.c); main.c ties the two together.
 */
#ifndef BRAID_COORD_CTL_COMMAND_H
#define BRAID_COORD_CTL_COMMAND_H

#include "coord/ctl/option.h"
#include "coord/ctl/view.h"
#include "coord/text.h"

/* Exit codes (docs of braidctl(1)). */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1, /* refused, failed, or a check did not pass */
    EXIT_USAGE = 2,
    EXIT_DEGRADED = 3,
    EXIT_UNKNOWN = 4, /* outcome unknown; the message says how to find out */
    EXIT_LOCKED = 5,  /* another operation holds the lock */
    EXIT_CONFIG = 78
};

enum command_id {
    COMMAND_ACCEPT_INCARNATION,
    COMMAND_APPLY,
    COMMAND_BACKFILL,
    COMMAND_CUTS,
    COMMAND_DECLARE_LOST,
    COMMAND_DELETE,
    COMMAND_DEPOOL,
    COMMAND_DOCTOR,
    COMMAND_DRAIN,
    COMMAND_DRILL,
    COMMAND_ERRORS,
    COMMAND_EXAMPLE,
    COMMAND_EXPLAIN,
    COMMAND_GET,
    COMMAND_HISTORY,
    COMMAND_NODES,
    COMMAND_PAUSE,
    COMMAND_POOL,
    COMMAND_RECONCILE,
    COMMAND_RECOVER_CHAIN,
    COMMAND_RESUME,
    COMMAND_ROLLBACK,
    COMMAND_STATUS,
    COMMAND_STREAMCONFIG,
    COMMAND_STREAMS,
    COMMAND_TAP,
    COMMAND_TASKS,
    COMMAND_TEST,
    COMMAND_TRANSLATE,
    COMMAND_UNDRAIN,
    COMMAND_VERIFY,
    COMMAND_COUNT
};

struct command {
    const char *name;
    const char *operands; /* as in the synopsis: "STREAM"; "" if none */
    unsigned operands_min;
    unsigned operands_max;
    uint64_t options; /* bits of enum option_id, beside those that all have */
    bool changes;     /* takes --plan, --if-revision, --yes, -m, --task */
    const char *sentence;
    const char *detail; /* a paragraph; NULL: none */
    const char *example;
};

enum {
    OPERANDS_MAX = 4
};

struct args {
    enum view_format format;
    enum command_id command;
    bool has_command;
    const char *operands[OPERANDS_MAX]; /* borrowed from argv */
    unsigned operand_count;
    bool given[OPTION_COUNT];
    const char *values[OPTION_COUNT]; /* borrowed from argv; NULL where it takes none */
};

/* Reads a command line. 0, or ERR_CONFIG with `why` saying what is wrong and what was meant. */
int args_parse(int argc, char *const *argv, struct args *out, struct text *why);

const struct command *command_at(enum command_id id);
const struct option_row *option_at(enum option_id id);
bool command_takes(const struct command *c, enum option_id id);

/* Help for all, or for one command. */
void command_print_help(struct text *out);
void command_print_help_one(enum command_id id, struct text *out);

/* The man page's lists of commands and options (mdoc). */
void command_print_mdoc(struct text *out);

#endif
