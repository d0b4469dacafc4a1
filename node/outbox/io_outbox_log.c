/* SPDX-License-Identifier: Apache-2.0 */
#include "node/outbox/io_outbox_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    LINE_BYTES_MAX = 2048,
};

void outbox_log(const char *level, const char *format, ...)
{
    char line[LINE_BYTES_MAX];
    char time_text[32];
    struct timespec now;
    struct tm utc;
    va_list args;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    (void)strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%S", &utc);
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *c = strchr(line, '\n'); c != NULL; c = strchr(c, '\n'))
        *c = ' ';
    (void)fprintf(stderr, "ts=%s.%03ldZ level=%s %s\n", time_text, now.tv_nsec / 1000000, level,
                  line);
}
