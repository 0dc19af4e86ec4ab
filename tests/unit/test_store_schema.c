#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "suite.h"
#include "supervisor/store_schema.h"
#include "wire/job_state.h"

static sqlite3 *sqlite;
static struct error error;

static void set_up(void)
{
    ck_assert_int_eq(sqlite3_open(":memory:", &sqlite), SQLITE_OK);
    error.text[0] = '\0';
}

static void tear_down(void)
{
    ck_assert_int_eq(sqlite3_close(sqlite), SQLITE_OK);
}

static void run(const char *sql)
{
    char *message = NULL;
    (void)sqlite3_exec(sqlite, sql, NULL, NULL, &message);
    ck_assert_msg(!message, "%s: %s", sql, message);
}

/* The rows of a query: columns parted by |, rows by newlines. */
static const char *rows(const char *sql)
{
    static char text[4096];
    sqlite3_stmt *statement;
    size_t used = 0;
    text[0] = '\0';
    ck_assert_msg(sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(sqlite));
    while (sqlite3_step(statement) == SQLITE_ROW)
        for (int i = 0, count = sqlite3_column_count(statement); i < count; i++) {
            const char *value = (const char *)sqlite3_column_text(statement, i);
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
                                     value ? value : "NULL", i + 1 < count ? "|" : "\n");
        }
    ck_assert_int_eq(sqlite3_finalize(statement), SQLITE_OK);
    return text;
}

static int identify(const struct store_schema *schema)
{
    int version = -1;
    int code = store_schema_identify(sqlite, schema, &version, &error);
    return code ? code : version;
}

START_TEST(an_empty_database_becomes_the_current_version)
{
    ck_assert_int_eq(identify(&store_schema), 0);
    ck_assert_int_eq(store_schema_upgrade(sqlite, &store_schema, 0), SQLITE_OK);
    ck_assert_int_eq(identify(&store_schema), store_schema.version);
    ck_assert_str_eq(rows("SELECT type, name FROM sqlite_schema "
                          "WHERE name NOT LIKE 'sqlite%' ORDER BY type, name"),
                     "index|batch_by_end\nindex|batch_by_key\nindex|batch_unfinished\n"
                     "table|batch\ntable|job\ntable|meta\ntable|piece\ntable|results\n"
                     "view|result\n");
}
END_TEST

START_TEST(a_newer_version_is_refused)
{
    ck_assert_int_eq(store_schema_upgrade(sqlite, &store_schema, 0), SQLITE_OK);
    run("PRAGMA user_version=2");
    ck_assert_int_eq(identify(&store_schema), -ENOTSUP);
    ck_assert_str_eq(error.text, "was written by a newer awaitd (schema 2; this one knows 1): "
                                 "install that version, or move awaitd.db and awaitd.db-wal "
                                 "away");
}
END_TEST

START_TEST(a_database_of_another_program_is_refused)
{
    run("CREATE TABLE letters (text)");
    ck_assert_int_eq(identify(&store_schema), -EINVAL);
    ck_assert_ptr_nonnull(
        strstr(error.text, "another program; move awaitd.db and awaitd.db-wal away"));
    /* Also where it has versions, too. */
    run("PRAGMA user_version=1");
    ck_assert_int_eq(identify(&store_schema), -EINVAL);
    run("PRAGMA user_version=9");
    ck_assert_int_eq(identify(&store_schema), -EINVAL);
    /* And where it has nothing yet but its mark. */
    run("DROP TABLE letters; PRAGMA user_version=0; PRAGMA application_id=7");
    ck_assert_int_eq(identify(&store_schema), -EINVAL);
}
END_TEST

#define STEPS "CREATE TABLE one (a)", "CREATE TABLE two (a)"
static const char *const sound_steps[] = {STEPS, "INSERT INTO two SELECT a + 1 FROM one"};
static const char *const broken_steps[] = {
    STEPS, "INSERT INTO two VALUES (1); INSERT INTO three VALUES (1)"};

START_TEST(an_old_database_takes_the_steps_it_lacks)
{
    struct store_schema first = {sound_steps, 1}, third = {sound_steps, 3};
    ck_assert_int_eq(store_schema_upgrade(sqlite, &first, 0), SQLITE_OK);
    ck_assert_int_eq(identify(&third), 1);
    run("INSERT INTO one VALUES (6)");
    ck_assert_int_eq(store_schema_upgrade(sqlite, &third, 1), SQLITE_OK);
    ck_assert_int_eq(identify(&third), 3);
    ck_assert_str_eq(rows("SELECT a FROM two"), "7\n");
}
END_TEST

