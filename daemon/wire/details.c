/*
 * Details are checked twice, by the worker to tell the plugin and by the supervisor, which does not trust
 * a process that runs plugins: their text goes into events as it is. The depth is looked at before the parser
 * sees the text. Relies on jansson for the rest: duplicate keys, invalid UTF-8 and numbers out of range are
 * refused, so that whoever reads the text later can.
 */
#include "wire/details.h"

#include <stdint.h>
#include <string.h>
#include <jansson.h>
#include "wire/frame.h"

/* As outputs are, texts may hold NUL, written \u0000. */
#define DECODE_FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

static const char *find_problem(const char *text, size_t size)
{
    struct frame_scanner scanner = {.max_size = size, .max_depth = DETAILS_DEPTH_MAX};
    size_t blank, consumed;
    switch (frame_scan(&scanner, text, size, &blank, &consumed)) {
    case FRAME_TOO_DEEP:
        return "are nested too deep";
    case FRAME_COMPLETE:
        break; /* the parser looks at what follows, and calls itself no more */
    default:
        return "are no JSON object";
    }
    json_error_t error;
    json_t *parsed = json_loadb(text, size, DECODE_FLAGS, &error);
    json_decref(parsed);
    if (parsed)
        return NULL;
    switch (json_error_code(&error)) {
    case json_error_out_of_memory:
        return "found no memory";
    case json_error_duplicate_key:
        return "have the same key twice";
    case json_error_invalid_utf8:
        return "are not UTF-8";
    case json_error_numeric_overflow:
        return "have a number that is too large";
    default:
        return "are no JSON object";
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies valid JSON to where there is room for all of it; returns how much it has become. */
static size_t copy_compact(uint8_t *to, const char *text, size_t size)
{
    const uint8_t *start = to;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        if (in_string && text[i] == '\\')
            *to++ = (uint8_t)text[i++];
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && is_blank(text[i]))
            continue;
        *to++ = (uint8_t)text[i];
    }
    return (size_t)(to - start);
}

const char *details_read(struct bytes *out, const char *text, size_t size)
{
    const char *problem = find_problem(text, size);
    if (problem)
        return problem;
    size_t before = out->size;
    out->size = 0;
    uint8_t *to = bytes_reserve(out, size);
    if (!to) {
        out->size = before;
        out->failed = false;
        return "found no memory";
    }
    out->size = copy_compact(to, text, size);
    return NULL;
}

/* Blanks between the parts of valid JSON. */
static bool has_blanks(struct bytes_view json)
{
    bool in_string = false;
    for (size_t i = 0; i < json.size; i++) {
        char c = (char)json.data[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && is_blank(c))
            return true;
    }
    return false;
}

bool details_are_valid(struct bytes_view details)
{
    return !find_problem((const char *)details.data, details.size) && !has_blanks(details);
}
