/*
 * Lists finished batches, as SQL queries that look at a bounded number of batches each. The thread of the store only.
 */
#ifndef AWAITD_SUPERVISOR_STORE_LIST_H
#define AWAITD_SUPERVISOR_STORE_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include "supervisor/store_db.h"

struct store_filter;

/* A page being put together. */
struct store_page {
    json_t *summaries; /* an array, that of the caller; see store_list() */
    uint64_t below;    /* where it goes on; at first that of the filter */
    bool more;         /* when the page is complete: there may be others below it */
};

/* Adds to the page what the next batches have for it, where a rare kind may be looked for among a million: some
 * milliseconds. 0: look on, after what else there is to do; 1: the page is complete; or an error of
 * store_db_read_trouble(). */
int store_list_query(struct store_db *db, const struct store_filter *filter,
                     struct store_page *page, struct error *error);

#endif
