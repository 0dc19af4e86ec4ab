/*
 * Tables themselves: the facts about each type, whether a table makes sense, and tables as JSON. The
 * supervisor gets its tables as JSON from workers, which run code of others, and checks them here as
 * strictly as a worker checks those of a plugin.
 */
#include "base/params.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/params_types.h"
#include "base/parse.h"

static const struct {
    const char *name;
    const char *expected;
    size_t size; /* of the field, in bytes */
    bool limited;
} types[] = {
    [AW_TYPE_END] = {"none", "cannot be given", 0, false},
    [AW_TYPE_BOOL] = {"bool", "must be true or false", sizeof(bool), false},
    [AW_TYPE_INTEGER] = {"integer", "must be an integer", sizeof(int64_t), true},
    [AW_TYPE_NUMBER] = {"number", "must be a number", sizeof(double), true},
    [AW_TYPE_DURATION] = {"duration", "must be a time span such as 1.5 or \"250ms\"",
                          sizeof(struct aw_duration), true},
    [AW_TYPE_SIZE] = {"size", "must be an amount of bytes such as 4096 or \"64KiB\"",
                      sizeof(struct aw_size), true},
    [AW_TYPE_TIME] = {"time", "must be a point in time such as \"2027-01-31T08:00:00Z\"",
                      sizeof(struct aw_time), true},
    [AW_TYPE_STRING] = {"string", "must be a string", sizeof(const char *), false},
    [AW_TYPE_STRINGS] = {"list of strings", "must be a list of strings", sizeof(struct aw_strings),
                         false},
    [AW_TYPE_JSON] = {"JSON", "must be JSON", sizeof(struct aw_json), false},
};
#define TYPES (sizeof(types) / sizeof(types[0]))
_Static_assert(TYPES == AW_TYPE_JSON + 1, "each type has its facts");

static bool is_known(enum aw_type type)
{
    return (unsigned)type > AW_TYPE_END && (unsigned)type < TYPES;
}

const char *params_type_name(enum aw_type type)
{
    return is_known(type) ? types[type].name : types[AW_TYPE_END].name;
}

size_t params_type_size(enum aw_type type)
{
    return is_known(type) ? types[type].size : 0;
}

const char *params_type_expected(enum aw_type type)
{
    return is_known(type) ? types[type].expected : types[AW_TYPE_END].expected;
}

static bool is_limited(const struct aw_param *row)
{
    return is_known(row->type) && types[row->type].limited;
}

