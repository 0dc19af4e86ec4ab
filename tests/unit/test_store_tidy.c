#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "store_db_fixture.h"
#include "suite.h"
#include "supervisor/store_log.h"
#include "supervisor/store_tidy.h"

static struct store_tidy *tidy;

static void set_up(void)
{
    set_up_db();
    tidy = NULL;
}

static void tear_down(void)
{
    store_tidy_free(tidy);
    tear_down_db();
}

static void start(double keep_s, int64_t bytes)
{
    store_tidy_free(tidy);
    tidy = store_tidy_new(db, keep_s, bytes, &error);
    ck_assert_msg(tidy, "%s", error.text);
}

/* Takes steps while they are due at once, as the thread of the store does; returns when the next one is. */
static uint64_t settle(void)
{
    for (int steps = 0; steps < 10000; steps++) {
        uint64_t due_ns = 0;
        enum store_trouble trouble = store_tidy_step(tidy, &due_ns, &error);
        ck_assert_msg(trouble == STORE_FINE, "%s", error.text);
        ck_assert_int_eq(store_log_keep(db, &error), STORE_FINE);
        if (due_ns > clock_now_ns())
            return due_ns;
    }
    ck_abort_msg("there is no end of it");
}

static int64_t used_bytes(void)
{
    return (count("PRAGMA page_count") - count("PRAGMA freelist_count")) *
           count("PRAGMA page_size");
}

#define ORPHANS \
    "SELECT (SELECT count(*) FROM results WHERE batch NOT IN (SELECT number FROM batch)) + " \
    "(SELECT count(*) FROM piece WHERE batch NOT IN (SELECT number FROM batch)) + " \
    "(SELECT count(*) FROM job WHERE batch NOT IN (SELECT number FROM batch))"

START_TEST(finished_batches_that_are_too_old_go_with_all_their_rows)
{
    add_finished(1, 300, 200, 2, 1000);
    add_finished(301, 600, 50, 2, 1000);
    add_unfinished(601, 700);
    run_sql("UPDATE batch SET submitted = 5 WHERE number > 600");
    start(100, 0);
    (void)settle();
    ck_assert_int_eq(count("SELECT min(number) FROM batch"), 301);
    ck_assert_int_eq(count("SELECT count(*) FROM batch"), 400);
    ck_assert_int_eq(count("SELECT count(*) FROM results"), 600);
    ck_assert_int_eq(count("SELECT count(*) FROM piece"), 400);
    ck_assert_int_eq(count(ORPHANS), 0);
}
END_TEST

START_TEST(nothing_goes_where_batches_are_kept_for_ever)
{
    add_finished(1, 10, 2000000000, 2, 1000);
    start(0, 0);
    (void)settle();
    ck_assert_int_eq(count("SELECT count(*) FROM batch"), 10);
}
END_TEST

START_TEST(a_step_takes_milliseconds_however_large_the_batch)
{
    add_finished(1, 1, 200, 3000, 60000); /* 180 MB */
    start(100, 0);
    uint64_t due_ns = 0, longest_ns = 0;
    int steps = 0;
    do {
        uint64_t began_ns = clock_now_ns();
        ck_assert_int_eq(store_tidy_step(tidy, &due_ns, &error), STORE_FINE);
        uint64_t took_ns = clock_now_ns() - began_ns;
        longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
        steps++;
    } while (count("SELECT count(*) FROM results") > 0);
    ck_assert_int_gt(steps, 5);
    /* Nothing here waits for anything but the disk, and that depends on what others do with it. */
    ck_assert_uint_lt(longest_ns, CLOCK_NS_PER_S);
}
END_TEST

START_TEST(the_oldest_go_early_where_the_file_is_too_large)
{
    add_finished(1, 1, 10, 100, 60000); /* 6 MB each; number 1 ended last */
    add_finished(2, 2, 30, 100, 60000);
    add_finished(3, 3, 20, 100, 60000);
    add_unfinished(4, 4);
    start(1000, 15000000);
    (void)settle();
    ck_assert_int_eq(count("SELECT sum(number) FROM batch"), 1 + 3 + 4);
    ck_assert_int_lt(used_bytes(), 15000000);
    ck_assert_int_eq(count(ORPHANS), 0);
    start(0, 7000000);
    (void)settle();
    ck_assert_int_eq(count("SELECT sum(number) FROM batch"), 1 + 4);
}
END_TEST

START_TEST(unfinished_batches_stay_however_large_they_are)
{
    add_finished(1, 1, 10, 1, 100);
    add_unfinished(2, 2);
    run_sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
            "INSERT INTO results SELECT 2, i, 1, hex(zeroblob(30000)) FROM n");
    start(1, 1000000);
    ck_assert_uint_ne(settle(), UINT64_MAX);
    ck_assert_int_eq(count("SELECT group_concat(number) FROM batch"), 2);
    ck_assert_int_eq(count("SELECT count(*) FROM results"), 100);
}
END_TEST

