/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay CRASH-FILE INPUT... - runs a fuzz target without libFuzzer: the empty input,
 * each saved input, and VARIATIONS of each (cut short, bytes changed, pieces doubled), the same
 * ones every time. When the target dies, the input at fault is left in CRASH-FILE.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VARIATIONS = 2000,
    INPUT_BYTES_MAX = 1 << 20,
    /* Long inputs are varied less often: about this many bytes go through a target for each. */
    VARIED_BYTES_MAX = 16 << 20,
};

/* ASan's own header declares it, but where clang has none, clang-tidy cannot see it. */
void __sanitizer_set_death_callback(void (*callback)(void));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The one fixture: what a dying target must leave behind. */
static struct {
    const char *crash_file;
    const uint8_t *data;
    size_t size;
} fixture;

static void save_input(void)
{
    FILE *file = fopen(fixture.crash_file, "wb");

    if (file == NULL)
        return;
    (void)fwrite(fixture.data, 1, fixture.size, file); /* Dying already: nothing else to do. */
    (void)fclose(file);
}

/* Runs the target on a copy of exactly this size, so that ASan sees a read past its end. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    fixture.data = copy;
    fixture.size = size;
    (void)LLVMFuzzerTestOneInput(copy, size); /* 0 or -1: only for libFuzzer's own use. */
    free(copy);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Changes `data` in place; returns the new size, at most twice the old one and the limit. */
static size_t vary(uint8_t *data, size_t size, uint64_t *random)
{
    static const uint8_t TELLING[] = "\"\\{}[]:,/\0\x7f\x80\xff\n-0";
    const size_t edits = 1 + next_random(random) % 4;

    for (size_t i = 0; i < edits && size > 0; i++) {
        const size_t at = next_random(random) % size;
        const size_t len = 1 + next_random(random) % (size - at);

        switch (next_random(random) % 5) {
        case 0:
            size = at; /* Cut short. */
            break;
        case 1:
            data[at] ^= (uint8_t)(1U << (next_random(random) % 8));
            break;
        case 2:
            data[at] = TELLING[next_random(random) % sizeof TELLING];
            break;
        case 3: /* A piece doubled. */
            if (size + len <= INPUT_BYTES_MAX) {
                memmove(data + at + len, data + at, size - at);
                size += len;
            }
            break;
        default: /* A piece removed. */
            memmove(data + at, data + at + len, size - at - len);
            size -= len;
            break;
        }
    }
    return size;
}

static bool replay_file(const char *path, uint8_t *original, uint8_t *varied)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        return false;
    }
    const size_t size = fread(original, 1, INPUT_BYTES_MAX, file);
    (void)fclose(file); /* Only read from. */
    run(original, size);

    uint64_t random = 0x9e3779b97f4a7c15U + size;

    for (size_t i = 0; i < VARIATIONS && i * size < VARIED_BYTES_MAX; i++) {
        memcpy(varied, original, size);
        run(varied, vary(varied, size, &random));
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    fixture.crash_file = argv[1];
    __sanitizer_set_death_callback(save_input);

    uint8_t *original = malloc(INPUT_BYTES_MAX);
    uint8_t *varied = malloc(INPUT_BYTES_MAX);
    bool ok = original != NULL && varied != NULL;

    if (ok)
        run(original, 0);
    for (int i = 2; i < argc && ok; i++)
        ok = replay_file(argv[i], original, varied);
    free(original);
    free(varied);
    return ok ? 0 : 1;
}
