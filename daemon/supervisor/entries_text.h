/*
 * Entries of a batch as job entries, for those that nobody has written as text: of a batch that tries again what did not
 * succeed in another. submit_stored() reads them as the same entries. They are what batch.submit takes, with two
 * members more:
 *
 * base: added to a job's place in the entry, it is what {index} stands for.
 * as_before: true where the entry shares all with the one before but its jobs, which are told by count or items and
 * base alone. One old entry becomes many where every second of its jobs is tried again, and its texts may be long.
 */
#ifndef AWAITD_SUPERVISOR_ENTRIES_TEXT_H
#define AWAITD_SUPERVISOR_ENTRIES_TEXT_H

#include <stdint.h>

struct batch;
struct bytes;
struct catalogue;

/* Appends the entries from number `first` on up to, and without, number `end`, at least one, as a JSON array. -ENOMEM. */
int entries_text(const struct batch *batch, uint32_t first, uint32_t end,
                 const struct catalogue *catalogue, struct bytes *out);

#endif
