/*
 * Text for people's eyes: names, reasons and the like come from anywhere and must not steer the
 * terminal or break lines; times and counts are written the way people read them.
 */
#ifndef AWAITCTL_TEXT_H
#define AWAITCTL_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Writes `size` bytes of UTF-8, with control characters as "\n", "\t", "\x1b". */
void text_put(FILE *file, const char *text, size_t size);

/* A span of time, with a blank before the unit: "850 us", "12.3 ms", "10.00 s", "1h2min". Negative and
 * NaN count as 0. Writes to `buffer` and returns it. */
const char *text_seconds(double seconds, char *buffer, size_t size);

/* An amount of bytes: "512 B", "64.0 KiB", "1.5 GiB". Writes to `buffer` and returns it. */
const char *text_size(uint64_t bytes, char *buffer, size_t size);

/* "1 job", "10 jobs". Writes to `buffer` and returns it. */
const char *text_count(uint64_t count, const char *singular, const char *plural, char *buffer,
                       size_t size);

/* How many columns a UTF-8 text takes, by counting its characters. */
size_t text_width(const char *text);

#endif
