/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_process.h - other processes: start, wait, end, and what they used.
 *
 * Promise: a child that was started here dies with this process (PR_SET_PDEATHSIG), unless it was
 *          started by process_run's command in a session of its own.
 * Pure:    no.
 */
#ifndef BRAID_BENCH_IO_PROCESS_H
#define BRAID_BENCH_IO_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PROCESS_ARGS_MAX = 24,
};

int64_t now_us(void);      /* of the clock that does not jump */
int64_t now_wall_us(void); /* since 1970 */
void sleep_us(int64_t us);

/* Starts argv[0] with its output in the file `log` (appended); -1 and errno. */
pid_t process_start(const char *const argv[], const char *log);

/* Waits for its end; as process_run. */
int process_wait(pid_t pid);

/* Runs a command to its end; its exit code, -1 if it could not be run or was killed. */
int process_run(const char *const argv[], const char *log);

/* The same, and the first `size - 1` bytes of its output, NUL-terminated. */
int process_read(const char *const argv[], char *out, size_t size);

/* TERM, and KILL after five seconds. */
void process_end(pid_t pid);

/* CPU time (user and system) of a process, in seconds; negative if there is no such process. */
double process_cpu_s(pid_t pid);
double process_own_cpu_s(void);

/* When it was started, microseconds since 1970, to 10 ms; 0 if there is no such process. */
int64_t process_started_us(pid_t pid);

/* Largest resident memory so far, MB (10^6 bytes); 0 if it is not known. */
double process_peak_mb(pid_t pid);

/* Starts counting the largest memory anew. */
void process_reset_peak(pid_t pid);

#endif
