/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_log.h - one event a line, key=value, to standard error.
 *
 * Promise: a message that repeats is written at most LOG_BURST times in LOG_WINDOW_MS; the next
 *          one after that says how many were left out. Values are quoted and escaped by the line,
 *          so no byte from outside can forge one.
 * Pure:    no: shell.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_LOG_H
#define BRAID_NODE_IO_LOG_H

#include "proto/slice.h"

#define LOG_LINE_MAX  1024
#define LOG_KINDS_MAX 128 /* messages whose rate is watched */
#define LOG_BURST     5
#define LOG_WINDOW_MS 10000
#define LOG_SELDOM_MS 60000

enum log_level {
    LOG_ERROR,
    LOG_WARN,
    LOG_INFO,
    LOG_DEBUG,
};

struct log_kind {
    const char *msg; /* borrowed: a literal, compared by address */
    const void *about;
    int64_t since_ms;
    uint32_t count;
};

struct io_log {
    enum log_level level;
    bool has_time; /* journald adds its own */
    struct log_kind kinds[LOG_KINDS_MAX];
};

void io_log_init(struct io_log *log, enum log_level level);

/* level=... msg="<msg>" and then the formatted key=value pairs. `msg` must be a literal. */
void io_log(struct io_log *log, enum log_level level, const char *msg, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same; its rate counts for each `about` on its own (a task, a topic). */
void io_log_about(struct io_log *log, const void *about, enum log_level level, const char *msg,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* At most once in LOG_SELDOM_MS: for what a library repeats as long as a peer is away. */
void io_log_seldom(struct io_log *log, const void *about, enum log_level level, const char *msg,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
