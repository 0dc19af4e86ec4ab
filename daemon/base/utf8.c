/*
 * The table of RFC 3629, section 4, as code. The second byte's range depends on the first; that is
 * what keeps overlong forms, surrogates and everything past U+10FFFF out.
 */
#include "base/utf8.h"

#include <string.h>

static int is_continuation(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

size_t utf8_step(const uint8_t *at, const uint8_t *end)
{
    size_t left = (size_t)(end - at);
    uint8_t first = at[0];
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4 || left < 2)
        return 0;
    if (first < 0xE0)
        return is_continuation(at[1]) ? 2 : 0;

    uint8_t low = 0x80, high = 0xBF;
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    if (left < 3 || at[1] < low || at[1] > high || !is_continuation(at[2]))
        return 0;
    if (first < 0xF0)
        return 3;
    return left >= 4 && is_continuation(at[3]) ? 4 : 0;
}

void utf8_mend(char *text)
{
    uint8_t *at = (uint8_t *)text;
    const uint8_t *end = at + strlen(text);
    while (at < end) {
        size_t step = utf8_step(at, end);
        if (step == 0) {
            *at = '?';
            step = 1;
        }
        at += step;
    }
}

size_t utf8_copy(char *out, size_t size, const char *text)
{
    size_t length = strnlen(text, size);
    if (length == size) {
        length--;
        /* Back to the first byte of the character that was cut; no valid one is longer than 4. */
        size_t whole = length;
        while (whole > 0 && length - whole < 3 && is_continuation((uint8_t)text[whole]))
            whole--;
        if (!is_continuation((uint8_t)text[whole]))
            length = whole;
    }
    memmove(out, text, length);
    out[length] = '\0';
    return length;
}
