/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "node/io_loop.h"

static const char *level_text(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARN:
        return "warn";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "error";
}

void io_log_init(struct io_log *log, enum log_level level)
{
    *log = (struct io_log){.level = level, .has_time = getenv("JOURNAL_STREAM") == NULL};
}

struct log_line {
    const void *about;
    enum log_level level;
    const char *msg;
    uint32_t burst; /* lines in a window */
    int64_t window_ms;
};

/* True if the line may be written; *out_left_out: how many of its kind were not. */
static bool may_write(struct io_log *log, const struct log_line *line, uint32_t *out_left_out)
{
    const char *msg = line->msg;
    const void *about = line->about;
    const uintptr_t hash = ((uintptr_t)msg * 31 + (uintptr_t)about) / 8;
    struct log_kind *kind = &log->kinds[hash % LOG_KINDS_MAX];
    const int64_t now_ms = io_now_ms();

    *out_left_out = 0;
    if (kind->msg != msg || kind->about != about) {
        *kind = (struct log_kind){.msg = msg, .about = about, .since_ms = now_ms, .count = 1};
        return true;
    }
    if (now_ms - kind->since_ms >= line->window_ms) {
        *out_left_out = kind->count > line->burst ? kind->count - line->burst : 0;
        kind->since_ms = now_ms;
        kind->count = 1;
        return true;
    }
    kind->count++;
    return kind->count <= line->burst;
}

/* Control characters would start a new line or hide one. */
static void make_plain(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
}

static size_t put_time(char *line, size_t size)
{
    struct timespec now;
    struct tm parts;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    if (gmtime_r(&now.tv_sec, &parts) == NULL)
        return 0;
    const size_t len = strftime(line, size, "ts=%Y-%m-%dT%H:%M:%S", &parts);
    const int more = snprintf(line + len, size - len, ".%03ldZ ", now.tv_nsec / 1000000);
    return len + (more > 0 ? (size_t)more : 0);
}

static void write_line(struct io_log *log, const struct log_line *what, const char *fields)
{
    char line[LOG_LINE_MAX + 64];
    uint32_t left_out;
    size_t len = 0;

    if (what->level > log->level || !may_write(log, what, &left_out))
        return;
    if (log->has_time)
        len = put_time(line, sizeof(line));
    const int head =
        snprintf(line + len, LOG_LINE_MAX - len, "level=%s msg=\"%s\"%s%s", level_text(what->level),
                 what->msg, fields[0] != '\0' ? " " : "", fields);
    if (head < 0)
        return;
    len = len + (size_t)head < LOG_LINE_MAX ? len + (size_t)head : LOG_LINE_MAX - 1;
    if (left_out > 0) {
        const int more = snprintf(line + len, sizeof(line) - len, " left_out=%u", left_out);
        len += more > 0 ? (size_t)more : 0;
    }
    make_plain(line, len);
    line[len++] = '\n';
    const ssize_t written = write(STDERR_FILENO, line, len);
    (void)written; /* nowhere left to say so */
}

/* The message of `what` with the fields that `format` makes of `args`. */
static void write_fields(struct io_log *log, const struct log_line *what, const char *format,
                         va_list args)
{
    char fields[LOG_LINE_MAX];

    (void)vsnprintf(fields, sizeof(fields), format, args);
    write_line(log, what, fields);
}

void io_log(struct io_log *log, enum log_level level, const char *msg, const char *format, ...)
{
    const struct log_line line = {NULL, level, msg, LOG_BURST, LOG_WINDOW_MS};
    va_list args;

    va_start(args, format);
    write_fields(log, &line, format, args);
    va_end(args);
}

void io_log_about(struct io_log *log, const void *about, enum log_level level, const char *msg,
                  const char *format, ...)
{
    const struct log_line line = {about, level, msg, LOG_BURST, LOG_WINDOW_MS};
    va_list args;

    va_start(args, format);
    write_fields(log, &line, format, args);
    va_end(args);
}

void io_log_seldom(struct io_log *log, const void *about, enum log_level level, const char *msg,
                   const char *format, ...)
{
    const struct log_line line = {about, level, msg, 1, LOG_SELDOM_MS};
    va_list args;

    va_start(args, format);
    write_fields(log, &line, format, args);
    va_end(args);
}
