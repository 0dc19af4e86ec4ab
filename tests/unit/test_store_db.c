#include <check.h>
#include <fcntl.h>
#include <sys/wait.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "state_dir_fixture.h"
#include "suite.h"

/* Returns SQLite's primary result code; *why says what failed. */
static int run_sql(const char *sql, struct error *why)
{
    int result = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
    if (result != SQLITE_OK)
        (void)store_db_trouble(db, result, why);
    return result & 0xff;
}

START_TEST(a_new_database_is_this_users_alone_whatever_the_umask)
{
    static const mode_t masks[] = {0, 022, 0777};
    (void)umask(masks[_i]);
    open_well();
    ck_assert_int_eq(run_sql("INSERT INTO meta VALUES ('x', 1)", &error), SQLITE_OK);
    ck_assert_int_eq(mode_of(state), 0700);
    ck_assert_int_eq(mode_of(in_state("awaitd.db")), 0600);
    ck_assert_int_eq(mode_of(in_state("awaitd.db-wal")), 0600);
    ck_assert_int_ne(access(in_state("awaitd.db-shm"), F_OK), 0);
    kill_db();
    open_well();
}
END_TEST

START_TEST(it_works_as_the_store_needs_it)
{
    for (int i = 0; i < 2; i++) { /* new, and opened again */
        open_well();
        ck_assert_str_eq(ask(db->sqlite, "PRAGMA journal_mode"), "wal");
        ck_assert_str_eq(ask(db->sqlite, "PRAGMA synchronous"), "2"); /* FULL */
        ck_assert_str_eq(ask(db->sqlite, "PRAGMA auto_vacuum"), "2"); /* incremental */
        ck_assert_str_eq(ask(db->sqlite, "PRAGMA locking_mode"), "exclusive");
        ck_assert_str_eq(ask(db->sqlite, "PRAGMA temp_store"), "2"); /* memory */
        close_db();
    }
}
END_TEST

START_TEST(what_was_written_is_there_again)
{
    open_well();
    ck_assert_uint_eq(db->last_number, 0);
    ck_assert_int_eq(run_sql("INSERT INTO meta VALUES ('last_number', 41)", &error), SQLITE_OK);
    close_db();
    ck_assert_int_ne(access(in_state("awaitd.db-wal"), F_OK), 0);
    ck_assert_str_eq(ask_file("SELECT value FROM meta WHERE name='closed'"), "1");
    open_well();
    ck_assert_uint_eq(db->last_number, 41);
    ck_assert_str_eq(ask(db->sqlite, "SELECT value FROM meta WHERE name='closed'"), "0");
}
END_TEST

static off_t size_of(const char *path)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    return status.st_size;
}

/* So that it does on a full disk. */
START_TEST(a_start_after_a_kill_writes_nothing)
{
    open_well();
    kill_db();
    off_t log_size = size_of(in_state("awaitd.db-wal"));
    ck_assert_int_gt(log_size, 0);
    open_well();
    kill_db();
    ck_assert_int_eq(size_of(in_state("awaitd.db-wal")), log_size);
}
END_TEST

#define INSERT_BATCH \
    "INSERT INTO batch (number, owner, configured, terms, submitted, submitted_ns, sealed, " \
    "paused) "

START_TEST(the_last_number_is_never_one_below_a_batch)
{
    open_well();
    ck_assert_int_eq(run_sql("INSERT INTO meta VALUES ('last_number', 41);" INSERT_BATCH
                             "VALUES (40, 0, 0, '{}', 0, 0, 1, 0), (57, 0, 0, '{}', 0, 0, 1, 0)",
                             &error),
                     SQLITE_OK);
    kill_db();
    open_well();
    ck_assert_uint_eq(db->last_number, 57);
}
END_TEST

START_TEST(a_database_that_another_program_has_open_is_refused)
{
    open_well();
    close_db();
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(in_state("awaitd.db"), &other), SQLITE_OK);
    ck_assert_str_eq(ask(other, "BEGIN IMMEDIATE"), "none");
    assert_refused(-EBUSY, "is open in another program");
    ck_assert_int_eq(sqlite3_close(other), SQLITE_OK);
    open_well();
}
END_TEST

