/* SPDX-License-Identifier: Apache-2.0 */
#include "node/outbox/io_outbox_sqlite.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/outbox/io_outbox_log.h"
#include "proto/err.h"

enum {
    BUSY_TIMEOUT_MS = 30000, /* longer than any of MediaWiki's transactions should be */
    TIMESTAMP_LEN = 14,      /* MediaWiki's 20260102030405 */
    PRUNE_ROWS_MAX = 10000,  /* at once: MediaWiki must not wait for long */
};

struct outbox_db {
    sqlite3 *sqlite;     /* owned */
    const char *wiki_id; /* borrowed; for the log */
    const char *dc;      /* borrowed */
    int64_t data_version;
    bool has_version;
};

/* Logs what SQLite says and turns it into ERR_BUSY or ERR_IO. */
static int failed(struct outbox_db *db, const char *doing)
{
    int code = sqlite3_errcode(db->sqlite) & 0xff;

    outbox_log("error", "msg=\"cannot %s the outbox of '%s'\" err=\"%s\"", doing, db->wiki_id,
               sqlite3_errmsg(db->sqlite));
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        return ERR_BUSY;
    return ERR_IO;
}

static int prepare(struct outbox_db *db, const char *sql, sqlite3_stmt **out)
{
    if (sqlite3_prepare_v2(db->sqlite, sql, -1, out, NULL) != SQLITE_OK)
        return failed(db, "ask");
    return 0;
}

/* Runs a statement that returns no row, and gives it back. */
static int run(struct outbox_db *db, sqlite3_stmt *stmt)
{
    int step = sqlite3_step(stmt);
    int rc = step == SQLITE_DONE || step == SQLITE_ROW ? 0 : failed(db, "write");

    sqlite3_finalize(stmt);
    return rc;
}

static int run_text(struct outbox_db *db, const char *sql)
{
    sqlite3_stmt *stmt;
    int rc = prepare(db, sql, &stmt);

    return rc != 0 ? rc : run(db, stmt);
}

/* Runs a statement of one or two numbers that returns no row. */
static int run_numbers(struct outbox_db *db, const char *sql, int64_t first, int64_t second)
{
    sqlite3_stmt *stmt;
    int rc = prepare(db, sql, &stmt);

    if (rc != 0)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, first);
    (void)sqlite3_bind_int64(stmt, 2, second);
    return run(db, stmt);
}

static void bind_text(sqlite3_stmt *stmt, int at, struct slice text)
{
    (void)sqlite3_bind_text(stmt, at, (const char *)text.ptr, (int)text.len, SQLITE_STATIC);
}

static struct slice column(sqlite3_stmt *stmt, int at)
{
    const void *bytes = sqlite3_column_blob(stmt, at);

    return slice_of(bytes, (size_t)sqlite3_column_bytes(stmt, at));
}

