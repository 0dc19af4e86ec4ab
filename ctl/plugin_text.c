/*
 * A plugin explained to people, from nothing but the table that the plugin itself declares.
 */
#include "plugin_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/parse.h"
#include "text.h"

static const char *string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void put(FILE *file, const char *text)
{
    text_put(file, text ? text : "?", text ? strlen(text) : 1);
}

/* ---- Ranges -------------------------------------------------------------------------------------- */

/* A limit in the notation of its type. */
static const char *show_limit(const char *type, double limit, char *buffer, size_t size)
{
    if (type && strcmp(type, "duration") == 0)
        return parse_show_span(limit, buffer, size);
    if (type && strcmp(type, "size") == 0 && limit >= 0 && limit < 0x1p63)
        return parse_show_size((uint64_t)limit, buffer, size);
    return parse_show_number(limit, buffer, size);
}

/* A limit of the table; false: none, or open. */
static bool get_limit(const json_t *param, const char *key, double *out)
{
    const json_t *limit = json_object_get(param, key);
    if (!json_is_number(limit) || !isfinite(json_number_value(limit)))
        return false;
    *out = json_number_value(limit);
    return true;
}

const char *plugin_text_range(const json_t *param, char *buffer, size_t size)
{
    double min, max;
    char low[64] = "", high[64] = "";
    const char *type = string(param, "type");
    bool has_min = get_limit(param, "min", &min), has_max = get_limit(param, "max", &max);
    if (has_min)
        (void)show_limit(type, min, low, sizeof(low));
    if (has_max)
        (void)show_limit(type, max, high, sizeof(high));
    (void)snprintf(buffer, size, "%s%s%s%s", has_min ? (has_max ? "" : "at least ") : "", low,
                   has_max ? (has_min ? " to " : "at most ") : "", high);
    return buffer;
}

/* ---- Parameters ---------------------------------------------------------------------------------- */

/* The type in capitals, as a placeholder: "DURATION"; a list takes its KEY several times. */
static void put_placeholder(FILE *file, const json_t *param)
{
    const char *type = string(param, "type"), *name = string(param, "name");
    bool is_list = type && strncmp(type, "list of ", 8) == 0;
    put(file, name);
    (void)fputc('=', file);
    for (const char *c = is_list ? "string" : type ? type : "value"; *c; c++)
        (void)fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, file);
    if (is_list)
        (void)fputs("...", file);
}

/* Whether an earlier row has the same one_of. */
static bool is_repeated_choice(const json_t *params, size_t at)
{
    const char *choice = string(json_array_get(params, at), "one_of");
    for (size_t i = 0; choice && i < at; i++) {
        const char *other = string(json_array_get(params, i), "one_of");
        if (other && strcmp(other, choice) == 0)
            return true;
    }
    return false;
}

/* Calls for each row with this one_of, in order. */
static void put_choice(FILE *file, const json_t *params, const char *choice, const char *separator,
                       void (*put_one)(FILE *file, const json_t *param))
{
    size_t i;
    json_t *param;
    const char *between = "";
    json_array_foreach (params, i, param) {
        const char *other = string(param, "one_of");
        if (!other || strcmp(other, choice) != 0)
            continue;
        (void)fputs(between, file);
        put_one(file, param);
        between = separator;
    }
}

static void put_name(FILE *file, const json_t *param)
{
    put(file, string(param, "name"));
}

/* "awaitctl run wait (seconds=DURATION | until=TIME) [tries=INTEGER]" */
static void print_usage(const json_t *plugin, FILE *file)
{
    const json_t *params = json_object_get(plugin, "params");
    size_t i;
    json_t *param;
    (void)fputs("Usage: awaitctl run ", file);
    put(file, string(plugin, "name"));
    json_array_foreach (params, i, param) {
        const char *choice = string(param, "one_of");
        if (is_repeated_choice(params, i))
            continue;
        bool is_required = json_is_true(json_object_get(param, "required"));
        (void)fputs(choice ? " (" : is_required ? " " : " [", file);
        if (choice)
            put_choice(file, params, choice, " | ", put_placeholder);
        else
            put_placeholder(file, param);
        (void)fputs(choice ? ")" : is_required ? "" : "]", file);
    }
    (void)fputc('\n', file);
}

/* "duration in seconds, required, at least 0" */
static void print_facts(const json_t *param, FILE *file)
{
    char range[160];
    const char *unit = string(param, "unit"), *default_text = string(param, "default");
    put(file, string(param, "type"));
    if (unit) {
        (void)fputs(" of ", file);
        put(file, unit);
    }
    if (json_is_true(json_object_get(param, "required")))
        (void)fputs(", required", file);
    if (json_is_true(json_object_get(param, "restricted")))
        (void)fputs(", restricted", file);
    if (*plugin_text_range(param, range, sizeof(range)))
        (void)fprintf(file, ", %s", range);
    if (default_text) {
        (void)fputs(", default: ", file);
        put(file, default_text);
    }
}

