/*
 * What batch.list answers: the batches in memory, and those that only the store has, as one list by number, the newest
 * first. Plain sums without side effects. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_BATCH_LIST_H
#define AWAITD_SUPERVISOR_BATCH_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

struct batches;
struct catalogue;
struct store_filter;

/* What one of the two has. */
struct list_part {
    json_t *summaries; /* an array, by number, the largest first */
    uint64_t from;     /* all that match and have this number or a larger one are in it */
};

/* Those in memory, as they may be told now; filter->below is not 0. Looks at a bounded number of batches: there may be
 * fewer than the filter's limit, and yet more below. out->summaries is a new reference. -ENOMEM. */
int batch_list_memory(const struct batches *batches, const struct catalogue *catalogue,
                      const struct store_filter *filter, struct list_part *out);

/* The part that an answer of store_list() is; takes the array over. */
struct list_part batch_list_stored(json_t *summaries, bool more);

/* The result of batch.list, with at most `limit` batches: those of both parts, and of a batch that is in both what
 * memory has. Takes both over. New reference; NULL: out of memory. */
json_t *batch_list_merge(struct list_part *memory, struct list_part *stored, uint32_t limit);

#endif
