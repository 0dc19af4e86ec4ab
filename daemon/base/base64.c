/*
 * Reads base64. Strict: no blanks, no line breaks, padding where it belongs.
 */
#include "base/base64.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include "base/cleanup.h"

/* The 6 bits a character stands for; -1: none. */
static int digit_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

unsigned char *base64_decode(const char *text, size_t text_size, size_t *size)
{
    errno = EINVAL;
    if (text_size % 4 != 0)
        return NULL;
    size_t padding = 0;
    while (padding < 2 && padding < text_size && text[text_size - 1 - padding] == '=')
        padding++;

    AUTO_FREE unsigned char *out = malloc(text_size / 4 * 3 + 1);
    if (!out) {
        errno = ENOMEM;
        return NULL;
    }
    size_t written = 0;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < text_size - padding; i++) {
        int value = digit_value(text[i]);
        if (value < 0)
            return NULL;
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out[written++] = (unsigned char)(bits >> bit_count);
        }
    }
    *size = written;
    return take_ptr(&out);
}
