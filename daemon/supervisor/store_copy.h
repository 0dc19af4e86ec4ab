/*
 * A copy of the database, made in steps while the original is written to. The thread of the store only.
 */
#ifndef AWAITD_SUPERVISOR_STORE_COPY_H
#define AWAITD_SUPERVISOR_STORE_COPY_H

#include "supervisor/store_db.h"

struct store_copy;

/* Begins to copy the database into a file that is not there, of which `file` is the absolute path. It appears, with
 * mode 0600, when it is complete. -EEXIST: it is there; or another negative errno. */
int store_copy_begin(struct store_db *db, const char *file, struct store_copy **out,
                     struct error *error);
/* Copies some pages; not inside a transaction. 0: there are more; 1: it is complete, on the disk, and as the database
 * was at this moment; a negative errno, with the words in *error: only store_copy_end() may follow. */
int store_copy_step(struct store_copy *copy, struct error *error);
/* Ends it; what is not complete is removed. NULL is fine. */
void store_copy_end(struct store_copy *copy);

#endif
