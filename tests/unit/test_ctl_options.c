#include <check.h>
#include <string.h>
#include "ctl/ctl.h"
#include "ctl/options.h"
#include "suite.h"

struct shared {
    struct option_number priority;
    struct option_rate rate;
};

static const struct option_row shared_rows[] = {
    OPTION(struct shared, priority, .name = "priority", .argument = "N", .min = -100,
           .member = "priority"),
    OPTION(struct shared, rate, .name = "rate", .argument = "RATE", .member = "rate"),
    OPTIONS_END,
};

struct given {
    int64_t count;
    const char *name;
    bool follow, alone;
    struct shared shared;
    struct option_span timeout;
};

static const struct option_row rows[] = {
    OPTION(struct given, count, .name = "count", .letter = 'n', .argument = "N", .min = 1),
    OPTION(struct given, name, .name = "name", .argument = "NAME"),
    OPTION(struct given, follow, .name = "follow", .letter = 'f'),
    OPTION(struct given, alone, .name = "alone", .member = "shared", .clears = true),
    OPTION_ROWS_OF(struct given, shared, shared_rows),
    OPTION(struct given, timeout, .name = "timeout", .argument = "SPAN", .member = "limits.time"),
    OPTIONS_END,
};
static const struct command command = {.name = "test", .options = rows};

/* A command line that was read. */
struct line {
    struct ctl ctl;
    struct given given;
    char *arguments[8];
    int count, code;
};

static void read_line(struct line *line, const struct command *of, const char *const *arguments)
{
    *line = (struct line){.count = 0};
    for (; arguments[line->count]; line->count++)
        line->arguments[line->count] = (char *)arguments[line->count];
    line->code = options_read(&line->ctl, of, &line->given, &line->count, line->arguments);
}

#define READ(line, ...) read_line(line, &command, (const char *const[]){__VA_ARGS__, NULL})

static void is_refused(const char *first, const char *second, const char *why)
{
    struct line line;
    READ(&line, first, second);
    ck_assert_int_eq(line.code, CTL_USAGE);
    ck_assert_msg(strstr(line.ctl.error.text, why), "%s", line.ctl.error.text);
}

START_TEST(options_and_arguments_may_be_mixed)
{
    struct line line;
    READ(&line, "a", "--count", "3", "b", "-f", "--name=x y", "c");
    ck_assert_int_eq(line.code, CTL_OK);
    ck_assert_int_eq(line.given.count, 3);
    ck_assert_str_eq(line.given.name, "x y");
    ck_assert(line.given.follow);
    ck_assert_int_eq(line.count, 3);
    ck_assert_str_eq(line.arguments[0], "a");
    ck_assert_str_eq(line.arguments[2], "c");
}
END_TEST

START_TEST(two_dashes_end_the_options)
{
    struct line line;
    READ(&line, "-f", "--", "--count", "-q");
    ck_assert_int_eq(line.code, CTL_OK);
    ck_assert_int_eq(line.count, 2);
    ck_assert_str_eq(line.arguments[0], "--count");
    ck_assert(!line.ctl.quiet);
}
END_TEST

START_TEST(words_are_those_in_front_of_two_dashes)
{
    struct line line;
    READ(&line, "a", "b", "-q", "--", "c", "--", "-f");
    ck_assert_int_eq(line.count, 5);
    ck_assert_int_eq(line.ctl.words, 2);
    ck_assert_str_eq(line.arguments[3], "--");
    ck_assert(!line.given.follow);
    READ(&line, "a", "b", "-q");
    ck_assert_int_eq(line.ctl.words, 2);
    READ(&line, "--", "a");
    ck_assert_int_eq(line.ctl.words, 0);
}
END_TEST

START_TEST(a_single_dash_is_an_argument)
{
    struct line line;
    READ(&line, "-");
    ck_assert_int_eq(line.code, CTL_OK);
    ck_assert_int_eq(line.count, 1);
}
END_TEST

START_TEST(short_flags_can_be_joined_and_end_with_a_value)
{
    struct line line;
    READ(&line, "-qfn", "5");
    ck_assert_int_eq(line.code, CTL_OK);
    ck_assert(line.ctl.quiet && line.given.follow);
    ck_assert_int_eq(line.given.count, 5);
    READ(&line, "-fn7");
    ck_assert_int_eq(line.given.count, 7);
}
END_TEST

START_TEST(common_options_are_read_before_and_after_the_command)
{
    struct line line;
    READ(&line, "--json", "x", "--socket", "/s", "--reconnect", "1min");
    ck_assert_int_eq(line.code, CTL_OK);
    ck_assert_double_eq(line.ctl.reconnect.seconds, 60);
    ck_assert(line.ctl.json);
    ck_assert_str_eq(line.ctl.socket, "/s");

    const char *const before[] = {"-q", "run", "--count", "3", NULL};
    read_line(&line, NULL, before);
    ck_assert_int_eq(line.code, CTL_OK);
    ck_assert(line.ctl.quiet);
    ck_assert_int_eq(line.count, 3);
    ck_assert_str_eq(line.arguments[1], "--count");
}
END_TEST