START_TEST(free_pages_go_back_to_the_file_system)
{
    char path[64];
    struct stat before, after;
    (void)snprintf(path, sizeof(path), "%s/awaitd.db", folder);
    add_finished(1, 100, 200, 10, 60000); /* 60 MB */
    add_finished(101, 110, 1, 10, 60000); /* at its end, and these stay */
    run_sql("PRAGMA wal_checkpoint(TRUNCATE)");
    ck_assert_int_eq(stat(path, &before), 0);
    start(100, 0);
    (void)settle();
    run_sql("PRAGMA wal_checkpoint(TRUNCATE)");
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert_int_eq(count("SELECT count(*) FROM results"), 100);
    ck_assert_int_gt(before.st_size, 60000000);
    ck_assert_int_lt(after.st_size, 8000000);
    sqlite3_stmt *check;
    ck_assert_int_eq(sqlite3_prepare_v2(db->sqlite, "PRAGMA integrity_check", -1, &check, NULL), 0);
    ck_assert_int_eq(sqlite3_step(check), SQLITE_ROW);
    ck_assert_str_eq((const char *)sqlite3_column_text(check, 0), "ok");
    (void)sqlite3_finalize(check);
}
END_TEST

START_TEST(a_file_that_cannot_shrink_is_left_as_it_is)
{
    run_sql("PRAGMA locking_mode=NORMAL; PRAGMA journal_mode=DELETE; PRAGMA auto_vacuum=NONE;"
            "VACUUM");
    add_finished(1, 100, 200, 10, 60000);
    int64_t pages = count("PRAGMA page_count");
    start(100, 0);
    (void)settle();
    ck_assert_int_eq(count("SELECT count(*) FROM batch"), 0);
    ck_assert_int_eq(count("PRAGMA page_count"), pages);
}
END_TEST

START_TEST(numbers_of_deleted_batches_are_not_given_again)
{
    add_finished(1, 41, 200, 1, 100);
    run_sql("INSERT OR REPLACE INTO meta VALUES ('last_number', 17)");
    start(100, 0);
    (void)settle();
    ck_assert_int_eq(count("SELECT count(*) FROM batch"), 0);
    ck_assert_int_eq(count("SELECT value FROM meta WHERE name = 'last_number'"), 41);
    run_sql("UPDATE meta SET value = 99 WHERE name = 'last_number'");
    add_finished(42, 50, 200, 1, 100);
    (void)settle();
    ck_assert_int_eq(count("SELECT value FROM meta WHERE name = 'last_number'"), 99);
}
END_TEST

