/*
 * The message scanner. Most bytes of a message mean nothing to it, so it skips them in two tight
 * loops, one for inside of strings and one for outside, and stops only at the few that do. All it
 * remembers between calls is in the scanner; it never looks back, never calls itself and never
 * allocates.
 */
#include "wire/frame.h"

#include <stdio.h>
#include <string.h>

/* What a byte means to the scanner. */
enum byte_class {
    BYTE_PLAIN = 0,
    BYTE_OPEN = 1,
    BYTE_CLOSE = 2,
    BYTE_QUOTE = 3,
    BYTE_BACKSLASH = 4, /* has a meaning in strings alone */
    BYTE_BLANK = 5,     /* has a meaning between messages alone */
};

static const uint8_t classes[256] = {
    ['{'] = BYTE_OPEN,   ['['] = BYTE_OPEN,       ['}'] = BYTE_CLOSE, [']'] = BYTE_CLOSE,
    ['"'] = BYTE_QUOTE,  ['\\'] = BYTE_BACKSLASH, [' '] = BYTE_BLANK, ['\t'] = BYTE_BLANK,
    ['\n'] = BYTE_BLANK, ['\r'] = BYTE_BLANK,
};

/* Words of 8 bytes, for looking at as many at once. */
#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline bool has_zero_byte(uint64_t word)
{
    return (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
}

/* Finds the next quote or backslash. */
static const uint8_t *skip_in_string(const uint8_t *at, const uint8_t *end)
{
    for (uint64_t word; end - at >= 8; at += 8) {
        memcpy(&word, at, 8);
        if (has_zero_byte(word ^ EACH_BYTE('"')) || has_zero_byte(word ^ EACH_BYTE('\\')))
            break;
    }
    while (at < end && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* Finds the next brace, bracket or quote. */
static const uint8_t *skip_plain(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (uint8_t)(classes[*at] - BYTE_OPEN) > BYTE_QUOTE - BYTE_OPEN)
        at++;
    return at;
}

/* Looks at bytes within a message until it ends (FRAME_COMPLETE), goes too deep, or the bytes end
 * (FRAME_MORE). *end becomes where it stopped. */
static enum frame_status scan_message(struct frame_scanner *scanner, const uint8_t *at,
                                      const uint8_t **end)
{
    const uint8_t *limit = *end;
    unsigned depth = scanner->depth;
    bool in_string = scanner->in_string, escaped = scanner->escaped;
    enum frame_status status = FRAME_MORE;

    while (at < limit && status == FRAME_MORE) {
        if (escaped) {
            escaped = false;
            at++;
        } else if (in_string) {
            at = skip_in_string(at, limit);
            if (at == limit)
                break;
            escaped = *at == '\\';
            in_string = escaped;
            at++;
        } else {
            at = skip_plain(at, limit);
            if (at == limit)
                break;
            uint8_t class = classes[*at++];
            if (class == BYTE_QUOTE)
                in_string = true;
            else if (class == BYTE_CLOSE && --depth == 0)
                status = FRAME_COMPLETE;
            else if (class == BYTE_OPEN && depth++ == scanner->max_depth)
                status = FRAME_TOO_DEEP;
        }
    }
    scanner->depth = depth;
    scanner->in_string = in_string;
    scanner->escaped = escaped;
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
