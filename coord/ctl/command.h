/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - the commands of braidctl and their options, as tables.
 *
 * Promise: the tables are what command lines are read by and what the help and the man page are
 *          printed from. A mistyped command or option is answered with the nearest one.
 * Pure:    yes.
 * Not here: what the commands do (io_cmd_*.c); main.c ties the two together.
 */
#ifndef BRAID_COORD_CTL_COMMAND_H
#define BRAID_COORD_CTL_COMMAND_H

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

/* X(id, "name", letter or 0, "ARGUMENT" or NULL, "sentence") */
#define OPTION_MAP(X)                                                                              \
    X(ETCD, "etcd", 'e', "ENDPOINTS", "etcd's addresses, separated by commas")                     \
    X(CLUSTER, "cluster", 'C', "NAME", "which Braid cluster in etcd")                              \
    X(OUTPUT, "output", 'o', "FORMAT", "table, json, yaml or tsv")                                 \
    X(CONFIG, "config", 0, "FILE", "instead of /etc/braid/braidctl.yaml")                          \
    X(QUIET, "quiet", 'q', NULL, "no progress and no notes on standard error")                     \
    X(HELP, "help", 'h', NULL, "what the command does and takes")                                  \
    X(VERSION, "version", 'V', NULL, "which version this is")                                      \
    X(FILE, "file", 'f', "FILE", "the stream's YAML file; - is standard input")                    \
    X(REPLICATION, "replication", 0, "N",                                                          \
      "copies of each new topic; default: all brokers, at "                                        \
      "most 3")                                                                                    \
    X(PLAN, "plan", 0, NULL, "print the steps and a revision; change nothing")                     \
    X(IF_REVISION, "if-revision", 0, "R", "refuse if the state has moved since this revision")     \
    X(YES, "yes", 'y', NULL, "do not ask; needs -m")                                               \
    X(MESSAGE, "message", 'm', "REASON", "why, for the operators' log")                            \
    X(TASK, "task", 0, "T123", "the task that this belongs to, for the log")                       \
    X(PURGE, "purge", 0, NULL, "also delete the stream's topics and all that etcd has of it")      \
    X(WATCH, "watch", 'w', NULL, "again every two seconds until interrupted")                      \
    X(ALL, "all", 'a', NULL, "all of them, also what is usually left out")                         \
    X(RECORDS, "count", 'n', "N", "end after so many records")                                     \
    X(STAGE, "stage", 0, "STAGE", "source, enriched or global (the default)")                      \
    X(DC, "dc", 0, "DC", "only this DC's Kafka")                                                   \
    X(FROM_SEQ, "from-seq", 0, "N", "start at this sequence number")                               \
    X(SINCE, "since", 0, "TIME", "start at this time, or so long ago: 1h, 7d")                     \
    X(JSON, "json", 'J', NULL, "each record as one line of JSON (as -o json)")                     \
    X(FORMAT, "format", 'f', "FORMAT",                                                             \
      "each record by a format as kcat's: %t %p %o %k %s %h %T "                                   \
      "%S %K %q (sequence number), \\n, \\t")                                                      \
    X(BODY, "body", 0, "BYTES", "show so many bytes of each value; default: 200")                  \
    X(FOLLOW, "follow", 0, NULL, "wait for further records (as without -n)")                       \
    X(MIN_OK, "min-ok", 0, "PERCENT",                                                              \
      "exit 3 if fewer of what could be enriched is ok; "                                          \
      "default: 99")                                                                               \
    X(CONTENT, "content", 0, "N", "fetch N revisions from MediaWiki again and compare")            \
    X(UNCOMMITTED, "uncommitted", 0, NULL, "also read without waiting for commits, as I1 allows")  \
    X(WAIT_S, "wait", 0, "TIME",                                                                   \
      "how long a DC may take to emit what is already cut; "                                       \
      "default: 30s")                                                                              \
    X(ID, "id", 0, "ID", "the record with this meta.id")                                           \
    X(REV, "rev", 0, "WIKI:REV", "the record of this revision")                                    \
    X(PARTITION, "partition", 0, "N", "only this partition of the sources")                        \
    X(FOR, "for", 0, "TIME", "ends by itself after so long: 30m")                                  \
    X(WAIT, "wait", 0, NULL, "end only when it is done; --for says how long at most: 10m")         \
    X(STREAM, "stream", 0, "STREAM", "the global stream; may be left out where there is one")      \
    X(GROUP, "group", 0, "GROUP", "the consumer group")                                            \
    X(FROM, "from", 0, "DC", "where the readers were")                                             \
    X(TO, "to", 0, "DC", "where they go on")                                                       \
    X(SEQ, "seq", 0, "N", "the sequence number that is wanted next")                               \
    X(OFFSET, "offset", 0, "N", "the same as an offset in the old DC's copy")                      \
    X(EXECUTE, "execute", 0, NULL, "commit the place for the group; else it is only shown")        \
    X(DRILL_DC, "dc", 0, "DC", "the DC that is lost")                                              \
    X(MODE, "mode", 0, "MODE", "kill, drain or partition")                                         \
    X(BEGIN, "begin", 0, "COMMAND", "do harm by this command instead")                             \
    X(END, "end", 0, "COMMAND", "and heal it by this one")                                         \
    X(GAP_MAX, "gap-max", 0, "TIME", "fail if a copy that was not harmed stood still for longer")  \
    X(HTML, "html", 0, "FILE", "also write the report as one page")

enum option_id {
#define X(id, name, letter, argument, sentence) OPTION_##id,
    OPTION_MAP(X)
#undef X
    OPTION_COUNT
};

struct option_row {
    const char *name;
    char letter;
    const char *argument; /* NULL: takes none */
    const char *sentence;
};

enum command_id {
    COMMAND_APPLY,
    COMMAND_CUTS,
    COMMAND_DELETE,
    COMMAND_DEPOOL,
    COMMAND_DOCTOR,
    COMMAND_DRAIN,
    COMMAND_DRILL,
    COMMAND_EXAMPLE,
    COMMAND_EXPLAIN,
    COMMAND_GET,
    COMMAND_HISTORY,
    COMMAND_NODES,
    COMMAND_PAUSE,
    COMMAND_POOL,
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
