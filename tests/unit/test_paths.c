#include <check.h>
#include <errno.h>
#include <pwd.h>
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

/* Sets all variables (NULL: not set) and compares. */
static void check_state(const char *service, const char *state, const char *home,
                        const char *expected, bool expected_parents)
{
    service ? setenv("STATE_DIRECTORY", service, 1) : unsetenv("STATE_DIRECTORY");
    state ? setenv("XDG_STATE_HOME", state, 1) : unsetenv("XDG_STATE_HOME");
    home ? setenv("HOME", home, 1) : unsetenv("HOME");
    char *path = NULL;
    bool make_parents = !expected_parents;
    ck_assert_int_eq(paths_default_state(&path, &make_parents), 0);
    ck_assert_str_eq(path, expected);
    ck_assert_int_eq(make_parents, expected_parents);
    free(path);
}

START_TEST(the_state_is_where_systemd_says)
{
    check_state("/var/lib/x", "/state", "/home/me", "/var/lib/x", false);
    check_state("/var/lib/x:/var/lib/y", NULL, NULL, "/var/lib/x", false);
}
END_TEST

START_TEST(else_the_state_of_root_is_in_var_lib)
{
    if (geteuid() != 0)
        return;
    check_state(NULL, "/state", "/root", "/var/lib/awaitd", false);
    check_state("", NULL, NULL, "/var/lib/awaitd", false);
}
END_TEST

START_TEST(else_the_state_is_in_the_users_home)
{
    if (geteuid() == 0)
        ck_assert_int_eq(setuid(65534), 0); /* nobody; each test is a process of its own */
    check_state(NULL, "/state", "/home/me", "/state/awaitd", true);
    check_state("relative", "relative", "/home/me", "/home/me/.local/state/awaitd", true);
    check_state("", "", "/home/me", "/home/me/.local/state/awaitd", true);
    /* The user database knows, too. */
    const struct passwd *user = getpwuid(geteuid());
    char expected[300];
    if (user) {
        (void)snprintf(expected, sizeof(expected), "%s/.local/state/awaitd", user->pw_dir);
        check_state(NULL, NULL, NULL, expected, true);
    }
}
END_TEST

START_TEST(who_has_no_home_has_no_place_for_the_state)
{
    char *path = NULL;
    bool make_parents;
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(setuid(3999999999), 0); /* nobody that the user database knows */
    unsetenv("STATE_DIRECTORY");
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    ck_assert_int_eq(paths_default_state(&path, &make_parents), -ENOENT);
    ck_assert_ptr_null(path);
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
    tcase_add_test(tests, the_state_is_where_systemd_says);
    tcase_add_test(tests, else_the_state_of_root_is_in_var_lib);
    tcase_add_test(tests, else_the_state_is_in_the_users_home);
    tcase_add_test(tests, who_has_no_home_has_no_place_for_the_state);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
