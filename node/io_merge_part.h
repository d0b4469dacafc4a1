/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_merge_part.h - what the io_merge*.c files share; nobody else includes it.
 *
 * io_merge.c: the run; _logs: enriched records; _recover: from nothing to START, from RESET to TAIL; _etcd:
 * views, reports, proposals, old cuts; _cut: a cut by its number, from etcd or a log of cuts; _emit:
 * transactions, lines of the log of cuts; _copy: what only a peer has; _restored: etcd went back.
 * Pure:    no: shell.
 */
#ifndef BRAID_NODE_IO_MERGE_PART_H
#define BRAID_NODE_IO_MERGE_PART_H

#include "coord/io_etcd_watch.h"
#include "node/io_kafka_txn.h"
#include "node/io_limit.h"
#include "node/io_merge.h"
#include "node/io_merge_copy.h"
#include "node/io_merge_cut.h"
#include "node/io_merge_restored.h"
#include "node/io_merge_stage.h"

#define IO_MERGE_CUTS_KEPT 2000 /* in etcd, below those that all have logged */

struct io_merge {
    struct io_host *host;
    char *name;       /* owned */
    struct task task; /* borrows from name */
    void (*finished)(void *data, struct io_merge *m, int rc);
    void *data;
    uv_timer_t *timer; /* owned; freed when closed */
    int64_t claim_revision;
    enum merge_stage stage;
    int64_t entered_ms[STAGE_OVER + 1]; /* monotonic: when each stage began last */
    struct io_stream *stream;
    struct io_spec *spec; /* held: the config borrows from it */
    struct io_site *site;
    struct arena names; /* topics, ids: for the life of the task */
    const char *topic_global;
    const char *topic_cuts;
    const char *transactional_id;
    const char *proposer;
    struct etcd_watch *watch_cuts;
    struct etcd_watch *watch_held;

    /* the core */
    struct arena arena; /* of the run */
    struct merge *merge;
    uint32_t head_era;    /* of the chain this run follows */
    uint64_t layout_hash; /* likewise */

    /* recovery */
    struct io_scan *scan;
    struct merge_recovery recovery;
    struct arena recovery_arena;
    bool has_ids;
    int64_t ids_from; /* log offset at which the row of lines was begun; negative: the start */
    uint32_t line_era;
    struct logged_cut *logged; /* owned: cuts in the log of cuts, in log order */
    size_t logged_count;
    size_t logged_room;

    /* etcd */
    struct arena view_arenas[2];
    struct merge_view *views; /* owned: two, by turns: the core keeps the last one */
    int view_now;
    uint64_t view_call; /* a read under way; 0: none */
    uint64_t report_call;
    int64_t revisions_at[2]; /* newest known when the read, and the report, under way was sent */
    uint64_t list_call;
    uint32_t delete_era;
    uint64_t delete_below;
    bool is_reporting;
    bool is_report_lost; /* it could not be sent: tell the core so */
    bool is_view_stale;  /* a watch says that something has changed */
    int64_t view_ms;     /* monotonic, of the last view */
    struct cut_search search;
    struct merge_restored restored;

    /* Kafka */
    struct io_limit limit; /* of the global topic */
    struct io_txn *txn;
    bool is_txn_ready;
    bool is_txn_closing;
    bool wants_reset;
    struct merge_log *logs; /* owned */
    uint32_t log_count;
    size_t held_bytes;               /* of all logs */
    struct io_writer_client *client; /* of the log of cuts */
    struct merge_note *notes;        /* owned queue, oldest first */
    struct merge_note *notes_last;
    uint32_t notes_out; /* lines that are not acknowledged yet */
    struct merge_copying copying;

    /* the part being written */
    bool is_emitting;   /* from EMIT to COMMITTED, UNCLEAR, FENCED or MISMATCH */
    bool is_committing; /* the transaction's end is under way */
    uint32_t next_item;
    uint64_t chain;
    bool has_begun;
    uint64_t part_statuses[STATUS_COUNT];

    bool is_failed;
    bool is_stopped;
    int64_t stop_ms; /* monotonic */
    int code;
    char why[256];
    uint64_t emitted;
    uint64_t foreign_at_tail;
    uint64_t statuses[STATUS_COUNT];
    int64_t last_output_ms;
    struct metrics_times times;
};

/* io_merge.c */
void merge_run_step(struct io_merge *m, struct merge_event *ev);
void merge_run_end(struct io_merge *m, int code, const char *why);
void merge_too_large(struct io_merge *m); /* for global.E: until its limit is another (A8) */
void merge_wake(struct io_merge *m); /* a tick, soon: what came up inside a step is done after it */

/* io_merge_logs.c: opened once START has said which logs there are. */
void merge_logs_open(struct io_merge *m);
void merge_logs_close(struct io_merge *m);
void merge_logs_tick(struct io_merge *m);
void merge_log_read(struct merge_log *log, const struct merge_action *a);
void merge_log_pause(struct merge_log *log);

/* io_merge_recover.c: opens the producer; from there on by itself to START, or to TAIL. */
void merge_recover(struct io_merge *m);
void merge_recover_view(struct io_merge *m, const struct merge_view *view);
void merge_reset(struct io_merge *m);
void merge_recover_close(struct io_merge *m);

/* io_merge_etcd.c */
int merge_etcd_open(struct io_merge *m);
void merge_etcd_close(struct io_merge *m);
void merge_etcd_tick(struct io_merge *m);
void merge_etcd_report(struct io_merge *m);
void merge_etcd_read(struct io_merge *m);
void merge_etcd_delete(struct io_merge *m, uint32_t era, uint64_t below);

/* io_merge_emit.c */
void merge_emit_part(struct io_merge *m);
void merge_emit_tick(struct io_merge *m);
void merge_emit_ended(struct io_merge *m, enum io_txn_result result, const char *detail);
int merge_notes_open(struct io_merge *m);
void merge_note(struct io_merge *m, uint64_t number, bool is_cut, struct slice bytes);
void merge_notes_tick(struct io_merge *m);
void merge_notes_close(struct io_merge *m);

#endif
