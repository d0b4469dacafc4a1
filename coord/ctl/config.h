/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - braidctl's own file, /etc/braid/braidctl.yaml: where things are.
 *
 * Promise: one table of keys, read by io_yaml.h; the environment and options come before it.
 * Pure:    yes.
 * Not here: reading the file and the environment (io_session.h).
 */
#ifndef BRAID_COORD_CTL_CONFIG_H
#define BRAID_COORD_CTL_CONFIG_H

#include "coord/keys.h"

#define CONFIG_PATH "/etc/braid/braidctl.yaml"

struct config {
    struct slice etcd; /* endpoints, separated by commas */
    struct slice ca;   /* paths of PEM files; empty: none */
    struct slice cert;
    struct slice key;
    struct slice cluster;
    struct key_pairs kafka;            /* DC -> bootstrap servers of braid_kafka */
    struct key_pairs source_kafka;     /* DC -> of source_kafka; default: as kafka */
    struct key_pairs mediawiki;        /* DC -> base address of the API */
    struct key_pairs kafka_properties; /* librdkafka's, for every client */
};

extern const struct key_table CTL_CONFIG_TABLE;

#endif
