/*
 * Lines are caught at the two places where they leave: standard error becomes a pipe, and syslog(3)
 * is a function of this file's own.
 */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "suite.h"

/* ---- A syslog of our own --------------------------------------------------------------------- */

/* <syslog.h> would bring inline versions of these along. */
void openlog(const char *ident, int option, int facility);
void closelog(void);
void syslog(int priority, const char *format, ...);
void __syslog_chk(int priority, int flag, const char *format, ...);

static struct {
    char ident[32];
    int facility;
    size_t count;
    int priorities[16];
    char lines[16][256];
    pthread_t thread;
} caught;

void openlog(const char *ident, int option, int facility)
{
    (void)option;
    (void)snprintf(caught.ident, sizeof(caught.ident), "%s", ident);
    caught.facility = facility;
}

void closelog(void)
{
}

static void catch_line(int priority, const char *format, va_list arguments)
{
    ck_assert_uint_lt(caught.count, 16);
    caught.priorities[caught.count] = priority;
    (void)vsnprintf(caught.lines[caught.count], sizeof(caught.lines[0]), format, arguments);
    caught.thread = pthread_self();
    caught.count++;
}

void syslog(int priority, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    catch_line(priority, format, arguments);
    va_end(arguments);
}

/* What _FORTIFY_SOURCE makes of it. */
void __syslog_chk(int priority, int flag, const char *format, ...)
{
    (void)flag;
    va_list arguments;
    va_start(arguments, format);
    catch_line(priority, format, arguments);
    va_end(arguments);
}

START_TEST(syslog_gets_level_facility_and_text_from_a_thread_of_its_own)
{
    struct log_options options = {.target = LOG_TARGET_SYSLOG,
                                  .level = LOG_LEVEL_DEBUG,
                                  .ident = "awaitd",
                                  .mailbox_lines = 16};
    struct log *log = log_open(&options, NULL);
    log_write(log, LOG_LEVEL_ERROR, "one %d", 1);
    log_write(log, LOG_LEVEL_WARNING, "two");
    log_write(log, LOG_LEVEL_INFO, "three %%s");
    log_write(log, LOG_LEVEL_DEBUG, "four");
    log_close(log);
    ck_assert_str_eq(caught.ident, "awaitd");
    ck_assert_int_eq(caught.facility, 3 << 3); /* LOG_DAEMON */
    ck_assert_uint_eq(caught.count, 4);
    static const int priorities[] = {3, 4, 6, 7}; /* LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG */
    static const char *const lines[] = {"one 1", "two", "three %s", "four"};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(caught.priorities[i], priorities[i]);
        ck_assert_str_eq(caught.lines[i], lines[i]);
    }
    ck_assert(!pthread_equal(caught.thread, pthread_self()));
}
END_TEST

/* ---- Standard error as a pipe ---------------------------------------------------------------- */

struct capture {
    int read_fd, saved_fd;
};

static struct capture capture_begin(void)
{
    int fds[2];
    struct capture capture;
    ck_assert_int_eq(pipe(fds), 0);
    capture.read_fd = fds[0];
    capture.saved_fd = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
    close(fds[1]);
    return capture;
}

/* Gives standard error back and returns all that was written, until the next call. */
static char *capture_end(struct capture *capture)
{
    static char text[1 << 17];
    size_t size = 0;
    ssize_t got;
    ck_assert_int_eq(dup2(capture->saved_fd, STDERR_FILENO), STDERR_FILENO);
    close(capture->saved_fd);
    while ((got = read(capture->read_fd, text + size, sizeof(text) - 1 - size)) > 0)
        size += (size_t)got;
    close(capture->read_fd);
    text[size] = '\0';
    return text;
}

/* Fills the pipe, so that whoever writes to standard error blocks. Returns how many bytes that took. */
static size_t capture_stall(void)
{
    size_t size = 0;
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    (void)fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096);
    (void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
    for (ssize_t put; (put = write(STDERR_FILENO, "#", 1)) > 0;)
        size += (size_t)put;
    (void)fcntl(STDERR_FILENO, F_SETFL, flags);
    return size;
}

static struct log *open_stderr(enum log_level level, double rate, double burst, size_t lines)
{
    struct log_options options = {.target = LOG_TARGET_STDERR,
                                  .level = level,
                                  .ident = "test",
                                  .rate = rate,
                                  .burst = burst,
                                  .mailbox_lines = lines};
    struct log *log = log_open(&options, NULL);
    ck_assert_ptr_nonnull(log);
    return log;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        count++;
    return count;
}

