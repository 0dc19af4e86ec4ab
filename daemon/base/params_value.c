/*
 * Single values: from JSON or text into a union, against the row's limits, and into the plugin's
 * struct. Knows neither the job nor its problems.
 */
#include "base/params.h"
#include "base/params_types.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/parse.h"

int params_parse(enum aw_type type, const char *text, union params_value *out)
{
    switch (type) {
    case AW_TYPE_BOOL:
        return parse_bool(text, &out->yes);
    case AW_TYPE_INTEGER:
        return parse_integer(text, &out->integer);
    case AW_TYPE_NUMBER:
        return parse_number(text, &out->number);
    case AW_TYPE_DURATION:
        return parse_span(text, &out->number);
    case AW_TYPE_SIZE:
        return parse_size(text, &out->bytes);
    case AW_TYPE_TIME:
        return parse_time(text, &out->number);
    default:
        return -EINVAL;
    }
}

int params_convert(enum aw_type type, const json_t *json, union params_value *out)
{
    if (type == AW_TYPE_BOOL) {
        if (!json_is_boolean(json))
            return -EINVAL;
        out->yes = json_is_true(json);
        return 0;
    }
    if (!json_is_number(json))
        return -EINVAL;
    if (type != AW_TYPE_INTEGER && type != AW_TYPE_SIZE) {
        out->number = json_number_value(json);
        return 0;
    }

    /* Past 2^53 a real no longer says which integer was meant. */
    int64_t integer = json_integer_value(json);
    if (json_is_real(json)) {
        double real = json_real_value(json);
        if (real != trunc(real))
            return -EINVAL;
        if (fabs(real) >= 0x1p53)
            return -ERANGE;
        integer = (int64_t)real;
    }
    if (type == AW_TYPE_INTEGER) {
        out->integer = integer;
    } else {
        if (integer < 0)
            return -ERANGE;
        out->bytes = (uint64_t)integer;
    }
    return 0;
}

double params_comparable(enum aw_type type, const union params_value *value)
{
    switch (type) {
    case AW_TYPE_BOOL:
        return value->yes;
    case AW_TYPE_INTEGER:
        return (double)value->integer;
    case AW_TYPE_SIZE:
        return (double)value->bytes;
    default:
        return value->number;
    }
}

int params_check_limits(const struct aw_param *row, double value, char *problem, size_t size)
{
    struct params_limits limits = params_limits(row);
    bool low = value < limits.min;
    if (!low && !(value > limits.max))
        return 0;
    double limit = low ? limits.min : limits.max;
    char shown[48];
    if (row->type == AW_TYPE_SIZE && limit > 0 && limit < 0x1p63 && limit == trunc(limit))
        parse_show_size((uint64_t)limit, shown, sizeof(shown));
    else
        parse_show_number(limit, shown, sizeof(shown));
    (void)snprintf(problem, size, "must be at %s %s", low ? "least" : "most", shown);
    return -EINVAL;
}

/* Copies byte by byte: the plugin says where its fields are, and may have packed them. */
void params_store(const struct aw_param *row, const union params_value *value, void *out)
{
    memcpy((char *)out + row->offset, value, params_type_size(row->type));
}

static int read_default_json(const char *text, struct aw_json *out)
{
    json_t *json = NULL;
    int result = params_json_parse(text, &json);
    if (result == 0)
        result = params_json_dump(json, out);
    json_decref(json);
    return result;
}

int params_read_default(const struct aw_param *row, void *out)
{
    union params_value value;
    int result = 0;
    if (row->type == AW_TYPE_STRING) {
        value.text = strdup(row->default_text);
        if (!value.text)
            return -ENOMEM;
    } else if (row->type == AW_TYPE_STRINGS) {
        char **items = malloc(sizeof(*items));
        char *text = strdup(row->default_text);
        if (!items || !text) {
            free(items);
            free(text);
            return -ENOMEM;
        }
        items[0] = text;
        value.strings = (struct aw_strings){.count = 1, .items = (const char *const *)items};
    } else if (row->type == AW_TYPE_JSON) {
        result = read_default_json(row->default_text, &value.json);
    } else {
        result = params_parse(row->type, row->default_text, &value);
    }
    if (result == 0)
        params_store(row, &value, out);
    return result;
}

int params_check_default(const struct aw_param *row, char *problem, size_t size)
{
    if (row->type == AW_TYPE_STRING || row->type == AW_TYPE_STRINGS)
        return 0;
    union params_value value;
    json_t *json = NULL;
    int result = row->type == AW_TYPE_JSON ? params_json_parse(row->default_text, &json)
                                           : params_parse(row->type, row->default_text, &value);
    json_decref(json);
    if (result != 0) {
        (void)snprintf(problem, size, "%s", params_type_expected(row->type));
        return -EINVAL;
    }
    if (row->type == AW_TYPE_JSON)
        return 0;
    return params_check_limits(row, params_comparable(row->type, &value), problem, size);
}
