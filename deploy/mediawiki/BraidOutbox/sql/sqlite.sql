-- SPDX-License-Identifier: Apache-2.0
-- The outbox of page change events. MediaWiki inserts a row in the transaction of the change that
-- the event tells of; braid-outbox ships the rows of its data centre in the order of bo_id. SQLite
-- has one writer at a time, so bo_id is also the order in which the changes were committed.
CREATE TABLE IF NOT EXISTS /*_*/braid_outbox (
  bo_id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- The data centre whose braid-outbox ships the row. NULL: nobody has taken it yet.
  bo_dc TEXT,
  -- What the event is about: 'rev:<rev_id>', 'log:<log_id>' or 'vis:<random>'. At most one row
  -- each, so that an event that is filled in later cannot be there twice.
  bo_about TEXT NOT NULL UNIQUE,
  bo_page_id INTEGER NOT NULL,
  bo_rev_id INTEGER NOT NULL,
  -- For a change of visibility, rev_deleted before it; else NULL.
  bo_prior INTEGER,
  -- The event, JSON. NULL: not written yet (bo_shipped is NULL too), or shipped and dropped.
  bo_event BLOB,
  -- Milliseconds since 1970.
  bo_created INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
  -- When Kafka acknowledged it, milliseconds since 1970; -1: given up, the log says why.
  bo_shipped INTEGER
);
CREATE INDEX IF NOT EXISTS /*_*/braid_outbox_unshipped ON /*_*/braid_outbox (bo_id)
  WHERE bo_shipped IS NULL;
CREATE INDEX IF NOT EXISTS /*_*/braid_outbox_shipped ON /*_*/braid_outbox (bo_shipped)
  WHERE bo_shipped IS NOT NULL;

-- Times that outlive a process: 'installed', and 'compared:<dc>', up to when the changes were
-- compared with the outbox. Milliseconds since 1970.
CREATE TABLE IF NOT EXISTS /*_*/braid_outbox_state (
  bs_key TEXT PRIMARY KEY,
  bs_value INTEGER NOT NULL
);
INSERT OR IGNORE INTO /*_*/braid_outbox_state (bs_key, bs_value)
  VALUES ('installed', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));

-- MediaWiki tells of a change of visibility only after it is committed, and does not tell at all
-- when a blocked user's name is hidden in all that user's revisions. So the database itself notes
-- the change, in its transaction, and the hook fills in the event. If the hook never runs,
-- braid-outbox makes the event. Only the current revision counts, as in Wikimedia's page_change.
-- (MediaWiki's reader of such files ends a statement at a line that ends in a semicolon.)
CREATE TRIGGER IF NOT EXISTS /*_*/braid_outbox_visibility
AFTER UPDATE OF rev_deleted ON /*_*/revision
WHEN (old.rev_deleted & 7) <> (new.rev_deleted & 7)
  AND new.rev_id = (SELECT page_latest FROM /*_*/page WHERE page_id = new.rev_page)
BEGIN
  INSERT INTO /*_*/braid_outbox (bo_about, bo_page_id, bo_rev_id, bo_prior)
  VALUES ('vis:' || lower(hex(randomblob(8))), new.rev_page, new.rev_id, old.rev_deleted); END;