struct params_limits params_limits(const struct aw_param *row)
{
    struct params_limits limits = {.min = -HUGE_VAL, .max = HUGE_VAL};
    if (is_limited(row) && row->min < row->max) {
        limits.min = row->min;
        limits.max = row->max;
    } else if (row->type == AW_TYPE_DURATION) {
        limits.min = 0; /* plugin.h: "at least 0 unless the parameter's table says otherwise" */
    }
    if (row->type == AW_TYPE_SIZE && limits.min < 0)
        limits.min = 0;
    return limits;
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
    return name && *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* Texts travel as JSON. */
static bool is_text(const char *text)
{
    return !text || parse_is_utf8(text, strlen(text));
}

/* Limits that would not hold are a mistake of the plugin's author, and so are rules that contradict. */
static int check_rules(const struct aw_param *row, struct error *error)
{
    bool limited =
        (row->min != 0 || row->max != 0) && (row->min > -AW_UNLIMITED || row->max < AW_UNLIMITED);
    if (limited && !is_limited(row))
        return error_set(error, -EINVAL, "a %s has no limits", params_type_name(row->type));
    if (limited && !(row->min < row->max))
        return error_set(error, -EINVAL,
                         "its minimum is not below its maximum (AW_UNLIMITED is an open end)");
    if (row->required && (row->default_text || row->one_of))
        return error_set(error, -EINVAL, "what is required has no default and is in no one_of");
    if (row->one_of && row->default_text)
        return error_set(error, -EINVAL, "of a one_of, none has a default: exactly one is given");
    return 0;
}

static int check_row(const struct aw_param *row, struct error *error)
{
    if (!is_known(row->type))
        return error_set(error, -EINVAL, "unknown type %d", (int)row->type);
    if (!row->text || !*row->text)
        return error_set(error, -EINVAL, "has no text that explains it");
    if (!is_text(row->text) || !is_text(row->unit) || !is_text(row->default_text) ||
        !is_text(row->one_of))
        return error_set(error, -EINVAL, "a text is not valid UTF-8");
    char problem[64];
    if (row->default_text && params_check_default(row, problem, sizeof(problem)) != 0)
        return error_set(error, -EINVAL, "its default \"%s\" %s", row->default_text, problem);
    return check_rules(row, error);
}

/* Everything but where the fields are. */
static int check_rows(const struct params_table *table, struct error *error)
{
    if (table->count > PARAMS_ROWS_MAX)
        return error_set(error, -EINVAL, "more than %d parameters", PARAMS_ROWS_MAX);
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->rows[i].name;
        if (!is_name(name) || !is_text(name))
            return error_set(error, -EINVAL, "parameter %zu: its name must be of a-z, 0-9 and '_'",
                             i + 1);
        for (size_t other = 0; other < i; other++) {
            if (strcmp(table->rows[other].name, name) == 0)
                return error_set(error, -EINVAL, "parameter %s: is there twice", name);
        }
        int result = check_row(&table->rows[i], error);
        if (result != 0)
            return error_prefix(error, result, "parameter %s", name);
    }
    return 0;
}

int params_check_table(const struct params_table *table, struct error *error)
{
    int result = check_rows(table, error);
    for (size_t i = 0; i < table->count && result == 0; i++) {
        const struct aw_param *row = &table->rows[i];
        size_t end;
        if (__builtin_add_overflow(row->offset, types[row->type].size, &end) ||
            end > table->struct_size)
            result = error_set(error, -EINVAL,
                               "parameter %s: its field lies outside the struct of %zu bytes",
                               row->name, table->struct_size);
    }
    return result;
}

/* ---- As JSON --------------------------------------------------------------------------------- */

/* A limit as people write it: 60, not 60.0. */
static json_t *number_json(double value)
{
    if (fabs(value) < 0x1p53 && value == trunc(value))
        return json_integer((json_int_t)value);
    return json_real(value);
}

/* Limits that hold; a duration's 0 too, so that one without any can be told apart from it. */
static int set_limits(json_t *object, const struct aw_param *row)
{
    struct params_limits limits = params_limits(row);
    bool set = row->min < row->max || row->type == AW_TYPE_DURATION;
    if (!is_limited(row) || !set)
        return 0;
    int result = 0;
    if (isfinite(limits.min) && isfinite(row->min))
        result |= json_object_set_new(object, "min", number_json(limits.min));
    if (isfinite(limits.max))
        result |= json_object_set_new(object, "max", number_json(limits.max));
    return result;
}

