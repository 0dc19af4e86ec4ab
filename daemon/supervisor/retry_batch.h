/*
 * What did not succeed in a batch, as a batch of its own.
 */
#ifndef AWAITD_SUPERVISOR_RETRY_BATCH_H
#define AWAITD_SUPERVISOR_RETRY_BATCH_H

#include <stdint.h>

struct batch;

/* How many jobs of a finished batch did not succeed. */
uint32_t retry_batch_jobs(const struct batch *old);

/*
 * Adds them to a batch without jobs, accepted now: with their parameters, names, items, {index} and terms, in the
 * order in which they were, and in the same pieces. What they come after is kept as far as it is among them; what came
 * after something that succeeded waits for it no longer. Takes time and memory by the jobs and entries of the old
 * batch, however its ends are mixed: texts are kept once. -ENOMEM: the batch is to be thrown away.
 */
int retry_batch_fill(struct batch *batch, const struct batch *old, uint64_t now_ns);

#endif
