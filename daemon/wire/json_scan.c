/*
 * The grammar of RFC 8259, less what is rare and takes effort: names with escapes, surrogate pairs, numbers
 * that might be out of range, very many members. Each such thing ends the scan with "unsure", and so does each
 * mistake, so that there is one place that tells mistakes apart: the parser.
 */
#include "wire/json_scan.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "base/bytes.h"
#include "base/json_plain.h"

#define DEPTH_MAX 16
/* Names of members of all objects that are open at a time; each new one is compared with those of its
 * object. */
#define NAMES_MAX 48
/* Digits before the point, and of the exponent: no number of so many is beyond 64 bits, or a double. */
#define DIGITS_MAX 18
#define EXPONENT_DIGITS_MAX 2

struct scan {
    const uint8_t *at, *end;
    bool spaced;
    unsigned depth; /* open objects and arrays */
    struct {
        uint8_t close;       /* the byte that ends it */
        unsigned first_name; /* where its names begin */
    } open[DEPTH_MAX];
    struct bytes_view names[NAMES_MAX];
    unsigned names_count;
};

/* 0 at the end; no part of JSON but a string can hold it. */
static uint8_t peek(const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : 0;
}

static bool take(struct scan *scan, uint8_t byte)
{
    if (peek(scan) != byte)
        return false;
    scan->at++;
    return true;
}

static void skip_blanks(struct scan *scan)
{
    for (uint8_t byte = peek(scan); byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
         byte = peek(scan)) {
        scan->spaced = true;
        scan->at++;
    }
}

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* What follows a backslash. */
static bool take_escape(struct scan *scan)
{
    if (scan->at == scan->end)
        return false;
    uint8_t kind = *scan->at++;
    if (kind != 'u')
        return kind && strchr("\"\\/bfnrt", kind);
    unsigned code = 0;
    for (int i = 0; i < 4; i++, scan->at++) {
        int value = hex_value(peek(scan));
        if (value < 0)
            return false;
        code = code << 4 | (unsigned)value;
    }
    return code < 0xD800 || code > 0xDFFF;
}

/* The rest of a string, behind its first quote. */
static bool take_string(struct scan *scan, bool may_escape)
{
    for (;;) {
        scan->at = json_plain_run(scan->at, scan->end);
        if (take(scan, '"'))
            return true;
        if (!may_escape || !take(scan, '\\') || !take_escape(scan))
            return false;
    }
}

static size_t take_digits(struct scan *scan)
{
    const uint8_t *start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return (size_t)(scan->at - start);
}

static bool take_number(struct scan *scan)
{
    (void)take(scan, '-'); /* or not */
    bool zero = peek(scan) == '0';
    size_t digits = take_digits(scan);
    if (digits == 0 || digits > DIGITS_MAX || (zero && digits > 1))
        return false;
    if (take(scan, '.') && take_digits(scan) == 0)
        return false;
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+'))
            (void)take(scan, '-'); /* or neither */
        digits = take_digits(scan);
        return digits > 0 && digits <= EXPONENT_DIGITS_MAX;
    }
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
        return false;
    scan->at += size;
    return true;
}

static bool take_scalar(struct scan *scan)
{
    switch (peek(scan)) {
    case '"':
        scan->at++;
        return take_string(scan, true);
    case 't':
        return take_word(scan, "true");
    case 'f':
        return take_word(scan, "false");
    case 'n':
        return take_word(scan, "null");
    default:
        return take_number(scan);
    }
}

/* A member's name and the colon. */
static bool take_name(struct scan *scan)
{
    if (scan->names_count == NAMES_MAX || !take(scan, '"'))
        return false;
    struct bytes_view name = {.data = scan->at};
    if (!take_string(scan, false))
        return false;
    name.size = (size_t)(scan->at - name.data);
    for (unsigned i = scan->open[scan->depth - 1].first_name; i < scan->names_count; i++) {
        if (scan->names[i].size == name.size && !memcmp(scan->names[i].data, name.data, name.size))
            return false;
    }
    scan->names[scan->names_count++] = name;
    skip_blanks(scan);
    if (!take(scan, ':'))
        return false;
    skip_blanks(scan);
    return true;
}

/* Begins an object or array, if one begins here. */
static bool take_open(struct scan *scan)
{
    uint8_t byte = peek(scan);
    if ((byte != '{' && byte != '[') || scan->depth == DEPTH_MAX)
        return false;
    scan->at++;
    scan->open[scan->depth].close = byte == '{' ? '}' : ']';
    scan->open[scan->depth].first_name = scan->names_count;
    scan->depth++;
    return true;
}

/* What ends behind a value: objects and arrays, up to a comma. False: something else stands there. */
static bool take_ends(struct scan *scan)
{
    while (scan->depth > 0) {
        skip_blanks(scan);
        if (take(scan, ','))
            return true;
        if (!take(scan, scan->open[scan->depth - 1].close))
            return false;
        scan->depth--;
        scan->names_count = scan->open[scan->depth].first_name;
    }
    return true;
}

static bool take_object(struct scan *scan)
{
    bool opened = take_open(scan);
    while (scan->depth > 0) {
        skip_blanks(scan);
        uint8_t close = scan->open[scan->depth - 1].close;
        if (!opened || peek(scan) != close) { /* empty, it ends at once */
            if (close == '}' && !take_name(scan))
                return false;
            opened = take_open(scan);
            if (opened)
                continue;
            if (!take_scalar(scan))
                return false;
        }
        opened = false;
        if (!take_ends(scan))
            return false;
    }
    return true;
}

enum json_scan json_scan(const void *text, size_t size)
{
    const uint8_t *start = text;
    struct scan scan;
    scan.at = start;
    scan.end = start + size;
    scan.spaced = false;
    scan.depth = scan.names_count = 0;
    skip_blanks(&scan);
    if (peek(&scan) != '{' || !take_object(&scan))
        return JSON_SCAN_UNSURE;
    skip_blanks(&scan);
    if (scan.at != scan.end)
        return JSON_SCAN_UNSURE;
    return scan.spaced ? JSON_SCAN_SPACED : JSON_SCAN_COMPACT;
}
