/*
 * Strict readers of text: the whole text must be the value, blanks and trailing characters are
 * refused, and nothing depends on the locale. All return 0 or -EINVAL (not such a value) or
 * -ERANGE (one, but it does not fit); outputs stay untouched on failure.
 */
#ifndef AWAITD_BASE_PARSE_H
#define AWAITD_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "true", "yes", "on", "1" and "false", "no", "off", "0", in lower case. */
int parse_bool(const char *text, bool *out);

/* A decimal integer with an optional '-': "42". */
int parse_integer(const char *text, int64_t *out);

/* A finite decimal number: "1.5", "-2e-3". No hex, no inf, no nan. */
int parse_number(const char *text, double *out);

/* A time span, in seconds: a number of seconds, or numbers with units one after the other:
 * "250ms", "1h30min", "1.5d". Units: ns us ms s sec min m h d w. A span may start with '-'. */
int parse_span(const char *text, double *out_s);

/* An amount of bytes: an integer, or a number with one unit: B; kB MB GB TB (powers of 1000);
 * K KiB M MiB G GiB T TiB (powers of 1024). "64KiB", "1.5M". Parts of a byte are refused. */
int parse_size(const char *text, uint64_t *out_bytes);

/* A point in time, in seconds since 1970-01-01T00:00:00Z: a number of seconds, or RFC 3339 text with an
 * offset: "2027-01-31T08:00:00Z", "2027-01-31T08:00:00.25+01:00". */
int parse_time(const char *text, double *out_unix_s);

/* Writes a span the way people read it, in `size` bytes: "1.5s", "250ms", "1h30min". Reading it back
 * gives the same span to 6 significant digits. Returns `buffer`. */
const char *parse_show_span(double seconds, char *buffer, size_t size);

/* Writes a size with the largest unit that divides it: "64KiB", "1000B". Returns `buffer`. */
const char *parse_show_size(uint64_t bytes, char *buffer, size_t size);

/* Writes a finite number with as few digits as give the same number when read back: "60", "0.1". Returns
 * `buffer`. */
const char *parse_show_number(double value, char *buffer, size_t size);

/* Whether `size` bytes are valid UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. NUL is
 * valid. */
bool parse_is_utf8(const void *data, size_t size);

#endif
