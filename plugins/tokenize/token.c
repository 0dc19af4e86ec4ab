/*
 * Tokens; see token.h. Nothing here asks for memory where text is ASCII.
 */

#include "token.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <unistr.h>

/* What a byte says of the character that it begins: whether that makes a segment a word. The bytes within a
 * character add nothing. */
enum lead { LEAD_NO, LEAD_YES, LEAD_ASK };

static const uint8_t leads[256] = {
    ['0' ... '9'] = LEAD_YES,
    ['A' ... 'Z'] = LEAD_YES,
    ['a' ... 'z'] = LEAD_YES,
    [0xC0 ... 0xFF] = LEAD_ASK,
};

/* Whether a character that is not ASCII makes a segment a word. */
static bool ask(const uint8_t *at, const uint8_t *end)
{
    ucs4_t character;
    (void)u8_mbtouc_unsafe(&character, at, (size_t)(end - at)); /* is known to be valid */
    return uc_is_property_alphabetic(character) ||
           uc_is_general_category_withtable(character, UC_CATEGORY_MASK_N);
}

static bool is_word(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t lead = leads[text[i]];
        if (lead == LEAD_YES || (lead == LEAD_ASK && ask(text + i, text + size)))
            return true;
    }
    return false;
}

static size_t without_line_end(const uint8_t *text, size_t size)
{
    if (size > 0 && text[size - 1] == '\n')
        size -= size > 1 && text[size - 2] == '\r' ? 2 : 1;
    return size;
}

static uint64_t load_eight(const void *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof(eight));
    return le64toh(eight); /* the first byte is the lowest */
}

/* The next boundary from `at` on, or the end. Eight bytes at a time, which is as long as most tokens are: a loop
 * over them would end where no processor could foretell it. */
static size_t next_break(const char *breaks, size_t at, size_t size)
{
    for (; size - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t eight = load_eight(breaks + at);
        if (eight)
            return at + (size_t)__builtin_ctzll(eight) / 8;
    }
    while (at < size && !breaks[at])
        at++;
    return at;
}

bool tokens_next(struct tokens *tokens, const uint8_t **token, size_t *size)
{
    while (tokens->at < tokens->size) {
        size_t begin = tokens->at, end = next_break(tokens->breaks, begin + 1, tokens->size);
        tokens->at = end;
        if (tokens->unit == UNIT_WORDS && !is_word(tokens->text + begin, end - begin))
            continue;
        *token = tokens->text + begin;
        *size = end - begin;
        if (tokens->unit == UNIT_LINES)
            *size = without_line_end(*token, *size);
        return true;
    }
    return false;
}

/* ---- Counting words ------------------------------------------------------------------------------ */

/* The same byte eight times. */
#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* 0x80 in each byte that is at least `least`; bytes and `least` are below 0x80. */
static uint64_t at_least(uint64_t eight, unsigned least)
{
    return ((eight | EIGHT(0x80)) - EIGHT(least)) & EIGHT(0x80);
}

/* 1 in each byte that is an ASCII letter or digit, 0 in the others. */
static uint64_t alnum_eight(uint64_t eight)
{
    uint64_t low = eight & EIGHT(0x7F), small = low | EIGHT(0x20);
    uint64_t letters = at_least(small, 'a') & ~at_least(small, 'z' + 1);
    uint64_t digits = at_least(low, '0') & ~at_least(low, '9' + 1);
    return ((letters | digits) & ~eight) >> 7 & EIGHT(1);
}

/* Most words begin with an ASCII letter, and most other segments are a single byte, which is then no word: both are
 * seen eight bytes at a time. The rest is looked at one by one. */
static uint64_t count_words(const uint8_t *text, const char *breaks, size_t size)
{
    uint64_t count = 0;
    size_t at = 0;
    for (; size - at > sizeof(uint64_t); at += sizeof(uint64_t)) {
        uint64_t begins = load_eight(breaks + at), next = load_eight(breaks + at + 1);
        uint64_t plain = begins & alnum_eight(load_eight(text + at));
        uint64_t rest = begins & ~plain & ~next;
        count += plain * EIGHT(1) >> 56;
        for (; rest; rest &= rest - 1) {
            size_t begin = at + (size_t)__builtin_ctzll(rest) / 8;
            count += is_word(text + begin, next_break(breaks, begin + 1, size) - begin);
        }
    }
    for (size_t end; at < size; at = end) {
        end = next_break(breaks, at + 1, size);
        count += breaks[at] && is_word(text + at, end - at);
    }
    return count;
}

uint64_t tokens_count(const struct tokens *tokens)
{
    if (tokens->unit == UNIT_WORDS)
        return count_words(tokens->text, tokens->breaks, tokens->size);
    uint64_t count = 0;
    for (size_t i = 0; i < tokens->size; i++)
        count += (unsigned char)tokens->breaks[i];
    return count;
}

/* ---- Small letters ------------------------------------------------------------------------------- */

static bool make_room(struct lowered *lowered, size_t size)
{
    if (size <= lowered->room)
        return true;
    uint8_t *text = realloc(lowered->text, size);
    if (!text)
        return false;
    lowered->text = text;
    lowered->room = size;
    return true;
}

static bool lower_any(struct lowered *lowered, const uint8_t *text, size_t size,
                      const uint8_t **out, size_t *out_size)
{
    *out_size = lowered->room;
    uint8_t *result = u8_tolower(text, size, NULL, NULL, lowered->text, out_size);
    if (!result)
        return false;
    if (result != lowered->text) { /* did not fit, and is ours now */
        free(lowered->text);
        lowered->text = result;
        lowered->room = *out_size;
    }
    *out = result;
    return true;
}

bool token_lower(struct lowered *lowered, const uint8_t *text, size_t size, const uint8_t **out,
                 size_t *out_size)
{
    if (!make_room(lowered, size > 0 ? size : 1))
        return false;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = text[i];
        if (byte >= 0x80)
            return lower_any(lowered, text, size, out, out_size);
        lowered->text[i] = byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
    }
    *out = lowered->text;
    *out_size = size;
    return true;
}
