#include <check.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/parse.h"
#include "suite.h"

/* Each reads a text that must be the value, or must be refused with the code and leave the output
 * alone. */

static void is_number(const char *text, double expected)
{
    double value = -77;
    ck_assert_msg(parse_number(text, &value) == 0, "\"%s\"", text);
    ck_assert_msg(value == expected, "\"%s\": %.17g", text, value);
}

static void no_number(const char *text, int code)
{
    double value = -77;
    ck_assert_msg(parse_number(text, &value) == code, "\"%s\"", text);
    ck_assert_double_eq(value, -77);
}

static void is_span(const char *text, double expected)
{
    double value = -77;
    ck_assert_msg(parse_span(text, &value) == 0, "\"%s\"", text);
    ck_assert_msg(value == expected, "\"%s\": %.17g", text, value);
}

static void no_span(const char *text, int code)
{
    double value = -77;
    ck_assert_msg(parse_span(text, &value) == code, "\"%s\"", text);
    ck_assert_double_eq(value, -77);
}

static void is_size(const char *text, uint64_t expected)
{
    uint64_t value = 77;
    ck_assert_msg(parse_size(text, &value) == 0, "\"%s\"", text);
    ck_assert_msg(value == expected, "\"%s\": %llu", text, (unsigned long long)value);
}

static void no_size(const char *text, int code)
{
    uint64_t value = 77;
    ck_assert_msg(parse_size(text, &value) == code, "\"%s\"", text);
    ck_assert_uint_eq(value, 77);
}

static void is_time(const char *text, double expected)
{
    double value = -77;
    ck_assert_msg(parse_time(text, &value) == 0, "\"%s\"", text);
    ck_assert_msg(value == expected, "\"%s\": %.17g", text, value);
}

static void no_time(const char *text, int code)
{
    double value = -77;
    ck_assert_msg(parse_time(text, &value) == code, "\"%s\"", text);
    ck_assert_double_eq(value, -77);
}

START_TEST(bool_has_eight_words)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    static const char *const bad[] = {"",      "True",  "YES",   "2",  "y",
                                      "true ", " true", "truex", "tru"};
    for (size_t i = 0; i < 4; i++) {
        bool value = false;
        ck_assert_int_eq(parse_bool(yes[i], &value), 0);
        ck_assert(value);
        ck_assert_int_eq(parse_bool(no[i], &value), 0);
        ck_assert(!value);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bool value = true;
        ck_assert_int_eq(parse_bool(bad[i], &value), -EINVAL);
        ck_assert(value);
    }
}
END_TEST