static json_t *row_json(const struct aw_param *row)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:s*}", "name", row->name, "type",
                               params_type_name(row->type), "text", row->text, "unit", row->unit);
    if (!object)
        return NULL;
    int result = set_limits(object, row);
    if (row->default_text)
        result |= json_object_set_new(object, "default", json_string(row->default_text));
    if (row->required)
        result |= json_object_set_new(object, "required", json_true());
    if (row->one_of)
        result |= json_object_set_new(object, "one_of", json_string(row->one_of));
    if (row->restricted)
        result |= json_object_set_new(object, "restricted", json_true());
    if (result != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

json_t *params_table_json(const struct params_table *table)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < table->count; i++) {
        if (json_array_append_new(array, row_json(&table->rows[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* ---- From JSON ------------------------------------------------------------------------------- */

static enum aw_type find_type(const char *name)
{
    for (size_t i = AW_TYPE_END + 1; i < TYPES; i++) {
        if (strcmp(types[i].name, name) == 0)
            return (enum aw_type)i;
    }
    return AW_TYPE_END;
}

/* A row whose texts still belong to the JSON. */
static int read_row(const json_t *json, struct aw_param *out, struct error *error)
{
    struct aw_param row = {.min = -AW_UNLIMITED, .max = AW_UNLIMITED};
    const char *type;
    int required = 0, restricted = 0;
    json_error_t wrong;
    if (json_unpack_ex((json_t *)json, &wrong, 0,
                       "{s:s, s:s, s:s, s?s, s?F, s?F, s?s, s?b, s?s, s?b}", "name", &row.name,
                       "type", &type, "text", &row.text, "unit", &row.unit, "min", &row.min, "max",
                       &row.max, "default", &row.default_text, "required", &required, "one_of",
                       &row.one_of, "restricted", &restricted) != 0)
        return error_set(error, -EINVAL, "%s", wrong.text);
    row.type = find_type(type);
    row.required = required;
    row.restricted = restricted;
    if (!(row.min < row.max))
        return error_set(error, -EINVAL, "its minimum is not below its maximum");
    if (row.type == AW_TYPE_END)
        return error_set(error, -EINVAL, "unknown type \"%s\"", type);
    *out = row;
    return 0;
}

/* The texts of a row, all of which are copied. */
#define ROW_TEXTS 5
static void row_texts(struct aw_param *row, const char **texts[ROW_TEXTS])
{
    texts[0] = &row->name;
    texts[1] = &row->text;
    texts[2] = &row->unit;
    texts[3] = &row->default_text;
    texts[4] = &row->one_of;
}

/* Copies a table and all its texts into one piece of memory. NULL: out of memory. */
static struct params_table *copy_table(struct aw_param *rows, size_t count)
{
    const char **texts[ROW_TEXTS];
    size_t size = sizeof(struct params_table) + (count + 1) * sizeof(*rows);
    for (size_t i = 0; i < count; i++) {
        row_texts(&rows[i], texts);
        for (size_t t = 0; t < ROW_TEXTS; t++)
            size += *texts[t] ? strlen(*texts[t]) + 1 : 0;
    }
    struct params_table *table = calloc(1, size);
    if (!table)
        return NULL;
    struct aw_param *copies = (struct aw_param *)(table + 1);
    char *at = (char *)(copies + count + 1);
    memcpy(copies, rows, count * sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        row_texts(&copies[i], texts);
        for (size_t t = 0; t < ROW_TEXTS; t++) {
            if (!*texts[t])
                continue;
            size_t length = strlen(*texts[t]) + 1;
            *texts[t] = memcpy(at, *texts[t], length);
            at += length;
        }
    }
    table->rows = copies;
    table->count = count;
    return table;
}

int params_table_from_json(const json_t *array, struct params_table **out, struct error *error)
{
    if (!json_is_array(array))
        return error_set(error, -EINVAL, "a parameter table must be a list");
    struct aw_param rows[PARAMS_ROWS_MAX];
    struct params_table table = {.rows = rows, .count = json_array_size(array)};
    if (table.count > PARAMS_ROWS_MAX)
        return error_set(error, -EINVAL, "more than %d parameters", PARAMS_ROWS_MAX);
    for (size_t i = 0; i < table.count; i++) {
        int result = read_row(json_array_get(array, i), &rows[i], error);
        if (result != 0)
            return error_prefix(error, result, "parameter %zu", i + 1);
    }
    int result = check_rows(&table, error);
    if (result != 0)
        return result;
    struct params_table *copy = copy_table(rows, table.count);
    if (!copy)
        return error_errno(error, -ENOMEM, "a parameter table");
    *out = copy;
    return 0;
}

void params_table_free(struct params_table *table)
{
    free(table);
}
