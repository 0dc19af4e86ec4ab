#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/directory.h"
#include "suite.h"

START_TEST(a_path_is_in_the_directory_above)
{
    static const char *const cases[][2] = {
        {"/var/lib/awaitd", "/var/lib"},
        {"/var/lib/awaitd/", "/var/lib"},
        {"/var//lib", "/var"},
        {"/var", "/"},
        {"//var//", "/"},
        {"/", "/"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *directory = directory_of(cases[i][0]);
        ck_assert_str_eq(directory, cases[i][1]);
        free(directory);
    }
}
END_TEST

START_TEST(a_directory_is_synced)
{
    char path[] = "/tmp/awaitd-test-XXXXXX", missing[64];
    ck_assert_ptr_nonnull(mkdtemp(path));
    ck_assert_int_eq(directory_sync(path), 0);
    ck_assert_int_eq(chmod(path, 0300), 0); /* which root does not notice */
    ck_assert_int_eq(directory_sync(path), 0);
    ck_assert_int_eq(directory_sync("/proc"), 0);
    (void)snprintf(missing, sizeof(missing), "%s/missing", path);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(directory_sync(missing), -ENOENT);
    ck_assert_int_eq(directory_sync("/dev/null"), -ENOTDIR);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("directory");
    TCase *tcase = tcase_create("directory");
    tcase_add_test(tcase, a_path_is_in_the_directory_above);
    tcase_add_test(tcase, a_directory_is_synced);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
