/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_yaml.h - a YAML file into a struct, by a key table.
 *
 * Promise: yaml_read fills the caller's struct from the table's defaults and the file, and finds
 *          every error of the file in one run, each with its place, the source line and, for a
 *          mistyped name, what was meant. A file with an error in YAML itself has that one error.
 *          Anchors, aliases, tags, keys given twice and more than one document are errors.
 * Shell:   libfyaml takes memory from the heap; nothing else is touched, no file is opened.
 * Not here: the tables (keys.h); errors and their print (yaml_file.h).
 * Thread:  one at a time for each arena.
 */
#ifndef BRAID_COORD_IO_YAML_H
#define BRAID_COORD_IO_YAML_H

#include "coord/yaml_file.h"

/*
 * Reads the file into `out`, the struct that the table's offsets belong to, which the caller has
 * zeroed. All slices in it point into the arena. 0; ERR_CONFIG: see the errors, `out` is partly
 * filled and only good for further checks; ERR_NO_MEMORY.
 */
int yaml_read(struct yaml_file *file, void *out);

#endif
