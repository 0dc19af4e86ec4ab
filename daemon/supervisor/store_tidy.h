/*
 * Housekeeping in the database, in steps that take milliseconds, between commits: finished batches are deleted when
 * they are older than `keep` or when the file is larger than it may be, and pages that have become free are given back
 * to the file system; the write-ahead log is written back while nobody waits. The thread of
 * the store only.
 */
#ifndef AWAITD_SUPERVISOR_STORE_TIDY_H
#define AWAITD_SUPERVISOR_STORE_TIDY_H

#include <stdbool.h>
#include <stdint.h>
#include "supervisor/store_db.h"

struct store_tidy;

/* NULL: the reason is in *error. */
struct store_tidy *store_tidy_new(struct store_db *db, double keep_s, int64_t bytes,
                                  struct error *error);
/* NULL is fine. */
void store_tidy_free(struct store_tidy *tidy);

/* Takes one step, which may be a transaction of its own: none may be open, and no finished batch may be in the middle
 * of being read, for it might be the one that is deleted. *due_ns is when to call it again, on the
 * monotonic clock; now or before: there is more to do at once, after what else there is; UINT64_MAX: not before
 * store_tidy_news(). Where the disk is full nothing has changed, and it is tried again later. */
enum store_trouble store_tidy_step(struct store_tidy *tidy, uint64_t *due_ns, struct error *error);
/* Something was committed: a step may be due soon. Returns when to call it, if it was not due before. Costs nothing. */
uint64_t store_tidy_news(struct store_tidy *tidy);

#endif
