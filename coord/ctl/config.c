/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/config.h"

#include <stddef.h>

#define AT(field) offsetof(struct config, field)

static const struct key CONFIG_ROWS[] = {
    {"cluster", KEY_TEXT, false, "main", 1, 200, NULL, AT(cluster), NULL,
     "Which Braid cluster in etcd: keys lie under /braid/<cluster>/"},
    {"etcd.endpoints", KEY_TEXT, false, "http://127.0.0.1:2379", 1, 1000, NULL, AT(etcd),
     "https://etcd1:2379,https://etcd2:2379,https://etcd3:2379",
     "etcd's addresses, separated by commas, the nearest first"},
    {"etcd.ca", KEY_TEXT, false, "", 0, 1000, NULL, AT(ca), "/etc/braid/ca.pem",
     "Who signed the servers' certificates (PEM)"},
    {"etcd.cert", KEY_TEXT, false, "", 0, 1000, NULL, AT(cert), "/etc/braid/operator.pem",
     "Our certificate (PEM)"},
    {"etcd.key", KEY_TEXT, false, "", 0, 1000, NULL, AT(key), "/etc/braid/operator-key.pem",
     "Its key (PEM)"},
    {"kafka.*", KEY_PAIRS, false, NULL, 0, 8, NULL, AT(kafka), NULL,
     "Bootstrap servers of a DC's Kafka, by DC; default: what its nodes announce"},
    {"source_kafka.*", KEY_PAIRS, false, NULL, 0, 8, NULL, AT(source_kafka), NULL,
     "The same of the Kafka that has the sources, where it is another"},
    {"mediawiki.*", KEY_PAIRS, false, NULL, 0, 8, NULL, AT(mediawiki), NULL,
     "Base address of a DC's MediaWiki API, by DC; default: what its nodes announce"},
    {"kafka_properties.*", KEY_PAIRS, false, NULL, 0, 100, NULL, AT(kafka_properties), NULL,
     "Properties of librdkafka for all connections, such as security.protocol"},
};

const struct key_table CTL_CONFIG_TABLE = {
    .title = "braidctl's own file",
    .rows = CONFIG_ROWS,
    .count = sizeof(CONFIG_ROWS) / sizeof(CONFIG_ROWS[0]),
};
