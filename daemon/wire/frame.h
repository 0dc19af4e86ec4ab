/*
 * Finds the messages in a byte stream of JSON: each is one object and ends where its outermost
 * brace closes, with blanks and newlines between them ignored. Checks size and depth before any
 * parser sees the text. Knows strings and escapes, nothing else of JSON. Each byte is looked at once,
 * however the stream is cut into pieces. Allocates nothing.
 */
#ifndef AWAITD_WIRE_FRAME_H
#define AWAITD_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_scanner {
    size_t max_size;    /* bytes of one message, braces included */
    unsigned max_depth; /* of nested objects and arrays; the outermost object is 1 */

    /* State, all zero between messages. */
    size_t size; /* bytes of the message seen so far */
    unsigned depth;
    bool in_string, escaped;
};

enum frame_status {
    FRAME_MORE,       /* all bytes were consumed; the message goes on, or none has begun */
    FRAME_COMPLETE,   /* a message ended with the last consumed byte */
    FRAME_NOT_OBJECT, /* something other than blanks stands where a message must begin with '{' */
    FRAME_TOO_LARGE,  /* the message exceeds max_size: it has as many bytes and goes on */
    FRAME_TOO_DEEP,   /* the message exceeds max_depth */
};

/*
 * Looks at `size` more bytes. *consumed is how many of them were looked at; of those, the first
 * *blank stand before the message and do not belong to it. After FRAME_COMPLETE the scanner is
 * ready for the next message; after an error the stream is of no more use. After FRAME_NOT_OBJECT,
 * data[*blank] is the byte that stands where '{' should.
 */
enum frame_status frame_scan(struct frame_scanner *scanner, const void *data, size_t size,
                             size_t *blank, size_t *consumed);

/* The problem in words, for FRAME_NOT_OBJECT, FRAME_TOO_LARGE and FRAME_TOO_DEEP. Writes to `buffer`
 * and returns it. */
const char *frame_status_text(enum frame_status status, const struct frame_scanner *scanner,
                              char *buffer, size_t size);

#endif
