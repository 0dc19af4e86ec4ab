/*
 * JSON values as parameters: from text, back to text, and the texts inside them. Relies on jansson, whose
 * parser calls itself at each bracket; how deep is seen before it is asked.
 */
#include "base/params.h"
#include "base/params_types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Objects and lists inside each other, in a value given as text; as in a message by default
 * (limits.message_depth), and as in the configuration. */
#define DEPTH_MAX 64

/* Digits that a number from text keeps whatever it is, and those that tell any two apart (C17 5.2.4.2.2). */
#define DIGITS_KEPT 15
#define DIGITS_ALL 17

/* Looks at brackets outside of strings only; whether they match is the parser's business. */
static bool is_too_deep(const char *text)
{
    unsigned depth = 0;
    for (bool in_string = false; *text; text++) {
        if (*text == '"')
            in_string = !in_string;
        else if (in_string && *text == '\\' && text[1])
            text++;
        else if (!in_string && (*text == '{' || *text == '[') && ++depth > DEPTH_MAX)
            return true;
        else if (!in_string && (*text == '}' || *text == ']') && depth > 0)
            depth--;
    }
    return false;
}

/* Whether it was "\\u0000" that the parser did not like: JSON, but not for a text of C. */
static bool has_nul(const json_error_t *wrong)
{
    enum json_error_code code = json_error_code(wrong);
    return code == json_error_null_character || code == json_error_null_byte_in_key;
}

int params_json_parse(const char *text, json_t **out)
{
    json_error_t wrong;
    if (is_too_deep(text))
        return -EINVAL;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &wrong);
    if (!json)
        return has_nul(&wrong) ? -EILSEQ : -EINVAL;
    *out = json;
    return 0;
}

int params_json_dump(const json_t *json, struct aw_json *out)
{
    static const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    char *text = json_dumps(json, flags | JSON_REAL_PRECISION(DIGITS_KEPT));
    if (!text)
        return -ENOMEM;

    /* 0.1 stays 0.1 where all numbers are as short; the others must not lose anything. */
    json_t *same = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool is_same = same && json_equal(json, same);
    json_decref(same);
    if (!is_same) {
        free(text);
        text = json_dumps(json, flags | JSON_REAL_PRECISION(DIGITS_ALL));
        if (!text)
            return -ENOMEM;
    }
    *out = (struct aw_json){.text = text, .size = strlen(text)};
    return 0;
}

int params_json_texts(json_t *json, int (*visit)(json_t *text, void *context), void *context)
{
    if (json_is_string(json))
        return visit(json, context);
    int result = 0;
    const char *key;
    json_t *value;
    json_object_foreach (json, key, value) {
        result = params_json_texts(value, visit, context);
        if (result != 0)
            return result;
    }
    for (size_t i = 0; i < json_array_size(json) && result == 0; i++)
        result = params_json_texts(json_array_get(json, i), visit, context);
    return result;
}
