/*
 * A database of the store in a folder of its own, filled by SQL.
 */
#ifndef AWAITD_TESTS_STORE_DB_FIXTURE_H
#define AWAITD_TESTS_STORE_DB_FIXTURE_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/store.h"
#include "supervisor/store_db.h"

static char folder[32];
static struct store_db *db;
static struct error error;

static inline void open_db(void)
{
    struct store_options options = {.directory = folder};
    int code = store_db_open(&options, &db, &error);
    ck_assert_msg(code == 0, "%d: %s", code, error.text);
}

static inline void set_up_db(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/awaitd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    error.text[0] = '\0';
    open_db();
}

static inline void tear_down_db(void)
{
    char command[64];
    store_db_close(db);
    db = NULL;
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* Runs SQL with a number for each %lld. */
__attribute__((format(printf, 1, 2))) static inline void run_sql(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    int result = sqlite3_exec(db->sqlite, text, NULL, NULL, NULL);
    ck_assert_msg(result == SQLITE_OK, "%s: %s", text, sqlite3_errmsg(db->sqlite));
    sqlite3_free(text);
}

/* The first column of the only row. */
static inline int64_t ask_number(sqlite3 *sqlite, const char *sql)
{
    sqlite3_stmt *statement;
    ck_assert_msg(sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(sqlite));
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    ck_assert_int_eq(sqlite3_finalize(statement), SQLITE_OK);
    return number;
}

static inline int64_t count(const char *sql)
{
    return ask_number(db->sqlite, sql);
}

/* Batches that have not finished, number first to last, with one piece each. */
static inline void add_unfinished(int64_t first, int64_t last)
{
    run_sql("BEGIN;"
            "WITH RECURSIVE n(i) AS (SELECT %lld UNION ALL SELECT i + 1 FROM n WHERE i < %lld)"
            "INSERT INTO batch (number, owner, configured, terms, submitted, submitted_ns, sealed,"
            " paused) SELECT i, 0, 0, '{}', 1e9 + i, i, 1, 0 FROM n;"
            "INSERT INTO piece SELECT number, 0, 0, 0, '[{\"plugin\":\"wait\"}]' FROM batch"
            " WHERE number BETWEEN %lld AND %lld; COMMIT",
            (long long)first, (long long)last, (long long)first, (long long)last);
}

/* Has them end, so many seconds ago, with so many rows of results of `size` bytes each. */
static inline void finish(int64_t first, int64_t last, int ago_s, int rows, int size)
{
    run_sql(
        "BEGIN;"
        "UPDATE batch SET state = 'succeeded', ended = %lld - %lld, ended_ns = number, jobs = 1,"
        " succeeded = 1, failed = 0, timed_out = 0, cancelled = 0, crashed = 0, skipped = 0,"
        " wall = 2, work = 3, retries = 0, plugins = '[\"wait\"]'"
        " WHERE number BETWEEN %lld AND %lld;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld)"
        "INSERT INTO results SELECT number, i, 1, '[[0,1,2,{\"output\":\"' ||"
        " hex(zeroblob(%lld)) || '\"}]]' FROM batch, n WHERE number BETWEEN %lld AND %lld;"
        "COMMIT",
        (long long)clock_wall_s(), (long long)ago_s, (long long)first, (long long)last,
        (long long)rows, (long long)size / 2, (long long)first, (long long)last);
}

static inline void add_finished(int64_t first, int64_t last, int ago_s, int rows, int size)
{
    add_unfinished(first, last);
    finish(first, last, ago_s, rows, size);
}

#endif