START_TEST(nobody_else_gets_in_while_it_is_open)
{
    sqlite3 *other;
    open_well();
    pid_t child = fork(); /* locks are those of a process */
    if (child == 0) {
        int result = sqlite3_open(in_state("awaitd.db"), &other);
        if (result == SQLITE_OK)
            result = sqlite3_exec(other, "SELECT * FROM meta", NULL, NULL, NULL);
        _exit(result);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WEXITSTATUS(status), SQLITE_BUSY);
}
END_TEST

START_TEST(a_database_that_may_not_be_used_is_refused)
{
    become_ordinary();
    open_well();
    close_db();
    ck_assert_int_eq(chmod(in_state("awaitd.db"), 0400), 0);
    assert_refused(-EACCES, "/awaitd.db cannot be written; give this user write access to it");
    ck_assert_int_eq(chmod(in_state("awaitd.db"), 0), 0);
    assert_refused(-EACCES, "/awaitd.db: unable to open database file (SQLite 14): Permission");
    ck_assert_int_eq(chmod(in_state("awaitd.db"), 0600), 0);
    open_well();
}
END_TEST

START_TEST(what_is_no_database_is_refused_and_left_alone)
{
    ck_assert_int_eq(mkdir(state, 0700), 0);
    write_file(in_state("awaitd.db"), "This is no database.", 500);
    assert_refused(-EUCLEAN, "is corrupt (file is not a database); move awaitd.db and "
                             "awaitd.db-wal away");
    struct stat status;
    ck_assert_int_eq(stat(in_state("awaitd.db"), &status), 0);
    ck_assert_int_eq(status.st_size, 500 * 20);
}
END_TEST

START_TEST(a_log_without_its_database_is_refused_and_left_alone)
{
    open_well();
    ck_assert_int_eq(run_sql("INSERT INTO meta VALUES ('last_number', 41)", &error), SQLITE_OK);
    kill_db();
    off_t size = size_of(in_state("awaitd.db-wal"));
    ck_assert_int_gt(size, 0);
    AUTO_FREE char *database = strdup(in_state("awaitd.db"));
    AUTO_FREE char *aside = strdup(in_state("aside"));
    ck_assert_int_gt(size_of(database), 0); /* as soon as there is a log */
    ck_assert_int_eq(rename(database, aside), 0);
    if (_i) /* somebody has opened it with something else */
        write_file(database, "", 0);
    assert_refused(-EUCLEAN, "/awaitd.db is missing or empty, but its log ");
    ck_assert_ptr_nonnull(strstr(error.text, "/awaitd.db-wal is not: put the awaitd.db back"));
    ck_assert_int_eq(access(database, F_OK), _i ? 0 : -1);
    ck_assert_int_eq(size_of(in_state("awaitd.db-wal")), size);
    /* As the words say. */
    ck_assert_int_eq(rename(aside, database), 0);
    open_well();
    ck_assert_uint_eq(db->last_number, 41);
    kill_db();
    ck_assert_int_eq(unlink(database), 0);
    ck_assert_int_eq(rename(in_state("awaitd.db-wal"), aside), 0);
    open_well();
    ck_assert_uint_eq(db->last_number, 0);
}
END_TEST

START_TEST(the_database_of_another_program_is_refused_and_left_alone)
{
    ck_assert_int_eq(mkdir(state, 0700), 0);
    ck_assert_str_eq(ask_file("CREATE TABLE letters (text)"), "none");
    assert_refused(-EINVAL, "/awaitd.db: is a database of another program");
    ck_assert_str_eq(ask_file("PRAGMA journal_mode"), "delete");
}
END_TEST

START_TEST(what_a_newer_awaitd_wrote_is_refused)
{
    open_well();
    close_db();
    ck_assert_str_eq(ask_file("PRAGMA user_version=2"), "none");
    assert_refused(-ENOTSUP, "/awaitd.db: was written by a newer awaitd (schema 2; this one knows "
                             "1): install that version, or move awaitd.db and awaitd.db-wal away");
}
END_TEST

