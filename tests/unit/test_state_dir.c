#include <check.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include "state_dir_fixture.h"
#include "suite.h"

START_TEST(a_second_daemon_is_refused_and_told_who_has_it)
{
    int ready[2], done[2];
    char byte, words[200];
    ck_assert_int_eq(pipe(ready), 0);
    ck_assert_int_eq(pipe(done), 0);
    pid_t child = fork();
    if (child == 0) {
        bool fine = open_db() == 0;
        (void)!write(ready[1], fine ? "y" : "n", 1);
        (void)close(done[1]);
        (void)!read(done[0], &byte, 1);
        _exit(0); /* without closing it: the lock ends with the process */
    }
    (void)close(done[0]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'y');
    (void)snprintf(words, sizeof(words),
                   "the state directory %s is in use by another awaitd, process %ld; end that one",
                   state, (long)child);
    assert_refused(-EBUSY, words);
    (void)close(done[1]);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    open_well();
}
END_TEST

START_TEST(only_the_last_part_of_the_path_is_made)
{
    (void)snprintf(state, sizeof(state), "%s/state/deeper", folder);
    char words[300];
    (void)snprintf(words, sizeof(words),
                   "cannot make the state directory %s: there is no %s/state;", state, folder);
    assert_refused(-ENOENT, words);
    ck_assert_ptr_nonnull(strstr(error.text, "--state-dir"));

    struct store_options options = {.directory = state, .make_parents = true};
    ck_assert_int_eq(store_db_open(&options, &db, &error), 0);
    ck_assert_int_eq(mode_of(state), 0700);
}
END_TEST

START_TEST(a_directory_that_may_not_be_used_is_refused)
{
    become_ordinary();
    ck_assert_int_eq(mkdir(state, 0500), 0);
    assert_refused(-EACCES, "/lock: Permission denied; choose another state directory");
    ck_assert_int_eq(chmod(state, 0), 0);
    assert_refused(-EACCES, "/state: Permission denied; choose another state directory");
    ck_assert_int_eq(rmdir(state), 0);
    ck_assert_int_eq(chmod(folder, 0500), 0);
    assert_refused(-EACCES, "cannot make the state directory");
    ck_assert_int_eq(chmod(folder, 0700), 0);
}
END_TEST

START_TEST(a_read_only_file_system_is_refused)
{
    open_well();
    close_db();
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(state, state, NULL, MS_BIND, NULL) != 0)
        return; /* needs root who may mount */
    ck_assert_int_eq(mount(NULL, state, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_refused(-EROFS, "/lock: Read-only file system; choose another state directory");
    ck_assert_int_eq(umount(state), 0);
    open_well();
}
END_TEST

START_TEST(as_root_what_others_can_write_is_refused)
{
    static const char words[] = "as root, awaitd keeps its state only where root alone can write";
    if (geteuid() != 0)
        return;
    open_well();
    close_db();
    ck_assert_int_eq(chmod(state, 0770), 0);
    open_well(); /* root's group */
    close_db();
    ck_assert_int_eq(chmod(state, 0777), 0);
    assert_refused(-EPERM, words);
    ck_assert_int_eq(chmod(state, 0700), 0);
    ck_assert_int_eq(chmod(in_state("awaitd.db"), 0602), 0);
    assert_refused(-EPERM, words);
    ck_assert_int_eq(chmod(in_state("awaitd.db"), 0644), 0);
    ck_assert_int_eq(chown(state, 65534, 0), 0);
    assert_refused(-EPERM, words);
    ck_assert_int_eq(chown(state, 0, 0), 0);
    open_well();
}
END_TEST

START_TEST(a_state_directory_that_is_a_file_is_refused)
{
    write_file(state, "x", 1);
    assert_refused(-ENOTDIR, "Not a directory");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state_dir");
    TCase *tests = tcase_create("state_dir");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_second_daemon_is_refused_and_told_who_has_it);
    tcase_add_test(tests, only_the_last_part_of_the_path_is_made);
    tcase_add_test(tests, a_directory_that_may_not_be_used_is_refused);
    tcase_add_test(tests, a_read_only_file_system_is_refused);
    tcase_add_test(tests, as_root_what_others_can_write_is_refused);
    tcase_add_test(tests, a_state_directory_that_is_a_file_is_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