/* Prints a sentence indented, its words broken to `columns`; 0: in one line. */
static void print_wrapped(const char *text, size_t indent, unsigned columns, FILE *file)
{
    size_t at = indent;
    (void)fprintf(file, "%*s", (int)indent, "");
    while (text && *text) {
        size_t size = strcspn(text, " ");
        AUTO_FREE char *word = strndup(text, size);
        size_t width = word ? text_width(word) : size;
        if (columns > 0 && at > indent && at + 1 + width > columns) {
            (void)fprintf(file, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            (void)fputc(' ', file);
            at++;
        }
        text_put(file, text, size);
        at += width;
        text += size + strspn(text + size, " ");
    }
    (void)fputc('\n', file);
}

static void print_params(const json_t *params, unsigned columns, FILE *file)
{
    size_t i, width = 0;
    json_t *param;
    json_array_foreach (params, i, param) {
        const char *name = string(param, "name");
        if (name && text_width(name) > width)
            width = text_width(name);
    }
    json_array_foreach (params, i, param) {
        const char *name = string(param, "name");
        (void)fputs("  ", file);
        put(file, name);
        (void)fprintf(file, "%*s", (int)(width - (name ? text_width(name) : 1)) + 2, "");
        print_facts(param, file);
        (void)fputc('\n', file);
        print_wrapped(string(param, "text"), width + 4, columns, file);
    }
    json_array_foreach (params, i, param) {
        if (!string(param, "one_of") || is_repeated_choice(params, i))
            continue;
        (void)fputs("  Give exactly one of: ", file);
        put_choice(file, params, string(param, "one_of"), ", ", put_name);
        (void)fputc('\n', file);
    }
}

/* How values of the types that are not plain are written. */
static void print_notation(const json_t *params, FILE *file)
{
    static const struct {
        const char *type, *text;
    } notations[] = {
        {"duration", "A duration is a number of seconds, or has units: 1.5, 250ms, 1h30min."},
        {"size", "A size is a number of bytes, or has a unit: 4096, 64KiB, 2MB."},
        {"time", "A time is 2027-01-31T08:00:00Z, or a number of seconds since 1970."},
        {"JSON", "JSON is any value: {\"a\": [1, 2]}, 5, or \"a text\" in its quotes."},
        {"list of strings", "A list is made by giving its KEY several times."},
    };
    const char *before = "\n";
    for (size_t n = 0; n < sizeof(notations) / sizeof(notations[0]); n++) {
        size_t i;
        json_t *param;
        json_array_foreach (params, i, param) {
            const char *type = string(param, "type");
            if (!type || strcmp(type, notations[n].type) != 0)
                continue;
            (void)fprintf(file, "%s%s\n", before, notations[n].text);
            before = "";
            break;
        }
    }
}

static void print_restricted(const json_t *params, FILE *file)
{
    size_t i;
    json_t *param;
    json_array_foreach (params, i, param) {
        if (!json_is_true(json_object_get(param, "restricted")))
            continue;
        (void)fputs("\nWhat is restricted is only for root and the daemon's own user.\n", file);
        return;
    }
}

/* ---- The whole ----------------------------------------------------------------------------------- */

void plugin_text_print(const json_t *plugin, unsigned columns, FILE *file)
{
    const json_t *params = json_object_get(plugin, "params");
    const json_t *settings = json_object_get(plugin, "settings");
    const char *reason = string(plugin, "reason"), *summary = string(plugin, "summary");
    put(file, string(plugin, "name"));
    if (summary && *summary) {
        (void)fputs(": ", file);
        put(file, summary);
    }
    (void)fputc('\n', file);
    if (reason) {
        (void)fputs("Disabled: ", file);
        put(file, reason);
        (void)fputc('\n', file);
    }
    print_usage(plugin, file);
    if (json_array_size(params) > 0) {
        (void)fputs("\nParameters:\n", file);
        print_params(params, columns, file);
        print_notation(params, file);
        print_restricted(params, file);
    }
    if (json_array_size(settings) > 0) {
        (void)fputs("\nSettings, in the daemon's configuration:\n", file);
        print_params(settings, columns, file);
    }
    const json_t *limit = json_object_get(plugin, "limit");
    if (json_integer_value(limit) > 0)
        (void)fprintf(file, "\nAt most %" JSON_INTEGER_FORMAT " jobs of it run at once.\n",
                      json_integer_value(limit));
    (void)fputs("\nVersion ", file);
    put(file, string(plugin, "version"));
    (void)fputs(", style ", file);
    put(file, string(plugin, "style"));
    (void)fputs(", ABI ", file);
    put(file, string(plugin, "abi"));
    (void)fputs(", from ", file);
    put(file, string(plugin, "file"));
    (void)fputc('\n', file);
}
