/*
 * Parameters that are right at first sight, without making JSON values of them. Tells nothing of those that are
 * not: params_fill() does, and decides. Relies on params_check_table() for the table.
 */
#include "base/params.h"
#include "base/params_types.h"

#include <string.h>
#include "base/json_plain.h"

/* A number in its JSON type that keeps the row's limits. */
static bool take_number(const struct aw_param *row, struct json_plain *json)
{
    struct json_plain_number number;
    if (!json_plain_number(json, &number))
        return false;
    /* 5.0 is an integer, too, which others may find out. */
    if ((row->type == AW_TYPE_INTEGER || row->type == AW_TYPE_SIZE) && number.low != number.high)
        return false;
    struct params_limits limits = params_limits(row);
    return (double)number.low >= limits.min && (double)number.high <= limits.max;
}

/* A text that no placeholder is in. */
static bool take_text(struct json_plain *json)
{
    struct bytes_view text;
    return json_plain_text(json, &text) && !memchr(text.data, '{', text.size) &&
           !memchr(text.data, '}', text.size);
}

static bool take_value(const struct aw_param *row, struct json_plain *json)
{
    switch (row->type) {
    case AW_TYPE_BOOL:
        return json_plain_word(json, "true") || json_plain_word(json, "false");
    case AW_TYPE_INTEGER:
    case AW_TYPE_NUMBER:
    case AW_TYPE_DURATION:
    case AW_TYPE_SIZE:
    case AW_TYPE_TIME:
        return take_number(row, json);
    case AW_TYPE_STRING:
        return take_text(json);
    default:
        return false;
    }
}

static bool take_member(const struct params_table *table, struct json_plain *json, uint64_t *given)
{
    struct bytes_view name;
    if (!json_plain_text(json, &name) || !json_plain_take(json, ':'))
        return false;
    for (size_t i = 0; i < table->count; i++) {
        const struct aw_param *row = &table->rows[i];
        if (strncmp(row->name, (const char *)name.data, name.size) != 0 || row->name[name.size])
            continue;
        uint64_t bit = UINT64_C(1) << i;
        if (*given & bit || !take_value(row, json))
            return false;
        *given |= bit;
        return true;
    }
    return false;
}

/* Whether these rows, and no others, may be given. */
static bool is_complete(const struct params_table *table, uint64_t given)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct aw_param *row = &table->rows[i];
        if (row->required && !(given >> i & 1))
            return false;
        if (row->one_of && __builtin_popcountll(given & params_group(table, i)) != 1)
            return false;
    }
    return true;
}

bool params_take_plain(const struct params_table *table, struct json_plain *json, uint64_t *given)
{
    uint64_t found = 0;
    if (!json_plain_take(json, '{') || table->count > PARAMS_ROWS_MAX)
        return false;
    if (!json_plain_take(json, '}')) {
        do {
            if (!take_member(table, json, &found))
                return false;
        } while (json_plain_take(json, ','));
        if (!json_plain_take(json, '}'))
            return false;
    }
    *given = found;
    return is_complete(table, found);
}
