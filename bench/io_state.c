/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/io_state.h"

#include <stdio.h>
#include <stdlib.h>

uint32_t state_load(const char *path, struct bench_report *r)
{
    struct bench_report *old = calloc(1, sizeof *old); /* too large for the stack */
    FILE *file = old == NULL ? NULL : fopen(path, "rb");
    uint32_t count = 0;

    if (file != NULL && fread(old, sizeof *old, 1, file) == 1 && old->count <= POINTS_MAX &&
        old->environment.seed == r->environment.seed &&
        old->environment.is_full == r->environment.is_full &&
        strncmp(old->environment.version, r->environment.version, sizeof r->environment.version) ==
            0) {
        *r = *old;
        count = old->count;
    }
    if (file != NULL)
        (void)fclose(file); /* only read */
    free(old);
    return count;
}

int state_save(const char *path, const struct bench_report *r)
{
    char new_path[512];
    const int len = snprintf(new_path, sizeof new_path, "%s.new", path);

    if (len < 0 || (size_t)len >= sizeof new_path)
        return -1;
    FILE *file = fopen(new_path, "wb");
    if (file == NULL)
        return -1;
    const bool is_written = fwrite(r, sizeof *r, 1, file) == 1;
    if (fclose(file) != 0 || !is_written)
        return -1;
    return rename(new_path, path);
}
