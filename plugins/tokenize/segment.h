/*
 * Finds the boundaries in a text: those of UAX #29, Unicode Text Segmentation, as libunistring knows them, or
 * those of lines. Depends on no locale.
 */
#ifndef TOKENIZE_SEGMENT_H
#define TOKENIZE_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

enum unit { UNIT_WORDS, UNIT_SEGMENTS, UNIT_GRAPHEMES, UNIT_LINES };

/* At most as many classes of ASCII characters are told apart: Word_Break has 23 values in libunistring, of which
 * ASCII characters have 10. */
#define SEGMENT_CLASSES 24

/* What libunistring says about word boundaries in ASCII, learned by asking. Any thread, once learned. */
struct segment_ascii {
    uint8_t class[128];
    /* By two neighbours: enum neighbours of segment.c. */
    uint8_t pair[128][128];
    /* By the classes of three in a row: whether the middle one joins its neighbours, as in "don't" and 3.14. */
    uint8_t joined[SEGMENT_CLASSES][SEGMENT_CLASSES][SEGMENT_CLASSES];
};

/* Asks libunistring; some 100 us. */
void segment_learn(struct segment_ascii *ascii);

/* Marks the boundaries: breaks[i] is 1 where one is before text[i], else 0; breaks[0] is 1. The text is valid UTF-8 of
 * at least one byte, and begins at a boundary of the whole text; its end counts as the end of the whole text. */
void segment_mark(const struct segment_ascii *ascii, enum unit unit, const uint8_t *text,
                  size_t size, char *breaks);

#endif
