/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_yaml_json.h - a YAML file as JSON, for files whose form no table describes.
 *
 * Shell:   libfyaml takes memory from the heap; no file is opened here.
 */
#ifndef BRAID_COORD_IO_YAML_JSON_H
#define BRAID_COORD_IO_YAML_JSON_H

#include "proto/arena.h"

/* 0; ERR_MALFORMED: no YAML, no UTF-8, or larger than YAML_BYTES_MAX; ERR_NO_MEMORY. */
int yaml_to_json(struct arena *a, struct slice yaml, struct slice *out);

#endif
