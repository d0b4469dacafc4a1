/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no bytes given as a stream's YAML file, or as a spec in etcd, do harm.
 * Method: both readers get the input; what is read is written again and must be read again; all
 *         errors are printed.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "coord/io_spec.h"

/* The fuzzer names it. */
// NOLINTNEXTLINE(readability-identifier-naming)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct spec spec;
    struct spec again;
    struct slice bytes = {0};
    struct text errors;
    struct yaml_file file = {.name = "fuzz.yaml", .bytes = slice_of(data, size), .arena = &a};

    arena_init(&a, 1 << 16, 64 << 20);
    if (spec_read(&file, &spec) == 0) {
        int rc = spec_encode(&spec, &a, &bytes);
        assert(rc == 0);
        rc = spec_decode(bytes, &a, &again);
        assert(rc == 0);
        (void)rc;
    }
    errors = text_in(&a);
    yaml_print_errors(&file, &errors);
    (void)spec_decode(slice_of(data, size), &a, &again);
    arena_deinit(&a);
    return 0;
}
