/*
 * Spans of time and amounts of bytes: numbers with units, read and shown. Spans are computed in
 * floating point, sizes exactly.
 */
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/parse_digits.h"

/* Units below the second divide, so that 250 ms is the double nearest to 0.25 s. */
struct span_unit {
    const char *name;
    double multiply, divide;
};

static const struct span_unit span_units[] = {
    {"ns", 1, 1e9}, {"us", 1, 1e6}, {"ms", 1, 1e3}, {"s", 1, 1},     {"sec", 1, 1},
    {"m", 60, 1},   {"min", 60, 1}, {"h", 3600, 1}, {"d", 86400, 1}, {"w", 604800, 1},
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The unit written at `at`, and its end; NULL: no such unit. */
static const struct span_unit *find_span_unit(const char *at, const char **end)
{
    size_t length = 0;
    while (is_letter(at[length]))
        length++;
    for (size_t i = 0; i < sizeof(span_units) / sizeof(span_units[0]); i++) {
        const struct span_unit *unit = &span_units[i];
        if (strlen(unit->name) == length && memcmp(unit->name, at, length) == 0) {
            *end = at + length;
            return unit;
        }
    }
    return NULL;
}

int parse_span(const char *text, double *out_s)
{
    int result = parse_number(text, out_s);
    if (result != -EINVAL)
        return result;

    bool negative = *text == '-', overflow = false;
    double total = 0;
    const char *at = text + negative;
    do {
        const char *end = parse_skip_decimal(at);
        const struct span_unit *unit = end ? find_span_unit(end, &end) : NULL;
        if (!unit)
            return -EINVAL;
        double number;
        if (parse_convert_decimal(at, &number) != 0)
            overflow = true; /* yet what follows may show that it is no span at all */
        else
            total += number * unit->multiply / unit->divide;
        at = end;
    } while (*at);
    if (overflow || !isfinite(total))
        return -ERANGE;
    *out_s = negative ? -total : total;
    return 0;
}

/* Reads digits, an optional point and more digits as a whole number without the zeros at the end, and
 * how many of its digits stand behind the point. Returns the end; NULL: not such a number. */
static const char *read_decimal(const char *at, uint64_t *whole, unsigned *decimals, bool *overflow)
{
    const char *end = at, *point = NULL;
    while (parse_is_digit(*end))
        end++;
    if (end == at && *end != '.')
        return NULL;
    const char *last = end;
    if (*end == '.') {
        point = end;
        last = ++end;
        while (parse_is_digit(*end))
            end++;
        if (end == last)
            return NULL;
        for (last = end; last[-1] == '0';)
            last--;
        if (last - 1 == point)
            last = point;
    }
    *whole = 0;
    *overflow = false;
    for (; at < last; at++) {
        if (at == point)
            continue;
        *overflow |= __builtin_mul_overflow(*whole, UINT64_C(10), whole);
        *overflow |= __builtin_add_overflow(*whole, (uint64_t)(*at - '0'), whole);
    }
    *decimals = point && last > point ? (unsigned)(last - point - 1) : 0;
    return end;
}

static const struct {
    const char *name;
    uint64_t bytes;
} size_units[] = {
    {"B", 1},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {"K", UINT64_C(1) << 10},
    {"KiB", UINT64_C(1) << 10},
    {"M", UINT64_C(1) << 20},
    {"MiB", UINT64_C(1) << 20},
    {"G", UINT64_C(1) << 30},
    {"GiB", UINT64_C(1) << 30},
    {"T", UINT64_C(1) << 40},
    {"TiB", UINT64_C(1) << 40},
};

/* Decimals that a whole number of bytes can have: more than 27 would need a factor of 5^28 in the
 * number, which has 64 bits, or in the unit, which has at most 5^12 and then no room for more. */
#define SIZE_DECIMALS_MAX 27

int parse_size(const char *text, uint64_t *out_bytes)
{
    uint64_t whole, unit = 0;
    unsigned decimals;
    bool overflow;
    const char *name = read_decimal(text, &whole, &decimals, &overflow);
    if (!name)
        return -EINVAL;
    if (*name == '\0' && !memchr(text, '.', (size_t)(name - text)))
        unit = 1;
    for (size_t i = 0; i < sizeof(size_units) / sizeof(size_units[0]) && unit == 0; i++) {
        if (strcmp(name, size_units[i].name) == 0)
            unit = size_units[i].bytes;
    }
    if (unit == 0 || decimals > SIZE_DECIMALS_MAX)
        return -EINVAL;
    if (overflow)
        return -ERANGE;

    /* At most 2^64 * 2^40, and 10^27 is less than 2^90. */
    unsigned __int128 bytes = (unsigned __int128)whole * unit, divisor = 1;
    for (unsigned i = 0; i < decimals; i++)
        divisor *= 10;
    if (bytes % divisor != 0)
        return -EINVAL;
    bytes /= divisor;
    if (bytes > UINT64_MAX)
        return -ERANGE;
    *out_bytes = (uint64_t)bytes;
    return 0;
}

/* What a value that would be shown as 1000 to six digits begins at: better 1s than 1000ms. */
#define ROUNDS_TO_1000 999.9995
/* The same for a minute, in seconds, to four decimals. */
#define ROUNDS_TO_MINUTE 59.99995
/* From here on, 115,740 days, whole seconds have more digits than any reader needs: shown as a number. */
#define COMPOUND_MAX_S 1e10

/* Below a minute: one number and the unit in which it is between 1 and 1000. */
static void show_short_span(double seconds, char *buffer, size_t size)
{
    static const struct {
        const char *name;
        double per_s;
    } units[] = {{"ns", 1e9}, {"us", 1e6}, {"ms", 1e3}, {"s", 1}};
    size_t i = 0;
    while (i < 3 && seconds * units[i].per_s >= ROUNDS_TO_1000)
        i++;
    char number[32];
    parse_show_decimal(seconds * units[i].per_s, 6, number, sizeof(number));
    (void)snprintf(buffer, size, "%s%s", number, units[i].name);
}

/* A minute and more: days, hours, minutes, seconds, those that are not 0. The seconds get as many
 * decimals as six digits of the whole span reach to. */
static void show_long_span(double seconds, char *buffer, size_t size)
{
    unsigned decimals = 4;
    uint64_t scale = 10000;
    for (double limit = 100; decimals > 0 && seconds >= limit; limit *= 10) {
        decimals--;
        scale /= 10;
    }
    uint64_t units = (uint64_t)llround(seconds * (double)scale);
    uint64_t fraction = units % scale, rest = units / scale;

    static const struct {
        const char *name;
        uint64_t seconds;
    } parts[] = {{"d", 86400}, {"h", 3600}, {"min", 60}};
    char text[96] = "";
    int length = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (rest >= parts[i].seconds)
            length += snprintf(text + length, sizeof(text) - (size_t)length, "%" PRIu64 "%s",
                               rest / parts[i].seconds, parts[i].name);
        rest %= parts[i].seconds;
    }
    while (decimals > 0 && fraction % 10 == 0) {
        fraction /= 10;
        decimals--;
    }
    if (fraction > 0)
        (void)snprintf(text + length, sizeof(text) - (size_t)length, "%" PRIu64 ".%0*" PRIu64 "s",
                       rest, (int)decimals, fraction);
    else if (rest > 0)
        (void)snprintf(text + length, sizeof(text) - (size_t)length, "%" PRIu64 "s", rest);
    (void)snprintf(buffer, size, "%s", text);
}

const char *parse_show_span(double seconds, char *buffer, size_t size)
{
    if (size == 0)
        return buffer;
    if (seconds == 0) {
        (void)snprintf(buffer, size, "0s");
        return buffer;
    }
    if (seconds < 0) {
        buffer[0] = '-';
        seconds = -seconds;
        if (size > 1)
            parse_show_span(seconds, buffer + 1, size - 1);
        else
            buffer[0] = '\0';
        return buffer;
    }
    if (seconds >= ROUNDS_TO_MINUTE && seconds < COMPOUND_MAX_S)
        show_long_span(seconds, buffer, size);
    else
        show_short_span(seconds, buffer, size);
    return buffer;
}

const char *parse_show_size(uint64_t bytes, char *buffer, size_t size)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t i = 0;
    while (i < 4 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        i++;
    }
    (void)snprintf(buffer, size, "%" PRIu64 "%s", bytes, names[i]);
    return buffer;
}
