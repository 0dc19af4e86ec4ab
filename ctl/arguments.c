/*
 * Turns the words of the command line into what the protocol wants. Everything is checked to be
 * UTF-8 here, since JSON cannot carry anything else.
 */
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/parse.h"
#include "lines.h"

/* Bytes of an item: the most that a daemon can be told to take as a request (limits.line_bytes). What the daemon
 * at hand takes is checked when the item is sent. */
#define ITEM_MAX ((size_t)32 << 20)

/* ---- Parameters ---------------------------------------------------------------------------------- */

/* One argument, taken apart. */
struct pair {
    const char *key, *value;
    size_t key_size;
    bool is_json;
};

static int split_pair(const char *argument, struct pair *out, struct error *error)
{
    const char *equals = strchr(argument, '=');
    if (!equals)
        return error_set(error, -EINVAL, "'%s' is not KEY=VALUE", argument);
    struct pair pair = {.key = argument, .value = equals + 1};
    pair.is_json = equals > argument && equals[-1] == ':';
    pair.key_size = (size_t)(equals - argument) - pair.is_json;
    if (pair.key_size == 0)
        return error_set(error, -EINVAL, "'%s' has no name before the '='", argument);
    if (!parse_is_utf8(argument, strlen(argument)))
        return error_set(error, -EINVAL, "%.*s: is not valid UTF-8", (int)pair.key_size, pair.key);
    *out = pair;
    return 0;
}