/* The first column of the first row, an integer; 0 if there is no row. Gives the statement back. */
static int first_int(struct outbox_db *db, sqlite3_stmt *stmt, int64_t *out)
{
    int step = sqlite3_step(stmt);
    int rc = 0;

    if (step == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    else if (step == SQLITE_DONE)
        *out = 0;
    else
        rc = failed(db, "read");
    sqlite3_finalize(stmt);
    return rc;
}

static int check_tables(struct outbox_db *db, const char *path)
{
    static const char SQL[] = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
                              " AND name IN ('braid_outbox', 'braid_outbox_state')";
    sqlite3_stmt *stmt;
    int64_t count = 0;
    int rc = prepare(db, SQL, &stmt);

    if (rc == 0)
        rc = first_int(db, stmt, &count);
    if (rc != 0)
        return rc;
    if (count == 2)
        return 0;
    outbox_log("error",
               "msg=\"'%s' has no outbox: load MediaWiki's extension BraidOutbox and run"
               " update.php\" wiki=%s",
               path, db->wiki_id);
    return ERR_IO;
}

int outbox_db_open(const char *wiki_id, const char *path, const char *dc, struct outbox_db **out)
{
    struct outbox_db *db = calloc(1, sizeof(*db));
    int rc;

    if (db == NULL)
        return ERR_NO_MEMORY;
    *db = (struct outbox_db){.wiki_id = wiki_id, .dc = dc};
    if (sqlite3_open_v2(path, &db->sqlite, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        outbox_log("error", "msg=\"cannot open the database of '%s'\" path='%s' err=\"%s\"",
                   wiki_id, path, db->sqlite == NULL ? "" : sqlite3_errmsg(db->sqlite));
        outbox_db_close(db);
        return ERR_IO;
    }
    (void)sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MS);
    rc = check_tables(db, path);
    /* A power cut may cost the last marks, which repeats rows; it never costs MediaWiki's data. */
    if (rc == 0)
        rc = run_text(db, "PRAGMA synchronous = NORMAL");
    if (rc != 0) {
        outbox_db_close(db);
        return rc;
    }
    *out = db;
    return 0;
}

void outbox_db_close(struct outbox_db *db)
{
    if (db == NULL)
        return;
    (void)sqlite3_close(db->sqlite);
    free(db);
}

int outbox_db_has_changed(struct outbox_db *db, bool *out)
{
    sqlite3_stmt *stmt;
    int64_t version = 0;
    int rc = prepare(db, "PRAGMA data_version", &stmt);

    if (rc == 0)
        rc = first_int(db, stmt, &version);
    if (rc != 0)
        return rc;
    *out = !db->has_version || version != db->data_version;
    db->data_version = version;
    db->has_version = true;
    return 0;
}

#define ROW_COLUMNS "bo_id, bo_page_id, bo_rev_id, bo_prior, bo_created, bo_about, bo_event"

/* Reads ROW_COLUMNS; false if the arena is full. */
static bool read_row(sqlite3_stmt *stmt, struct arena *a, struct outbox_row *out)
{
    struct slice about = column(stmt, 5);
    struct slice event = column(stmt, 6);

    *out = (struct outbox_row){
        .id = sqlite3_column_int64(stmt, 0),
        .page_id = sqlite3_column_int64(stmt, 1),
        .rev_id = sqlite3_column_int64(stmt, 2),
        .prior_bits = sqlite3_column_int64(stmt, 3),
        .created_ms = sqlite3_column_int64(stmt, 4),
    };
    (void)snprintf(out->about, sizeof(out->about), "%.*s", SLICE_ARG(about));
    if (event.ptr == NULL)
        return true;
    out->event = arena_copy(a, event);
    return out->event.ptr != NULL;
}

#define INCOMPLETE "bo_shipped IS NULL AND bo_event IS NULL AND bo_dc IS NULL"

static int read_held(struct outbox_db *db, int64_t since_ms, int64_t *out_id)
{
    static const char SQL[] = "SELECT coalesce(min(bo_id), 0) FROM braid_outbox"
                              " WHERE " INCOMPLETE " AND bo_created >= ?1";
    sqlite3_stmt *stmt;
    int rc = prepare(db, SQL, &stmt);

    if (rc != 0)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, since_ms);
    return first_int(db, stmt, out_id);
}

int outbox_db_read(struct outbox_db *db, int64_t incomplete_since_ms, struct arena *a,
                   struct shipment *out, bool *out_is_held)
{
    sqlite3_stmt *stmt;
    int64_t held_id = 0;
    size_t count = 0;
    int step = SQLITE_DONE;
    int rc = read_held(db, incomplete_since_ms, &held_id);

    if (rc == 0)
        rc = prepare(db,
                     "SELECT " ROW_COLUMNS " FROM braid_outbox WHERE bo_shipped IS NULL"
                     " AND bo_dc = ?1 AND bo_event IS NOT NULL AND (?2 = 0 OR bo_id < ?2)"
                     " ORDER BY bo_id LIMIT ?3",
                     &stmt);
    if (rc != 0)
        return rc;
    bind_text(stmt, 1, slice_str(db->dc));
    (void)sqlite3_bind_int64(stmt, 2, held_id);
    (void)sqlite3_bind_int64(stmt, 3, SHIPMENT_ROWS_MAX);
    while (count < SHIPMENT_ROWS_MAX && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        /* What does not fit now is read the next time. */
        if (!read_row(stmt, a, &out->rows[count]))
            break;
        count++;
    }
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = failed(db, "read");
    else if (step == SQLITE_ROW && count == 0)
        rc = ERR_NO_MEMORY;
    sqlite3_finalize(stmt);
    if (rc != 0)
        return rc;
    *out_is_held = held_id != 0;
    shipment_begin(out, count);
    return 0;
}

/* Ends a transaction: all of it or nothing. */
static int end(struct outbox_db *db, int rc)
{
    rc = rc == 0 ? run_text(db, "COMMIT") : rc;
    if (rc != 0 && sqlite3_get_autocommit(db->sqlite) == 0)
        (void)run_text(db, "ROLLBACK");
    return rc;
}

int outbox_db_mark(struct outbox_db *db, const struct shipment *s, size_t count, int64_t now_ms)
{
    static const char SQL[] =
        "UPDATE braid_outbox SET bo_shipped = ?1, bo_event = NULL WHERE bo_id = ?2";
    int rc;

    assert(count <= shipment_markable(s));
    if (count == 0)
        return 0;
    rc = run_text(db, "BEGIN IMMEDIATE");
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = run_numbers(db, SQL, now_ms, s->rows[i].id);
    return end(db, rc);
}

