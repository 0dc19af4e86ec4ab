/*
 * The message scanner. Most bytes of a message mean nothing to it: in strings it skips them a word
 * at a time, outside, where they come in ones and twos, by a table. All it remembers between calls
 * is in the scanner; it never looks back, never calls itself and never allocates.
 */
#include "wire/frame.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

/* What a byte outside of strings means to the scanner. */
enum byte_class {
    BYTE_PLAIN = 0,
    BYTE_BLANK, /* plain within a message */
    BYTE_OPEN,  /* from here on, bytes to stop at */
    BYTE_CLOSE,
    BYTE_QUOTE,
};

static const uint8_t classes[256] = {
    [' '] = BYTE_BLANK,  ['\t'] = BYTE_BLANK, ['\n'] = BYTE_BLANK,
    ['\r'] = BYTE_BLANK, ['{'] = BYTE_OPEN,   ['['] = BYTE_OPEN,
    ['}'] = BYTE_CLOSE,  [']'] = BYTE_CLOSE,  ['"'] = BYTE_QUOTE,
};

/* A word with this byte in each place. */
#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Sets the high bit of each byte that is zero; above the lowest of them, bits may be set in vain. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
}

/* Finds the next quote or backslash. */
static const uint8_t *skip_in_string(const uint8_t *at, const uint8_t *limit)
{
    for (; limit - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        word = le64toh(word);
        uint64_t found = zero_bytes(word ^ EACH_BYTE('"')) | zero_bytes(word ^ EACH_BYTE('\\'));
        if (found)
            return at + __builtin_ctzll(found) / 8;
    }
    while (at < limit && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* Finds the next brace, bracket or quote. */
static const uint8_t *skip_outside(const uint8_t *at, const uint8_t *limit)
{
    while (at < limit && classes[*at] < BYTE_OPEN)
        at++;
    return at;
}

/* Looks at bytes of a string up to its end; returns where it stopped. */
static const uint8_t *scan_string(struct frame_scanner *scanner, const uint8_t *at,
                                  const uint8_t *limit)
{
    while (at < limit && scanner->in_string) {
        if (scanner->escaped) {
            scanner->escaped = false;
            at++;
            continue;
        }
        at = skip_in_string(at, limit);
        if (at == limit)
            break;
        if (*at++ == '"')
            scanner->in_string = false;
        else
            scanner->escaped = true;
    }
    return at;
}

/* Looks at bytes of a message until it ends (FRAME_COMPLETE), goes too deep, or *end is reached
 * (FRAME_MORE). *end becomes where it stopped. */
static enum frame_status scan_message(struct frame_scanner *scanner, const uint8_t *at,
                                      const uint8_t **end)
{
    const uint8_t *limit = *end;
    enum frame_status status = FRAME_MORE;

    at = scan_string(scanner, at, limit);
    while (status == FRAME_MORE) {
        at = skip_outside(at, limit);
        if (at == limit)
            break;
        uint8_t class = classes[*at++];
        if (class == BYTE_QUOTE) {
            scanner->in_string = true;
            at = scan_string(scanner, at, limit);
        } else if (class == BYTE_CLOSE) {
            status = --scanner->depth == 0 ? FRAME_COMPLETE : FRAME_MORE;
        } else if (scanner->depth++ == scanner->max_depth) {
            status = FRAME_TOO_DEEP;
        }
    }
    *end = at;
    return status;
}

enum frame_status frame_scan(struct frame_scanner *scanner, const void *data, size_t size,
                             size_t *blank, size_t *consumed)
{
    const uint8_t *start = data, *at = start, *limit = start + size;

    if (scanner->size == 0)
        while (at < limit && classes[*at] == BYTE_BLANK)
            at++;
    *blank = (size_t)(at - start);
    *consumed = *blank;
    if (at == limit)
        return FRAME_MORE;
    if (scanner->size == 0 && *at != '{') {
        *consumed += 1;
        return FRAME_NOT_OBJECT;
    }

    size_t room = scanner->max_size - scanner->size;
    const uint8_t *end = (size_t)(limit - at) > room ? at + room : limit;
    enum frame_status status = scan_message(scanner, at, &end);
    scanner->size += (size_t)(end - at);
    *consumed += (size_t)(end - at);
    if (status == FRAME_COMPLETE)
        scanner->size = 0; /* the rest is zero by itself */
    else if (status == FRAME_MORE && scanner->size == scanner->max_size)
        status = FRAME_TOO_LARGE;
    return status;
}

const char *frame_status_text(enum frame_status status, const struct frame_scanner *scanner,
                              char *buffer, size_t size)
{
    switch (status) {
    case FRAME_NOT_OBJECT:
        (void)snprintf(buffer, size, "a message must be one JSON object, beginning with '{'");
        break;
    case FRAME_TOO_LARGE:
        (void)snprintf(buffer, size, "a message may have at most %zu bytes", scanner->max_size);
        break;
    case FRAME_TOO_DEEP:
        (void)snprintf(buffer, size, "objects and arrays may be nested at most %u deep",
                       scanner->max_depth);
        break;
    case FRAME_MORE:
    case FRAME_COMPLETE:
        (void)snprintf(buffer, size, "no problem");
        break;
    }
    return buffer;
}
