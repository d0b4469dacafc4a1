/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/io_yaml_json.h"

#include <libfyaml.h>
#include <stdlib.h>

#include "coord/yaml_file.h"
#include "proto/err.h"
#include "proto/utf8.h"

int yaml_to_json(struct arena *a, struct slice yaml, struct slice *out)
{
    const struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET};

    /* libfyaml takes UTF-8 on trust, see io_yaml.c */
    if (yaml.len == 0 || yaml.len > YAML_BYTES_MAX || utf8_prefix(yaml) != yaml.len ||
        memchr(yaml.ptr, 0, yaml.len) != NULL)
        return ERR_MALFORMED;
    struct fy_document *doc = fy_document_build_from_string(&cfg, (const char *)yaml.ptr, yaml.len);
    if (doc == NULL)
        return ERR_MALFORMED;
    char *json = fy_emit_document_to_string(doc, FYECF_MODE_JSON_ONELINE);
    fy_document_destroy(doc);
    if (json == NULL)
        return ERR_MALFORMED;
    *out = arena_copy(a, slice_str(json));
    free(json);
    return out->ptr == NULL ? ERR_NO_MEMORY : 0;
}
