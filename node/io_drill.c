/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_drill.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node/io_loop.h"
#include "proto/err.h"

#define UNTIL_VARIABLE "BRAID_DRILL_UNTIL_MS"

enum {
    ARGUMENTS_MAX = 64,
    ARGUMENT_BYTES_MAX = 16384
};

/* The arguments that this process was started with, as the kernel has them. */
static bool read_arguments(char bytes[ARGUMENT_BYTES_MAX], char *argv[ARGUMENTS_MAX + 1])
{
    FILE *file = fopen("/proc/self/cmdline", "rb");
    const size_t len = file == NULL ? 0 : fread(bytes, 1, ARGUMENT_BYTES_MAX - 1, file);
    size_t count = 0;

    if (file != NULL)
        (void)fclose(file); /* only read */
    bytes[len] = '\0';
    for (size_t at = 0; at < len && count < ARGUMENTS_MAX; at += strlen(bytes + at) + 1)
        argv[count++] = bytes + at;
    argv[count] = NULL;
    return count > 0;
}

int io_drill_die(int64_t until_ms)
{
    char bytes[ARGUMENT_BYTES_MAX];
    char *argv[ARGUMENTS_MAX + 1];
    char until[32];
    char path[4096];

    (void)snprintf(until, sizeof(until), "%" PRId64, until_ms);
    if (!read_arguments(bytes, argv) || setenv(UNTIL_VARIABLE, until, 1) != 0)
        return ERR_IO;
    /* Connections of libraries, too, end with this program and not with the next. */
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        return ERR_IO;
    const ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (len > 0) {
        path[len] = '\0';
        (void)execv(path, argv);
    }
    (void)execv("/proc/self/exe", argv); /* the file has another name now, or none */
    (void)unsetenv(UNTIL_VARIABLE);      /* it did not work */
    return ERR_IO;
}

void io_drill_sleep(void)
{
    const char *text = getenv(UNTIL_VARIABLE);
    const int64_t until_ms = text == NULL ? 0 : strtoll(text, NULL, 10);
    const struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};

    (void)unsetenv(UNTIL_VARIABLE); /* fails only for a bad name */
    if (until_ms <= io_now_ms())
        return;
    int rc = EINTR;
    while (rc == EINTR)
        rc = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
}
