/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base36.h"

#include "proto/err.h"

void base36_from_sha1(const uint8_t digest[SHA1_BYTES], uint8_t out[SHA1_BASE36_LEN])
{
    static const char DIGITS[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint8_t number[SHA1_BYTES];

    memcpy(number, digest, sizeof number);
    for (size_t place = SHA1_BASE36_LEN; place > 0; place--) {
        unsigned rest = 0;
        for (size_t i = 0; i < SHA1_BYTES; i++) {
            const unsigned value = rest * 256U + number[i];
            number[i] = (uint8_t)(value / 36U);
            rest = value % 36U;
        }
        out[place - 1] = (uint8_t)DIGITS[rest];
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