static int pair_value(const struct pair *pair, json_t **out, struct error *error)
{
    if (!pair->is_json) {
        *out = json_string(pair->value);
        return *out ? 0 : -ENOMEM;
    }
    json_error_t why;
    *out = json_loads(pair->value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    if (!*out)
        return error_set(error, -EINVAL, "%.*s: '%s' is not JSON: %s", (int)pair->key_size,
                         pair->key, pair->value, why.text);
    return 0;
}

/* Adds a value to `params`; `seen` counts, per key, how often it was given as text, or is true where it
 * was given as JSON. Steals `value`. */
static int add_value(json_t *params, json_t *seen, const struct pair *pair, json_t *value,
                     struct error *error)
{
    AUTO_FREE char *key = strndup(pair->key, pair->key_size);
    if (!key) {
        json_decref(value);
        return -ENOMEM;
    }
    json_t *before = json_object_get(seen, key);
    if (before && (pair->is_json || json_is_true(before))) {
        json_decref(value);
        return error_set(error, -EINVAL, "%s: given with := it can be given only once", key);
    }
    json_int_t times = json_integer_value(before) + 1;
    int failed = json_object_set_new(seen, key, pair->is_json ? json_true() : json_integer(times));
    if (times == 1) {
        failed |= json_object_set_new(params, key, value);
    } else if (times == 2) {
        json_t *first = json_object_get(params, key);
        failed |= json_object_set_new(params, key, json_pack("[O,o]", first, value));
    } else {
        failed |= json_array_append_new(json_object_get(params, key), value);
    }
    return failed ? -ENOMEM : 0;
}

int arguments_params(int count, char *const *arguments, json_t **out, struct error *error)
{
    json_t *params = json_object(), *seen = json_object();
    int result = params && seen ? 0 : -ENOMEM;
    for (int i = 0; result == 0 && i < count; i++) {
        struct pair pair = {.key = NULL};
        json_t *value = NULL;
        result = split_pair(arguments[i], &pair, error);
        if (result == 0)
            result = pair_value(&pair, &value, error);
        if (result == 0)
            result = add_value(params, seen, &pair, value, error);
    }
    json_decref(seen);
    if (result == 0)
        *out = json_incref(params);
    json_decref(params);
    return result == -ENOMEM ? error_set(error, -ENOMEM, "out of memory") : result;
}

/* ---- A command ----------------------------------------------------------------------------------- */

/* The text with each brace twice. New reference; NULL: out of memory. */
static json_t *double_braces(const char *text)
{
    char *doubled = malloc(2 * strlen(text) + 1), *to = doubled;
    if (!doubled)
        return NULL;
    for (; *text; text++) {
        *to++ = *text;
        if (*text == '{' || *text == '}')
            *to++ = *text;
    }
    *to = '\0';
    json_t *string = json_string(doubled);
    free(doubled);
    return string;
}

int arguments_argv(int count, char *const *words, bool literal, json_t *params, struct error *error)
{
    if (json_object_get(params, "argv"))
        return error_set(error, -EINVAL, "argv and '--': give one of them");
    json_t *argv = json_array();
    int failed = argv ? 0 : -1;
    for (int i = 0; i < count && !failed; i++) {
        if (!parse_is_utf8(words[i], strlen(words[i]))) {
            json_decref(argv);
            return error_set(error, -EINVAL, "word %d behind '--' is not valid UTF-8", i + 1);
        }
        failed =
            json_array_append_new(argv, literal ? double_braces(words[i]) : json_string(words[i]));
    }
    if (failed || json_object_set(params, "argv", argv) < 0)
        failed = error_set(error, -ENOMEM, "out of memory");
    json_decref(argv);
    return failed;
}

/* ---- Items --------------------------------------------------------------------------------------- */

int arguments_items(const char *text, json_t **out, struct error *error)
{
    if (*text == '\0')
        return error_set(error, -EINVAL, "--items: there are none");
    if (!parse_is_utf8(text, strlen(text)))
        return error_set(error, -EINVAL, "--items: not valid UTF-8");
    json_t *items = json_array();
    int failed = items ? 0 : -1;
    for (const char *end = text; !failed && end; text = end + 1) {
        end = strchr(text, ',');
        failed = json_array_append_new(
            items, json_stringn(text, end ? (size_t)(end - text) : strlen(text)));
        if (!end)
            break;
    }
    if (failed) {
        json_decref(items);
        return error_set(error, -ENOMEM, "out of memory");
    }
    *out = items;
    return 0;
}

/* Appends a line of a file. */
static int add_line(json_t *items, const char *line, size_t size, struct error *error)
{
    if (size == 0)
        return 0;
    if (memchr(line, '\0', size))
        return error_set(error, -EINVAL, "a NUL byte");
    if (!parse_is_utf8(line, size))
        return error_set(error, -EINVAL, "not valid UTF-8");
    if (json_array_append_new(items, json_stringn_nocheck(line, size)) < 0)
        return error_set(error, -ENOMEM, "out of memory");
    return 0;
}

/* Appends the next line, or reads on. 1: more may come; 0: the file is over. */
static int read_line(struct lines *lines, const char *path, json_t *items, struct error *error)
{
    const char *line;
    size_t size;
    int result = lines_next(lines, &line, &size);
    if (result == 1) {
        result = add_line(items, line, size, error);
        if (result < 0)
            error_prefix(error, result, "%s:%ju", path, (uintmax_t)lines->number);
        return result < 0 ? result : 1;
    }
    if (result == -E2BIG)
        return error_set(error, result, "%s:%ju: the line is longer than any request (%zu bytes)",
                         path, (uintmax_t)lines->number + 1, lines->max);
    if (result != -EAGAIN)
        return result;
    result = lines_fill(lines);
    if (result == -ENOMEM)
        return error_set(error, result, "%s:%ju: out of memory", path,
                         (uintmax_t)lines->number + 1);
    if (result < 0 && result != -EINTR)
        return error_errno(error, result, "%s", path);
    return 1;
}

int arguments_items_file(const char *path, json_t **out, struct error *error)
{
    AUTO_CLOSE int opened = -1;
    struct lines lines = {.fd = STDIN_FILENO, .max = ITEM_MAX};
    if (strcmp(path, "-") == 0)
        path = "standard input";
    else if ((lines.fd = opened = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return error_errno(error, -errno, "%s", path);
    json_t *items = json_array();
    int result = items ? 1 : error_set(error, -ENOMEM, "out of memory");
    while (result == 1)
        result = read_line(&lines, path, items, error);
    lines_free(&lines);
    if (result == 0 && json_array_size(items) == 0)
        result = error_set(error, -EINVAL, "%s: there are no items in it", path);
    if (result == 0)
        *out = json_incref(items);
    json_decref(items);
    return result;
}