/* The sum of all numbers behind `key` in the text. */
static unsigned long sum_of(const char *text, const char *key)
{
    unsigned long sum = 0;
    for (; (text = strstr(text, key)); text += strlen(key))
        sum += strtoul(text + strlen(key), NULL, 10);
    return sum;
}

START_TEST(people_get_time_level_and_text)
{
    struct capture capture = capture_begin();
    struct log *log = open_stderr(LOG_LEVEL_INFO, 0, 1, 10);
    log_write(log, LOG_LEVEL_WARNING, "disk %d%% full", 93);
    log_close(log);
    const char *text = capture_end(&capture);
    int hour, minute, second, ms, length = 0;
    ck_assert_int_eq(
        sscanf(text, "%2d:%2d:%2d.%3d warning: %n", &hour, &minute, &second, &ms, &length), 4);
    ck_assert_str_eq(text + length, "disk 93% full\n");
}
END_TEST

START_TEST(lines_above_the_level_are_not_written)
{
    struct capture capture = capture_begin();
    struct log *log = open_stderr(LOG_LEVEL_WARNING, 0, 1, 10);
    log_write(log, LOG_LEVEL_ERROR, "loud");
    log_write(log, LOG_LEVEL_WARNING, "loud");
    log_write(log, LOG_LEVEL_INFO, "quiet");
    log_write(log, LOG_LEVEL_DEBUG, "quiet");
    log_close(log);
    const char *text = capture_end(&capture);
    ck_assert_uint_eq(count_of(text, "loud"), 2);
    ck_assert_uint_eq(count_of(text, "quiet"), 0);
}
END_TEST

START_TEST(no_log_drops_everything)
{
    log_write(NULL, LOG_LEVEL_ERROR, "%d", 1);
    ck_assert(!log_limited(NULL, LOG_LEVEL_ERROR));
    log_close(NULL);
}
END_TEST

START_TEST(all_lines_come_in_order_before_the_log_is_closed)
{
    struct capture capture = capture_begin();
    struct log *log = open_stderr(LOG_LEVEL_INFO, 0, 1, 1000);
    for (int i = 0; i < 1000; i++)
        log_write(log, LOG_LEVEL_INFO, "line %d.", i);
    log_close(log);
    const char *at = capture_end(&capture);
    for (int i = 0; i < 1000; i++) {
        char line[32];
        (void)snprintf(line, sizeof(line), "info: line %d.\n", i);
        at = strstr(at, line);
        ck_assert_msg(at != NULL, "%s", line);
    }
}
END_TEST

START_TEST(a_line_stays_one_line_of_valid_text)
{
    struct capture capture = capture_begin();
    struct log *log = open_stderr(LOG_LEVEL_INFO, 0, 1, 10);
    log_write(log, LOG_LEVEL_INFO, "%s", "a\nb\x1B[31mc\x7F \xFF \xC3\xA4");
    log_close(log);
    const char *text = capture_end(&capture);
    ck_assert_ptr_nonnull(strstr(text, "info: a b [31mc  ? \xC3\xA4\n"));
    ck_assert_uint_eq(count_of(text, "\n"), 1);
}
END_TEST

START_TEST(long_lines_are_cut)
{
    static char huge[20000];
    memset(huge, 'x', sizeof(huge) - 1);
    struct capture capture = capture_begin();
    struct log *log = open_stderr(LOG_LEVEL_INFO, 0, 1, 10);
    log_write(log, LOG_LEVEL_INFO, "%.1000s", huge);
    log_write(log, LOG_LEVEL_INFO, "%s", huge);
    log_close(log);
    const char *text = capture_end(&capture);
    ck_assert_uint_eq(strspn(strchr(text, 'x'), "x"), 1000);
    ck_assert_uint_eq(strspn(strchr(strchr(text, '\n'), 'x'), "x"), 8191);
}
END_TEST

START_TEST(a_stalled_target_never_blocks_and_what_was_dropped_is_counted)
{
    struct capture capture = capture_begin();
    size_t filler = capture_stall();
    struct log *log = open_stderr(LOG_LEVEL_INFO, 0, 1, 5);
    for (int i = 0; i < 1000; i++)
        log_write(log, LOG_LEVEL_INFO, "line %d.", i);

    /* Makes room, and reads until the log has told what it dropped. */
    static char text[1 << 16];
    size_t size = 0;
    while (!strstr(text, "dropped=") || text[size - 1] != '\n') {
        ssize_t got = read(capture.read_fd, text + size, sizeof(text) - 1 - size);
        ck_assert_int_gt(got, 0);
        size += (size_t)got;
    }
    log_close(log);
    (void)snprintf(text + size, sizeof(text) - size, "%s", capture_end(&capture));
    ck_assert_uint_eq(strspn(text, "#"), filler);
    ck_assert_uint_gt(sum_of(text, "dropped="), 0);
    ck_assert_uint_eq(count_of(text, "line ") + sum_of(text, "dropped="), 1000);
}
END_TEST

