/*
 * Quotes texts for JSON; see quote.h.
 */

#include "quote.h"

#include <string.h>

/* Bytes gathered before they are put, and the most that one byte becomes: \u001f. */
#define PIECE_BYTES 512
#define ESCAPE_BYTES 6

/* Writes the byte as it is in a JSON string; returns how many bytes that are. */
static size_t escape(char *to, uint8_t byte)
{
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (byte < sizeof(letters) && letters[byte]) {
        to[0] = '\\';
        to[1] = letters[byte];
        return 2;
    }
    if (byte >= 0x20) {
        to[0] = (char)byte;
        return 1;
    }
    static const char digits[] = "0123456789abcdef";
    memcpy(to, "\\u00", 4);
    to[4] = digits[byte >> 4];
    to[5] = digits[byte & 15];
    return ESCAPE_BYTES;
}

void quote(const uint8_t *text, size_t size,
           void (*put)(void *context, const void *data, size_t size), void *context)
{
    char piece[PIECE_BYTES];
    size_t used = 0;
    piece[used++] = '"';
    for (size_t i = 0; i < size; i++) {
        /* A piece ends between characters, so that one dropped for want of room leaves text that is still UTF-8. */
        if (used > sizeof(piece) - ESCAPE_BYTES - 1 && (text[i] & 0xC0) != 0x80) {
            put(context, piece, used);
            used = 0;
        }
        used += escape(piece + used, text[i]);
    }
    piece[used++] = '"';
    put(context, piece, used);
}
