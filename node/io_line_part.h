/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_line_part.h - what io_line.c (the run) and io_line_work.c (its records) share; nobody else
 * includes it.
 *
 * Pure:    no: shell.
 */
#ifndef BRAID_NODE_IO_LINE_PART_H
#define BRAID_NODE_IO_LINE_PART_H

#include "node/inner.h"
#include "node/io_limit.h"
#include "node/io_line.h"
#include "node/io_line_job.h"
#include "node/io_line_state.h"

struct io_line {
    struct io_host *host;
    char *name;       /* owned */
    struct task task; /* borrows from name */
    void (*finished)(void *data, struct io_line *l, int rc);
    void *data;
    uv_timer_t *timer; /* owned; freed when closed */
    int64_t opened_ms; /* monotonic */

    struct io_stream *stream; /* NULL: a copy of a source topic */
    struct arena arena;       /* the strands' names, topics, group */
    struct line_config config;
    bool is_global;           /* the input is another stream's output */
    struct slice source;      /* of enrich: as the spec names it */
    bool is_remembering;      /* an enrichment asks what came before */
    struct line_state *state; /* owned; NULL: its enrichments remember nothing */
    uint64_t strands_hash;
    const char *group;
    const char *topic_in;
    const char *topic_out;
    const char *topic_errors;
    const char *emitter;
    struct io_site *site_in;
    struct io_site *site_out;
    struct io_reading *reading_in;
    struct io_reading *reading_out;
    struct io_limit limit;           /* of the output topic */
    bool is_limited;                 /* a record was above it, or batches may be: it is watched */
    struct io_writer_client *client; /* NULL until the limit is known */
    struct io_writer_client *errors; /* of the error topic; NULL until it is needed */
    bool has_errors_failed;
    struct io_kafka_question *question; /* places: read or committed */
    bool is_set_up;
    bool has_places;
    bool has_in;
    bool has_out;
    bool has_started;
    bool is_late; /* a log ends before its saved place: ask again with the tick */
    bool commit_again;
    struct line_place place_in;
    struct line_place place_out;
    struct log_bounds in;
    struct log_bounds out;

    struct line *line;           /* owned */
    struct job **jobs;           /* owned; WORK by ticket modulo in_flight_max */
    struct job_queue pending;    /* to be produced, in order; the writer was full */
    struct asking_queue waiting; /* to be put; the fetcher was full */
    uint64_t *done;              /* owned; tickets whose work is done, to be told to the line */
    uint32_t done_count;

    bool is_draining;
    int64_t drain_ms; /* monotonic; when it began */
    bool is_over;     /* the run has ended; `finished` follows, or it stays failed */
    bool is_failed;
    bool is_stopped; /* asked to */
    int code;
    const char *why;
    char why_text[192];
    uint64_t consumed;
    uint64_t produced;
    uint64_t statuses[STATUS_COUNT];
    uint64_t reasons[REASON_COUNT];
    int64_t last_time_ms; /* of the last record taken */
};

/* Starts the core once places and bounds are known. */
void line_maybe_start(struct io_line *l);

/* Asks for the saved places, then line_maybe_start. */
void line_ask_places(struct io_line *l);

/* Saves both places; l->commit_again if that must be tried again. */
void line_commit(struct io_line *l);

/* Finds out what the task reads and writes. 0; ERR_UNAVAILABLE, ERR_NOT_FOUND: not known yet. */
int line_set_up(struct io_line *l);

/* Above this share of failed requests the task waits for other DCs, in percent. */
uint32_t line_share_max(const struct io_stream *s);

/* The newest cut has other strands for this task than it was set up with. */
bool line_strands_changed(const struct io_line *l);

/* The run ends: rc 0 as asked, else why. */
void line_end(struct io_line *l, int rc, const char *why);

/* It stops, until its output's limit is another (A8). */
void line_too_large(struct io_line *l, const char *detail);

/* Starts the work on a record of the input (WORK), whose handle it takes over. */
void line_work(struct io_line *l, const struct line_action *a, const struct record *r);

/* Produces a copy, or a record of its own (SKIP, GAP). Takes over the handle of a copy. */
void line_produce(struct io_line *l, const struct line_action *a, const struct record *r);

/* What became of WORK. */
enum line_work line_work_result(struct io_line *l, uint64_t ticket);

/* What WORK has made, if anything, is not needed. */
void line_drop_work(struct io_line *l, uint64_t ticket);

/* Produces what WORK has made. */
void line_produce_work(struct io_line *l, const struct line_action *a);

/* Writes the error event of a job that failed. 0, ERR_BUSY or ERR_NO_MEMORY. */
int line_note_error(struct io_line *l, struct job *job, const struct header *headers, size_t count);

/* Tries again what the writer or the fetcher had no room for. */
void line_retry(struct io_line *l);

/* Lets go of all jobs of a run that is over. */
void line_drop_jobs(struct io_line *l);

/* A job's work is done: the line is told after the present step. */
void line_done_later(struct io_line *l, uint64_t ticket);

/* Tells the line of what is done since. */
void line_tell_done(struct io_line *l);

#endif
