/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.h - tells whether bytes are UTF-8, for libraries that take it on trust.
 *
 * Promise: overlong forms, surrogates and numbers past U+10FFFF are not UTF-8 (RFC 3629).
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_UTF8_H
#define BRAID_PROTO_UTF8_H

#include "proto/slice.h"

/* How many bytes at the start of `text` are whole UTF-8 characters; text.len if all are. */
size_t utf8_prefix(struct slice text);

#endif
