/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/sha1.h"

#include <openssl/evp.h>

#include "proto/err.h"

int sha1_next(struct sha1 *s, struct slice bytes, uint8_t out[SHA1_BYTES])
{
    unsigned len = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];
    /* Without a type it goes on with the one that it has: nothing is looked up or allocated anew. */
    const EVP_MD *type = s->context == NULL ? EVP_sha1() : NULL;

    if (s->context == NULL)
        s->context = EVP_MD_CTX_new();
    if (s->context == NULL)
        return ERR_NO_MEMORY;
    if (EVP_DigestInit_ex(s->context, type, NULL) != 1 ||
        EVP_DigestUpdate(s->context, bytes.ptr, bytes.len) != 1 ||
        EVP_DigestFinal_ex(s->context, digest, &len) != 1 || len != SHA1_BYTES)
        return ERR_UNSUPPORTED;
    memcpy(out, digest, SHA1_BYTES);
    return 0;
}

void sha1_end(struct sha1 *s)
{
    EVP_MD_CTX_free(s->context);
    s->context = NULL;
}

int sha1_of(struct slice bytes, uint8_t out[SHA1_BYTES])
{
    unsigned len = 0;
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(bytes.ptr, bytes.len, digest, &len, EVP_sha1(), NULL) != 1 || len != SHA1_BYTES)
        return ERR_UNSUPPORTED;
    memcpy(out, digest, SHA1_BYTES);
    return 0;
}
