/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base36.h - SHA-1 digests as MediaWiki writes them: 31 digits of 0-9a-z, zero-padded, in events;
 *            40 hex digits in answers of the API.
 *
 * Promise: fixed length, no allocation.
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_BASE36_H
#define BRAID_PROTO_BASE36_H

#include "proto/slice.h"

enum {
    SHA1_BYTES = 20,
    SHA1_BASE36_LEN = 31,
    SHA1_HEX_LEN = 40,
};

/* Writes SHA1_BASE36_LEN digits, no NUL. */
void base36_from_sha1(const uint8_t digest[SHA1_BYTES], uint8_t out[SHA1_BASE36_LEN]);

/* Reads 40 hex digits of either case. ERR_MALFORMED if it is anything else. */
int sha1_from_hex(struct slice hex, uint8_t out[SHA1_BYTES]);

#endif
