/*
 * Reads batches from the database, some parts at a time; between them no statement is under way, so that the log can be
 * written back. The thread of the store only.
 */
#ifndef AWAITD_SUPERVISOR_STORE_READ_H
#define AWAITD_SUPERVISOR_STORE_READ_H

#include "supervisor/store_db.h"
#include "supervisor/store_parts.h"

struct store_read;

/* NULL: the reason is in *error. */
struct store_read *store_read_new(struct store_db *db, struct error *error);
/* NULL is fine. */
void store_read_free(struct store_read *read);

/* Adds the next parts to the list, until they take PARTS_BYTES (store_read.c) or there are no more. 0: read on from
 * *cursor; 1: that was all; -ENOENT: there is no such batch; or another negative errno, with the words in *error, where
 * some may have been added. */
int store_read_parts(struct store_read *read, struct store_cursor *cursor,
                     struct store_parts *parts, struct error *error);

#endif
