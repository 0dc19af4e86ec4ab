/*
 * What the files of the params module share: the facts about each type of parameter
 * (params_table.c), single values (params_value.c) and JSON values (params_json.c).
 */
#ifndef AWAITD_BASE_PARAMS_TYPES_H
#define AWAITD_BASE_PARAMS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <awaitd/plugin.h>

struct params_table;

/* A value on its way from JSON to the field. */
union params_value {
    bool yes;
    int64_t integer;
    double number; /* and seconds */
    uint64_t bytes;
    char *text; /* owned */
    struct aw_strings strings;
    struct aw_json json; /* its text is owned */
};

/* Bytes that the expanded texts of one job may have together; reason: many times what a request may
 * hold, yet no danger to memory. */
#define PARAMS_EXPANDED_MAX ((size_t)16 << 20)

/* Limits that hold, both inclusive; infinite where there is none. */
struct params_limits {
    double min, max;
};
struct params_limits params_limits(const struct aw_param *row);

/* The rows of which a job gives exactly one, this one among them, which has a one_of; bit i: row i. */
uint64_t params_group(const struct params_table *table, size_t row);

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

/* The value that a JSON text holds, as a new reference. -EINVAL: it is not JSON, has a key twice, or is
 * nested deeper than a message may be; -EILSEQ: a text in it has a NUL. */
int params_json_parse(const char *text, json_t **out);

/* Calls visit() for each text in a value of JSON, at any depth, or for the value where it is one itself. Keys
 * are not visited. visit() may change the text. Returns the first result other than 0, and stops there. */
int params_json_texts(json_t *json, int (*visit)(json_t *text, void *context), void *context);

#endif
