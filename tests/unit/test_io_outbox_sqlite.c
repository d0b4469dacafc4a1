/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the outbox's table gives each row to the right data centre, in order, and forgets nothing.
 * Method: a real SQLite file with the extension's own SQL, and as much of MediaWiki's tables as it
 *         looks at; MediaWiki's part is played over a second connection.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "node/outbox/io_outbox_sqlite.h"
#include "proto/err.h"

static const char SQL_FILE[] = "deploy/mediawiki/BraidOutbox/sql/sqlite.sql";

static const char MEDIAWIKI_TABLES[] =
    "CREATE TABLE page (page_id INTEGER PRIMARY KEY, page_namespace INT, page_title BLOB,"
    " page_latest INT);"
    "CREATE TABLE revision (rev_id INTEGER PRIMARY KEY, rev_page INT, rev_parent_id INT,"
    " rev_timestamp BLOB, rev_deleted INT DEFAULT 0);"
    "CREATE TABLE archive (ar_namespace INT, ar_title BLOB, ar_page_id INT, ar_rev_id INT,"
    " ar_timestamp BLOB);";

static char path[64];
static sqlite3 *mediawiki;
static struct outbox_db *eqiad;
static struct outbox_db *codfw;
static struct shipment shipment;
static struct arena arena;
static bool is_held;

