/*
 * Checks and fills. This runs once for every job, a million times for a large batch, so it looks at
 * each given parameter once and allocates nothing but the texts that the struct keeps; names of
 * fields are put together only when there is a problem to tell. Relies on params_check_table() for
 * the table and on jansson for the rest: finite numbers, valid UTF-8, no key twice.
 */
#include "base/params.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/params_types.h"
#include "base/problems.h"
#include "base/template.h"

/* Bytes of a wrong value that are shown. */
#define VALUE_SHOWN 40

/* One call of params_fill(). */
struct fill {
    const struct params_table *table;
    const struct params_expansion *expansion;
    const char *field;
    struct problems *problems;
    size_t expanded_size; /* bytes of texts that were expanded so far */
};

/* Adds a problem of FIELD, of FIELD.name, or, where `item` is not negative, of FIELD.name[item]. */
__attribute__((format(printf, 4, 5))) static int tell(struct fill *fill, const char *name, int item,
                                                      const char *format, ...)
{
    /* A byte more than a problem holds, so that problems_add() sees where to cut. */
    char field[PROBLEMS_TEXT_SIZE + 1], text[256], index[16] = "";
    if (item >= 0)
        (void)snprintf(index, sizeof(index), "[%d]", item);
    const char *dot = name && *fill->field ? "." : "";
    (void)snprintf(field, sizeof(field), "%s%s%s%s", fill->field, dot, name ? name : "", index);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    problems_add(fill->problems, field, "%s", text);
    return -EINVAL;
}

/* ---- Texts ----------------------------------------------------------------------------------- */

/* The text of a JSON string, expanded if need be. *out points into the JSON or to *owned, which the
 * caller frees. */
static int read_text(struct fill *fill, const struct aw_param *row, int item, const json_t *json,
                     const char **out, char **owned)
{
    const char *text = json_string_value(json);
    if (strlen(text) != json_string_length(json))
        return tell(fill, row->name, item, "must not contain NUL");
    const struct params_expansion *expansion = fill->expansion;
    if (expansion && template_has_placeholder(text)) {
        if (!expansion->item && template_has_item(text))
            return tell(fill, row->name, item, "has {item}, but the job was not made from items");
        fill->expanded_size += template_expanded_size(text, expansion->index, expansion->item);
        if (fill->expanded_size > PARAMS_EXPANDED_MAX)
            return tell(fill, row->name, item, "is too long once its placeholders are replaced");
        *owned = template_expand(text, expansion->index, expansion->item);
        if (!*owned)
            return -ENOMEM;
        text = *owned;
    }
    *out = text;
    return 0;
}

/* A string for the struct to keep; without `keep` it is only checked, and *out is NULL. */
static int read_string(struct fill *fill, const struct aw_param *row, int item, const json_t *json,
                       bool keep, char **out)
{
    if (!json_is_string(json))
        return tell(fill, row->name, item, "must be a string");
    const char *text;
    char *owned = NULL;
    int result = read_text(fill, row, item, json, &text, &owned);
    if (result != 0)
        return result;
    if (keep && !owned) {
        owned = strdup(text);
        if (!owned)
            return -ENOMEM;
    } else if (!keep) {
        free(owned);
        owned = NULL;
    }
    *out = owned;
    return 0;
}

static void free_strings(const struct aw_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free((char *)strings->items[i]);
    free((void *)strings->items);
}

