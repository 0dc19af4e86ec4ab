/*
 * Writes what was recorded: parcels wait in the order they came, and each step writes the first of them in one
 * transaction. The thread of the store only.
 *
 * When the disk is full, the admissions that wait are refused, whatever else they wait behind. The rest keeps its order
 * and waits for the next step that succeeds.
 */
#ifndef AWAITD_SUPERVISOR_STORE_WRITE_H
#define AWAITD_SUPERVISOR_STORE_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include "supervisor/store_db.h"
#include "supervisor/store_parts.h"

struct store_writer;

/* NULL: the reason is in *error. */
struct store_writer *store_writer_new(struct store_db *db, struct error *error);
/* What waits is lost. NULL is fine. */
void store_writer_free(struct store_writer *writer);

/* Takes over a parcel, behind those that wait. */
void store_writer_add(struct store_writer *writer, struct store_parcel *parcel);
/* Whether some wait. */
bool store_writer_waits(const struct store_writer *writer);
/* How many things have happened that wait. */
uint64_t store_writer_unwritten(const struct store_writer *writer);
/* Whether the disk was full at the last step. */
bool store_writer_is_full(const struct store_writer *writer);

/* Writes the first of what waits and adds to the report, which was zeroed, what has become of it. STORE_FULL: nothing
 * was written. STORE_FAILED, STORE_CORRUPT: nothing can be written any more. */
enum store_trouble store_writer_step(struct store_writer *writer, struct store_report *report,
                                     struct error *error);

#endif
