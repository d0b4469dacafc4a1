/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/recorded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

struct slice recorded(struct arena *a, const char *name)
{
    enum {
        BYTES_MAX = 1 << 16
    };
    char path[256];
    uint8_t *bytes = arena_alloc(a, BYTES_MAX);

    (void)snprintf(path, sizeof path, "tests/unit/answers/%s", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL || bytes == NULL) {
        fail_msg("cannot read %s", path);
        return (struct slice){0};
    }
    const size_t len = fread(bytes, 1, BYTES_MAX, file);
    (void)fclose(file);
    return slice_of(bytes, len);
}