int outbox_db_give_up(struct outbox_db *db, int64_t id)
{
    return run_numbers(db, "UPDATE braid_outbox SET bo_shipped = -1 WHERE bo_id = ?1", id, 0);
}

int outbox_db_knows(struct outbox_db *db, const char *about, bool *out)
{
    sqlite3_stmt *stmt;
    int64_t count = 0;
    int rc = prepare(db, "SELECT count(*) FROM braid_outbox WHERE bo_about = ?1", &stmt);

    if (rc != 0)
        return rc;
    bind_text(stmt, 1, slice_str(about));
    rc = first_int(db, stmt, &count);
    *out = count > 0;
    return rc;
}

int outbox_db_add(struct outbox_db *db, const struct outbox_row *row, bool *out_is_new)
{
    sqlite3_stmt *stmt;
    int rc = prepare(db,
                     "INSERT OR IGNORE INTO braid_outbox (bo_dc, bo_about, bo_page_id, bo_rev_id,"
                     " bo_event) VALUES (?1, ?2, ?3, ?4, ?5)",
                     &stmt);

    if (rc != 0)
        return rc;
    bind_text(stmt, 1, slice_str(db->dc));
    bind_text(stmt, 2, slice_str(row->about));
    (void)sqlite3_bind_int64(stmt, 3, row->page_id);
    (void)sqlite3_bind_int64(stmt, 4, row->rev_id);
    bind_text(stmt, 5, row->event);
    rc = run(db, stmt);
    if (rc == 0)
        *out_is_new = sqlite3_changes(db->sqlite) > 0;
    return rc;
}

int outbox_db_take_incomplete(struct outbox_db *db, int64_t before_ms)
{
    sqlite3_stmt *stmt;
    int64_t count = 0;
    int rc = prepare(
        db, "SELECT count(*) FROM braid_outbox WHERE " INCOMPLETE " AND bo_created < ?1", &stmt);

    if (rc != 0)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, before_ms);
    rc = first_int(db, stmt, &count);
    /* Without work, MediaWiki's writers are not disturbed. */
    if (rc != 0 || count == 0)
        return rc;
    rc = prepare(db, "UPDATE braid_outbox SET bo_dc = ?2 WHERE " INCOMPLETE " AND bo_created < ?1",
                 &stmt);
    if (rc != 0)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, before_ms);
    bind_text(stmt, 2, slice_str(db->dc));
    return run(db, stmt);
}

int outbox_db_incomplete(struct outbox_db *db, int64_t after_id, struct outbox_row *out,
                         bool *out_is_there)
{
    sqlite3_stmt *stmt;
    int step;
    int rc = prepare(db,
                     "SELECT " ROW_COLUMNS " FROM braid_outbox WHERE bo_shipped IS NULL"
                     " AND bo_event IS NULL AND bo_dc = ?1 AND bo_id > ?2 ORDER BY bo_id LIMIT 1",
                     &stmt);

    if (rc != 0)
        return rc;
    bind_text(stmt, 1, slice_str(db->dc));
    (void)sqlite3_bind_int64(stmt, 2, after_id);
    step = sqlite3_step(stmt);
    if (step == SQLITE_ROW)
        (void)read_row(stmt, NULL, out);
    else if (step != SQLITE_DONE)
        rc = failed(db, "read");
    sqlite3_finalize(stmt);
    *out_is_there = step == SQLITE_ROW;
    return rc;
}

int outbox_db_fill(struct outbox_db *db, int64_t id, struct slice event)
{
    sqlite3_stmt *stmt;
    int rc = prepare(db,
                     "UPDATE braid_outbox SET bo_event = ?1"
                     " WHERE bo_id = ?2 AND bo_event IS NULL AND bo_shipped IS NULL",
                     &stmt);

    if (rc != 0)
        return rc;
    bind_text(stmt, 1, event);
    (void)sqlite3_bind_int64(stmt, 2, id);
    return run(db, stmt);
}

/* The title as MediaWiki's tables have it: without the namespace, underscores for blanks. */
static struct slice table_title(struct arena *a, const struct change *c)
{
    struct slice title = c->title;
    const uint8_t *colon = memchr(title.ptr, ':', title.len);
    uint8_t *copy;

