#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include "store_db_fixture.h"
#include "suite.h"
#include "supervisor/store_copy.h"

static char file[64];

static void set_up(void)
{
    set_up_db();
    (void)snprintf(file, sizeof(file), "%s/copy", folder);
}

/* What is there beside the database's own files. */
static int other_files(void)
{
    int files = 0;
    DIR *directory = opendir(folder);
    for (struct dirent *entry; (entry = readdir(directory));)
        files += entry->d_name[0] != '.' && strncmp(entry->d_name, "awaitd.db", 9) != 0 &&
                 strcmp(entry->d_name, "lock") != 0;
    (void)closedir(directory);
    return files;
}

static struct store_copy *begin(void)
{
    struct store_copy *copy = NULL;
    int code = store_copy_begin(db, file, &copy, &error);
    ck_assert_msg(code == 0, "%d: %s", code, error.text);
    return copy;
}

static int step(struct store_copy *copy)
{
    int code = store_copy_step(copy, &error);
    ck_assert_msg(code >= 0, "%d: %s", code, error.text);
    return code;
}

static sqlite3 *open_copy(void)
{
    sqlite3 *sqlite;
    ck_assert_int_eq(sqlite3_open_v2(file, &sqlite, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    return sqlite;
}

static void is_sound(sqlite3 *sqlite)
{
    ck_assert_int_eq(ask_number(sqlite, "SELECT integrity_check = 'ok' FROM"
                                        " pragma_integrity_check"),
                     1);
}

START_TEST(a_copy_is_one_file_that_anybody_can_open_who_may)
{
    struct stat status;
    add_finished(1, 50, 10, 2, 60000);
    struct store_copy *copy = begin();
    int steps = 1;
    while (step(copy) == 0)
        steps++;
    store_copy_end(copy);
    ck_assert_int_gt(steps, 4);
    ck_assert_int_eq(other_files(), 1);
    ck_assert_int_eq(stat(file, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0600);
    sqlite3 *sqlite = open_copy();
    is_sound(sqlite);
    ck_assert_int_eq(ask_number(sqlite, "SELECT count(*) FROM results"), 100);
    ck_assert_int_eq(ask_number(sqlite, "PRAGMA user_version"), count("PRAGMA user_version"));
    ck_assert_int_eq(ask_number(sqlite, "SELECT journal_mode = 'delete' FROM"
                                        " pragma_journal_mode"),
                     1);
    (void)sqlite3_close(sqlite);
    ck_assert_int_eq(other_files(), 1);
}
END_TEST

START_TEST(what_is_written_meanwhile_is_in_it)
{
    add_finished(1, 50, 10, 2, 60000);
    struct store_copy *copy = begin();
    for (int round = 0; step(copy) == 0; round++) {
        add_finished(100 + round, 100 + round, 10, 1, 3000);
        run_sql("DELETE FROM results WHERE batch = %lld", 1LL + round * 3);
        run_sql("UPDATE results SET count = count + 1 WHERE batch > 40");
        run_sql("PRAGMA incremental_vacuum(30)");
    }
    store_copy_end(copy);
    sqlite3 *sqlite = open_copy();
    is_sound(sqlite);
    static const char sum[] = "SELECT sum(batch * 1000 + count) FROM results";
    ck_assert_int_eq(ask_number(sqlite, sum), count(sum));
    ck_assert_int_eq(ask_number(sqlite, "SELECT count(*) FROM batch"),
                     count("SELECT count(*) FROM batch"));
    ck_assert_int_gt(count("SELECT max(number) FROM batch"), 102);
    (void)sqlite3_close(sqlite);
}
END_TEST

START_TEST(a_file_that_is_there_is_refused_and_left_alone)
{
    struct store_copy *copy = NULL;
    FILE *there = fopen(file, "w");
    (void)fputs("mine", there);
    (void)fclose(there);
    ck_assert_int_eq(store_copy_begin(db, file, &copy, &error), -EEXIST);
    ck_assert_ptr_nonnull(strstr(error.text, file));
    ck_assert_ptr_null(copy);
    ck_assert_int_eq(other_files(), 1);
    struct stat status;
    ck_assert_int_eq(stat(file, &status), 0);
    ck_assert_int_eq(status.st_size, 4);
}
END_TEST

START_TEST(a_file_that_comes_meanwhile_is_left_alone)
{
    add_finished(1, 1, 10, 1, 100);
    struct store_copy *copy = begin();
    ck_assert_int_eq(symlink("nowhere", file), 0);
    int code;
    while ((code = store_copy_step(copy, &error)) == 0)
        ;
    store_copy_end(copy);
    ck_assert_int_eq(code, -EEXIST);
    ck_assert_ptr_nonnull(strstr(error.text, file));
    ck_assert_int_eq(other_files(), 1);
}
END_TEST

START_TEST(the_database_itself_is_not_copied_over)
{
    struct store_copy *copy = NULL;
    (void)snprintf(file, sizeof(file), "%s/awaitd.db", folder);
    ck_assert_int_eq(store_copy_begin(db, file, &copy, &error), -EEXIST);
    add_finished(1, 1, 10, 1, 100);
}
END_TEST

START_TEST(a_path_must_lead_somewhere)
{
    struct store_copy *copy = NULL;
    ck_assert_int_eq(store_copy_begin(db, "copy", &copy, &error), -EINVAL);
    ck_assert_str_eq(error.text, "copy: must be an absolute path");
    ck_assert_int_eq(store_copy_begin(db, "", &copy, &error), -EINVAL);
    ck_assert_int_eq(store_copy_begin(db, "/nowhere/at/all", &copy, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/at/all"));
    (void)snprintf(file, sizeof(file), "%s/", folder);
    ck_assert_int_eq(store_copy_begin(db, file, &copy, &error), -EEXIST);
    ck_assert_int_eq(other_files(), 0);
}
END_TEST

START_TEST(a_copy_that_is_given_up_leaves_nothing)
{
    add_finished(1, 50, 10, 2, 60000);
    struct store_copy *copy = begin();
    ck_assert_int_eq(step(copy), 0);
    ck_assert_int_eq(other_files(), 1);
    store_copy_end(copy);
    ck_assert_int_eq(other_files(), 0);
    store_copy_end(NULL);
}
END_TEST

START_TEST(on_a_full_disk_nothing_is_left_and_the_store_goes_on)
{
    char command[200];
    (void)snprintf(command, sizeof(command),
                   "mkdir %s/small && mount -t tmpfs -o size=1m awaitd %s/small", folder, folder);
    if (geteuid() != 0 || system(command) != 0)
        return; /* only root mounts, and not in every container */
    (void)snprintf(file, sizeof(file), "%s/small/copy", folder);
    add_finished(1, 50, 10, 2, 60000);
    struct store_copy *copy = begin();
    int code;
    while ((code = store_copy_step(copy, &error)) == 0)
        run_sql("UPDATE results SET count = count + 1");
    store_copy_end(copy);
    (void)snprintf(command, sizeof(command), "test -z \"$(ls %s/small)\"", folder);
    bool empty = system(command) == 0;
    (void)snprintf(command, sizeof(command), "umount %s/small && rmdir %s/small", folder, folder);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(code, -ENOSPC);
    ck_assert_ptr_nonnull(strstr(error.text, file));
    ck_assert(empty);
    add_finished(60, 60, 10, 1, 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_copy");
    TCase *tcase = tcase_create("store_copy");
    tcase_add_checked_fixture(tcase, set_up, tear_down_db);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_copy_is_one_file_that_anybody_can_open_who_may);
    tcase_add_test(tcase, what_is_written_meanwhile_is_in_it);
    tcase_add_test(tcase, a_file_that_is_there_is_refused_and_left_alone);
    tcase_add_test(tcase, a_file_that_comes_meanwhile_is_left_alone);
    tcase_add_test(tcase, the_database_itself_is_not_copied_over);
    tcase_add_test(tcase, a_path_must_lead_somewhere);
    tcase_add_test(tcase, a_copy_that_is_given_up_leaves_nothing);
    tcase_add_test(tcase, on_a_full_disk_nothing_is_left_and_the_store_goes_on);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
