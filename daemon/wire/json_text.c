/*
 * JSON text by hand. Relies on its caller for valid UTF-8 and for putting the punctuation right;
 * when memory runs out the buffer remembers it, see base/bytes.h.
 */
#include "wire/json_text.h"

#include <string.h>
#include "base/bytes.h"

#define NS_PER_S UINT64_C(1000000000)

/* The decimal digits of a 64-bit number: 18446744073709551615. */
#define DIGITS_MAX 20

/* What follows the backslash for each byte that must not stand in a string as it is: a letter, or
 * 'u' for \u00XX. 0: nothing to escape. */
static const char escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
    ['\r'] = 'r', [0x00] = 'u',  [0x01] = 'u', [0x02] = 'u', [0x03] = 'u', [0x04] = 'u',
    [0x05] = 'u', [0x06] = 'u',  [0x07] = 'u', [0x0b] = 'u', [0x0e] = 'u', [0x0f] = 'u',
    [0x10] = 'u', [0x11] = 'u',  [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',
    [0x16] = 'u', [0x17] = 'u',  [0x18] = 'u', [0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u',
    [0x1c] = 'u', [0x1d] = 'u',  [0x1e] = 'u', [0x1f] = 'u',
};

static void put_escaped(struct bytes *out, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', escapes[byte], '0', '0', hex[byte >> 4], hex[byte & 15]};
    bytes_put(out, text, escapes[byte] == 'u' ? 6 : 2);
}

void json_text_string(struct bytes *out, const char *text, size_t size)
{
    bytes_put(out, "\"", 1);
    for (size_t at = 0; at < size;) {
        size_t plain = at;
        while (at < size && !escapes[(unsigned char)text[at]])
            at++;
        if (at > plain)
            bytes_put(out, text + plain, at - plain);
        if (at < size)
            put_escaped(out, (unsigned char)text[at++]);
    }
    bytes_put(out, "\"", 1);
}

/* Writes the digits so that they end at `end`, at least `width` of them; returns their start. */
static char *write_digits(char *end, uint64_t value, int width)
{
    for (; value || width > 0; value /= 10, width--)
        *--end = (char)('0' + value % 10);
    return end;
}

void json_text_integer(struct bytes *out, uint64_t value)
{
    char text[DIGITS_MAX], *end = text + sizeof(text);
    char *start = write_digits(end, value, 1);
    bytes_put(out, start, (size_t)(end - start));
}

void json_text_seconds(struct bytes *out, uint64_t ns)
{
    json_text_integer(out, ns / NS_PER_S);
    if (ns % NS_PER_S == 0)
        return;
    char text[1 + 9], *end = text + sizeof(text); /* the point and 9 decimals */
    text[0] = '.';
    (void)write_digits(end, ns % NS_PER_S, 9); /* fills the rest of text */
    while (end[-1] == '0')
        end--;
    bytes_put(out, text, (size_t)(end - text));
}

void json_text_base64(struct bytes *out, const void *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *in = data;
    size_t whole = size / 3, rest = size % 3;
    uint8_t *start = bytes_reserve(out, 2 + 4 * (whole + 1)), *to = start;
    if (!start)
        return;
    *to++ = '"';
    for (; whole > 0; whole--, in += 3) {
        uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *to++ = (uint8_t)digits[bits >> 18];
        *to++ = (uint8_t)digits[bits >> 12 & 63];
        *to++ = (uint8_t)digits[bits >> 6 & 63];
        *to++ = (uint8_t)digits[bits & 63];
    }
    if (rest > 0) {
        uint32_t bits = (uint32_t)in[0] << 16 | (rest > 1 ? (uint32_t)in[1] << 8 : 0);
        *to++ = (uint8_t)digits[bits >> 18];
        *to++ = (uint8_t)digits[bits >> 12 & 63];
        *to++ = rest > 1 ? (uint8_t)digits[bits >> 6 & 63] : '=';
        *to++ = '=';
    }
    *to++ = '"';
    out->size += (size_t)(to - start);
}
