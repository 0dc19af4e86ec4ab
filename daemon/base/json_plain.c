/*
 * The common part of the grammar of RFC 8259. Never allocates and never looks at a byte twice.
 */
#include "base/json_plain.h"

#include <string.h>
#include "base/utf8.h"

/* Digits before the point; no number of so many is beyond 64 bits. */
#define DIGITS_MAX 18

/* Bytes of a text that are a character each and stand for themselves. */
static inline bool is_itself(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static inline bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

void json_plain_blanks(struct json_plain *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\n' || *json->at == '\t' || *json->at == '\r'))
        json->at++;
}

bool json_plain_take(struct json_plain *json, uint8_t byte)
{
    json_plain_blanks(json);
    if (json->at == json->end || *json->at != byte)
        return false;
    json->at++;
    return true;
}

bool json_plain_word(struct json_plain *json, const char *word)
{
    json_plain_blanks(json);
    size_t size = strlen(word);
    if ((size_t)(json->end - json->at) < size || memcmp(json->at, word, size) != 0)
        return false;
    json->at += size;
    return true;
}

const uint8_t *json_plain_run(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        if (is_itself(*at)) {
            at++;
            continue;
        }
        size_t step = *at < 0x80 ? 0 : utf8_step(at, end);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

bool json_plain_text(struct json_plain *json, struct bytes_view *out)
{
    if (!json_plain_take(json, '"'))
        return false;
    const uint8_t *start = json->at;
    json->at = json_plain_run(start, json->end);
    if (json->at == json->end || *json->at != '"')
        return false;
    *out = (struct bytes_view){.data = start, .size = (size_t)(json->at - start)};
    json->at++;
    return true;
}

/* How many digits there are; *value is the number they make, where they are at most DIGITS_MAX. */
static size_t take_digits(struct json_plain *json, uint64_t *value)
{
    const uint8_t *start = json->at;
    *value = 0;
    for (; json->at < json->end && is_digit(*json->at); json->at++)
        *value = *value * 10 + (*json->at - '0');
    return (size_t)(json->at - start);
}

bool json_plain_number(struct json_plain *json, struct json_plain_number *out)
{
    bool is_negative = json_plain_take(json, '-');
    bool has_zero = json->at < json->end && *json->at == '0';
    uint64_t value, decimals;
    size_t digits = take_digits(json, &value);
    if (digits == 0 || digits > DIGITS_MAX || (has_zero && digits > 1))
        return false;
    bool is_whole = json->at == json->end || *json->at != '.';
    if (!is_whole) {
        json->at++;
        if (take_digits(json, &decimals) == 0)
            return false;
    }
    if (json->at < json->end && (*json->at | 0x20) == 'e')
        return false;
    int64_t low = is_negative ? -(int64_t)value : (int64_t)value;
    out->low = is_negative && !is_whole ? low - 1 : low;
    out->high = is_negative || is_whole ? low : low + 1;
    return true;
}
