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

/* What is kept of this text, which comes in pieces of so many bytes. */
static char *kept(const char *text, size_t piece, const char *prefix)
{
    int ends[2];
    struct daemon_log *log;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(daemon_log_open(ends[0], &log), 0);
    for (size_t size = strlen(text); size > 0;) {
        size_t now = piece < size ? piece : size;
        ck_assert_int_eq(write(ends[1], text, now), (ssize_t)now);
        text += now;
        size -= now;
    }
    daemon_log_finish(log); /* while the other end is open */
    char *result;
    size_t size;
    FILE *file = open_memstream(&result, &size);
    daemon_log_print(log, prefix, file);
    ck_assert_int_eq(fclose(file), 0);
    daemon_log_free(log);
    (void)close(ends[1]);
    return result;
}

START_TEST(lines_are_kept_however_they_come)
{
    for (size_t piece = 1; piece < 12; piece++) {
        char *text = kept("one\ntwo\n\nthree", piece, "");
        ck_assert_str_eq(text, "one\ntwo\n\nthree\n");
        free(text);
    }
}
END_TEST

START_TEST(a_prefix_is_left_out)
{
    char *text = kept("/tmp/x:5: no\n/tmp/y:6: no\n/tmp/x\n", 100, "/tmp/x:");
    ck_assert_str_eq(text, "5: no\n/tmp/y:6: no\n/tmp/x\n");
    free(text);
}
END_TEST

START_TEST(a_line_without_an_end_is_told_in_pieces)
{
    static char text[20001];
    memset(text, 'x', sizeof(text) - 1);
    char *result = kept(text, 4096, "");
    ck_assert_uint_eq(strlen(result), 20003);
    ck_assert_int_eq(result[8192], '\n');
    free(result);
}
END_TEST

START_TEST(a_flood_is_kept_within_bounds)
{
    static char text[1 << 20];
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = i % 64 == 63 ? '\n' : 'x';
    char *result = kept(text, sizeof(text), "");
    ck_assert_uint_gt(strlen(result), 60000);
    ck_assert_uint_le(strlen(result), 65536);
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
    tcase_add_test(tests, lines_are_kept_however_they_come);
    tcase_add_test(tests, a_prefix_is_left_out);
    tcase_add_test(tests, a_line_without_an_end_is_told_in_pieces);
    tcase_add_test(tests, a_flood_is_kept_within_bounds);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