START_TEST(closing_gives_up_on_a_stalled_target_after_two_seconds)
{
    struct capture capture = capture_begin();
    (void)capture_stall();
    struct log *log = open_stderr(LOG_LEVEL_INFO, 0, 1, 5);
    log_write(log, LOG_LEVEL_INFO, "never seen");
    uint64_t begin_ns = clock_now_ns();
    log_close(log);
    double took_s = clock_seconds(clock_now_ns() - begin_ns);
    ck_assert(took_s >= 1.99 && took_s < 3.5);
    /* The thread writes on, frees the log and ends; the sanitizers would see it touch what is freed. */
    char text[8192];
    size_t size = 0;
    while (size == 0 || text[size - 1] != '\n') {
        ssize_t got = read(capture.read_fd, text + size, sizeof(text) - size);
        ck_assert_int_gt(got, 0);
        size += (size_t)got;
    }
    (void)dup2(capture.saved_fd, STDERR_FILENO);
}
END_TEST

/* ---- Floods ---------------------------------------------------------------------------------- */

START_TEST(without_a_rate_nothing_is_held_back)
{
    struct capture capture = capture_begin();
    struct log *log = open_stderr(LOG_LEVEL_INFO, 0, 1, 10);
    for (int i = 0; i < 10000; i++)
        ck_assert(log_limited(log, LOG_LEVEL_INFO));
    log_close(log);
    ck_assert_str_eq(capture_end(&capture), "");
}
END_TEST

START_TEST(a_burst_is_let_through_and_closing_sums_up_the_rest)
{
    struct capture capture = capture_begin();
    struct log *log = open_stderr(LOG_LEVEL_INFO, 1e-6, 5, 10);
    for (int i = 0; i < 105; i++)
        ck_assert_int_eq(log_limited(log, LOG_LEVEL_INFO), i < 5);
    log_close(log);
    const char *text = capture_end(&capture);
    ck_assert_ptr_nonnull(strstr(text, "warning: "));
    ck_assert_uint_eq(sum_of(text, "held_back="), 100);
    ck_assert_uint_eq(count_of(text, "\n"), 1);
}
END_TEST

START_TEST(the_sum_comes_by_itself_at_most_once_a_second)
{
    struct capture capture = capture_begin();
    struct log *log = open_stderr(LOG_LEVEL_INFO, 1e-6, 1, 10);
    ck_assert(log_limited(log, LOG_LEVEL_INFO));
    /* Twice: also after the thread has gone back to sleep. */
    for (int i = 0; i < 2; i++) {
        char text[256] = "";
        uint64_t begin_ns = clock_now_ns();
        ck_assert(!log_limited(log, LOG_LEVEL_INFO));
        ck_assert(!log_limited(log, LOG_LEVEL_INFO));
        struct pollfd ready = {.fd = capture.read_fd, .events = POLLIN};
        ck_assert_int_eq(poll(&ready, 1, 3000), 1);
        ck_assert_int_gt(read(capture.read_fd, text, sizeof(text) - 1), 0);
        ck_assert_uint_eq(sum_of(text, "held_back="), 2);
        ck_assert(clock_seconds(clock_now_ns() - begin_ns) >= 1);
    }
    log_close(log);
    ck_assert_str_eq(capture_end(&capture), "");
}
END_TEST

START_TEST(the_allowance_comes_back_with_time)
{
    struct capture capture = capture_begin(); /* what is held back is summed up */
    struct log *log = open_stderr(LOG_LEVEL_INFO, 50, 2, 10);
    uint64_t begin_ns = clock_now_ns();
    int allowed = 0;
    while (allowed < 7)
        allowed += log_limited(log, LOG_LEVEL_INFO);
    /* Two at once, and five more at 50 a second. */
    ck_assert_uint_ge(clock_now_ns() - begin_ns, UINT64_C(99000000));
    log_close(log);
    (void)capture_end(&capture);
}
END_TEST

