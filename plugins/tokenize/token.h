/*
 * Tokens of a text whose boundaries are marked: which segments count, what belongs to a line, small letters.
 */
#ifndef TOKENIZE_TOKEN_H
#define TOKENIZE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "segment.h"

/* A text with its boundaries, as segment_mark() left them, that ends at one. */
struct tokens {
    enum unit unit;
    const uint8_t *text;
    const char *breaks;
    size_t size; /* bytes */
    size_t at;   /* where the next one begins; 0 at first */
};

/* A word is a segment with at least one character that is Alphabetic (DerivedCoreProperties.txt: letters,
 * ideographs, dependent vowels) or a number (General_Category Nd, Nl or No). A line is without its end, "\n" or
 * "\r\n". Segments and grapheme clusters all count. false: there are no more. */
bool tokens_next(struct tokens *tokens, const uint8_t **token, size_t *size);

/* How many there are from the beginning. */
uint64_t tokens_count(const struct tokens *tokens);

/* Room for texts in small letters; zeroed at first. */
struct lowered {
    uint8_t *text; /* owned */
    size_t room;
};

/* Changes a text to small letters, as Unicode's toLowercase() does in no particular language: *out is either the
 * text itself or in `lowered`, until the next call. false: out of memory. */
bool token_lower(struct lowered *lowered, const uint8_t *text, size_t size, const uint8_t **out,
                 size_t *out_size);

#endif
