#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "ctl/kit.h"
#include "suite.h"

static const struct kit_value values[] = {
    {.name = "name", .text = "nap"},
    {.name = "style", .text = "fiber"},
    {.name = "empty", .text = ""},
    {.name = NULL},
};

static void expands(const char *text, const char *expected)
{
    char *expanded = kit_expand(text, values);
    ck_assert_str_eq(expanded, expected);
    free(expanded);
}

START_TEST(placeholders_give_way_to_their_values)
{
    expands("", "");
    expands("@name@", "nap");
    expands("@name@.so: @name@.c", "nap.so: nap.c");
    expands("a @style@ called @name@", "a fiber called nap");
    expands("[@empty@]", "[]");
}
END_TEST

START_TEST(any_other_at_sign_stays)
{
    expands("$@", "$@");
    expands("-o $@ @name@.c", "-o $@ nap.c");
    expands("@", "@");
    expands("@@name@@", "@nap@");
    expands("@other@ @nam@ @name @names@", "@other@ @nam@ @name @names@");
    expands("ada@name.example", "ada@name.example");
}
END_TEST

/* ---- In a directory ------------------------------------------------------------------------------ */

static char folder[] = "/tmp/awaitd-test-XXXXXX";

static void enter_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static const char *const names[] = {"nap.c", "Makefile", "test.sh", "README.md", ".gitignore"};
#define NAMES (sizeof(names) / sizeof(names[0]))

static void leave_folder(void)
{
    for (size_t i = 0; i < NAMES; i++) {
        char path[PATH_MAX];
        (void)snprintf(path, sizeof(path), "nap/%s", names[i]);
        (void)unlink(path);
    }
    (void)rmdir("nap");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void read_file(const char *name, char *text, size_t size)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "nap/%s", name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "no %s", path);
    text[fread(text, 1, size - 1, file)] = '\0';
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(every_file_is_written_and_no_placeholder_is_left)
{
    struct error error = {.text = ""};
    ck_assert_int_eq(kit_write("nap", "nap", (enum run_style)_i, &error), 0);
    for (size_t i = 0; i < NAMES; i++) {
        char text[8192];
        read_file(names[i], text, sizeof(text));
        ck_assert_msg(strlen(text) > 0, "%s is empty", names[i]);
        ck_assert_msg(!strstr(text, "@name@") && !strstr(text, "@style@"), "%s: %s", names[i],
                      text);
        const char *last = strrchr(text, '\n');
        ck_assert_msg(last && !last[1], "%s ends within a line", names[i]);
    }
    char text[8192], style[32];
    read_file("nap.c", text, sizeof(text));
    (void)snprintf(style, sizeof(style), ".%s = ", run_style_name((enum run_style)_i));
    ck_assert_ptr_nonnull(strstr(text, style));
    ck_assert_ptr_nonnull(strstr(text, ".name = \"nap\""));
}
END_TEST

START_TEST(what_is_there_is_left_alone)
{
    struct error error = {.text = ""};
    ck_assert_int_eq(mkdir("nap", 0700), 0);
    ck_assert_int_eq(kit_write("nap", "nap", RUN_FIBER, &error), -EEXIST);
    ck_assert_ptr_nonnull(strstr(error.text, "nap is there already"));
    ck_assert_int_eq(rmdir("nap"), 0); /* it is empty still */
}
END_TEST

START_TEST(a_directory_that_cannot_be_made_is_told)
{
    struct error error = {.text = ""};
    ck_assert_int_eq(kit_write("nowhere/nap", "nap", RUN_FIBER, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, "nowhere/nap"));
}
END_TEST

/* A name that no file can have, so that the first write fails when the directory is there. */
START_TEST(what_was_written_is_taken_back_on_failure)
{
    char name[NAME_MAX + 1];
    memset(name, 'a', NAME_MAX);
    name[NAME_MAX] = '\0';
    struct error error = {.text = ""};
    ck_assert_int_eq(kit_write("nap", name, RUN_FIBER, &error), -ENAMETOOLONG);
    ck_assert_int_eq(access("nap", F_OK), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_kit");
    TCase *texts = tcase_create("texts");
    tcase_add_test(texts, placeholders_give_way_to_their_values);
    tcase_add_test(texts, any_other_at_sign_stays);
    suite_add_tcase(suite, texts);
    TCase *directories = tcase_create("directories");
    tcase_add_checked_fixture(directories, enter_folder, leave_folder);
    tcase_add_loop_test(directories, every_file_is_written_and_no_placeholder_is_left, 0,
                        RUN_STYLES);
    tcase_add_test(directories, what_is_there_is_left_alone);
    tcase_add_test(directories, a_directory_that_cannot_be_made_is_told);
    tcase_add_test(directories, what_was_written_is_taken_back_on_failure);
    suite_add_tcase(suite, directories);
    return suite_run(suite);
}