START_TEST(lines_above_the_level_do_not_count_as_held_back)
{
    struct capture capture = capture_begin();
    struct log *log = open_stderr(LOG_LEVEL_WARNING, 1e-6, 1, 10);
    for (int i = 0; i < 100; i++)
        ck_assert(!log_limited(log, LOG_LEVEL_INFO));
    ck_assert(log_limited(log, LOG_LEVEL_WARNING));
    log_close(log);
    ck_assert_str_eq(capture_end(&capture), "");
}
END_TEST

/* ---- Fields ---------------------------------------------------------------------------------- */

START_TEST(plain_values_are_written_as_they_are)
{
    char line[64] = "job";
    log_field(line, sizeof(line), "plugin", "wait");
    log_field(line, sizeof(line), "path", "/a/b\\c-\xC3\xA4");
    ck_assert_str_eq(line, "job plugin=wait path=/a/b\\c-\xC3\xA4");
}
END_TEST

START_TEST(values_that_could_be_mistaken_are_quoted)
{
    static const char *const cases[][2] = {
        {"", " k=\"\""},
        {"a b", " k=\"a b\""},
        {"a=b", " k=\"a=b\""},
        {"say \"hi\"", " k=\"say \\\"hi\\\"\""},
        {"back\\slash \"", " k=\"back\\\\slash \\\"\""},
        {"a\nb\tc\r", " k=\"a\\nb\\tc\\r\""},
        {"\x1B[0m\x7F", " k=\"\\x1b[0m\\x7f\""},
        {"\xC2\x85", " k=\"\\xc2\\x85\""},
        {"\xFF\xC3", " k=\"\\xff\\xc3\""},
        {"\xC3\xA4 \xE2\x82\xAC", " k=\"\xC3\xA4 \xE2\x82\xAC\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[64] = "";
        log_field(line, sizeof(line), "k", cases[i][0]);
        ck_assert_str_eq(line, cases[i][1]);
    }
}
END_TEST

START_TEST(what_does_not_fit_is_cut_and_the_quotes_are_closed)
{
    for (size_t size = 1; size < 40; size++) {
        char line[48];
        memset(line, '#', sizeof(line));
        line[0] = '\0';
        log_field(line, size, "key", "\xE2\x82\xAC \n\x01 \"text\"");
        ck_assert_uint_lt(strlen(line), size);
        ck_assert_int_eq(line[size], '#');
        if (*line) {
            ck_assert_int_eq(strncmp(line, " key=\"", 6), 0);
            size_t length = strlen(line);
            ck_assert_int_eq(line[length - 1], '"');
            ck_assert_uint_ge(length, 7);
            ck_assert(length == 7 || line[length - 2] != '\\');
        }
    }
    char line[10] = "";
    log_field(line, sizeof(line), "key", "abcdefgh");
    ck_assert_str_eq(line, " key=abcd");
    log_field(line, sizeof(line), "more", "x");
    ck_assert_str_eq(line, " key=abcd");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *lines = tcase_create("lines");
    tcase_add_test(lines, syslog_gets_level_facility_and_text_from_a_thread_of_its_own);
    tcase_add_test(lines, people_get_time_level_and_text);
    tcase_add_test(lines, lines_above_the_level_are_not_written);
    tcase_add_test(lines, no_log_drops_everything);
    tcase_add_test(lines, all_lines_come_in_order_before_the_log_is_closed);
    tcase_add_test(lines, a_line_stays_one_line_of_valid_text);
    tcase_add_test(lines, long_lines_are_cut);
    tcase_add_test(lines, a_stalled_target_never_blocks_and_what_was_dropped_is_counted);
    tcase_add_test(lines, closing_gives_up_on_a_stalled_target_after_two_seconds);
    suite_add_tcase(suite, lines);

    TCase *floods = tcase_create("floods");
    tcase_add_test(floods, without_a_rate_nothing_is_held_back);
    tcase_add_test(floods, a_burst_is_let_through_and_closing_sums_up_the_rest);
    tcase_add_test(floods, the_sum_comes_by_itself_at_most_once_a_second);
    tcase_add_test(floods, the_allowance_comes_back_with_time);
    tcase_add_test(floods, lines_above_the_level_do_not_count_as_held_back);
    suite_add_tcase(suite, floods);

    TCase *fields = tcase_create("fields");
    tcase_add_test(fields, plain_values_are_written_as_they_are);
    tcase_add_test(fields, values_that_could_be_mistaken_are_quoted);
    tcase_add_test(fields, what_does_not_fit_is_cut_and_the_quotes_are_closed);
    suite_add_tcase(suite, fields);
    return suite_run(suite);
}
