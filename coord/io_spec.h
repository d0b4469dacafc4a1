/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_spec.h - a stream's YAML file into its spec, with every error of the file.
 *
 * Promise: see io_yaml.h; the checks across keys (spec_check) are reported with the rest.
 * Shell:   libfyaml uses the heap; no file is opened here.
 */
#ifndef BRAID_COORD_IO_SPEC_H
#define BRAID_COORD_IO_SPEC_H

#include "coord/io_yaml.h"
#include "coord/spec.h"

/* Fills file->table. 0, ERR_CONFIG (yaml_print_errors says why) or ERR_NO_MEMORY; `out` is only
 * good on 0. */
int spec_read(struct yaml_file *file, struct spec *out);

#endif
