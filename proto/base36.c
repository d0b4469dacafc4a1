/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base36.h"

#include "proto/err.h"

/* Long division in base 2^32 by 36^5, the largest power whose remainder leaves room for a word: seven
 * rounds instead of one for each of the 31 digits. */
#define CHUNK_DIGITS 5
#define CHUNK        60466176U
#define WORDS        (SHA1_BYTES / 4)

void base36_from_sha1(const uint8_t digest[SHA1_BYTES], uint8_t out[SHA1_BASE36_LEN])
{
    static const char DIGITS[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint32_t number[WORDS];
    size_t place = SHA1_BASE36_LEN;

    for (size_t i = 0; i < WORDS; i++)
        number[i] = (uint32_t)digest[4 * i] << 24 | (uint32_t)digest[4 * i + 1] << 16 |
                    (uint32_t)digest[4 * i + 2] << 8 | digest[4 * i + 3];
    while (place > 0) {
        uint64_t rest = 0;
        for (size_t i = 0; i < WORDS; i++) {
            const uint64_t value = rest << 32 | number[i];
            number[i] = (uint32_t)(value / CHUNK);
            rest = value % CHUNK;
        }
        for (int i = 0; i < CHUNK_DIGITS && place > 0; i++) {
            out[--place] = (uint8_t)DIGITS[rest % 36];
            rest /= 36;
        }
    }
}

/* 0..15, or -1 for what is no hex digit. */
static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int sha1_from_hex(struct slice hex, uint8_t out[SHA1_BYTES])
{
    uint8_t digest[SHA1_BYTES];

    if (hex.len != SHA1_HEX_LEN)
        return ERR_MALFORMED;
    for (size_t i = 0; i < SHA1_BYTES; i++) {
        const int high = hex_digit(hex.ptr[2 * i]);
        const int low = hex_digit(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return ERR_MALFORMED;
        digest[i] = (uint8_t)(high * 16 + low);
    }
    memcpy(out, digest, sizeof digest);
    return 0;
}
