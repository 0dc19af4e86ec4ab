/*
 * Details are checked twice, by the worker to tell the plugin and by the supervisor, which does not trust
 * a process that runs plugins: their text goes into events as it is. Most are found valid by a scan; of the
 * others the depth is looked at before the parser sees the text. Relies on jansson for the rest: duplicate keys, invalid UTF-8 and numbers out of range are
 * refused, so that whoever reads the text later can.
 */
#include "wire/details.h"

#include <stdint.h>
#include <string.h>
#include <jansson.h>
#include "wire/frame.h"
#include "wire/json_scan.h"

/* As outputs are, texts may hold NUL, written \u0000. */
#define DECODE_FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

/* For what the scan is not sure of. */
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

/* Copies valid JSON without blanks to where there is room for all of it, or nowhere where `to` is NULL;
 * returns how long it has become. */
static size_t copy_compact(uint8_t *to, const char *text, size_t size)
{
    size_t kept = 0;
    bool in_string = false, escaped = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
            continue;
        if (c == '"' && !escaped)
            in_string = !in_string;
        escaped = c == '\\' && !escaped;
        if (to)
            to[kept] = (uint8_t)c;
        kept++;
    }
    return kept;
}

const char *details_read(struct bytes *out, const char *text, size_t size)
{
    enum json_scan scan = json_scan(text, size);
    const char *problem = scan == JSON_SCAN_UNSURE ? find_problem(text, size) : NULL;
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
    if (scan == JSON_SCAN_COMPACT)
        memcpy(to, text, size);
    out->size = scan == JSON_SCAN_COMPACT ? size : copy_compact(to, text, size);
    return NULL;
}

bool details_are_valid(struct bytes_view details)
{
    const char *text = (const char *)details.data;
    enum json_scan scan = json_scan(text, details.size);
    if (scan != JSON_SCAN_UNSURE)
        return scan == JSON_SCAN_COMPACT;
    return !find_problem(text, details.size) &&
           copy_compact(NULL, text, details.size) == details.size;
}
