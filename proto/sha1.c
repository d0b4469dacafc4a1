/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/sha1.h"

#include <openssl/evp.h>

#include "proto/err.h"

int sha1_of(struct slice bytes, uint8_t out[SHA1_BYTES])
{
    unsigned len = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(bytes.ptr, bytes.len, digest, &len, EVP_sha1(), NULL) != 1 || len != SHA1_BYTES)
        return ERR_UNSUPPORTED;
    memcpy(out, digest, SHA1_BYTES);
    return 0;
}
