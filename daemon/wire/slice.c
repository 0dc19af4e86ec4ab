/*
 * One look at each byte, in steps from value to value.
 */
#include "wire/slice.h"

#include <errno.h>
#include <string.h>

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static const uint8_t *skip_blanks(const uint8_t *at, const uint8_t *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

/* From a string's first quote to behind its last one; NULL: it has no end. */
static const uint8_t *skip_string(const uint8_t *at, const uint8_t *end)
{
    for (at++; at < end; at++) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\')
            at++;
    }
    return NULL;
}

/* What ends a run of bytes that mean nothing here, in a value that is nested. */
static const bool stops[256] = {
    ['"'] = true, ['{'] = true, ['['] = true, ['}'] = true, [']'] = true,
};

/* From the opening bracket of an object or array to behind the closing one; NULL: it has no end. */
static const uint8_t *skip_nested(const uint8_t *at, const uint8_t *end)
{
    for (size_t depth = 0; at && at < end;) {
        uint8_t byte = *at;
        if (!stops[byte]) {
            at++;
        } else if (byte == '"') {
            at = skip_string(at, end);
        } else {
            at++;
            if (byte == '{' || byte == '[')
                depth++;
            else if (--depth == 0)
                return at;
        }
    }
    return NULL;
}

/* From the first byte of a value to behind its last one; NULL: it has no end, or is empty. */
static const uint8_t *skip_value(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *start = at;
    if (at == end)
        return NULL;
    if (*at == '"')
        return skip_string(at, end);
    if (*at == '{' || *at == '[')
        return skip_nested(at, end);
    while (at < end && !is_blank(*at) && *at != ',' && *at != ']' && *at != '}')
        at++;
    return at > start ? at : NULL;
}

/* From a member's first quote to the first byte of its value; NULL: malformed. */
static const uint8_t *skip_name(const uint8_t *at, const uint8_t *end, struct bytes_view *name)
{
    if (at == end || *at != '"')
        return NULL;
    const uint8_t *behind = skip_string(at, end);
    if (!behind)
        return NULL;
    *name = (struct bytes_view){.data = at + 1, .size = (size_t)(behind - at) - 2};
    at = skip_blanks(behind, end);
    return at < end && *at == ':' ? skip_blanks(at + 1, end) : NULL;
}

struct bytes_view slice_from_member(struct bytes_view object, const char *name)
{
    static const struct bytes_view none;
    if (!object.size || object.data[0] != '{')
        return none;
    const uint8_t *at = object.data, *end = object.data + object.size;
    size_t length = strlen(name);
    do {
        struct bytes_view found;
        const uint8_t *value = skip_name(skip_blanks(at + 1, end), end, &found);
        if (!value)
            return none;
        if (found.size == length && !memcmp(found.data, name, length))
            return (struct bytes_view){.data = value, .size = (size_t)(end - value)};
        const uint8_t *behind = skip_value(value, end);
        if (!behind)
            return none;
        at = skip_blanks(behind, end);
    } while (at < end && *at == ',');
    return none;
}

struct bytes_view slice_member(struct bytes_view object, const char *name)
{
    struct bytes_view rest = slice_from_member(object, name);
    const uint8_t *behind = rest.data ? skip_value(rest.data, rest.data + rest.size) : NULL;
    return (struct bytes_view){.data = behind ? rest.data : NULL,
                               .size = behind ? (size_t)(behind - rest.data) : 0};
}

bool slice_elements_begin(struct slice_elements *elements, struct bytes_view array)
{
    if (!array.size || array.data[0] != '[')
        return false;
    *elements = (struct slice_elements){
        .at = array.data + 1, .end = array.data + array.size, .first = true};
    return true;
}

int slice_elements_next(struct slice_elements *elements, struct bytes_view *out)
{
    const uint8_t *end = elements->end, *at = skip_blanks(elements->at, end);
    if (at < end && *at == ']')
        return at + 1 == end ? 0 : -EBADMSG;
    if (!elements->first) {
        if (at == end || *at != ',')
            return -EBADMSG;
        at = skip_blanks(at + 1, end);
    }
    const uint8_t *behind = skip_value(at, end);
    if (!behind)
        return -EBADMSG;
    *out = (struct bytes_view){.data = at, .size = (size_t)(behind - at)};
    elements->at = behind;
    elements->first = false;
    return 1;
}
