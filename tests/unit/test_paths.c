#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/paths.h"
#include "suite.h"

/* Sets both variables (NULL: not set) and compares. */
static void check(const char *own, const char *runtime, const char *expected)
{
    own ? setenv("AWAITD_SOCKET", own, 1) : unsetenv("AWAITD_SOCKET");
    runtime ? setenv("XDG_RUNTIME_DIR", runtime, 1) : unsetenv("XDG_RUNTIME_DIR");
    char *path = paths_default_socket();
    ck_assert_str_eq(path, expected);
    free(path);
}

START_TEST(the_variable_of_its_own_comes_first)
{
    check("/somewhere/sock", "/", "/somewhere/sock");
    check("relative.sock", NULL, "relative.sock");
}
END_TEST

START_TEST(then_the_runtime_directory_where_it_exists)
{
    char directory[] = "/tmp/awaitd-paths-XXXXXX", expected[64];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(expected, sizeof(expected), "%s/awaitd.sock", directory);
    check(NULL, directory, expected);
    check("", directory, expected);
    ck_assert_int_eq(rmdir(directory), 0);
    check(NULL, directory, "/run/awaitd.sock");
}
END_TEST

START_TEST(clients_pass_over_a_runtime_directory_without_a_socket)
{
    char directory[] = "/tmp/awaitd-paths-XXXXXX", expected[64];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(expected, sizeof(expected), "%s/awaitd.sock", directory);
    unsetenv("AWAITD_SOCKET");
    setenv("XDG_RUNTIME_DIR", directory, 1);

    char *path = paths_find_socket();
    ck_assert_str_eq(path, "/run/awaitd.sock");
    free(path);

    ck_assert_int_eq(symlink("/dev/null", expected), 0);
    path = paths_find_socket();
    ck_assert_str_eq(path, expected);
    free(path);

    setenv("AWAITD_SOCKET", "/somewhere/sock", 1);
    path = paths_find_socket();
    ck_assert_str_eq(path, "/somewhere/sock");
    free(path);
    ck_assert_int_eq(unlink(expected), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(else_run)
{
    check(NULL, NULL, "/run/awaitd.sock");
    check("", "", "/run/awaitd.sock");
    check(NULL, "relative", "/run/awaitd.sock");
    check(NULL, "/etc/passwd", "/run/awaitd.sock");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("paths");
    TCase *tests = tcase_create("paths");
    tcase_add_test(tests, the_variable_of_its_own_comes_first);
    tcase_add_test(tests, then_the_runtime_directory_where_it_exists);
    tcase_add_test(tests, clients_pass_over_a_runtime_directory_without_a_socket);
    tcase_add_test(tests, else_run);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