static int read_strings(struct fill *fill, const struct aw_param *row, const json_t *json,
                        bool keep, struct aw_strings *out)
{
    bool single = json_is_string(json);
    if (!single && !json_is_array(json))
        return tell(fill, row->name, -1, "%s", params_type_expected(row->type));
    size_t count = single ? 1 : json_array_size(json);
    char **items = NULL;
    if (keep && count > 0) {
        items = calloc(count, sizeof(*items));
        if (!items)
            return -ENOMEM;
    }
    int result = 0;
    size_t i = 0;
    for (; i < count && result == 0; i++) {
        char *text = NULL;
        result = read_string(fill, row, single ? -1 : (int)i,
                             single ? json : json_array_get(json, i), keep, &text);
        if (items)
            items[i] = text;
    }
    struct aw_strings strings = {.count = items ? count : 0, .items = (const char *const *)items};
    if (result != 0)
        free_strings(&strings);
    else
        *out = strings;
    return result;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

struct nested {
    struct fill *fill;
    const struct aw_param *row;
    bool keep;
};

static int read_nested(json_t *json, void *context)
{
    struct nested *nested = context;
    const char *text;
    AUTO_FREE char *owned = NULL;
    int result = read_text(nested->fill, nested->row, -1, json, &text, &owned);
    if (result == 0 && owned && nested->keep && json_string_set(json, owned) < 0)
        result = -ENOMEM;
    return result;
}

/* The value that a text holds. What its placeholders stand for is put into the texts inside it, not into
 * it, and so cannot break out of them. */
static int parse_json(struct fill *fill, const struct aw_param *row, const json_t *json,
                      json_t **out)
{
    const char *text = json_string_value(json);
    int result = strlen(text) == json_string_length(json) ? params_json_parse(text, out) : -EILSEQ;
    if (result == 0)
        return 0;
    if (result == -EILSEQ)
        return tell(fill, row->name, -1, "must not contain NUL");
    return tell(fill, row->name, -1, "%s, not \"%.*s\"", params_type_expected(row->type),
                VALUE_SHOWN, text);
}

static int read_json(struct fill *fill, const struct aw_param *row, const json_t *json, bool keep,
                     struct aw_json *out)
{
    json_t *value = NULL;
    int result = 0;
    if (json_is_string(json))
        result = parse_json(fill, row, json, &value);
    else if (keep && fill->expansion)
        value = json_deep_copy(json);
    else
        value = json_incref((json_t *)json); /* nothing in it is changed */
    if (result != 0)
        return result;
    struct nested nested = {.fill = fill, .row = row, .keep = keep};
    if (!value)
        result = -ENOMEM;
    else
        result = params_json_texts(value, read_nested, &nested);
    if (result == 0 && keep)
        result = params_json_dump(value, out);
    json_decref(value);
    return result;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* Reads a value from its text; -ERANGE: it is one, but does not fit. */
static int read_value_text(struct fill *fill, const struct aw_param *row, const json_t *json,
                           union params_value *out)
{
    const char *text;
    char *owned = NULL;
    int result = read_text(fill, row, -1, json, &text, &owned);
    if (result != 0)
        return result;
    result = params_parse(row->type, text, out);
    if (result != 0 && result != -ERANGE)
        result = tell(fill, row->name, -1, "%s, not \"%.*s\"", params_type_expected(row->type),
                      VALUE_SHOWN, text);
    free(owned);
    return result;
}

static int read_scalar(struct fill *fill, const struct aw_param *row, const json_t *json,
                       union params_value *out)
{
    int result = json_is_string(json) ? read_value_text(fill, row, json, out)
                                      : params_convert(row->type, json, out);
    if (result != 0 && result != -ERANGE && json_is_string(json))
        return result; /* told already */
    if (result != 0 && result != -ERANGE)
        return tell(fill, row->name, -1, "%s", params_type_expected(row->type));

    /* Of a value that does not fit, the limits know more to say. */
    char problem[64];
    double compared = result == 0 ? params_comparable(row->type, out) : json_number_value(json);
    if ((result == 0 || json_is_number(json)) &&
        params_check_limits(row, compared, problem, sizeof(problem)) != 0)
        return tell(fill, row->name, -1, "%s", problem);
    if (result == -ERANGE)
        return tell(fill, row->name, -1, "is out of range");
    return 0;
}

static int read_field(struct fill *fill, const struct aw_param *row, const json_t *json, void *out)
{
    union params_value value;
    int result;
    if (row->type == AW_TYPE_STRING)
        result = read_string(fill, row, -1, json, out != NULL, &value.text);
    else if (row->type == AW_TYPE_STRINGS)
        result = read_strings(fill, row, json, out != NULL, &value.strings);
    else if (row->type == AW_TYPE_JSON)
        result = read_json(fill, row, json, out != NULL, &value.json);
    else
        result = read_scalar(fill, row, json, &value);
    if (result == 0 && out)
        params_store(row, &value, out);
    return result;
}

/* ---- All of them ----------------------------------------------------------------------------- */

size_t params_find(const struct params_table *table, const char *name)
{
    size_t i = 0;
    while (i < table->count && strcmp(table->rows[i].name, name) != 0)
        i++;
    return i;
}

uint64_t params_group(const struct params_table *table, size_t row)
{
    const struct aw_param *rows = table->rows;
    uint64_t group = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (rows[i].one_of && strcmp(rows[i].one_of, rows[row].one_of) == 0)
            group |= UINT64_C(1) << i;
    }
    return group;
}

/* One of a group was given, or the group's members are listed. Only the group's first row tells. */
static int check_group(struct fill *fill, size_t first, uint64_t given)
{
    uint64_t group = params_group(fill->table, first);
    char members[256] = "";
    size_t length = 0;
    if (group & ((UINT64_C(1) << first) - 1) || __builtin_popcountll(given & group) == 1)
        return 0;
    for (size_t i = first; i < fill->table->count && length < sizeof(members); i++) {
        if (group >> i & 1)
            length += (size_t)snprintf(members + length, sizeof(members) - length, "%s%s",
                                       i > first ? ", " : "", fill->table->rows[i].name);
    }
    return tell(fill, NULL, -1, "give exactly one of %s", members);
}

/* What was not given: required ones, groups, defaults. */
static int finish(struct fill *fill, uint64_t given, void *out)
{
    int result = 0;
    for (size_t i = 0; i < fill->table->count && result != -ENOMEM; i++) {
        const struct aw_param *row = &fill->table->rows[i];
        if (row->one_of && check_group(fill, i, given) != 0)
            result = -EINVAL;
        if (given >> i & 1)
            continue;
        if (row->required)
            result = tell(fill, row->name, -1, "is required");
        else if (row->default_text && out && params_read_default(row, out) == -ENOMEM)
            result = -ENOMEM;
    }
    return result;
}

int params_fill(const struct params_table *table, const json_t *params,
                const struct params_expansion *expansion, const char *field, void *out,
                struct problems *problems)
{
    struct fill fill = {
        .table = table,
        .expansion = expansion,
        .field = field,
        .problems = problems,
    };
    if (out)
        memset(out, 0, table->struct_size);

    int result = 0;
    uint64_t given = 0; /* bit i: row i */
    if (params && !json_is_object(params)) {
        result = tell(&fill, NULL, -1, "must be an object");
    } else if (table->count > PARAMS_ROWS_MAX) {
        result = tell(&fill, NULL, -1, "the table has too many rows"); /* nobody checked it */
    } else {
        /* Iterating changes nothing, but jansson's interface does not say const. */
        json_t *object = (json_t *)params;
        for (void *at = json_object_iter(object); at && result != -ENOMEM;
             at = json_object_iter_next(object, at)) {
            const char *name = json_object_iter_key(at);
            const json_t *value = json_object_iter_value(at);
            size_t i = params_find(table, name);
            int read = 0;
            if (i == table->count) {
                read = tell(&fill, name, -1, "unknown parameter");
            } else if (!json_is_null(value)) {
                given |= UINT64_C(1) << i;
                read = read_field(&fill, &table->rows[i], value, out);
            }
            if (read != 0)
                result = read;
        }
        int rest = result == -ENOMEM ? 0 : finish(&fill, given, out);
        if (rest != 0)
            result = rest;
    }
    if (result != 0 && out)
        params_clear(table, out);
    return result;
}

void params_clear(const struct params_table *table, void *out)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct aw_param *row = &table->rows[i];
        union params_value value;
        if (row->type != AW_TYPE_STRING && row->type != AW_TYPE_STRINGS &&
            row->type != AW_TYPE_JSON)
            continue;
        memcpy(&value, (char *)out + row->offset, params_type_size(row->type));
        if (row->type == AW_TYPE_STRING)
            free(value.text);
        else if (row->type == AW_TYPE_STRINGS)
            free_strings(&value.strings);
        else
            free((char *)value.json.text);
        memset((char *)out + row->offset, 0, params_type_size(row->type));
    }
}
