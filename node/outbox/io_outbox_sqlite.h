/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_outbox_sqlite.h - the outbox's table in a wiki's SQLite database.
 *
 * Promise: every operation is one transaction of its own, and waits for MediaWiki's to end. Nothing
 *          of MediaWiki's own tables is written. Errors are logged here, once.
 * Not here: what the rows mean (shipment.h, change.h). Another database than SQLite would be another
 *           file with these functions.
 * Thread:  one at a time.
 */
#ifndef BRAID_NODE_OUTBOX_IO_OUTBOX_SQLITE_H
#define BRAID_NODE_OUTBOX_IO_OUTBOX_SQLITE_H

#include "coord/change.h"
#include "node/outbox/shipment.h"

struct outbox_db;

/* Opens it and looks whether the tables are there. 0, ERR_NO_MEMORY or ERR_IO. */
int outbox_db_open(const char *wiki_id, const char *path, const char *dc, struct outbox_db **out);

/* Accepts NULL. */
void outbox_db_close(struct outbox_db *db);

/* Whether others have written to the database since the last call; true the first time. */
int outbox_db_has_changed(struct outbox_db *db, bool *out);

/*
 * Reads the rows of this data centre that are to be shipped, oldest first, up to
 * SHIPMENT_ROWS_MAX. Stops before a row whose event MediaWiki has still to write, if it was made
 * after `incomplete_since_ms`: *out_is_held is set then.
 */
int outbox_db_read(struct outbox_db *db, int64_t incomplete_since_ms, struct arena *a,
                   struct shipment *out, bool *out_is_held);

/* Marks the first `count` rows as shipped and drops their events. */
int outbox_db_mark(struct outbox_db *db, const struct shipment *s, size_t count, int64_t now_ms);

/* Gives a row up: it will not be shipped. */
int outbox_db_give_up(struct outbox_db *db, int64_t id);

/* Whether there is a row about this. */
int outbox_db_knows(struct outbox_db *db, const char *about, bool *out);

/* Adds a row for this data centre, unless there is one about the same. */
int outbox_db_add(struct outbox_db *db, const struct outbox_row *row, bool *out_is_new);

/* Takes rows for this data centre that were made before `before_ms` and that nobody has taken. */
int outbox_db_take_incomplete(struct outbox_db *db, int64_t before_ms);

/* One row of this data centre without an event, after the row `after_id`. *out_is_there. */
int outbox_db_incomplete(struct outbox_db *db, int64_t after_id, struct outbox_row *out,
                         bool *out_is_there);

/* Writes the event of a row that has none. */
int outbox_db_fill(struct outbox_db *db, int64_t id, struct slice event);

/*
 * Looks up in MediaWiki's tables what list=recentchanges does not tell of a deletion or
 * undeletion: page_id (where it is 0), rev_id, rev_dt and revision_count. Sets rev_id to 0 if the
 * page is not known.
 */
int outbox_db_last_revision(struct outbox_db *db, struct arena *a, struct change *c);

/* Sets rev_id to the first revision of the page that has the change's title now; 0: there is none. */
int outbox_db_first_revision(struct outbox_db *db, struct arena *a, struct change *c);

/* A time that outlives the process; 0 if there is none under the key. */
int outbox_db_get_time(struct outbox_db *db, const char *key, int64_t *out_ms);
int outbox_db_set_time(struct outbox_db *db, const char *key, int64_t ms);

/* Removes rows that were shipped before then. */
int outbox_db_prune(struct outbox_db *db, int64_t before_ms);

#endif
