#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "suite.h"
#include "base/error.h"
#include "base/problems.h"
#include "supervisor/config_source.h"

static struct config_source source;
static struct problems problems;
static char folder[] = "/tmp/awaitd-test-XXXXXX";

static void set_up(void)
{
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
    char command[100];
    config_source_clear(&source);
    problems_clear(&problems);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static char *in_folder(const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* What becomes of a text, without the newline at its end. */
static const char *walked(const char *text)
{
    size_t size;
    config_source_clear(&source);
    ck_assert_int_eq(config_source_from_text(&source, "x.conf", text, strlen(text), &problems), 0);
    size = source.text.size;
    ck_assert_uint_ge(size, 2);
    ck_assert_uint_eq(source.text.data[size - 1], '\0');
    ck_assert_uint_eq(source.text.data[size - 2], '\n');
    source.text.data[size - 2] = '\0';
    return (const char *)source.text.data;
}

/* The one problem of a text. */
static const char *refused(const char *text, size_t size)
{
    static char first[1000];
    config_source_clear(&source);
    problems_clear(&problems);
    ck_assert_int_eq(config_source_from_text(&source, "x.conf", text, size, &problems), -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    problems_first(&problems, first, sizeof(first));
    return first;
}

#define REFUSED(text) refused(text, sizeof(text) - 1)

/* The line of the text, from 1, that has the words. */
static unsigned line_with(const char *words)
{
    const char *text = (const char *)source.text.data, *found = strstr(text, words);
    unsigned line = 1;
    ck_assert_ptr_nonnull(found);
    for (; text < found; text++)
        line += *text == '\n';
    return line;
}

static void assert_from(const char *words, const char *file, unsigned line)
{
    char expected[300], where[CONFIG_WHERE_MAX];
    (void)snprintf(expected, sizeof(expected), "%s/%s:%u", folder, file, line);
    ck_assert_str_eq(config_source_where(&source, line_with(words), where), expected);
}

START_TEST(integers_past_32_bits_get_their_suffix)
{
    ck_assert_str_eq(walked("a=2147483647;b=-2147483648"), "a=2147483647;b=-2147483648");
    ck_assert_str_eq(walked("a=2147483648;b=-2147483649"), "a=2147483648L;b=-2147483649L");
    ck_assert_str_eq(walked("a=+3000000000"), "a=+3000000000L");
    ck_assert_str_eq(walked("a=3000000000L,b=3000000000LL"), "a=3000000000L,b=3000000000LL");
    ck_assert_str_eq(walked("a=0x7fffffff,b=0xFFFFFFFF"), "a=0x7fffffff,b=0xFFFFFFFFL");
    ck_assert_str_eq(walked("a=[1,9999999999,2]"), "a=[1,9999999999L,2]");
}
END_TEST

START_TEST(digits_elsewhere_are_left_alone)
{
    static const char *const texts[] = {
        "x9999999999=1",        "a-9999999999=1",     "a=9999999999.5",   "a=9999999999e3",
        "a=9999999999.",        "a=1.9999999999",     "a=1e-9999999999",  "a=\"9999999999\"",
        "# 9999999999",         "// 9999999999",      "/* 9999999999 */", "a=.9999999999",
        "a=\"\\\"9999999999\"", "a=1 # \" 9999999999"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_str_eq(walked(texts[i]), texts[i]);
}
END_TEST

START_TEST(what_64_bits_cannot_hold_is_refused)
{
    ck_assert_str_eq(REFUSED("\na=9223372036854775808"),
                     "x.conf:2: this number does not fit in 64 bits");
    (void)REFUSED("a=-9223372036854775809L");
    (void)REFUSED("a=0x8000000000000000L");
    (void)REFUSED("a=99999999999999999999999999999999999999999999999999999999999999999999999999");
    ck_assert_str_eq(walked("a=9223372036854775807"), "a=9223372036854775807L");
}
END_TEST

START_TEST(texts_and_comments_need_an_end)
{
    ck_assert_str_eq(REFUSED("\n\na = \"x\n"), "x.conf:3: this text has no closing quote");
    ck_assert_str_eq(REFUSED("a=1;\n/* b\n"), "x.conf:2: this comment has no end");
    (void)REFUSED("/*/");
    (void)REFUSED("\"x\\\"");
    (void)REFUSED("\"x\\");
}
END_TEST

START_TEST(nul_is_refused_in_each_notation)
{
    ck_assert_str_eq(REFUSED("a=1;\nb=\"\0\";"), "x.conf:2: there is a NUL byte in this line");
    ck_assert_str_eq(REFUSED("a=\"x\\x00y\";"), "x.conf:1: a text must not contain \\x00");
    ck_assert_str_eq(walked("a=\"\\\\x00\";"), "a=\"\\\\x00\";"); /* a backslash, then x00 */
}
END_TEST

START_TEST(a_text_in_memory_includes_nothing)
{
    ck_assert_str_eq(REFUSED("@include \"/etc/passwd\"\n"),
                     "x.conf:1: @include is not possible here");
}
END_TEST

START_TEST(included_files_take_the_place_of_their_line)
{
    struct error error;
    write_file("main.conf", "m1\n@include \"a.conf\"\nm3\n  @include \"b.conf\" m4\nm5\n# "
                            "@include \"none\"\n\"\n@include \\\"none\\\"\"\n");
    write_file("a.conf", "a1\na2\n");
    write_file("b.conf", "b1\nb2");
    ck_assert_int_eq(config_source_read(&source, in_folder("main.conf"), &problems, &error), 0);
    assert_from("m1", "main.conf", 1);
    assert_from("a1", "a.conf", 1);
    assert_from("a2", "a.conf", 2);
    assert_from("m3", "main.conf", 3);
    assert_from("b1", "b.conf", 1);
    assert_from("b2", "b.conf", 2);
    assert_from("m4", "main.conf", 4);
    assert_from("m5", "main.conf", 5);
    ck_assert_uint_eq(source.files_count, 3);
}
END_TEST

START_TEST(a_relative_include_is_beside_the_file_that_asks)
{
    struct error error;
    ck_assert_int_eq(mkdir(in_folder("sub"), 0700), 0);
    write_file("main.conf", "@include \"sub/a.conf\"\n");
    write_file("sub/a.conf", "@include \"b.conf\"\n");
    write_file("sub/b.conf", "here\n");
    ck_assert_int_eq(config_source_read(&source, in_folder("main.conf"), &problems, &error), 0);
    assert_from("here", "sub/b.conf", 1);
}
END_TEST

START_TEST(an_empty_include_is_nothing)
{
    struct error error;
    write_file("main.conf", "@include \"a.conf\"\nm2\n");
    write_file("a.conf", "");
    ck_assert_int_eq(config_source_read(&source, in_folder("main.conf"), &problems, &error), 0);
    assert_from("m2", "main.conf", 2);
}
END_TEST

START_TEST(an_include_that_is_missing_is_told_where_it_is_asked_for)
{
    struct error error;
    char first[500], expected[500];
    write_file("main.conf", "\n@include \"none.conf\"\n");
    ck_assert_int_eq(config_source_read(&source, in_folder("main.conf"), &problems, &error),
                     -EINVAL);
    problems_first(&problems, first, sizeof(first));
    (void)snprintf(expected, sizeof(expected),
                   "%s/main.conf:2: cannot open %s/none.conf: No such file or directory", folder,
                   folder);
    ck_assert_str_eq(first, expected);
}
END_TEST

START_TEST(a_loop_of_includes_ends)
{
    struct error error;
    write_file("main.conf", "@include \"main.conf\"\n@include \"main.conf\"\n");
    ck_assert_int_eq(config_source_read(&source, in_folder("main.conf"), &problems, &error),
                     -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_ptr_nonnull(strstr(problems.kept[0].text, "loop"));
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_told)
{
    struct error error;
    ck_assert_int_eq(config_source_read(&source, in_folder("none"), &problems, &error), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error.text, "No such file"));
    config_source_clear(&source);
    ck_assert_int_eq(config_source_read(&source, folder, &problems, &error), -EISDIR);
    ck_assert_ptr_nonnull(strstr(error.text, "Is a directory"));
    ck_assert_uint_eq(problems.count, 0);
}
END_TEST

START_TEST(a_file_without_end_is_refused)
{
    struct error error;
    ck_assert_int_eq(config_source_read(&source, "/dev/zero", &problems, &error), -EINVAL);
    ck_assert_str_eq(problems.kept[0].text, "is larger than 16 MiB");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_source");
    TCase *tests = tcase_create("config_source");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, integers_past_32_bits_get_their_suffix);
    tcase_add_test(tests, digits_elsewhere_are_left_alone);
    tcase_add_test(tests, what_64_bits_cannot_hold_is_refused);
    tcase_add_test(tests, texts_and_comments_need_an_end);
    tcase_add_test(tests, nul_is_refused_in_each_notation);
    tcase_add_test(tests, a_text_in_memory_includes_nothing);
    tcase_add_test(tests, included_files_take_the_place_of_their_line);
    tcase_add_test(tests, a_relative_include_is_beside_the_file_that_asks);
    tcase_add_test(tests, an_empty_include_is_nothing);
    tcase_add_test(tests, an_include_that_is_missing_is_told_where_it_is_asked_for);
    tcase_add_test(tests, a_loop_of_includes_ends);
    tcase_add_test(tests, a_file_that_cannot_be_read_is_told);
    tcase_add_test(tests, a_file_without_end_is_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
