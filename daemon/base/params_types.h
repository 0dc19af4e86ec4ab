/*
 * What the files of the params module share: the facts about each type of parameter
 * (params_table.c) and single values (params_value.c).
 */
#ifndef AWAITD_BASE_PARAMS_TYPES_H
#define AWAITD_BASE_PARAMS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <awaitd/plugin.h>

/* A value on its way from JSON to the field. */
union params_value {
    bool yes;
    int64_t integer;
    double number; /* and seconds */
    uint64_t bytes;
    char *text; /* owned */
    struct aw_strings strings;
};

/* Limits that hold, both inclusive; infinite where there is none. */
struct params_limits {
    double min, max;
};
struct params_limits params_limits(const struct aw_param *row);

/* Bytes of a field of this type. */
size_t params_type_size(enum aw_type type);

/* "must be a number", ... */
const char *params_type_expected(enum aw_type type);

/* Reads a number, span, size or time from text; also the notation of defaults. -EINVAL: not such a
 * value; -ERANGE: does not fit. */
int params_parse(enum aw_type type, const char *text, union params_value *out);

/* The same from its JSON type. */
int params_convert(enum aw_type type, const json_t *json, union params_value *out);

/* The value as limits see it. */
double params_comparable(enum aw_type type, const union params_value *value);

/* Puts the value into the row's field of the struct, which owns its texts from then on. */
void params_store(const struct aw_param *row, const union params_value *value, void *out);

/* Whether the value keeps the row's limits. -EINVAL: `problem` says which not. */
int params_check_limits(const struct aw_param *row, double value, char *problem, size_t size);

/* Stores the row's default into the struct. -ENOMEM, or -EINVAL: it is no such value. */
int params_read_default(const struct aw_param *row, void *out);

/* Whether the row's default is a value of its type within its limits. -EINVAL: `problem` says what it
 * must be. */
int params_check_default(const struct aw_param *row, char *problem, size_t size);

#endif
