/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/io_spec.h"

#include "proto/err.h"

int spec_read(struct yaml_file *file, struct spec *out)
{
    struct spec_problems problems;
    int rc = 0;

    *out = (struct spec){0};
    file->table = &SPEC_TABLE;
    rc = yaml_read(file, out);
    if (rc == ERR_NO_MEMORY)
        return rc;
    if (file->marks == NULL || file->marks[0].line == 0)
        return rc; /* not even a name: what else is missing has been said */
    spec_check(out, file->arena, &problems);
    for (size_t i = 0; i < problems.count; i++) {
        yaml_report(file, problems.items[i].path, problems.items[i].hint,
                    problems.items[i].message);
    }
    out->yaml = arena_copy(file->arena, file->bytes);
    if (file->bytes.len > 0 && out->yaml.ptr == NULL)
        return ERR_NO_MEMORY;
    return file->error_count > 0 ? ERR_CONFIG : 0;
}