/* A database of some hundred pages, closed in order or not. */
static void make_large(void)
{
    open_well();
    ck_assert_int_eq(
        run_sql("WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT "
                "INTO results SELECT i, 0, 1, hex(randomblob(1000)) FROM n",
                &error),
        SQLITE_OK);
    close_db();
}

/* Overwrites pages in the middle with something else. */
static void damage(void)
{
    char junk[4096];
    (void)memset(junk, 0x5a, sizeof(junk));
    int fd = open(in_state("awaitd.db"), O_WRONLY);
    ck_assert_int_ge(fd, 0);
    for (int page = 20; page < 40; page++)
        ck_assert_int_eq(pwrite(fd, junk, sizeof(junk), page * (off_t)sizeof(junk)), sizeof(junk));
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(a_database_that_was_cut_is_refused)
{
    make_large();
    ck_assert_int_eq(truncate(in_state("awaitd.db"), 20 * 4096), 0);
    assert_refused(-EUCLEAN, "what can still be read as awaitd(8) shows");
}
END_TEST

START_TEST(after_the_machine_went_down_damage_is_found_before_it_is_used)
{
    make_large();
    change_boot();
    ck_assert_str_eq(ask_file("UPDATE meta SET value=0 WHERE name='closed'"), "none");
    open_well(); /* sound */
    kill_db();
    change_boot();
    damage();
    assert_refused(-EUCLEAN, "is corrupt");
    ck_assert_ptr_nonnull(strstr(error.text, "what can still be read as awaitd(8) shows"));
    assert_refused(-EUCLEAN, "is corrupt"); /* and so each time */
}
END_TEST

START_TEST(a_database_that_was_closed_is_not_read_through)
{
    make_large();
    change_boot();
    damage();
    open_well();
    kill_db(); /* nor one that was killed, while the machine is up */
    open_well();
}
END_TEST

START_TEST(corruption_and_other_trouble_are_told_apart)
{
    make_large();
    damage();
    open_well();
    int result =
        sqlite3_exec(db->sqlite, "SELECT sum(length(results)) FROM results", NULL, NULL, NULL);
    ck_assert_int_eq(store_db_trouble(db, SQLITE_DONE, &error), STORE_FINE);
    ck_assert(!db->failed);
    ck_assert_int_eq(store_db_trouble(db, result, &error), STORE_CORRUPT);
    ck_assert(db->failed);
    db->failed = false;
    ck_assert_int_eq(run_sql("INSERT INTO nowhere VALUES (1)", &error), SQLITE_ERROR);
    ck_assert_ptr_nonnull(strstr(error.text, "/awaitd.db: no such table: nowhere (SQLite 1)"));
    ck_assert(db->failed);
    ck_assert_ptr_null(store_db_prepare(db, "SELECT * FROM nowhere", &error));
}
END_TEST

START_TEST(a_full_database_is_full_and_no_more)
{
    open_well();
    ck_assert_int_eq(run_sql("PRAGMA max_page_count=20", &error), SQLITE_OK);
    int result =
        sqlite3_exec(db->sqlite, "INSERT INTO results VALUES (1, 0, 1, hex(zeroblob(100000)))",
                     NULL, NULL, NULL);
    ck_assert_int_eq(store_db_trouble(db, result, &error), STORE_FULL);
    ck_assert_ptr_nonnull(strstr(error.text, "there is no room left"));
    ck_assert(!db->failed);
}
END_TEST

START_TEST(the_time_of_the_store_goes_on_over_a_boot)
{
    char sql[300];
    open_well();
    close_db();
    /* An hour ago on the wall clock, in another boot. */
    int64_t seen_ns = INT64_C(5000000000000000000);
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE meta SET value = CASE name WHEN 'boot' THEN 'another' WHEN 'seen_ns' "
                   "THEN %lld WHEN 'seen' THEN %.6f ELSE value END",
                   (long long)seen_ns, clock_wall_s() - 3600);
    ck_assert_str_eq(ask_file(sql), "none");
    open_well();
    int64_t hour_ns = INT64_C(3600000000000);
    int64_t passed_ns = (int64_t)clock_now_ns() + db->time_shift_ns - seen_ns;
    ck_assert_int_ge(passed_ns, hour_ns);
    ck_assert_int_lt(passed_ns, hour_ns + INT64_C(60000000000));
    /* It stays, killed or not, in this boot. */
    int64_t shift_ns = db->time_shift_ns;
    kill_db();
    open_well();
    ck_assert_int_eq(db->time_shift_ns, shift_ns);
    close_db();
    open_well();
    ck_assert_int_eq(db->time_shift_ns, shift_ns);
}
END_TEST

