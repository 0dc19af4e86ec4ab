/*
 * Points in time by RFC 3339. The calendar is computed here: timegm() and mktime() forgive
 * impossible dates and read the environment's time zone.
 */
#include "base/parse.h"

#include <errno.h>
#include "base/parse_digits.h"

/* Exactly `digits` digits; moves *at behind them. */
static bool read_digits(const char **at, int digits, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (!parse_is_digit(**at))
            return false;
        value = value * 10 + *(*at)++ - '0';
    }
    *out = value;
    return true;
}

static bool read_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Days from 1970-01-01 in the Gregorian calendar, for the years 0 to 9999. Years are counted from March
 * on, so that the leap day is a year's last. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    /* One year more than 400, a whole cycle, keeps the divisions positive. */
    y += 400;
    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468 - 146097;
}

struct date_time {
    int64_t seconds; /* since 1970-01-01T00:00:00 by the clock that the offset belongs to */
    double fraction; /* of a second */
    bool leap;       /* the second was written as 60 */
};

static bool read_date_time(const char **at, struct date_time *out)
{
    int year, month, day, hour, minute, second;
    if (!read_digits(at, 4, &year) || !read_char(at, '-') || !read_digits(at, 2, &month) ||
        !read_char(at, '-') || !read_digits(at, 2, &day))
        return false;
    if (!read_char(at, 'T') && !read_char(at, 't'))
        return false;
    if (!read_digits(at, 2, &hour) || !read_char(at, ':') || !read_digits(at, 2, &minute) ||
        !read_char(at, ':') || !read_digits(at, 2, &second))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    out->seconds = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    out->leap = second == 60;
    out->fraction = 0;
    if (**at == '.') {
        if (!parse_is_digit((*at)[1]))
            return false;
        double unit = 1;
        for ((*at)++; parse_is_digit(**at); (*at)++) {
            unit /= 10;
            out->fraction += unit * (**at - '0');
        }
    }
    return true;
}

/* "Z" or "+01:00", in seconds. */
static bool read_offset(const char **at, int *out_s)
{
    if (read_char(at, 'Z') || read_char(at, 'z')) {
        *out_s = 0;
        return true;
    }
    int sign = **at == '-' ? -1 : 1, hours, minutes;
    if (!read_char(at, '+') && !read_char(at, '-'))
        return false;
    if (!read_digits(at, 2, &hours) || !read_char(at, ':') || !read_digits(at, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *out_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

int parse_time(const char *text, double *out_unix_s)
{
    int result = parse_number(text, out_unix_s);
    if (result != -EINVAL)
        return result;

    const char *at = text;
    struct date_time local;
    int offset_s;
    if (!read_date_time(&at, &local) || !read_offset(&at, &offset_s) || *at)
        return -EINVAL;
    int64_t seconds = local.seconds - offset_s;
    /* Leap seconds end a day in UTC; like all clocks that count 86,400 seconds a day, this one has
     * them fall on the second after. */
    if (local.leap && seconds % 86400 != 0)
        return -EINVAL;
    *out_unix_s = (double)seconds + local.fraction;
    return 0;
}
