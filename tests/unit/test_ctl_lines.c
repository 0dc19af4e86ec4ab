#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "ctl/lines.h"
#include "suite.h"

/* A pipe and a reader at its end. */
struct pipe_lines {
    int writer;
    struct lines lines;
};

static void open_pipe(struct pipe_lines *out, size_t max)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    *out = (struct pipe_lines){.writer = ends[1], .lines = {.fd = ends[0], .max = max}};
}

static void write_text(struct pipe_lines *pipe_lines, const char *text)
{
    ck_assert_int_eq(write(pipe_lines->writer, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(lines_fill(&pipe_lines->lines), 0);
}

static void next_is(struct pipe_lines *pipe_lines, const char *expected)
{
    const char *line;
    size_t size;
    ck_assert_int_eq(lines_next(&pipe_lines->lines, &line, &size), 1);
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_mem_eq(line, expected, size);
}

static void no_line_yet(struct pipe_lines *pipe_lines, int code)
{
    const char *line;
    size_t size;
    ck_assert_int_eq(lines_next(&pipe_lines->lines, &line, &size), code);
}

START_TEST(lines_come_whole_however_they_are_cut)
{
    struct pipe_lines pipe_lines;
    open_pipe(&pipe_lines, 0);
    no_line_yet(&pipe_lines, -EAGAIN);
    write_text(&pipe_lines, "one\ntw");
    next_is(&pipe_lines, "one");
    no_line_yet(&pipe_lines, -EAGAIN);
    write_text(&pipe_lines, "o");
    no_line_yet(&pipe_lines, -EAGAIN);
    write_text(&pipe_lines, "\n\nthree\n");
    next_is(&pipe_lines, "two");
    next_is(&pipe_lines, "");
    next_is(&pipe_lines, "three");
    ck_assert_uint_eq(pipe_lines.lines.number, 4);
    ck_assert_int_eq(lines_fill(&pipe_lines.lines), -EAGAIN);
    lines_free(&pipe_lines.lines);
}
END_TEST

START_TEST(the_last_line_may_lack_its_newline)
{
    struct pipe_lines pipe_lines;
    open_pipe(&pipe_lines, 0);
    write_text(&pipe_lines, "one\ntwo");
    ck_assert_int_eq(close(pipe_lines.writer), 0);
    next_is(&pipe_lines, "one");
    no_line_yet(&pipe_lines, -EAGAIN);
    ck_assert_int_eq(lines_fill(&pipe_lines.lines), 0);
    next_is(&pipe_lines, "two");
    no_line_yet(&pipe_lines, 0);
    no_line_yet(&pipe_lines, 0);
    lines_free(&pipe_lines.lines);
}
END_TEST

START_TEST(a_line_without_end_is_refused_before_it_ends)
{
    struct pipe_lines pipe_lines;
    open_pipe(&pipe_lines, 5);
    write_text(&pipe_lines, "12345\n123456");
    next_is(&pipe_lines, "12345");
    no_line_yet(&pipe_lines, -E2BIG);
    lines_free(&pipe_lines.lines);
}
END_TEST

START_TEST(peeking_takes_nothing)
{
    struct pipe_lines pipe_lines;
    size_t size;
    open_pipe(&pipe_lines, 0);
    (void)lines_peek(&pipe_lines.lines, &size);
    ck_assert_uint_eq(size, 0);
    write_text(&pipe_lines, "jobs = ();\n");
    ck_assert_mem_eq(lines_peek(&pipe_lines.lines, &size), "jobs", 4);
    ck_assert_uint_eq(size, 11);
    next_is(&pipe_lines, "jobs = ();");
    lines_free(&pipe_lines.lines);
}
END_TEST

START_TEST(a_directory_is_no_file)
{
    struct lines lines = {.fd = open("/", O_RDONLY | O_DIRECTORY)};
    ck_assert_int_eq(lines_fill(&lines), -EISDIR);
    lines_free(&lines);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_lines");
    TCase *tests = tcase_create("ctl_lines");
    tcase_add_test(tests, lines_come_whole_however_they_are_cut);
    tcase_add_test(tests, the_last_line_may_lack_its_newline);
    tcase_add_test(tests, a_line_without_end_is_refused_before_it_ends);
    tcase_add_test(tests, peeking_takes_nothing);
    tcase_add_test(tests, a_directory_is_no_file);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