START_TEST(what_batches_saw_counts_where_it_is_later_than_the_mark)
{
    char sql[500];
    open_well();
    /* Batch 2 ended an hour ago, after batch 3 was submitted. */
    (void)snprintf(sql, sizeof(sql),
                   INSERT_BATCH "VALUES (2, 0, 0, '{}', 1e9, 1000, 1, 0), (3, 0, 0, '{}', 1e9, "
                                "5000000000000000000, 1, 0);"
                                "UPDATE batch SET state='failed', ended=%.6f, "
                                "ended_ns=6000000000000000000 WHERE number=2",
                   clock_wall_s() - 3600);
    ck_assert_int_eq(run_sql(sql, &error), SQLITE_OK);
    kill_db();
    change_boot();
    open_well();
    int64_t passed_ns = (int64_t)clock_now_ns() + db->time_shift_ns - INT64_C(6000000000000000000);
    ck_assert_int_ge(passed_ns, INT64_C(3600000000000));
    ck_assert_int_lt(passed_ns, INT64_C(3660000000000));
}
END_TEST

START_TEST(a_wall_clock_that_is_not_set_yet_is_not_noted)
{
    char later[40];
    open_well();
    close_db();
    (void)snprintf(later, sizeof(later), "%.1f", clock_wall_s() + 86400);
    char sql[100];
    (void)snprintf(sql, sizeof(sql), "UPDATE meta SET value=%s WHERE name='seen'", later);
    ck_assert_str_eq(ask_file(sql), "none");
    change_boot();
    open_well();
    ck_assert_str_eq(ask(db->sqlite, "SELECT value FROM meta WHERE name='seen'"), later);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_db");
    TCase *tests = tcase_create("store_db");
    tcase_set_timeout(tests, 60); /* the disk may be busy */
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_new_database_is_this_users_alone_whatever_the_umask, 0, 3);
    tcase_add_test(tests, it_works_as_the_store_needs_it);
    tcase_add_test(tests, what_was_written_is_there_again);
    tcase_add_test(tests, a_start_after_a_kill_writes_nothing);
    tcase_add_test(tests, the_last_number_is_never_one_below_a_batch);
    tcase_add_test(tests, a_database_that_another_program_has_open_is_refused);
    tcase_add_test(tests, nobody_else_gets_in_while_it_is_open);
    tcase_add_test(tests, a_database_that_may_not_be_used_is_refused);
    tcase_add_test(tests, what_is_no_database_is_refused_and_left_alone);
    tcase_add_loop_test(tests, a_log_without_its_database_is_refused_and_left_alone, 0, 2);
    tcase_add_test(tests, the_database_of_another_program_is_refused_and_left_alone);
    tcase_add_test(tests, what_a_newer_awaitd_wrote_is_refused);
    tcase_add_test(tests, a_database_that_was_cut_is_refused);
    tcase_add_test(tests, after_the_machine_went_down_damage_is_found_before_it_is_used);
    tcase_add_test(tests, a_database_that_was_closed_is_not_read_through);
    tcase_add_test(tests, corruption_and_other_trouble_are_told_apart);
    tcase_add_test(tests, a_full_database_is_full_and_no_more);
    tcase_add_test(tests, the_time_of_the_store_goes_on_over_a_boot);
    tcase_add_test(tests, what_batches_saw_counts_where_it_is_later_than_the_mark);
    tcase_add_test(tests, a_wall_clock_that_is_not_set_yet_is_not_noted);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
