#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "ctl/daemon_log.h"
#include "suite.h"

static bool is_of_plugin(const char *line)
{
    return daemon_log_is_of_plugin(line, strlen(line));
}

START_TEST(what_a_plugin_logs_is_its_own)
{
    ck_assert(is_of_plugin("12:34:56.789 info: hello batch=1 job=0 plugin=nap"));
    ck_assert(is_of_plugin("00:00:00.000 error: loading plugin=nap"));
    ck_assert(is_of_plugin("12:34:56.789 info: says plugin=other twice batch=1 job=0 plugin=nap"));
}
END_TEST

START_TEST(what_is_not_of_the_log_was_written_by_a_plugin)
{
    ck_assert(is_of_plugin(""));
    ck_assert(is_of_plugin("hello"));
    ck_assert(is_of_plugin("12:34:56.78 info: hello"));
    ck_assert(is_of_plugin("12:34:56.789"));
    ck_assert(is_of_plugin("12:34:56.789 hello"));
    ck_assert(is_of_plugin("12:34:56.789 info:hello"));
}
END_TEST

START_TEST(the_daemons_own_lines_are_not)
{
    ck_assert(!is_of_plugin("12:34:56.789 info: ready: pid=1 workers=1 socket=/tmp/s"));
    ck_assert(
        !is_of_plugin("12:34:56.789 info: job batch=1 job=0 plugin=nap state=succeeded run=1"));
    ck_assert(!is_of_plugin("12:34:56.789 error: plugin nap (/x/nap.so) is disabled: no symbol"));
    ck_assert(!is_of_plugin("12:34:56.789 debug: "));
}
END_TEST

/* What is told of this text, which comes in pieces of so many bytes, at once and then of what is kept. */
static char *told(const char *text, size_t piece)
{
    int ends[2];
    struct daemon_log *log;
    char *result;
    size_t result_size;
    FILE *file = open_memstream(&result, &result_size);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(daemon_log_open(ends[0], "/tmp/x", file, &log), 0);
    for (size_t size = strlen(text); size > 0;) {
        size_t now = piece < size ? piece : size;
        ck_assert_int_eq(write(ends[1], text, now), (ssize_t)now);
        text += now;
        size -= now;
    }
    daemon_log_finish(log); /* while the other end is open */
    (void)fputs("kept:\n", file);
    daemon_log_print(log);
    ck_assert_int_eq(fclose(file), 0);
    daemon_log_free(log);
    (void)close(ends[1]);
    return result;
}

#define OWN "12:34:56.789 info: ready\n"

START_TEST(lines_are_told_or_kept_however_they_come)
{
    for (size_t piece = 1; piece < 40; piece++) {
        char *text = told("one\n" OWN "two\n\nthree", piece);
        ck_assert_str_eq(text, "one\ntwo\n\nthree\nkept:\n" OWN);
        free(text);
    }
}
END_TEST

START_TEST(the_place_in_a_file_that_nobody_knows_is_left_out)
{
    char *text = told("/tmp/x:15: no\n/tmp/y:6: no\n/tmp/x\n/tmp/x:\n/tmp/x:1\n/tmp/x:1: ", 100);
    ck_assert_str_eq(text, "no\n/tmp/y:6: no\n/tmp/x\n/tmp/x:\n/tmp/x:1\n\nkept:\n");
    free(text);
}
END_TEST

START_TEST(a_line_without_an_end_is_told_in_pieces)
{
    static char text[20001];
    memset(text, 'x', sizeof(text) - 1);
    char *result = told(text, 4096);
    ck_assert_uint_eq(strlen(result), 20003 + strlen("kept:\n"));
    ck_assert_int_eq(result[8192], '\n');
    free(result);
}
END_TEST

START_TEST(a_flood_is_kept_within_bounds)
{
    static char text[(sizeof(OWN) - 1) * 10000 + 1];
    for (size_t at = 0; at + 1 < sizeof(text); at += sizeof(OWN) - 1)
        memcpy(text + at, OWN, sizeof(OWN) - 1);
    char *result = told(text, sizeof(text));
    ck_assert_uint_gt(strlen(result), 60000);
    ck_assert_uint_le(strlen(result), 65536 + strlen("kept:\n"));
    free(result);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_daemon_log");
    TCase *tests = tcase_create("ctl_daemon_log");
    tcase_add_test(tests, what_a_plugin_logs_is_its_own);
    tcase_add_test(tests, what_is_not_of_the_log_was_written_by_a_plugin);
    tcase_add_test(tests, the_daemons_own_lines_are_not);
    tcase_add_test(tests, lines_are_told_or_kept_however_they_come);
    tcase_add_test(tests, the_place_in_a_file_that_nobody_knows_is_left_out);
    tcase_add_test(tests, a_line_without_an_end_is_told_in_pieces);
    tcase_add_test(tests, a_flood_is_kept_within_bounds);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
