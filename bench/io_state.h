/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_state.h - the points measured so far, in a file: a run that was stopped goes on where it was.
 *
 * Promise: a file of another version, seed or kind of run is not taken over. It is for this program on
 *          this machine: the JSON is for everybody else.
 * Pure:    no.
 */
#ifndef BRAID_BENCH_IO_STATE_H
#define BRAID_BENCH_IO_STATE_H

#include "bench/report.h"

/* Takes over the points of an earlier run with the environment of `r`, and when it began. Returns how
 * many there are; 0 also if there is no such file. */
uint32_t state_load(const char *path, struct bench_report *r);

/* 0, or -1: it could not be written. */
int state_save(const char *path, const struct bench_report *r);

#endif
