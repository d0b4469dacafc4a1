/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: any bytes in etcd or in the log of cuts are decoded or refused, and what is decoded can be
 *       encoded and decoded again with the same meaning.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "proto/cut.h"

#define ARENA_BYTES_MAX ((size_t)4 << 20)

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void fuzz_cut(struct slice bytes, struct arena *a)
{
    struct cut first;
    struct cut second;
    struct slice again;

    if (cut_decode(bytes, a, &first) != 0)
        return;
    if (cut_encode(&first, a, &again) != 0)
        return;
    check(cut_decode(again, a, &second) == 0);
    check(first.number == second.number);
    check(first.layout.hash == second.layout.hash);
    check(first.member_count == second.member_count);
}

static void fuzz_report(struct slice bytes, struct arena *a)
{
    struct report first;
    struct report second;
    struct slice again;

    if (report_decode(bytes, a, &first) != 0)
        return;
    if (report_encode(&first, a, &again) != 0)
        return;
    check(report_decode(again, a, &second) == 0);
    check(first.count == second.count);
    check(first.emitted.chain == second.emitted.chain);
}

static void fuzz_line(struct slice bytes, struct arena *a)
{
    struct emitted_line line;
    struct slice cut_bytes;
    bool is_cut = false;

    if (line_decode(bytes, a, &is_cut, &cut_bytes, &line) != 0)
        return;
    if (!is_cut)
        check(line.emitted.next_seq - line.first_seq == line.id_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;

    arena_init(&a, 65536, ARENA_BYTES_MAX);
    fuzz_cut(slice_of(data, size), &a);
    fuzz_report(slice_of(data, size), &a);
    fuzz_line(slice_of(data, size), &a);
    arena_deinit(&a);
    return 0;
}
