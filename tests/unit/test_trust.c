#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/trust.h"
#include "suite.h"

static struct error error;
static char folder[] = "/tmp/awaitd-test-XXXXXX";

static void set_up(void)
{
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
    char command[100];
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static char *in_folder(const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* An empty file. */
static void make_file(const char *name)
{
    FILE *file = fopen(in_folder(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(in_folder(name), 0644), 0);
}

START_TEST(a_file_that_others_can_write_is_not_trusted)
{
    const char *file;
    ck_assert_int_eq(chmod(folder, 0755), 0);
    make_file("a.so");
    file = in_folder("a.so");
    if (geteuid() != 0) {
        ck_assert_int_eq(trust_check(file, &error), -EINVAL);
        ck_assert_ptr_nonnull(strstr(error.text, "and not to root"));
        return;
    }
    ck_assert_int_eq(trust_check(file, &error), 0);
    ck_assert_int_eq(chmod(file, 0646), 0);
    ck_assert_int_eq(trust_check(file, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "a.so can be written by everybody"));
    ck_assert_int_eq(chmod(file, 0664), 0);
    ck_assert_int_eq(trust_check(file, &error), 0); /* root's own group */
    ck_assert_int_eq(chown(file, 0, 12345), 0);
    ck_assert_int_eq(trust_check(file, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "a.so can be written by group 12345"));
    ck_assert_int_eq(chown(file, 12345, 0), 0);
    ck_assert_int_eq(trust_check(file, &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "a.so belongs to user 12345 and not to root"));
}
END_TEST

START_TEST(a_directory_that_others_can_write_is_not_trusted)
{
    char link[300];
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(mkdir(in_folder("open"), 0777), 0);
    ck_assert_int_eq(chmod(in_folder("open"), 0777), 0);
    make_file("open/a.so");
    ck_assert_int_eq(trust_check(in_folder("open/a.so"), &error), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "/open can be written by everybody"));
    ck_assert_int_eq(trust_check(in_folder("open/none.so"), &error), -EINVAL);

    /* A link leads to where the danger is. */
    (void)snprintf(link, sizeof(link), "%s", in_folder("b.so"));
    ck_assert_int_eq(symlink(in_folder("open/a.so"), link), 0);
    ck_assert_int_eq(trust_check(link, &error), -EINVAL);
    ck_assert_int_eq(trust_check(in_folder("none/none.so"), &error), 0);
}
END_TEST

static void is_trusted(const char *name, const char *problem)
{
    error = (struct error){0};
    int code = trust_check(in_folder(name), &error);
    ck_assert_msg(code == (problem ? -EINVAL : 0), "%s: %d %s", name, code, error.text);
    ck_assert_msg(!problem || strstr(error.text, problem), "%s: %s", name, error.text);
}

static void make_directory(const char *name, uid_t owner, mode_t mode)
{
    ck_assert_int_eq(mkdir(in_folder(name), 0755), 0);
    ck_assert_int_eq(chown(in_folder(name), owner, 0), 0);
    ck_assert_int_eq(chmod(in_folder(name), mode), 0);
}

START_TEST(a_directory_above_that_others_can_write_is_not_trusted)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(folder, 0755), 0);
    make_directory("theirs", 12345, 0755);
    make_directory("theirs/own", 0, 0755);
    make_directory("open", 0, 0777);
    make_directory("open/own", 0, 0755);
    make_directory("sticky", 0, 01777);
    make_directory("sticky/own", 0, 0755);
    make_directory("theirsticky", 12345, 01777);
    make_directory("theirsticky/own", 0, 0755);
    make_file("theirs/own/a.so");
    make_file("open/own/a.so");
    make_file("sticky/own/a.so");
    make_file("sticky/a.so");
    make_file("theirsticky/own/a.so");
    is_trusted("theirs/own/a.so", "/theirs belongs to user 12345");
    is_trusted("open/own/a.so", "/open can be written by everybody");
    is_trusted("sticky/own/a.so", NULL);
    is_trusted("sticky/a.so", "/sticky can be written by everybody"); /* others can add to it */
    is_trusted("theirsticky/own/a.so", "/theirsticky belongs to user 12345");
    is_trusted("open/own/../../sticky/own/a.so", "/open can be written by everybody");
}
END_TEST

START_TEST(each_link_on_the_way_must_be_roots_and_lead_where_only_root_can_write)
{
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(chmod(folder, 0755), 0);
    make_directory("sticky", 0, 01777);
    make_directory("own", 0, 0755);
    make_directory("open", 0, 0777);
    make_file("own/a.so");
    ck_assert_int_eq(symlink("../own", in_folder("sticky/link")), 0);
    is_trusted("sticky/link/a.so", NULL);
    ck_assert_int_eq(lchown(in_folder("sticky/link"), 12345, 0), 0);
    is_trusted("sticky/link/a.so", "/sticky/link belongs to user 12345");
    ck_assert_int_eq(symlink("../own/a.so", in_folder("open/b.so")), 0);
    ck_assert_int_eq(symlink("../open/b.so", in_folder("own/c.so")), 0);
    is_trusted("own/c.so", "/open can be written by everybody"); /* though it ends in own */
    ck_assert_int_eq(symlink("loop.so", in_folder("own/loop.so")), 0);
    is_trusted("own/loop.so", "too many links");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trust");
    TCase *tests = tcase_create("trust");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_file_that_others_can_write_is_not_trusted);
    tcase_add_test(tests, a_directory_that_others_can_write_is_not_trusted);
    tcase_add_test(tests, a_directory_above_that_others_can_write_is_not_trusted);
    tcase_add_test(tests, each_link_on_the_way_must_be_roots_and_lead_where_only_root_can_write);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
