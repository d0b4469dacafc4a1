/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_output.h - views, messages and progress to the terminal.
 *
 * Promise: results go to standard output in the format asked for, everything else to standard
 *          error; a result that could not be written whole is an error.
 * Shell:   writes; asks whether it is a terminal.
 */
#ifndef BRAID_COORD_CTL_IO_OUTPUT_H
#define BRAID_COORD_CTL_IO_OUTPUT_H

#include <stdio.h>

#include "coord/ctl/view.h"

struct output {
    enum view_format format;
    FILE *out;         /* borrowed */
    FILE *err;         /* borrowed */
    bool is_quiet;     /* no progress */
    bool is_mute;      /* no errors either: whoever asks again and again says it once */
    bool has_failed;   /* writing did */
    bool has_progress; /* a line of progress is on the terminal */
};

/* Prints a whole view. */
void output_view(struct output *o, const struct view *v);

/* Prints one of an endless row of views: JSON on one line, YAML as one document, for people and
 * in TSV as a line of `text` that the caller has made. */
void output_item(struct output *o, const struct view *v, struct slice text);

/* Bytes as they are. */
void output_raw(struct output *o, struct slice bytes);

/* "braidctl: error: ..." on standard error. */
void output_error(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "braidctl: ..." on standard error, unless quiet. */
void output_note(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, rewriting one line where standard error is a terminal; else nothing. */
void output_progress(struct output *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Flushes. False if anything could not be written. */
bool output_finish(struct output *o);

/* Asks on the terminal; true for "y" or "yes". False without a terminal. */
bool output_ask(struct output *o, const char *question);

#endif
