/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_places.h - where a DC's Kafka and MediaWiki are.
 *
 * Promise: the environment comes first (BRAID_KAFKA_<DC>, BRAID_SOURCE_KAFKA_<DC>,
 *          BRAID_MEDIAWIKI_<DC>), then braidctl.yaml, then what the DC's live nodes announce.
 * Shell:   reads the environment.
 */
#ifndef BRAID_COORD_CTL_IO_PLACES_H
#define BRAID_COORD_CTL_IO_PLACES_H

#include "coord/ctl/io_session.h"
#include "coord/ctl/snapshot.h"

/* Bootstrap servers of the Kafka that Braid writes to in the DC, or of that which has the sources.
 * NULL if nobody says: said. In the arena. */
const char *place_kafka(struct session *s, const struct snapshot *snap, struct slice dc);
const char *place_source_kafka(struct session *s, const struct snapshot *snap, struct slice dc);

/* Base address of the API, such as http://127.0.0.1:8080/w/api.php. NULL if nobody says: said. */
const char *place_mediawiki(struct session *s, const struct snapshot *snap, struct slice dc);

#endif