    if (c->namespace_id != 0 && colon != NULL)
        title = slice_sub(title, (size_t)(colon + 1 - title.ptr), title.len);
    copy = arena_alloc(a, title.len + 1);
    if (copy == NULL)
        return (struct slice){0};
    for (size_t i = 0; i < title.len; i++)
        copy[i] = title.ptr[i] == ' ' ? '_' : title.ptr[i];
    return slice_of(copy, title.len);
}

/* 20260102030405 as 2026-01-02T03:04:05Z. */
static struct slice iso_time(struct arena *a, struct slice t)
{
    char *out = arena_alloc(a, 32);
    const char *d = (const char *)t.ptr;

    if (out == NULL || t.len != TIMESTAMP_LEN)
        return (struct slice){0};
    (void)snprintf(out, 32, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", d, d + 4, d + 6, d + 8, d + 10,
                   d + 12);
    return slice_str(out);
}

static int revision_by(struct outbox_db *db, const char *sql, struct arena *a, struct change *c)
{
    struct slice title = table_title(a, c);
    sqlite3_stmt *stmt;
    int rc;

    if (title.ptr == NULL)
        return ERR_NO_MEMORY;
    rc = prepare(db, sql, &stmt);
    if (rc != 0)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, c->namespace_id);
    bind_text(stmt, 2, title);
    switch (sqlite3_step(stmt)) {
    case SQLITE_ROW:
        c->page_id = sqlite3_column_int64(stmt, 0);
        c->rev_id = sqlite3_column_int64(stmt, 1);
        c->rev_dt = iso_time(a, column(stmt, 2));
        c->revision_count = sqlite3_column_int64(stmt, 3);
        break;
    case SQLITE_DONE:
        break;
    default:
        rc = failed(db, "read");
    }
    sqlite3_finalize(stmt);
    return rc;
}

int outbox_db_last_revision(struct outbox_db *db, struct arena *a, struct change *c)
{
    static const char ARCHIVE[] =
        "SELECT ar_page_id, ar_rev_id, ar_timestamp, count(*) OVER () FROM archive"
        " WHERE ar_namespace = ?1 AND CAST(ar_title AS TEXT) = ?2"
        " ORDER BY ar_timestamp DESC, ar_rev_id DESC LIMIT 1";
    static const char PAGE[] =
        "SELECT page_id, rev_id, rev_timestamp, 0 FROM page JOIN revision ON rev_id = page_latest"
        " WHERE page_namespace = ?1 AND CAST(page_title AS TEXT) = ?2";
    const char *const *tables = c->kind == CHANGE_DELETE ? (const char *const[]){ARCHIVE, PAGE}
                                                         : (const char *const[]){PAGE, ARCHIVE};
    int rc = 0;

    c->rev_id = 0;
    for (size_t i = 0; i < 2 && rc == 0 && c->rev_id == 0; i++)
        rc = revision_by(db, tables[i], a, c);
    return rc;
}

int outbox_db_first_revision(struct outbox_db *db, struct arena *a, struct change *c)
{
    static const char FIRST[] =
        "SELECT page_id, rev_id, rev_timestamp, 0 FROM page JOIN revision ON rev_page = page_id"
        " WHERE page_namespace = ?1 AND CAST(page_title AS TEXT) = ?2 AND rev_parent_id = 0";

    c->rev_id = 0;
    return revision_by(db, FIRST, a, c);
}

int outbox_db_get_time(struct outbox_db *db, const char *key, int64_t *out_ms)
{
    sqlite3_stmt *stmt;
    int rc = prepare(db, "SELECT bs_value FROM braid_outbox_state WHERE bs_key = ?1", &stmt);

    if (rc != 0)
        return rc;
    bind_text(stmt, 1, slice_str(key));
    return first_int(db, stmt, out_ms);
}

int outbox_db_set_time(struct outbox_db *db, const char *key, int64_t ms)
{
    sqlite3_stmt *stmt;
    int rc = prepare(db,
                     "INSERT INTO braid_outbox_state (bs_key, bs_value) VALUES (?1, ?2)"
                     " ON CONFLICT (bs_key) DO UPDATE SET bs_value = excluded.bs_value",
                     &stmt);

    if (rc != 0)
        return rc;
    bind_text(stmt, 1, slice_str(key));
    (void)sqlite3_bind_int64(stmt, 2, ms);
    return run(db, stmt);
}

int outbox_db_prune(struct outbox_db *db, int64_t before_ms)
{
    static const char SQL[] =
        "DELETE FROM braid_outbox WHERE bo_id IN (SELECT bo_id FROM braid_outbox"
        " WHERE bo_shipped > 0 AND bo_shipped < ?1 LIMIT ?2)";

    return run_numbers(db, SQL, before_ms, PRUNE_ROWS_MAX);
}
