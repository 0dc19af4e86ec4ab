/*
 * Lists finished batches, as one SQL query each. The thread of the store only.
 */
#ifndef AWAITD_SUPERVISOR_STORE_LIST_H
#define AWAITD_SUPERVISOR_STORE_LIST_H

#include <stdbool.h>
#include <jansson.h>
#include "supervisor/store_db.h"

struct store_filter;

/* See store_list(). *out is a new reference to an array. -ENOMEM, or another negative errno with the words in *error. */
int store_list_query(struct store_db *db, const struct store_filter *filter, json_t **out,
                     bool *more, struct error *error);

#endif
