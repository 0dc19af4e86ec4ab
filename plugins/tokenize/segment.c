/*
 * Boundaries; see segment.h. libunistring decides. Where text is ASCII, which for many languages is most of it,
 * its answers are looked up in tables instead, several times as fast: word boundaries in ASCII depend on the two
 * characters beside them and, for a character that may join two others, on one more on either side (rules WB6, WB7,
 * WB11 and WB12). What reaches further, marks and flags and emoji, is not ASCII.
 */

#include "segment.h"

#include <stdbool.h>
#include <string.h>
#include <unigbrk.h>
#include <uniwbrk.h>

enum neighbours { APART, TOGETHER, ASK };

/* Numbers the classes and notes a character of each. Returns how many there are. */
static size_t learn_classes(struct segment_ascii *ascii, uint8_t *example)
{
    int property[SEGMENT_CLASSES];
    size_t count = 0;
    for (uint8_t character = 0; character < 128; character++) {
        int its = uc_wordbreak_property(character);
        size_t class = 0;
        while (class < count && property[class] != its)
            class ++;
        if (class == count && count < SEGMENT_CLASSES) {
            property[count] = its;
            example[count++] = character;
        }
        ascii->class[character] = (uint8_t) class;
    }
    return count;
}

/* What is between characters of two classes, and which third class makes the second one join both others. */
static enum neighbours learn_pair(struct segment_ascii *ascii, const uint8_t *example, size_t count,
                                  size_t a, size_t b)
{
    char breaks[3];
    u8_wordbreaks((uint8_t[]){example[a], example[b]}, 2, breaks);
    if (!breaks[1])
        return TOGETHER;
    enum neighbours result = APART;
    for (size_t c = 0; c < count; c++) {
        u8_wordbreaks((uint8_t[]){example[a], example[b], example[c]}, 3, breaks);
        ascii->joined[a][b][c] = !breaks[1] && !breaks[2];
        if (ascii->joined[a][b][c])
            result = ASK;
    }
    return result;
}

void segment_learn(struct segment_ascii *ascii)
{
    uint8_t example[SEGMENT_CLASSES];
    uint8_t between[SEGMENT_CLASSES][SEGMENT_CLASSES];
    size_t count = learn_classes(ascii, example);
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < count; b++)
            between[a][b] = (uint8_t)learn_pair(ascii, example, count, a, b);
    for (size_t a = 0; a < 128; a++)
        for (size_t b = 0; b < 128; b++)
            ascii->pair[a][b] = between[ascii->class[a]][ascii->class[b]];
}

static bool is_ascii_alnum(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

/* Whether a word boundary is before text[at], whatever else is in the text: behind a newline (WB3a), and between a
 * space and a letter or digit, which no rule joins (WB999). */
static bool is_certain(const uint8_t *text, size_t at)
{
    uint8_t before = text[at - 1];
    return before <= ' ' && (before == '\n' || (before == ' ' && is_ascii_alnum(text[at])));
}

static void mark_ascii(const struct segment_ascii *ascii, const uint8_t *text, size_t size,
                       char *breaks)
{
    breaks[0] = 1;
    for (size_t i = 1; i < size; i++) {
        uint8_t before = text[i - 1], at = text[i];
        uint8_t pair = ascii->pair[before][at];
        breaks[i] = pair != TOGETHER;
        if (pair == ASK && i + 1 < size &&
            ascii->joined[ascii->class[before]][ascii->class[at]][ascii->class[text[i + 1]]]) {
            breaks[i] = breaks[i + 1] = 0;
            i++;
        }
    }
}

static size_t ascii_length(const uint8_t *text, size_t size)
{
    size_t length = 0;
    uint64_t eight;
    while (size - length >= sizeof(eight)) {
        memcpy(&eight, text + length, sizeof(eight));
        if (eight & UINT64_C(0x8080808080808080))
            break;
        length += sizeof(eight);
    }
    while (length < size && text[length] < 0x80)
        length++;
    return length;
}

/* By turns: ASCII up to the last certain boundary in it, then everything up to the next certain one, by libunistring.
 * A text may be cut at any boundary: a rule that looks back over one would have joined what is there. */
static void mark_words(const struct segment_ascii *ascii, const uint8_t *text, size_t size,
                       char *breaks)
{
    while (size > 0) {
        size_t foreign = ascii_length(text, size);
        size_t end = foreign;
        while (end > 0 && end < size && !is_certain(text, end))
            end--;
        if (end > 0) {
            mark_ascii(ascii, text, end, breaks);
        } else {
            for (end = foreign + 1; end < size && !is_certain(text, end);)
                end++;
            u8_wordbreaks(text, end, breaks);
            breaks[0] = 1;
        }
        text += end, breaks += end, size -= end;
    }
}

static void mark_lines(const uint8_t *text, size_t size, char *breaks)
{
    const uint8_t *end = text + size;
    memset(breaks, 0, size);
    breaks[0] = 1;
    for (const uint8_t *at = text; (at = memchr(at, '\n', (size_t)(end - at))) && ++at < end;)
        breaks[at - text] = 1;
}

void segment_mark(const struct segment_ascii *ascii, enum unit unit, const uint8_t *text,
                  size_t size, char *breaks)
{
    switch (unit) {
    case UNIT_WORDS:
    case UNIT_SEGMENTS:
        mark_words(ascii, text, size, breaks);
        break;
    case UNIT_GRAPHEMES:
        u8_grapheme_breaks(text, size, breaks);
        break;
    case UNIT_LINES:
        mark_lines(text, size, breaks);
        break;
    }
}