START_TEST(an_upgrade_that_fails_half_way_changes_nothing)
{
    struct store_schema first = {broken_steps, 1}, third = {broken_steps, 3};
    ck_assert_int_eq(store_schema_upgrade(sqlite, &first, 0), SQLITE_OK);
    run("INSERT INTO one VALUES (6)");
    ck_assert_int_eq(store_schema_upgrade(sqlite, &third, 1), SQLITE_ERROR);
    ck_assert_ptr_nonnull(strstr(sqlite3_errmsg(sqlite), "three"));
    run("ROLLBACK");
    ck_assert_int_eq(identify(&third), 1);
    ck_assert_str_eq(rows("SELECT name FROM sqlite_schema"), "one\n");
    ck_assert_str_eq(rows("SELECT a FROM one"), "6\n");
}
END_TEST

START_TEST(a_new_database_whose_making_fails_stays_empty)
{
    struct store_schema third = {broken_steps, 3};
    ck_assert_int_eq(store_schema_upgrade(sqlite, &third, 0), SQLITE_ERROR);
    run("ROLLBACK");
    ck_assert_int_eq(identify(&third), 0);
}
END_TEST

START_TEST(results_are_rows_for_who_asks_in_sql)
{
    ck_assert_int_eq(store_schema_upgrade(sqlite, &store_schema, 0), SQLITE_OK);
    run("INSERT INTO results VALUES (3, 10, 2, '[[7,500000000,1250000000],"
        "[8,0,2000000000,{\"state\":\"failed\",\"reason\":\"no file\",\"attempt\":2,"
        "\"output\":\"a\\u00e4\\n\",\"truncated\":true,\"details\":{\"exit\":[1,2]}}]]'),"
        "(3, 12, 1, '[[9,0,0,{\"output_base64\":\"/w==\"}]]')");
    ck_assert_str_eq(rows("SELECT * FROM result ORDER BY batch, seq"),
                     "3|10|7|succeeded|NULL|0|0.5|1.25|NULL|NULL|0|NULL\n"
                     "3|11|8|failed|no file|2|0.0|2.0|aä\n|NULL|1|{\"exit\":[1,2]}\n"
                     "3|12|9|succeeded|NULL|0|0.0|0.0|NULL|/w==|0|NULL\n");
    ck_assert_str_eq(job_state_name(JOB_SUCCEEDED), "succeeded");
}
END_TEST

START_TEST(a_batch_says_how_many_jobs_ended_in_each_final_state)
{
    ck_assert_int_eq(store_schema_upgrade(sqlite, &store_schema, 0), SQLITE_OK);
    for (int state = 0; state < JOB_STATES; state++) {
        char sql[100];
        (void)snprintf(sql, sizeof(sql),
                       "SELECT count(*) FROM pragma_table_info('batch') WHERE name='%s'",
                       job_state_name((enum job_state)state));
        ck_assert_str_eq(rows(sql), job_state_is_final((enum job_state)state) ? "1\n" : "0\n");
    }
}
END_TEST

START_TEST(unfinished_batches_and_keys_are_found_by_their_indexes)
{
    ck_assert_int_eq(store_schema_upgrade(sqlite, &store_schema, 0), SQLITE_OK);
    ck_assert_ptr_nonnull(strstr(rows("EXPLAIN QUERY PLAN SELECT number FROM batch "
                                      "WHERE state IS NULL ORDER BY number"),
                                 "USING INDEX batch_unfinished\n"));
    ck_assert_ptr_nonnull(
        strstr(rows("EXPLAIN QUERY PLAN SELECT number FROM batch WHERE owner = 1 AND key = 'a'"),
               "USING COVERING INDEX batch_by_key (owner=? AND key=?)\n"));
    ck_assert_ptr_nonnull(strstr(rows("EXPLAIN QUERY PLAN SELECT number FROM batch "
                                      "WHERE state IS NOT NULL ORDER BY ended LIMIT 1"),
                                 "USING INDEX batch_by_end\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_schema");
    TCase *tests = tcase_create("store_schema");
    tcase_set_timeout(tests, 60); /* the disk may be busy */
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_empty_database_becomes_the_current_version);
    tcase_add_test(tests, a_newer_version_is_refused);
    tcase_add_test(tests, a_database_of_another_program_is_refused);
    tcase_add_test(tests, an_old_database_takes_the_steps_it_lacks);
    tcase_add_test(tests, an_upgrade_that_fails_half_way_changes_nothing);
    tcase_add_test(tests, a_new_database_whose_making_fails_stays_empty);
    tcase_add_test(tests, results_are_rows_for_who_asks_in_sql);
    tcase_add_test(tests, a_batch_says_how_many_jobs_ended_in_each_final_state);
    tcase_add_test(tests, unfinished_batches_and_keys_are_found_by_their_indexes);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
