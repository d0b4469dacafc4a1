/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option.h - the options of braidctl's commands, as one list.
 *
 * Promise: two commands may give one name, or one letter, different meanings: each takes its own.
 * Pure:    yes.
 * Not here: which command takes which (command.h).
 */
#ifndef BRAID_COORD_CTL_OPTION_H
#define BRAID_COORD_CTL_OPTION_H

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
    X(HTML, "html", 0, "FILE", "also write the report as one page")                                \
    X(UNTIL, "until", 0, "TIME", "end at this time; default: ten seconds ago")                     \
    X(WIKI, "wiki", 0, "WIKI", "only this wiki, by its wiki_id")                                   \
    X(ALL_PAGES, "all-pages", 0, NULL, "also look at all revisions, not only at recent changes")   \
    X(RATE, "rate", 0, "N", "write so many events a second; default: 50")

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

#endif
