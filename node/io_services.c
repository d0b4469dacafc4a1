/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_services.h"

#include <stdio.h>

#include "coord/text.h"
#include "proto/err.h"

/* The first line; false if it is none of printable ASCII. */
static bool read_token(const char *path, char out[SERVICE_TOKEN_MAX + 2])
{
    FILE *file = fopen(path, "re");
    size_t len = 0;

    if (file == NULL)
        return false;
    if (fgets(out, SERVICE_TOKEN_MAX + 2, file) != NULL)
        len = strcspn(out, "\r\n");
    (void)fclose(file);
    for (size_t i = 0; i < len; i++) {
        if (out[i] <= ' ' || out[i] > '~')
            return false;
    }
    out[len] = '\0';
    return len > 0 && len <= SERVICE_TOKEN_MAX;
}

int io_services_read(const struct config *c, struct arena *a, struct io_fetch_services *out,
                     struct slice *out_bad)
{
    struct ask_pair *tokens = arena_calloc(a, c->service_tokens.count + 1, sizeof(*tokens));
    char token[SERVICE_TOKEN_MAX + 2] = "";

    if (tokens == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->service_tokens.count; i++) {
        const struct key_pair *pair = &c->service_tokens.items[i];
        const char *path = arena_strdup(a, pair->value);
        *out_bad = pair->name;
        if (path == NULL)
            return ERR_NO_MEMORY;
        if (!read_token(path, token))
            return ERR_CONFIG;
        tokens[i] = (struct ask_pair){pair->name, arena_copy(a, slice_str(token))};
        if (tokens[i].value.ptr == NULL)
            return ERR_NO_MEMORY;
    }
    *out = (struct io_fetch_services){.origins = c->service_origins.items,
                                      .origin_count = c->service_origins.count,
                                      .tokens = tokens,
                                      .token_count = c->service_tokens.count};
    return 0;
}