/* Has a process of its own take so many steps and die. */
static void step_and_die(int steps)
{
    store_db_close(db);
    db = NULL;
    pid_t child = fork();
    if (child == 0) {
        uint64_t due_ns;
        open_db();
        start(100, 0);
        for (int i = 0; i < steps; i++)
            (void)store_tidy_step(tidy, &due_ns, &error);
        (void)kill(getpid(), SIGKILL);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    open_db();
}

START_TEST(a_batch_that_was_half_deleted_is_neither_shown_nor_left_behind)
{
    add_finished(1, 1, 200, 5000, 3000); /* more rows than a step deletes */
    add_finished(2, 2, 1, 1, 100);
    int64_t rows = count("SELECT count(*) FROM results");
    step_and_die(1);
    ck_assert_int_eq(count("SELECT sum(number) FROM batch"), 2);
    ck_assert_int_eq(count("SELECT value FROM meta WHERE name = 'deleting'"), 1);
    int64_t left = count("SELECT count(*) FROM results");
    ck_assert_int_lt(left, rows);
    ck_assert_int_gt(left, 1);
    step_and_die(1);
    ck_assert_int_lt(count("SELECT count(*) FROM results"), left);
    start(0, 0); /* also where all others stay */
    (void)settle();
    ck_assert_int_eq(count("SELECT count(*) FROM results"), 1);
    ck_assert_int_eq(count(ORPHANS), 0);
    ck_assert_int_eq(count("SELECT value FROM meta WHERE name = 'deleting'"), 0);
}
END_TEST

START_TEST(it_wakes_up_when_the_next_batch_is_too_old_and_not_before)
{
    start(100, 0);
    uint64_t now_ns = clock_now_ns(), due_ns = store_tidy_news(tidy);
    ck_assert_uint_gt(due_ns, now_ns + CLOCK_NS_PER_S / 2); /* the log is to be written back */
    ck_assert_uint_lt(due_ns, now_ns + 2 * CLOCK_NS_PER_S);
    while (clock_now_ns() < due_ns)
        (void)usleep(1000);
    ck_assert_int_eq(store_tidy_step(tidy, &due_ns, &error), STORE_FINE);
    ck_assert_uint_eq(due_ns, UINT64_MAX);
    add_finished(1, 1, 40, 1, 100);
    add_finished(2, 2, 20, 1, 100);
    ck_assert_int_eq(store_tidy_step(tidy, &due_ns, &error), STORE_FINE);
    now_ns = clock_now_ns();
    ck_assert_uint_gt(due_ns, now_ns + 60 * CLOCK_NS_PER_S);
    ck_assert_uint_lt(due_ns, now_ns + 64 * CLOCK_NS_PER_S);
    ck_assert_int_eq(count("SELECT count(*) FROM batch"), 2);
}
END_TEST

START_TEST(the_log_is_written_back_once_nobody_commits_any_more)
{
    char path[64];
    struct stat log;
    (void)snprintf(path, sizeof(path), "%s/awaitd.db-wal", folder);
    add_finished(1, 1, 1, 100, 60000);
    add_finished(2, 2, 1, 1000, 60000); /* in one transaction: more than the log is to keep */
    start(100, 0);
    uint64_t due_ns = store_tidy_news(tidy);
    ck_assert_int_eq(stat(path, &log), 0);
    ck_assert_int_gt(log.st_size, 33554432);
    while (clock_now_ns() < due_ns)
        (void)usleep(1000);
    (void)settle();
    ck_assert_int_eq(stat(path, &log), 0);
    ck_assert_int_eq(log.st_size, 0);
}
END_TEST

START_TEST(on_a_full_disk_nothing_changes_and_it_is_tried_again_later)
{
    add_finished(1, 1, 200, 200, 60000);
    start(100, 0);
    /* No room for the note of what is half deleted: as many pages as there are, and none is free. */
    run_sql("CREATE TABLE filler (x)");
    run_sql("PRAGMA max_page_count=%lld", (long long)count("PRAGMA page_count"));
    run_sql("CREATE TRIGGER full BEFORE DELETE ON results BEGIN"
            " INSERT INTO filler VALUES (zeroblob(1000000)); END");
    int64_t rows = count("SELECT count(*) FROM results");
    uint64_t due_ns = 0;
    enum store_trouble trouble = store_tidy_step(tidy, &due_ns, &error);
    ck_assert_msg(trouble == STORE_FULL, "%d %s", trouble, error.text);
    ck_assert_uint_gt(due_ns, clock_now_ns() + CLOCK_NS_PER_S);
    ck_assert_int_eq(count("SELECT count(*) FROM batch"), 1);
    ck_assert_int_eq(count("SELECT count(*) FROM results"), rows);
    ck_assert(sqlite3_get_autocommit(db->sqlite));
    ck_assert_int_eq(store_tidy_step(tidy, &due_ns, &error), STORE_FINE); /* too early */
    run_sql("DROP TRIGGER full; DROP TABLE filler");
    while (clock_now_ns() < due_ns)
        (void)usleep(1000);
    (void)settle();
    ck_assert_int_eq(count("SELECT count(*) FROM batch"), 0);
    ck_assert_int_eq(count(ORPHANS), 0);
}
END_TEST

START_TEST(the_file_does_not_grow_however_many_batches_pass_through_it)
{
    int64_t largest = 0;
    start(1, 0);
    for (int round = 0; round < 100; round++) { /* 600 MB in all, 12 MB at a time */
        int first = 1 + round * 20;
        add_finished(first, first + 9, 5, 5, 60000 * (1 + round % 2));
        add_finished(first + 10, first + 19, 5, 2, 300);
        (void)store_tidy_news(tidy);
        (void)settle();
        int64_t bytes = store_log_bytes(db);
        largest = bytes > largest ? bytes : largest;
    }
    ck_assert_int_eq(count("SELECT count(*) FROM batch"), 0);
    ck_assert_int_eq(count(ORPHANS), 0);
    ck_assert_int_lt(largest, 60000000);
    run_sql("PRAGMA wal_checkpoint(TRUNCATE)");
    ck_assert_int_lt(store_log_bytes(db), 3000000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_tidy");
    TCase *tcase = tcase_create("store_tidy");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, finished_batches_that_are_too_old_go_with_all_their_rows);
    tcase_add_test(tcase, nothing_goes_where_batches_are_kept_for_ever);
    tcase_add_test(tcase, a_step_takes_milliseconds_however_large_the_batch);
    tcase_add_test(tcase, the_oldest_go_early_where_the_file_is_too_large);
    tcase_add_test(tcase, unfinished_batches_stay_however_large_they_are);
    tcase_add_test(tcase, free_pages_go_back_to_the_file_system);
    tcase_add_test(tcase, a_file_that_cannot_shrink_is_left_as_it_is);
    tcase_add_test(tcase, numbers_of_deleted_batches_are_not_given_again);
    tcase_add_test(tcase, a_batch_that_was_half_deleted_is_neither_shown_nor_left_behind);
    tcase_add_test(tcase, it_wakes_up_when_the_next_batch_is_too_old_and_not_before);
    tcase_add_test(tcase, the_log_is_written_back_once_nobody_commits_any_more);
    tcase_add_test(tcase, on_a_full_disk_nothing_changes_and_it_is_tried_again_later);
    tcase_add_test(tcase, the_file_does_not_grow_however_many_batches_pass_through_it);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
