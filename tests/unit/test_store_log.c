#include <sys/stat.h>
#include "store_db_fixture.h"
#include "suite.h"
#include "supervisor/store_log.h"

static int64_t size_of(const char *name)
{
    char path[64];
    struct stat file;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    ck_assert_int_eq(stat(path, &file), 0);
    return file.st_size;
}

static void keep(void)
{
    ck_assert_msg(store_log_keep(db, &error) == STORE_FINE, "%s", error.text);
}

START_TEST(a_commit_finds_room_in_the_log)
{
    int64_t number = 0;
    add_unfinished(number + 1, number + 1);
    keep();
    for (int i = 0; i < 200; i++) {
        int64_t before = size_of("awaitd.db-wal");
        number++;
        add_unfinished(number + 1, number + 1);
        ck_assert_int_eq(size_of("awaitd.db-wal"), before);
        keep();
    }
    ck_assert_int_lt(size_of("awaitd.db-wal"), 8 << 20);
}
END_TEST

START_TEST(room_in_the_log_is_nothing_to_those_who_open_it)
{
    char copy[96], command[320];
    add_unfinished(1, 3);
    keep();
    (void)snprintf(copy, sizeof(copy), "%s/copy.db", folder);
    (void)snprintf(command, sizeof(command), "cp %s/awaitd.db %s; cp %s/awaitd.db-wal %s-wal",
                   folder, copy, folder, copy);
    ck_assert_int_eq(system(command), 0);
    sqlite3 *sqlite;
    ck_assert_int_eq(sqlite3_open(copy, &sqlite), SQLITE_OK);
    ck_assert_int_eq(ask_number(sqlite, "SELECT count(*) FROM batch"), 3);
    ck_assert_int_eq(sqlite3_close(sqlite), SQLITE_OK);
}
END_TEST

START_TEST(a_long_log_is_written_back)
{
    int64_t most = 0;
    for (int i = 1; i <= 20; i++) {
        add_finished(i, i, 1, 20, 60000); /* 1.2 MB */
        keep();
        if (size_of("awaitd.db-wal") > most)
            most = size_of("awaitd.db-wal");
    }
    ck_assert_int_lt(most, 12 << 20);
    ck_assert_int_gt(size_of("awaitd.db"), 7 << 20);
    ck_assert_int_eq(store_log_bytes(db), size_of("awaitd.db") + size_of("awaitd.db-wal"));
}
END_TEST

START_TEST(the_log_waits_while_something_reads)
{
    add_unfinished(1, 100);
    sqlite3_stmt *reader = store_db_prepare(db, "SELECT number FROM batch", &error);
    ck_assert_int_eq(sqlite3_step(reader), SQLITE_ROW);
    add_finished(101, 101, 1, 200, 60000); /* 12 MB */
    keep();
    ck_assert_int_lt(size_of("awaitd.db"), 1 << 20);
    ck_assert_int_eq(sqlite3_finalize(reader), SQLITE_OK);
    add_unfinished(102, 102);
    keep();
    ck_assert_int_gt(size_of("awaitd.db"), 11 << 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_log");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up_db, tear_down_db);
    tcase_set_timeout(tests, 60); /* the disk may be busy */
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, a_commit_finds_room_in_the_log);
    tcase_add_test(tests, room_in_the_log_is_nothing_to_those_who_open_it);
    tcase_add_test(tests, a_long_log_is_written_back);
    tcase_add_test(tests, the_log_waits_while_something_reads);
    return suite_run(suite);
}
