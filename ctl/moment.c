/*
 * Points in time for people. What RFC 3339 says is read by base/parse.h; here is what it has no form for, since it
 * depends on where one is, and when.
 */
#include "moment.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include "base/parse.h"

/* Seconds, some 30 million years: a time_t has room for more, four digits of a year do not. */
#define TIME_MAX_S 1e15

/* Reads a text that looks like the pattern: a digit for each 0, the same character for any other. The numbers that
 * the digits are, at most six, go to out. */
static bool read_numbers(const char *text, const char *pattern, int out[6])
{
    int count = 0, number = 0;
    for (; *pattern; pattern++, text++) {
        if (*pattern == '0') {
            if (*text < '0' || *text > '9')
                return false;
            number = number * 10 + (*text - '0');
            continue;
        }
        if (*text != *pattern && !(*pattern == ' ' && *text == 'T'))
            return false;
        out[count++] = number;
        number = 0;
    }
    out[count] = number;
    return *text == '\0';
}

static int parse_local(const char *text, double *out_s)
{
    static const char *const patterns[] = {"0000-00-00", "0000-00-00 00:00", "0000-00-00 00:00:00"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        int numbers[6] = {0};
        if (!read_numbers(text, patterns[i], numbers))
            continue;
        struct tm local = {
            .tm_year = numbers[0] - 1900,
            .tm_mon = numbers[1] - 1,
            .tm_mday = numbers[2],
            .tm_hour = numbers[3],
            .tm_min = numbers[4],
            .tm_sec = numbers[5],
            .tm_isdst = -1, /* as it is there at that time */
        };
        const struct tm asked = local;
        time_t when = mktime(&local);
        /* It takes the 30th of February for a day in March. An hour that summer time leaves out is moved. */
        if (local.tm_mon != asked.tm_mon || local.tm_mday != asked.tm_mday || asked.tm_hour > 23 ||
            asked.tm_min > 59 || asked.tm_sec > 59)
            return -EINVAL;
        *out_s = (double)when;
        return 0;
    }
    return -EINVAL;
}

int moment_parse(const char *text, double now_s, double *out_s)
{
    double value;
    if (text[0] == '@') {
        if (parse_number(text + 1, &value) < 0)
            return -EINVAL;
    } else if (parse_span(text, &value) == 0) {
        if (value < 0)
            return -EINVAL;
        value = now_s - value;
    } else if (parse_time(text, &value) < 0) {
        return parse_local(text, out_s);
    }
    *out_s = value;
    return 0;
}

const char *moment_show(double unix_s, double now_s, char buffer[MOMENT_SIZE])
{
    struct tm then, today;
    memcpy(buffer, "-", sizeof("-"));
    if (!(fabs(unix_s) < TIME_MAX_S))
        return buffer;
    time_t when = (time_t)floor(unix_s), now = (time_t)floor(now_s);
    if (!localtime_r(&when, &then) || !localtime_r(&now, &today))
        return buffer;
    bool is_today = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday;
    char text[MOMENT_SIZE];
    if (strftime(text, sizeof(text), is_today ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &then) > 0)
        memcpy(buffer, text, sizeof(text));
    return buffer;
}