START_TEST(integers_are_decimal_with_an_optional_minus)
{
    static const struct {
        const char *text;
        int result;
        int64_t value;
    } cases[] = {
        {"0", 0, 0},
        {"42", 0, 42},
        {"-42", 0, -42},
        {"007", 0, 7},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775808", -ERANGE, 0},
        {"-9223372036854775809", -ERANGE, 0},
        {"99999999999999999999999999", -ERANGE, 0},
        {"99999999999999999999999999x", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"-", -EINVAL, 0},
        {"--1", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {"1\n", -EINVAL, 0},
        {"1.0", -EINVAL, 0},
        {"1e3", -EINVAL, 0},
        {"0x10", -EINVAL, 0},
        {"1,000", -EINVAL, 0},
        {"\xD9\xA1", -EINVAL, 0}, /* ARABIC-INDIC DIGIT ONE */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 77;
        ck_assert_msg(parse_integer(cases[i].text, &value) == cases[i].result, "\"%s\"",
                      cases[i].text);
        ck_assert_int_eq(value, cases[i].result == 0 ? cases[i].value : 77);
    }
}
END_TEST

START_TEST(numbers_are_finite_decimals)
{
    is_number("0", 0);
    is_number("1.5", 1.5);
    is_number("-2e-3", -2e-3);
    is_number("1E+3", 1000);
    is_number(".5", .5);
    is_number("0.1", 0.1);
    is_number("1e-999", 0);
    is_number("1.7976931348623157e308", 1.7976931348623157e308);
    no_number("1e999", -ERANGE);
    no_number("-1e999", -ERANGE);
}
END_TEST

START_TEST(what_else_strtod_takes_is_refused)
{
    static const char *const bad[] = {"",     "-",     ".",     "5.",  "+1",   " 1",  "1 ",
                                      "0x10", "0x1p3", "inf",   "nan", "-inf", "1,5", "1e",
                                      "1e+",  "e5",    "1.5.5", "1d",  "--1",  "1_0", "infinity"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        no_number(bad[i], -EINVAL);
}
END_TEST

START_TEST(spans_are_seconds_or_numbers_with_units)
{
    is_span("1.5", 1.5);
    is_span("0", 0);
    is_span("-3", -3);
    is_span("1e3", 1000);
    is_span("250ms", 0.25);
    is_span("1ns", 1e-9);
    is_span("1us", 1e-6);
    is_span("100ms", 0.1);
    is_span("1s", 1);
    is_span("1sec", 1);
    is_span("2m", 120);
    is_span("5min", 300);
    is_span("1h", 3600);
    is_span("1.5d", 129600);
    is_span("1w", 604800);
    is_span("1h30min", 5400);
    is_span("1m30s500ms", 90.5);
    is_span("-1h30min", -5400);
    is_span(".5s", 0.5);
    is_span("1e3ms", 1);
}
END_TEST

START_TEST(what_is_no_span_is_refused)
{
    static const char *const bad[] = {"",     "s",    "ms",   "1x",   "1 s",     " 1s",
                                      "1s ",  "1h30", "1S",   "1MIN", "1h-5min", "-",
                                      "--1s", "+1s",  "1ms5", "1e3x", "1mss",    "infs",
                                      "nans", "0x1s", "1,5s", "1.s",  "five",    "1h\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        no_span(bad[i], -EINVAL);
    no_span("1e999", -ERANGE);
    no_span("1e308w", -ERANGE);
    no_span("1e999s", -ERANGE);
    no_span("1e999s5x", -EINVAL);
}
END_TEST

START_TEST(sizes_are_bytes_or_a_number_with_one_unit)
{
    is_size("0", 0);
    is_size("4096", 4096);
    is_size("1B", 1);
    is_size("1kB", 1000);
    is_size("1MB", 1000000);
    is_size("1GB", 1000000000);
    is_size("1TB", UINT64_C(1000000000000));
    is_size("1K", 1024);
    is_size("64KiB", 65536);
    is_size("1M", 1048576);
    is_size("1MiB", 1048576);
    is_size("1G", 1073741824);
    is_size("1GiB", 1073741824);
    is_size("1T", UINT64_C(1) << 40);
    is_size("1TiB", UINT64_C(1) << 40);
    is_size("1.5M", 1572864);
    is_size(".5K", 512);
    is_size("1.0B", 1);
    is_size("1.500K", 1536);
    is_size("18446744073709551615", UINT64_MAX);
    is_size("16777215T", UINT64_C(16777215) << 40);
    is_size("00000000000000000000000000001", 1);
}
END_TEST

START_TEST(sizes_are_exact)
{
    is_size("0.1GB", 100000000);
    is_size("1.000000000001TB", UINT64_C(1000000000001));
    is_size("9007199254740993B", UINT64_C(9007199254740993));
    /* 2^-27 of a TiB, a number of 27 decimals, is 8 KiB. */
    is_size("0.000000007450580596923828125T", 8192);
    no_size("0.1K", -EINVAL);
    no_size("1.5B", -EINVAL);
    no_size("1.0000000000001TB", -EINVAL);
    no_size("0.0000000000000000000000000000000001T", -EINVAL);
}
END_TEST

START_TEST(what_is_no_size_is_refused)
{
    static const char *const bad[] = {"",     "B",   "K",     "-1",    "+1",  "1.0",  "1.5",
                                      " 1",   "1 ",  "1 K",   "1k",    "1KB", "1kiB", "1b",
                                      "1KK",  "1K5", "1e3",   "1e3K",  ".",   ".K",   "1.K",
                                      "0x10", "1P",  "1KiBx", "1.5.5K"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        no_size(bad[i], -EINVAL);
    no_size("18446744073709551616", -ERANGE);
    no_size("16777216T", -ERANGE);
    no_size("99999999999999999999999", -ERANGE);
    no_size("99999999999999999999999x", -EINVAL);
}
END_TEST

START_TEST(times_are_seconds_or_rfc3339)
{
    is_time("1801382400", 1801382400);
    is_time("0.5", 0.5);
    is_time("-1", -1);
    is_time("1970-01-01T00:00:00Z", 0);
    is_time("2027-01-31T08:00:00Z", 1801382400);
    is_time("2027-01-31t08:00:00z", 1801382400);
    is_time("2027-01-31T08:00:00.25+01:00", 1801378800.25);
    is_time("2027-01-31T08:00:00-01:30", 1801387800);
    is_time("2027-01-31T08:00:00-00:00", 1801382400);
    is_time("1969-12-31T23:59:59Z", -1);
    is_time("0000-01-01T00:00:00Z", -62167219200.0);
    is_time("9999-12-31T23:59:59Z", 253402300799.0);
}
END_TEST

START_TEST(the_calendar_knows_leap_years_and_leap_seconds)
{
    is_time("2000-02-29T00:00:00Z", 951782400);
    is_time("2024-02-29T00:00:00Z", 1709164800);
    no_time("2023-02-29T00:00:00Z", -EINVAL);
    no_time("1900-02-29T00:00:00Z", -EINVAL);
    is_time("2016-12-31T23:59:60Z", 1483228800);
    is_time("2017-01-01T00:59:60+01:00", 1483228800);
    no_time("2016-12-31T22:59:60Z", -EINVAL);
    no_time("2016-12-31T23:59:61Z", -EINVAL);
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
    static const char *const bad[] = {
        "",
        "now",
        "2027-01-31",
        "2027-01-31T08:00:00",
        "2027-01-31 08:00:00Z",
        "2027-01-31T08:00Z",
        "2027-00-31T08:00:00Z",
        "2027-13-31T08:00:00Z",
        "2027-04-31T08:00:00Z",
        "2027-01-00T08:00:00Z",
        "2027-01-31T24:00:00Z",
        "2027-01-31T08:60:00Z",
        "2027-01-31T08:00:00.Z",
        "2027-01-31T08:00:00,5Z",
        "2027-01-31T08:00:00+0100",
        "2027-01-31T08:00:00+24:00",
        "2027-01-31T08:00:00+01:60",
        "2027-01-31T08:00:00Z ",
        " 2027-01-31T08:00:00Z",
        "02027-01-31T08:00:00Z",
        "27-01-31T08:00:00Z",
        "-2027-01-31T08:00:00Z",
        "2027-1-31T08:00:00Z",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        no_time(bad[i], -EINVAL);
    no_time("1e999", -ERANGE);
}
END_TEST

START_TEST(spans_are_shown_as_people_read_them)
{
    static const struct {
        double seconds;
        const char *shown;
    } cases[] = {
        {0, "0s"},
        {-0.0, "0s"},
        {1.5, "1.5s"},
        {0.25, "250ms"},
        {1e-6, "1us"},
        {1.5e-9, "1.5ns"},
        {1e-12, "0.001ns"},
        {59.5, "59.5s"},
        {60, "1min"},
        {90, "1min30s"},
        {5400, "1h30min"},
        {3661.25, "1h1min1.25s"},
        {60.05, "1min0.05s"},
        {86400, "1d"},
        {129600, "1d12h"},
        {604800, "7d"},
        {-90, "-1min30s"},
        {-0.25, "-250ms"},
        {0.9999999, "1s"},
        {59.99999, "1min"},
        {0.0009999999, "1ms"},
        {3.1536e9, "36500d"},
        {1e10, "1e+10s"},
        {86400.5, "1d0.5s"},
        {1e300, "1e+300s"},
    };
    char buffer[64];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_str_eq(parse_show_span(cases[i].seconds, buffer, sizeof(buffer)), cases[i].shown);
}
END_TEST

START_TEST(a_shown_span_reads_back_to_six_digits)
{
    char buffer[64];
    for (double seconds = 1.234567891e-12; seconds < 1e15; seconds *= 1.0371) {
        for (int sign = -1; sign <= 1; sign += 2) {
            double back = 0;
            parse_show_span(sign * seconds, buffer, sizeof(buffer));
            ck_assert_msg(parse_span(buffer, &back) == 0, "%s", buffer);
            ck_assert_msg(fabs(back - sign * seconds) <= 5.0001e-6 * seconds, "%.17g: %s", seconds,
                          buffer);
        }
    }
}
END_TEST

START_TEST(sizes_are_shown_with_the_largest_unit_that_divides)
{
    static const struct {
        uint64_t bytes;
        const char *shown;
    } cases[] = {
        {0, "0B"},
        {1, "1B"},
        {1000, "1000B"},
        {1024, "1KiB"},
        {65536, "64KiB"},
        {1536 * 1024, "1536KiB"},
        {1048576, "1MiB"},
        {UINT64_C(1) << 30, "1GiB"},
        {UINT64_C(1) << 50, "1024TiB"},
        {UINT64_MAX, "18446744073709551615B"},
    };
    char buffer[32];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_str_eq(parse_show_size(cases[i].bytes, buffer, sizeof(buffer)), cases[i].shown);
        is_size(buffer, cases[i].bytes);
    }
}
END_TEST

START_TEST(numbers_are_shown_with_as_few_digits_as_read_back)
{
    static const struct {
        double value;
        const char *shown;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {60, "60"},
        {0.1, "0.1"},
        {-1.5, "-1.5"},
        {1e300, "1e+300"},
        {9007199254740991.0, "9007199254740991"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
    };
    char buffer[32];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_str_eq(parse_show_number(cases[i].value, buffer, sizeof(buffer)), cases[i].shown);
}
END_TEST

START_TEST(short_buffers_cut_and_are_never_overrun)
{
    char buffer[8];
    for (size_t size = 1; size < sizeof(buffer); size++) {
        memset(buffer, '#', sizeof(buffer));
        parse_show_span(-98765.25, buffer, size);
        ck_assert_uint_lt(strlen(buffer), size);
        ck_assert_int_eq(buffer[size], '#');
        memset(buffer, '#', sizeof(buffer));
        parse_show_size(123456789, buffer, size);
        ck_assert_uint_lt(strlen(buffer), size);
        ck_assert_int_eq(buffer[size], '#');
    }
}
END_TEST

START_TEST(nothing_depends_on_the_locale)
{
    /* Locales with a comma as decimal point; without any of them there is nothing to see here. */
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    bool found = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !found; i++)
        found = setlocale(LC_ALL, names[i]) != NULL;
    if (!found)
        return;
    char buffer[32];
    is_number("1.5", 1.5);
    no_number("1,5", -EINVAL);
    is_span("1.5ms", 0.0015);
    ck_assert_str_eq(parse_show_span(1.5, buffer, sizeof(buffer)), "1.5s");
    ck_assert_str_eq(parse_show_number(1.5, buffer, sizeof(buffer)), "1.5");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parse");
    TCase *tests = tcase_create("parse");
    tcase_add_test(tests, bool_has_eight_words);
    tcase_add_test(tests, integers_are_decimal_with_an_optional_minus);
    tcase_add_test(tests, numbers_are_finite_decimals);
    tcase_add_test(tests, what_else_strtod_takes_is_refused);
    tcase_add_test(tests, spans_are_seconds_or_numbers_with_units);
    tcase_add_test(tests, what_is_no_span_is_refused);
    tcase_add_test(tests, sizes_are_bytes_or_a_number_with_one_unit);
    tcase_add_test(tests, sizes_are_exact);
    tcase_add_test(tests, what_is_no_size_is_refused);
    tcase_add_test(tests, times_are_seconds_or_rfc3339);
    tcase_add_test(tests, the_calendar_knows_leap_years_and_leap_seconds);
    tcase_add_test(tests, what_is_no_time_is_refused);
    tcase_add_test(tests, spans_are_shown_as_people_read_them);
    tcase_add_test(tests, a_shown_span_reads_back_to_six_digits);
    tcase_add_test(tests, sizes_are_shown_with_the_largest_unit_that_divides);
    tcase_add_test(tests, numbers_are_shown_with_as_few_digits_as_read_back);
    tcase_add_test(tests, short_buffers_cut_and_are_never_overrun);
    tcase_add_test(tests, nothing_depends_on_the_locale);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
