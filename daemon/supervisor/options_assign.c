/*
 * Writes the values of options into struct config, as the rows of their table say. Relies on base/parse.h for the notation
 * of spans and sizes.
 */
#include "supervisor/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/parse.h"
#include "supervisor/config.h"

bool options_is_quoted(const struct option *option)
{
    return option->type != OPTION_INTEGER && option->type != OPTION_BOOLEAN;
}

static void *member(const struct option *option, struct config *config)
{
    return (char *)config + option->offset;
}

/* A bound as the file would say it. */
static void show_bound(const struct option *option, double bound, char *buffer, size_t size)
{
    if (option->type == OPTION_SPAN)
        (void)parse_show_span(bound, buffer, size);
    else if (option->type == OPTION_SIZE)
        (void)parse_show_size((uint64_t)bound, buffer, size);
    else
        (void)snprintf(buffer, size, "%.0f", bound);
}

const char *options_show_range(const struct option *option, char *buffer, size_t size)
{
    char min[40], max[40];

    show_bound(option, option->min, min, sizeof(min));
    show_bound(option, option->max, max, sizeof(max));
    buffer[0] = '\0';
    if (option->type == OPTION_LEVEL) {
        size_t used = 0;
        for (size_t i = 0; i < LOG_LEVELS && used < size; i++)
            used += (size_t)snprintf(buffer + used, size - used, "%s\"%s\"", i ? ", " : "",
                                     log_level_name((enum log_level)i));
    } else if (option->type == OPTION_BOOLEAN) {
        (void)snprintf(buffer, size, "true, false");
    } else if (option->type == OPTION_INTEGER) {
        (void)snprintf(buffer, size, "%s to %s %s", min, max, option->unit);
    } else if (option->type == OPTION_SPAN || option->type == OPTION_SIZE) {
        (void)snprintf(buffer, size, "\"%s\" to \"%s\"", min, max);
    }
    return buffer;
}

static bool in_range(const struct option *option, double value)
{
    return value >= option->min && value <= option->max;
}

static int refuse_range(const struct option *option, const char *given, struct error *error)
{
    char min[40], max[40];

    show_bound(option, option->min, min, sizeof(min));
    show_bound(option, option->max, max, sizeof(max));
    return error_set(error, -EINVAL, "must be from %s to %s, not %s", min, max, given);
}

static int assign_integer(const struct option *option, const struct option_value *value,
                          struct config *config, struct error *error)
{
    char given[40];

    if (value->kind != OPTION_VALUE_INTEGER)
        return error_set(error, -EINVAL, "must be an integer without quotes");
    (void)snprintf(given, sizeof(given), "%lld", (long long)value->integer);
    if (!in_range(option, (double)value->integer))
        return refuse_range(option, given, error);
    *(int64_t *)member(option, config) = value->integer;
    return 0;
}

static int assign_size(const struct option *option, const struct option_value *value,
                       struct config *config, struct error *error)
{
    uint64_t bytes = 0;
    char given[40];

    if (value->kind == OPTION_VALUE_INTEGER && value->integer >= 0) {
        bytes = (uint64_t)value->integer;
        (void)snprintf(given, sizeof(given), "%lld", (long long)value->integer);
    } else if (value->kind == OPTION_VALUE_TEXT && parse_size(value->text, &bytes) == 0) {
        (void)snprintf(given, sizeof(given), "\"%.30s\"", value->text);
    } else {
        return error_set(error, -EINVAL, "must be an amount of bytes, such as 65536 or \"64KiB\"");
    }
    if (!in_range(option, (double)bytes))
        return refuse_range(option, given, error);
    *(int64_t *)member(option, config) = (int64_t)bytes;
    return 0;
}

static int assign_span(const struct option *option, const struct option_value *value,
                       struct config *config, struct error *error)
{
    double seconds = 0;
    char given[40];

