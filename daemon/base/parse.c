/*
 * Strict readers. Each checks the grammar of the whole text itself, byte by byte, and only then
 * computes; strtod() would take blanks, hex, "inf" and the locale's decimal point. Points in time
 * are in parse_time.c, spans and sizes in parse_units.c.
 */
#include "base/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/parse_digits.h"
#include "base/utf8.h"

int parse_bool(const char *text, bool *out)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {
        {"true", true},   {"yes", true}, {"on", true},   {"1", true},
        {"false", false}, {"no", false}, {"off", false}, {"0", false},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i].text) == 0) {
            *out = words[i].value;
            return 0;
        }
    }
    return -EINVAL;
}

int parse_integer(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    const char *at = text + negative;
    if (!parse_is_digit(*at))
        return -EINVAL;
    int64_t value = 0;
    bool overflow = false;
    for (; parse_is_digit(*at); at++) {
        int digit = *at - '0';
        overflow |= __builtin_mul_overflow(value, 10, &value);
        /* Downwards for negative ones, since the smallest has no positive counterpart. */
        overflow |= __builtin_add_overflow(value, negative ? -digit : digit, &value);
    }
    if (*at)
        return -EINVAL;
    if (overflow)
        return -ERANGE;
    *out = value;
    return 0;
}

const char *parse_skip_decimal(const char *at)
{
    const char *start = at;
    while (parse_is_digit(*at))
        at++;
    bool digits = at > start;
    if (at[0] == '.' && parse_is_digit(at[1])) {
        digits = true;
        for (at++; parse_is_digit(*at);)
            at++;
    }
    if (!digits)
        return NULL;
    if (*at == 'e' || *at == 'E') {
        const char *exponent = at + 1;
        if (*exponent == '+' || *exponent == '-')
            exponent++;
        if (parse_is_digit(*exponent)) {
            for (at = exponent; parse_is_digit(*at);)
                at++;
        }
    }
    return at;
}

int parse_convert_decimal(const char *at, double *out)
{
    /* glibc answers with its built-in C locale: no memory is involved. */
    locale_t locale = newlocale(LC_ALL_MASK, "C", NULL);
    if (!locale)
        return -ERANGE;
    double value = strtod_l(at, NULL, locale);
    freelocale(locale);
    if (!isfinite(value))
        return -ERANGE;
    *out = value;
    return 0;
}

int parse_number(const char *text, double *out)
{
    const char *end = parse_skip_decimal(text + (*text == '-'));
    if (!end || *end)
        return -EINVAL;
    return parse_convert_decimal(text, out);
}

const char *parse_show_decimal(double value, int digits, char *buffer, size_t size)
{
    locale_t locale = newlocale(LC_ALL_MASK, "C", NULL);
    if (!locale) {
        (void)snprintf(buffer, size, "?");
        return buffer;
    }
    locale_t before = uselocale(locale); /* of this thread alone */
    (void)snprintf(buffer, size, "%.*g", digits, value);
    (void)uselocale(before);
    freelocale(locale);
    return buffer;
}

const char *parse_show_number(double value, char *buffer, size_t size)
{
    if (fabs(value) < 0x1p53 && value == trunc(value)) {
        (void)snprintf(buffer, size, "%" PRId64, (int64_t)value);
        return buffer;
    }
    /* 17 digits always suffice and are often ugly: 0.1 becomes 0.10000000000000001. */
    for (int digits = 15; digits < 17; digits++) {
        double back;
        char shown[32];
        parse_show_decimal(value, digits, shown, sizeof(shown));
        if (parse_number(shown, &back) == 0 && back == value)
            return parse_show_decimal(value, digits, buffer, size);
    }
    return parse_show_decimal(value, 17, buffer, size);
}

bool parse_is_utf8(const void *data, size_t size)
{
    if (size == 0)
        return true; /* `data` may be NULL */
    const uint8_t *at = data, *end = at + size;
    while (at < end) {
        uint64_t eight;
        if (end - at >= 8 && (memcpy(&eight, at, 8), (eight & UINT64_C(0x8080808080808080)) == 0)) {
            at += 8; /* ASCII, as most text is */
            continue;
        }
        size_t step = utf8_step(at, end);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}
