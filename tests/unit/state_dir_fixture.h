/*
 * A state directory of a test's own, and the database in it, for tests of the modules that open it.
 */
#ifndef AWAITD_TESTS_STATE_DIR_FIXTURE_H
#define AWAITD_TESTS_STATE_DIR_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "supervisor/store.h"
#include "supervisor/store_db.h"

static char folder[] = "/tmp/awaitd-test-XXXXXX";
static char state[100]; /* the state directory in it */
static struct store_db *db;
static struct error error;

static inline void set_up(void)
{
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(state, sizeof(state), "%s/state", folder);
    error.text[0] = '\0';
}

static inline void tear_down(void)
{
    char command[100];
    store_db_close(db);
    db = NULL;
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static inline char *in_state(const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", state, name);
    return path;
}

static inline int open_db(void)
{
    struct store_options options = {.directory = state};
    return store_db_open(&options, &db, &error);
}

static inline void open_well(void)
{
    int code = open_db();
    ck_assert_msg(code == 0, "%d: %s", code, error.text);
}

/* The first column of the first row, of the database or of a file that is not open. */
static inline const char *ask(sqlite3 *sqlite, const char *sql)
{
    static char text[1000];
    sqlite3_stmt *row;
    ck_assert_msg(sqlite3_prepare_v2(sqlite, sql, -1, &row, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(sqlite));
    int result = sqlite3_step(row);
    const char *value = result == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : "none";
    (void)snprintf(text, sizeof(text), "%s", value ? value : "NULL");
    ck_assert_int_eq(sqlite3_finalize(row), SQLITE_OK);
    return text;
}

static inline const char *ask_file(const char *sql)
{
    sqlite3 *sqlite;
    ck_assert_int_eq(sqlite3_open(in_state("awaitd.db"), &sqlite), SQLITE_OK);
    const char *answer = ask(sqlite, sql);
    ck_assert_int_eq(sqlite3_close(sqlite), SQLITE_OK);
    return answer;
}

static inline void close_db(void)
{
    store_db_close(db);
    db = NULL;
}

/* As if the process had been killed: nothing is noted, nothing written back. */
static inline void kill_db(void)
{
    db->failed = true;
    close_db();
}

/* As if another boot had been the last one. */
static inline void change_boot(void)
{
    ck_assert_str_eq(ask_file("UPDATE meta SET value='another' WHERE name='boot'"), "none");
}

static inline int mode_of(const char *path)
{
    struct stat status;
    ck_assert_msg(stat(path, &status) == 0, "%s", path);
    return status.st_mode & 07777;
}

static inline void assert_refused(int expected, const char *words)
{
    error.text[0] = '\0';
    ck_assert_int_eq(open_db(), expected);
    ck_assert_msg(strstr(error.text, words), "%s", error.text);
    ck_assert_ptr_null(db);
}

static inline void write_file(const char *path, const char *text, int times)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < times; i++)
        ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* Root may do anything; what is refused to others is tested as one of them. Each test is a process of its own. */
static inline void become_ordinary(void)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chown(folder, 65534, 65534), 0);
    ck_assert_int_eq(setgid(65534), 0);
    ck_assert_int_eq(setuid(65534), 0);
}

#endif
