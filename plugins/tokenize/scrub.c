/*
 * UTF-8 as Table 3-7 of the Unicode Standard has it: no overlong forms, no surrogates, nothing past
 * U+10FFFF. Most text is ASCII for long stretches, so that is passed over eight bytes at a time.
 */

#include "scrub.h"

#include <string.h>

static const uint8_t replacement[SCRUB_GROWTH] = {0xEF, 0xBF, 0xBD};

/* The length of the character at `at`, 1 to 4; 0: `end` cuts it off; negative: so many bytes are a maximal
 * subpart of none. */
static int step(const uint8_t *at, const uint8_t *end)
{
    uint8_t lead = *at;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return -1;
    int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (int i = 1; i < length; i++) {
        if (at + i == end)
            return 0;
        if (at[i] < low || at[i] > high)
            return -i;
        low = 0x80, high = 0xBF;
    }
    return length;
}

static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
    uint64_t eight;
    while (end - at >= (ptrdiff_t)sizeof(eight)) {
        memcpy(&eight, at, sizeof(eight));
        if (eight & UINT64_C(0x8080808080808080))
            break;
        at += sizeof(eight);
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

/* A character of two bytes: most letters of Latin, Greek, Cyrillic, Hebrew and Arabic text are such. */
static bool is_plain_pair(const uint8_t *at, const uint8_t *end)
{
    return end - at >= 2 && at[0] >= 0xC2 && at[0] <= 0xDF && (at[1] & 0xC0) == 0x80;
}

size_t scrub_valid(const uint8_t *text, size_t size, bool *cut)
{
    const uint8_t *at = text, *end = text + size;
    *cut = false;
    while (at < end) {
        int length;
        if (*at < 0x80) {
            at = skip_ascii(at, end);
        } else if (is_plain_pair(at, end)) {
            at += 2;
        } else if ((length = step(at, end)) > 0) {
            at += length;
        } else {
            *cut = length == 0;
            break;
        }
    }
    return (size_t)(at - text);
}

/* Nothing is copied where nothing is wrong. Else the text moves to the end of the buffer, from where it is
 * copied to the front: what is written never overtakes what is still to be read, as 3 * size <= room. */
size_t scrub_replace(uint8_t *text, size_t size, size_t room, bool last, size_t *kept)
{
    bool cut;
    size_t valid = scrub_valid(text, size, &cut);
    *kept = last || !cut ? 0 : size - valid;
    if (valid + *kept == size)
        return size;

    const uint8_t *end = text + room;
    const uint8_t *from = end - (size - valid);
    uint8_t *to = text + valid;
    memmove(text + room - (size - valid), to, size - valid);
    while (from < end) {
        int length = step(from, end);
        if (length == 0 && !last) {
            *kept = (size_t)(end - from);
            memmove(to, from, *kept);
            to += *kept;
            break;
        }
        if (length > 0) {
            memmove(to, from, (size_t)length);
            to += length;
            from += length;
        } else {
            memcpy(to, replacement, sizeof(replacement));
            to += sizeof(replacement);
            from += length == 0 ? end - from : -length;
        }
    }
    return (size_t)(to - text);
}
