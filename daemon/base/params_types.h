/*
 * What the files of the params module share: the facts about each type of parameter.
 */
#ifndef AWAITD_BASE_PARAMS_TYPES_H
#define AWAITD_BASE_PARAMS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <awaitd/plugin.h>

/* Limits that hold, both inclusive; infinite where there is none. */
struct params_limits {
    double min, max;
};
struct params_limits params_limits(const struct aw_param *row);

/* Bytes of a field of this type. */
size_t params_type_size(enum aw_type type);

/* "must be a number", ... */
const char *params_type_expected(enum aw_type type);

/* Whether the value keeps the row's limits. -EINVAL: `problem` says which not. */
int params_check_limits(const struct aw_param *row, double value, char *problem, size_t size);

/* Stores the row's default into the struct. -ENOMEM, or -EINVAL: it is no such value. */
int params_read_default(const struct aw_param *row, void *out);

/* Whether the row's default is a value of its type within its limits. -EINVAL: `problem` says what it
 * must be. */
int params_check_default(const struct aw_param *row, char *problem, size_t size);

#endif
