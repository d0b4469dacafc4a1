/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_config.h"

#include <stdio.h>

#include "coord/io_yaml.h"
#include "proto/err.h"

static int read_file(const char *path, struct arena *a, struct slice *out)
{
    FILE *file = fopen(path, "re");
    uint8_t *bytes = arena_alloc(a, YAML_BYTES_MAX + 1);

    if (file == NULL)
        return ERR_IO;
    if (bytes == NULL) {
        (void)fclose(file); /* only read from */
        return ERR_NO_MEMORY;
    }
    const size_t len = fread(bytes, 1, YAML_BYTES_MAX + 1, file);
    const bool has_failed = ferror(file) != 0;
    (void)fclose(file); /* only read from */
    if (has_failed)
        return ERR_IO;
    if (len > YAML_BYTES_MAX)
        return ERR_TOO_LARGE;
    *out = slice_of(bytes, len);
    return 0;
}

int io_config_read(const char *path, struct arena *a, struct config *out, const char **out_errors)
{
    struct yaml_file *file = arena_calloc(a, 1, sizeof(*file));
    struct text errors = text_in(a);
    struct config config = {0};

    if (file == NULL)
        return ERR_NO_MEMORY;
    file->name = path;
    file->table = &CONFIG_TABLE;
    file->arena = a;
    int rc = read_file(path, a, &file->bytes);
    if (rc != 0)
        return rc;
    rc = yaml_read(file, &config);
    if (rc != 0 && rc != ERR_CONFIG)
        return rc;
    config_check(&config, file);
    if (file->error_count > 0) {
        yaml_print_errors(file, &errors);
        *out_errors = text_string(&errors);
        return ERR_CONFIG;
    }
    *out = config;
    return 0;
}