static void sql(const char *text)
{
    char *message = NULL;

    if (sqlite3_exec(mediawiki, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
}

static int64_t number(const char *text)
{
    sqlite3_stmt *stmt;
    int64_t value;

    assert_int_equal(sqlite3_prepare_v2(mediawiki, text, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static int set_up(void **state)
{
    static char text[16384];
    FILE *file = fopen(SQL_FILE, "re");
    int fd;

    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    (void)snprintf(path, sizeof(path), "/tmp/braid-test-outbox-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(sqlite3_open(path, &mediawiki), SQLITE_OK);
    sql("PRAGMA journal_mode = wal");
    sql(MEDIAWIKI_TABLES);
    sql(text);
    arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(outbox_db_open("testwiki", path, "eqiad", &eqiad), 0);
    assert_int_equal(outbox_db_open("testwiki", path, "codfw", &codfw), 0);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ENDINGS[] = {"", "-wal", "-shm"};
    char name[80];

    outbox_db_close(eqiad);
    outbox_db_close(codfw);
    (void)sqlite3_close(mediawiki);
    arena_deinit(&arena);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ENDINGS[i]);
        (void)unlink(name);
    }
    return 0;
}

#define ADD(dc, about, event)                                                                      \
    sql("INSERT INTO braid_outbox (bo_dc, bo_about, bo_page_id, bo_rev_id, bo_event)"              \
        " VALUES (" dc ", '" about "', 1, 2, " event ")")

/* Reads for one data centre; rows without an event hold back if they are younger than since_ms. */
static size_t read_rows(struct outbox_db *db, int64_t since_ms)
{
    arena_reset(&arena);
    assert_int_equal(outbox_db_read(db, since_ms, &arena, &shipment, &is_held), 0);
    return shipment.count;
}

static void each_data_centre_gets_its_own_rows_in_order(void **state)
{
    ADD("'eqiad'", "rev:1", "'one'");
    ADD("'codfw'", "rev:2", "'two'");
    ADD("'eqiad'", "rev:3", "'three'");
    assert_int_equal(read_rows(eqiad, 0), 2);
    assert_string_equal(shipment.rows[0].about, "rev:1");
    assert_true(slice_equal(shipment.rows[0].event, SLICE_LIT("one")));
    assert_string_equal(shipment.rows[1].about, "rev:3");
    assert_true(shipment.rows[0].id < shipment.rows[1].id);
    assert_true(shipment.rows[0].created_ms > 1700000000000);
    assert_int_equal(read_rows(codfw, 0), 1);
}

static void marked_rows_are_not_read_again_and_lose_their_event(void **state)
{
    ADD("'eqiad'", "rev:1", "'one'");
    ADD("'eqiad'", "rev:2", "'two'");
    assert_int_equal(read_rows(eqiad, 0), 2);
    shipment_answer(&shipment, 0, true);
    shipment_answer(&shipment, 1, false);
    assert_int_equal(outbox_db_mark(eqiad, &shipment, shipment_markable(&shipment), 1234), 0);
    assert_int_equal(number("SELECT bo_shipped FROM braid_outbox WHERE bo_about = 'rev:1'"), 1234);
    assert_int_equal(number("SELECT count(*) FROM braid_outbox WHERE bo_event IS NULL"), 1);
    assert_int_equal(read_rows(eqiad, 0), 1);
    assert_string_equal(shipment.rows[0].about, "rev:2");
}

static void a_row_that_is_given_up_is_not_read_again(void **state)
{
    ADD("'eqiad'", "rev:1", "'one'");
    assert_int_equal(read_rows(eqiad, 0), 1);
    assert_int_equal(outbox_db_give_up(eqiad, shipment.rows[0].id), 0);
    assert_int_equal(read_rows(eqiad, 0), 0);
    assert_int_equal(number("SELECT bo_shipped FROM braid_outbox"), -1);
}

static void a_row_without_an_event_holds_back_what_follows_while_it_is_young(void **state)
{
    ADD("'eqiad'", "rev:1", "'one'");
    ADD("NULL", "vis:1", "NULL");
    ADD("'eqiad'", "rev:2", "'two'");
    assert_int_equal(read_rows(eqiad, 0), 1);
    assert_true(is_held);
    /* The hook comes. */
    sql("UPDATE braid_outbox SET bo_dc = 'eqiad', bo_event = 'vis' WHERE bo_about = 'vis:1'");
    assert_int_equal(read_rows(eqiad, 0), 3);
    assert_false(is_held);
    assert_string_equal(shipment.rows[1].about, "vis:1");
}

static void an_old_row_without_an_event_holds_nothing_back(void **state)
{
    ADD("NULL", "vis:1", "NULL");
    ADD("'eqiad'", "rev:2", "'two'");
    sql("UPDATE braid_outbox SET bo_created = 1000 WHERE bo_about = 'vis:1'");
    assert_int_equal(read_rows(eqiad, 1001), 1);
    assert_false(is_held);
}

static void a_row_without_an_event_is_taken_by_one_data_centre_only(void **state)
{
    struct outbox_row row;
    bool is_there = false;

    ADD("NULL", "vis:1", "NULL");
    ADD("NULL", "vis:2", "NULL");
    sql("UPDATE braid_outbox SET bo_created = bo_id * 1000");
    assert_int_equal(outbox_db_take_incomplete(eqiad, 1001), 0);
    assert_int_equal(outbox_db_take_incomplete(codfw, 1001), 0);
    assert_int_equal(outbox_db_incomplete(codfw, 0, &row, &is_there), 0);
    assert_false(is_there);
    assert_int_equal(outbox_db_incomplete(eqiad, 0, &row, &is_there), 0);
    assert_true(is_there);
    assert_string_equal(row.about, "vis:1");
    assert_int_equal(outbox_db_incomplete(eqiad, row.id, &row, &is_there), 0);
    assert_false(is_there);
    assert_int_equal(outbox_db_fill(eqiad, 1, SLICE_LIT("event")), 0);
    assert_int_equal(outbox_db_fill(eqiad, 1, SLICE_LIT("again")), 0);
    assert_int_equal(read_rows(eqiad, 3000), 1);
    assert_true(slice_equal(shipment.rows[0].event, SLICE_LIT("event")));
}

static void an_event_about_the_same_is_added_once(void **state)
{
    struct outbox_row row = {.page_id = 7, .rev_id = 8, .event = SLICE_LIT("e"), .about = "rev:8"};
    bool is_new = false;
    bool is_known = true;

    assert_int_equal(outbox_db_knows(eqiad, "rev:8", &is_known), 0);
    assert_false(is_known);
    assert_int_equal(outbox_db_add(eqiad, &row, &is_new), 0);
    assert_true(is_new);
    assert_int_equal(outbox_db_add(codfw, &row, &is_new), 0);
    assert_false(is_new);
    assert_int_equal(outbox_db_knows(codfw, "rev:8", &is_known), 0);
    assert_true(is_known);
    assert_int_equal(read_rows(eqiad, 0), 1);
    assert_int_equal(shipment.rows[0].page_id, 7);
    assert_int_equal(read_rows(codfw, 0), 0);
}

static void what_others_write_is_noticed_once(void **state)
{
    bool has_changed = false;

    assert_int_equal(outbox_db_has_changed(eqiad, &has_changed), 0);
    assert_true(has_changed);
    assert_int_equal(outbox_db_has_changed(eqiad, &has_changed), 0);
    assert_false(has_changed);
    ADD("'eqiad'", "rev:1", "'one'");
    assert_int_equal(outbox_db_has_changed(eqiad, &has_changed), 0);
    assert_true(has_changed);
    assert_int_equal(outbox_db_has_changed(eqiad, &has_changed), 0);
    assert_false(has_changed);
}

static void hiding_is_noted_for_the_current_revision_and_what_people_see(void **state)
{
    sql("INSERT INTO page VALUES (1, 0, 'Loom', 11);"
        "INSERT INTO revision (rev_id, rev_page) VALUES (10, 1), (11, 1)");
    sql("UPDATE revision SET rev_deleted = 1 WHERE rev_id = 10");
    assert_int_equal(number("SELECT count(*) FROM braid_outbox"), 0);
    sql("UPDATE revision SET rev_deleted = 4 WHERE rev_id = 11");
    assert_int_equal(number("SELECT count(*) FROM braid_outbox"), 1);
    assert_int_equal(number("SELECT bo_prior FROM braid_outbox"), 0);
    assert_int_equal(number("SELECT bo_rev_id FROM braid_outbox WHERE bo_event IS NULL"), 11);
    /* Suppressing what is hidden already. */
    sql("UPDATE revision SET rev_deleted = 12 WHERE rev_id = 11");
    assert_int_equal(number("SELECT count(*) FROM braid_outbox"), 1);
    sql("BEGIN; UPDATE revision SET rev_deleted = 0 WHERE rev_id = 11; ROLLBACK");
    assert_int_equal(number("SELECT count(*) FROM braid_outbox"), 1);
}

static struct change change_of(enum change_kind kind)
{
    return (struct change){.kind = kind, .namespace_id = 1, .title = SLICE_LIT("Talk:Big loom")};
}

static void the_last_revision_of_a_deleted_page_is_found(void **state)
{
    struct change c = change_of(CHANGE_DELETE);

    sql("INSERT INTO archive VALUES (1, 'Big_loom', 5, 20, '20260102030405'),"
        " (1, 'Big_loom', 5, 21, '20260102030406'), (0, 'Big_loom', 6, 30, '20260102030407')");
    assert_int_equal(outbox_db_last_revision(eqiad, &arena, &c), 0);
    assert_int_equal(c.page_id, 5);
    assert_int_equal(c.rev_id, 21);
    assert_int_equal(c.revision_count, 2);
    assert_true(slice_equal(c.rev_dt, SLICE_LIT("2026-01-02T03:04:06Z")));
}

static void an_undeleted_page_is_found_where_it_is_now(void **state)
{
    struct change c = change_of(CHANGE_UNDELETE);

    sql("INSERT INTO archive VALUES (1, 'Big_loom', 5, 20, '20260102030405');"
        "INSERT INTO page VALUES (9, 1, 'Big_loom', 22);"
        "INSERT INTO revision VALUES (22, 9, 21, '20260102030408', 0)");
    assert_int_equal(outbox_db_last_revision(eqiad, &arena, &c), 0);
    assert_int_equal(c.page_id, 9);
    assert_int_equal(c.rev_id, 22);
}

static void a_page_that_is_nowhere_has_no_revision(void **state)
{
    struct change c = change_of(CHANGE_DELETE);

    assert_int_equal(outbox_db_last_revision(eqiad, &arena, &c), 0);
    assert_int_equal(c.rev_id, 0);
    assert_int_equal(outbox_db_first_revision(eqiad, &arena, &c), 0);
    assert_int_equal(c.rev_id, 0);
}

static void the_redirect_that_a_move_left_is_found_by_its_first_revision(void **state)
{
    struct change c = change_of(CHANGE_MOVE);

    sql("INSERT INTO page VALUES (9, 1, 'Big_loom', 23);"
        "INSERT INTO revision VALUES (22, 9, 0, '20260102030408', 0),"
        " (23, 9, 22, '20260102030409', 0)");
    assert_int_equal(outbox_db_first_revision(eqiad, &arena, &c), 0);
    assert_int_equal(c.rev_id, 22);
}

static void times_outlive_the_connection(void **state)
{
    int64_t ms = -1;

    assert_int_equal(outbox_db_get_time(eqiad, "compared:eqiad", &ms), 0);
    assert_int_equal(ms, 0);
    assert_int_equal(outbox_db_set_time(eqiad, "compared:eqiad", 5), 0);
    assert_int_equal(outbox_db_set_time(eqiad, "compared:eqiad", 6), 0);
    assert_int_equal(outbox_db_get_time(codfw, "compared:eqiad", &ms), 0);
    assert_int_equal(ms, 6);
    assert_int_equal(outbox_db_get_time(codfw, "installed", &ms), 0);
    assert_true(ms > 1700000000000);
}

static void only_rows_shipped_long_ago_are_removed(void **state)
{
    ADD("'eqiad'", "rev:1", "'one'");
    ADD("'eqiad'", "rev:2", "NULL");
    ADD("'eqiad'", "rev:3", "NULL");
    ADD("'eqiad'", "rev:4", "NULL");
    sql("UPDATE braid_outbox SET bo_shipped = 10 WHERE bo_about = 'rev:2';"
        "UPDATE braid_outbox SET bo_shipped = 20 WHERE bo_about = 'rev:3';"
        "UPDATE braid_outbox SET bo_shipped = -1 WHERE bo_about = 'rev:4'");
    assert_int_equal(outbox_db_prune(eqiad, 20), 0);
    assert_int_equal(number("SELECT count(*) FROM braid_outbox"), 3);
    assert_int_equal(number("SELECT count(*) FROM braid_outbox WHERE bo_about = 'rev:2'"), 0);
}

static void more_events_than_fit_are_read_in_turns(void **state)
{
    struct arena small;

    ADD("'eqiad'", "rev:1", "zeroblob(3000)");
    ADD("'eqiad'", "rev:2", "zeroblob(3000)");
    arena_init(&small, 4096, 4096);
    assert_int_equal(outbox_db_read(eqiad, 0, &small, &shipment, &is_held), 0);
    assert_int_equal(shipment.count, 1);
    arena_deinit(&small);
}

static void a_database_without_an_outbox_is_refused(void **state)
{
    struct outbox_db *db = NULL;

    sql("DROP TABLE braid_outbox_state");
    assert_int_equal(outbox_db_open("testwiki", path, "eqiad", &db), ERR_IO);
    assert_int_equal(outbox_db_open("testwiki", "/nonexistent/x.sqlite", "eqiad", &db), ERR_IO);
    assert_null(db);
    outbox_db_close(NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_data_centre_gets_its_own_rows_in_order),
        CASE(marked_rows_are_not_read_again_and_lose_their_event),
        CASE(a_row_that_is_given_up_is_not_read_again),
        CASE(a_row_without_an_event_holds_back_what_follows_while_it_is_young),
        CASE(an_old_row_without_an_event_holds_nothing_back),
        CASE(a_row_without_an_event_is_taken_by_one_data_centre_only),
        CASE(an_event_about_the_same_is_added_once),
        CASE(what_others_write_is_noticed_once),
        CASE(hiding_is_noted_for_the_current_revision_and_what_people_see),
        CASE(the_last_revision_of_a_deleted_page_is_found),
        CASE(an_undeleted_page_is_found_where_it_is_now),
        CASE(a_page_that_is_nowhere_has_no_revision),
        CASE(the_redirect_that_a_move_left_is_found_by_its_first_revision),
        CASE(times_outlive_the_connection),
        CASE(only_rows_shipped_long_ago_are_removed),
        CASE(more_events_than_fit_are_read_in_turns),
        CASE(a_database_without_an_outbox_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
