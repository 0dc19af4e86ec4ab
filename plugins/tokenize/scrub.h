/*
 * Sees to it that text is UTF-8, piece by piece: finds the first byte that is none, or replaces what is none.
 */
#ifndef TOKENIZE_SCRUB_H
#define TOKENIZE_SCRUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes a replaced byte may become: U+FFFD has three. */
#define SCRUB_GROWTH 3

/* How many of the bytes are whole, valid characters, from the first on. *cut: the rest may be the beginning of
 * a character that goes on behind the text, at most three bytes. */
size_t scrub_valid(const uint8_t *text, size_t size, bool *cut);

/* Replaces, in a buffer of `room` bytes of which `size` are text, each maximal subpart of an ill-formed
 * sequence by one U+FFFD, as the Unicode Standard recommends in section 3.9 (also known as the W3C's way). Keeps a
 * character that is cut off at the end as it is, unless `last` says that nothing follows. The room is at least
 * SCRUB_GROWTH times the size. Returns the new size; *kept is how many bytes of it are a character cut off. */
size_t scrub_replace(uint8_t *text, size_t size, size_t room, bool last, size_t *kept);

#endif
