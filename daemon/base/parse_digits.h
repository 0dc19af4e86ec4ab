/*
 * What the files of the parse module share: decimal numbers inside of longer texts.
 */
#ifndef AWAITD_BASE_PARSE_DIGITS_H
#define AWAITD_BASE_PARSE_DIGITS_H

#include <stdbool.h>
#include <stddef.h>

static inline bool parse_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The end of the decimal number without sign that begins at `at`: "1", "1.5", ".5", "2e-3"; NULL: none
 * does. */
const char *parse_skip_decimal(const char *at);

/* The value of the decimal number at `at`, which parse_skip_decimal() has found to be one, with a '-'
 * in front or not. What stands behind it must not go on like a number. -ERANGE: too large. */
int parse_convert_decimal(const char *at, double *out);

/* Writes a value with so many significant digits, with a '.', whatever the locale. Returns `buffer`. */
const char *parse_show_decimal(double value, int digits, char *buffer, size_t size);

#endif