START_TEST(spans_have_units_and_tell_whether_they_were_given)
{
    struct line line;
    READ(&line, "--timeout", "250ms");
    ck_assert(line.given.timeout.given);
    ck_assert_double_eq(line.given.timeout.seconds, 0.25);
    READ(&line, "--timeout=0");
    ck_assert(line.given.timeout.given);
    READ(&line, "x");
    ck_assert(!line.given.timeout.given);
}
END_TEST

START_TEST(numbers_may_be_0_or_less_and_tell_whether_they_were_given)
{
    struct line line;
    READ(&line, "--priority", "-5", "x");
    ck_assert_int_eq(line.code, CTL_OK);
    ck_assert(line.given.shared.priority.given);
    ck_assert_int_eq(line.given.shared.priority.value, -5);
    READ(&line, "--priority=0");
    ck_assert(line.given.shared.priority.given);
    READ(&line, "x");
    ck_assert(!line.given.shared.priority.given);
}
END_TEST

START_TEST(tables_of_others_are_read_into_their_own_struct)
{
    struct line line;
    READ(&line, "--rate", "10/min burst 3", "--timeout", "2", "-n", "4");
    ck_assert_int_eq(line.code, CTL_OK);
    ck_assert_str_eq(line.given.shared.rate.text, "10/min burst 3");
    ck_assert_double_eq(line.given.timeout.seconds, 2);
    ck_assert_int_eq(line.given.count, 4);
}
END_TEST

static int gather(void *context, const struct option_row *row, json_t *value)
{
    return json_object_set(context, row->member, value) < 0 ? CTL_REFUSED : CTL_OK;
}

START_TEST(members_of_the_protocol_are_visited_where_they_were_given)
{
    struct line line;
    READ(&line, "--priority", "0", "--timeout", "1.5", "--count", "3", "--alone");
    json_t *found = json_object();
    ck_assert_int_eq(options_visit_members(rows, &line.given, gather, found), CTL_OK);
    json_t *expected = json_pack("{s:i, s:f, s:b}", "priority", 0, "limits.time", 1.5, "shared", 0);
    ck_assert(json_equal(found, expected));
    json_decref(found);
    json_decref(expected);
}
END_TEST

START_TEST(options_are_written_in_full)
{
    is_refused("--cou", "3", "unknown option --cou");
    is_refused("--counter", "3", "unknown option --counter");
    is_refused("-x", NULL, "unknown option -x");
}
END_TEST

START_TEST(bad_values_are_named)
{
    is_refused("--count", "three", "'three' is not an integer");
    is_refused("--count", "0", "must be at least 1");
    is_refused("--count", "1.5", "is not an integer");
    is_refused("--count=", NULL, "is not an integer");
    is_refused("--count", NULL, "--count needs a value: N");
    is_refused("-n", NULL, "-n needs a value: N");
    is_refused("--follow=yes", NULL, "takes no value");
    is_refused("--timeout", "-1", "must be at least 0");
    is_refused("--timeout", "1y", "is not a time span");
    is_refused("--timeout", "nan", "is not a time span");
    is_refused("--priority", "-101", "--priority: must be at least -100");
    is_refused("--priority", "high", "--priority: 'high' is not an integer");
    is_refused("--priority", "99999999999999999999", "is not an integer");
    is_refused("--rate", "10", "--rate: '10' is not a rate such as 100/s");
    is_refused("--rate", "fast/s", "is not a rate");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_options");
    TCase *tests = tcase_create("ctl_options");
    tcase_add_test(tests, options_and_arguments_may_be_mixed);
    tcase_add_test(tests, two_dashes_end_the_options);
    tcase_add_test(tests, words_are_those_in_front_of_two_dashes);
    tcase_add_test(tests, a_single_dash_is_an_argument);
    tcase_add_test(tests, short_flags_can_be_joined_and_end_with_a_value);
    tcase_add_test(tests, common_options_are_read_before_and_after_the_command);
    tcase_add_test(tests, spans_have_units_and_tell_whether_they_were_given);
    tcase_add_test(tests, numbers_may_be_0_or_less_and_tell_whether_they_were_given);
    tcase_add_test(tests, tables_of_others_are_read_into_their_own_struct);
    tcase_add_test(tests, members_of_the_protocol_are_visited_where_they_were_given);
    tcase_add_test(tests, options_are_written_in_full);
    tcase_add_test(tests, bad_values_are_named);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
