/*
 * What the daemon has done since it started: jobs by plugin, batches by their state. Sums only, which cost a few
 * additions for each job. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_STATS_H
#define AWAITD_SUPERVISOR_STATS_H

#include <stdint.h>
#include "wire/job_state.h"

struct batch;
struct completion;

struct plugin_stats {
    uint64_t accepted;          /* jobs */
    uint64_t ended[JOB_STATES]; /* of them, by final state */
    uint64_t run_total_ns, run_max_ns;
};

struct stats {
    struct plugin_stats *plugins; /* by position in the catalogue */
    uint32_t plugins_count;
    uint64_t ended[JOB_STATES];            /* of all plugins */
    uint64_t retried;                      /* attempts that were not the last ones of their jobs */
    uint64_t succeeded, failed, cancelled; /* batches */
    /* Where the entry of the next job that ends may be found: jobs end in order, more or less. */
    uint64_t hint_batch;
    uint32_t hint_entry;
};

/* For this many plugins. -ENOMEM. */
int stats_init(struct stats *stats, uint32_t plugins);
/* From now on for this many, if that is more. -ENOMEM. */
int stats_grow(struct stats *stats, uint32_t plugins);
void stats_clear(struct stats *stats);

/* The batch's entries from number `first` on have been accepted. */
void stats_accepted(struct stats *stats, const struct batch *batch, uint32_t first);
/* The batch goes on, of which some jobs had ended before the start. */
void stats_restored(struct stats *stats, const struct batch *batch);
void stats_completed(struct stats *stats, const struct batch *batch,
                     const struct completion *completion);
void stats_finished(struct stats *stats, const struct batch *batch);

/* Jobs of a plugin that have not ended. */
uint64_t stats_unended(const struct plugin_stats *plugin);

#endif
