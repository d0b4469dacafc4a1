/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha1.h - SHA-1 of bytes (OpenSSL EVP): a check of integrity, never of authenticity.
 *
 * Promise: the digest, or an error if the crypto library refuses (FIPS policies may).
 * Pure:    same bytes, same digest; OpenSSL takes a little heap of its own.
 */
#ifndef BRAID_PROTO_SHA1_H
#define BRAID_PROTO_SHA1_H

#include "proto/base36.h"

/* Of many texts, one after the other. All zeros is a start; after a failure, end it. */
struct sha1 {
    struct evp_md_ctx_st *context; /* owned */
};

/* 0, or ERR_UNSUPPORTED as below, or ERR_NO_MEMORY. Only the first one takes heap. */
int sha1_next(struct sha1 *s, struct slice bytes, uint8_t out[SHA1_BYTES]);
void sha1_end(struct sha1 *s);

/* 0, or ERR_UNSUPPORTED if this OpenSSL has no SHA-1. */
int sha1_of(struct slice bytes, uint8_t out[SHA1_BYTES]);

#endif
