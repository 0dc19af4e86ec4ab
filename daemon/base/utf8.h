/*
 * UTF-8, character by character: for texts of unknown origin that are to be shown, cut or logged.
 */
#ifndef AWAITD_BASE_UTF8_H
#define AWAITD_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes the character at `at` takes, 1 to 4; 0: no whole and valid character begins there. The
 * text ends at `end`, which must lie behind `at`. */
size_t utf8_step(const uint8_t *at, const uint8_t *end);

/* Mends a NUL-terminated text in place: every byte that is part of no valid character becomes '?'. */
void utf8_mend(char *text);

/* Copies the text into `size` bytes, at least 1, NUL included; what does not fit is cut between two
 * characters. Returns the length. */
size_t utf8_copy(char *out, size_t size, const char *text);

#endif