    if (value->kind == OPTION_VALUE_INTEGER)
        seconds = (double)value->integer;
    else if (value->kind == OPTION_VALUE_NUMBER && isfinite(value->number))
        seconds = value->number;
    else if (value->kind != OPTION_VALUE_TEXT || parse_span(value->text, &seconds) < 0)
        return error_set(error, -EINVAL,
                         "must be a time span: a number of seconds, or text such as \"250ms\"");

    if (value->kind == OPTION_VALUE_TEXT)
        (void)snprintf(given, sizeof(given), "\"%.30s\"", value->text);
    else
        (void)snprintf(given, sizeof(given), "%g", seconds);
    if (!in_range(option, seconds))
        return refuse_range(option, given, error);
    *(double *)member(option, config) = seconds;
    return 0;
}

static int assign_text(const struct option *option, const struct option_value *value,
                       struct config *config, struct error *error)
{
    char **out = member(option, config);
    char *copy = NULL;
    size_t size;

    if (value->kind != OPTION_VALUE_TEXT)
        return error_set(error, -EINVAL, "must be text in quotes");
    size = strlen(value->text);
    if (size == 0 && option->min > 0)
        return error_set(error, -EINVAL, "must not be empty");
    if (size > (size_t)option->max)
        return error_set(error, -EINVAL, "must be at most %.0f bytes long, not %zu", option->max,
                         size);
    if (option->type == OPTION_PATH && value->text[0] != '/')
        return error_set(error, -EINVAL, "must be a path that begins with /, not \"%.100s\"",
                         value->text);
    if (size > 0 && !(copy = strdup(value->text)))
        return error_set(error, -ENOMEM, "out of memory");
    free(*out);
    *out = copy;
    return 0;
}

static int assign_level(const struct option *option, const struct option_value *value,
                        struct config *config, struct error *error)
{
    char names[100];
    enum log_level level =
        value->kind == OPTION_VALUE_TEXT ? log_level_from_name(value->text) : LOG_LEVELS;

    if (level < LOG_LEVELS) {
        *(enum log_level *)member(option, config) = level;
        return 0;
    }
    return error_set(error, -EINVAL, "must be one of %s",
                     options_show_range(option, names, sizeof(names)));
}

static int assign_boolean(const struct option *option, const struct option_value *value,
                          struct config *config, struct error *error)
{
    if (value->kind != OPTION_VALUE_BOOLEAN)
        return error_set(error, -EINVAL, "must be true or false, without quotes");
    *(bool *)member(option, config) = value->boolean;
    return 0;
}

int options_assign(const struct option *option, const struct option_value *value,
                   struct config *config, struct error *error)
{
    switch (option->type) {
    case OPTION_INTEGER:
        return assign_integer(option, value, config, error);
    case OPTION_SPAN:
        return assign_span(option, value, config, error);
    case OPTION_SIZE:
        return assign_size(option, value, config, error);
    case OPTION_TEXT:
    case OPTION_PATH:
        return assign_text(option, value, config, error);
    case OPTION_LEVEL:
        return assign_level(option, value, config, error);
    case OPTION_BOOLEAN:
        return assign_boolean(option, value, config, error);
    }
    return error_set(error, -EINVAL, "has a type that nobody reads");
}

int options_set_defaults(struct config *config)
{
    const struct option *option;

    for (size_t i = 0; (option = options_at(i)); i++) {
        struct option_value value = {.kind = OPTION_VALUE_TEXT, .text = option->fallback};
        int result;

        if (!option->fallback)
            continue;
        if (option->type == OPTION_INTEGER && parse_integer(option->fallback, &value.integer) == 0)
            value.kind = OPTION_VALUE_INTEGER;
        if (option->type == OPTION_BOOLEAN && parse_bool(option->fallback, &value.boolean) == 0)
            value.kind = OPTION_VALUE_BOOLEAN;
        result = options_assign(option, &value, config, NULL);
        if (result < 0)
            return result;
    }
    return 0;
}

void options_clear(struct config *config)
{
    const struct option *option;

    for (size_t i = 0; (option = options_at(i)); i++) {
        if (option->type == OPTION_TEXT || option->type == OPTION_PATH) {
            char **text = member(option, config);
            free(*text);
            *text = NULL;
        }
    }
}
