/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_line_job.h - a record on its way through a line, and what its enrichment asks; only for files
 * that include io_line_part.h.
 *
 * Pure:    no: shell.
 */
#ifndef BRAID_NODE_IO_LINE_JOB_H
#define BRAID_NODE_IO_LINE_JOB_H

#include "node/io_line.h"

struct job;

/* A question of a job, put to the wiki or waiting to be. */
struct asking {
    struct job *job;
    struct asking *next; /* in the queue of those that wait */
    struct question question;
    struct io_fetch_hold *hold; /* owned; the answer's bytes */
    bool is_fetching;
    bool is_unshared; /* a shared answer was not good for this event */
};

/* What the enrichment of one record needs. */
struct page_work {
    struct event_shape shape; /* of the source; borrows from the job's spec */
    struct enrich_page page;
    struct arena keep; /* questions and what is made of answers */
    struct asking asking[QUESTION_COUNT];
    uint32_t fetching; /* of them, at the fetcher */
};

struct asking_queue {
    struct asking *first;
    struct asking *last;
};

/* A record on its way from input to output. */
struct job {
    struct io_host *host;       /* borrowed; has the pools that job and work are of */
    struct io_line *line;       /* NULL: its run is over, it ends with its fetch */
    struct job *next;           /* in a queue */
    enum line_action_kind kind; /* WORK, PRODUCE (a copy), SKIP or GAP */
    uint64_t ticket;
    struct origin origin;
    int64_t source_time_ms;
    void *handle;           /* owned; the input record, NULL for SKIP and GAP */
    struct slice key;       /* borrowed from the handle */
    struct slice value;     /* borrowed from the handle */
    struct io_spec *spec;   /* held, of WORK */
    struct page_work *work; /* owned, of WORK */
    bool is_too_large;      /* of WORK: the producer refused the value */
    uint32_t retry;         /* of WORK: an operator's n-th retry; 0: none */
    bool
        is_from_operator; /* of WORK: a retry or a backfill; its time is now, it comes after the rest */
    bool is_noted;        /* of WORK: what failed stands in the error topic */
};

struct job_queue {
    struct job *first;
    struct job *last;
};

#endif
