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

/* 0, or ERR_UNSUPPORTED if this OpenSSL has no SHA-1. */
int sha1_of(struct slice bytes, uint8_t out[SHA1_BYTES]);

#endif
