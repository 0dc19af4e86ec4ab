/*
 * Sums, see stats.h.
 */
#include "supervisor/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/batch.h"
#include "supervisor/summary.h"

int stats_init(struct stats *stats, uint32_t plugins)
{
    *stats = (struct stats){0};
    return stats_grow(stats, plugins);
}

int stats_grow(struct stats *stats, uint32_t plugins)
{
    if (plugins <= stats->plugins_count)
        return 0;
    struct plugin_stats *grown = reallocarray(stats->plugins, plugins, sizeof(*stats->plugins));
    if (!grown)
        return -ENOMEM;
    for (uint32_t i = stats->plugins_count; i < plugins; i++)
        grown[i] = (struct plugin_stats){0};
    stats->plugins = grown;
    stats->plugins_count = plugins;
    return 0;
}

void stats_clear(struct stats *stats)
{
    free(stats->plugins);
    *stats = (struct stats){0};
}

void stats_accepted(struct stats *stats, const struct batch *batch, uint32_t first)
{
    for (uint32_t i = first; i < batch->entries_count; i++)
        stats->plugins[batch->entries[i].plugin].accepted += batch->entries[i].count;
}

void stats_restored(struct stats *stats, const struct batch *batch)
{
    stats_accepted(stats, batch, 0);
    const struct entry *entry = batch->entries;
    for (uint32_t job = 0; job < batch->jobs; job++) {
        if (job - entry->first == entry->count)
            entry++;
        stats->plugins[entry->plugin].accepted -= job_state_is_final(batch_state(batch, job));
    }
}

/* The entry of a job. Looked for where the one before was, since a search through half a million entries costs
 * more than all the rest here. */
static const struct entry *entry_of(struct stats *stats, const struct batch *batch, uint32_t job)
{
    uint32_t entry = stats->hint_batch == batch->number ? stats->hint_entry : batch->entries_count;
    for (uint32_t i = entry; i < batch->entries_count && i < entry + 2; i++) {
        const struct entry *found = &batch->entries[i];
        if (job < found->first || job - found->first >= found->count)
            continue;
        stats->hint_entry = i;
        return found;
    }
    stats->hint_batch = batch->number;
    stats->hint_entry = batch_entry_of(batch, job);
    return &batch->entries[stats->hint_entry];
}

void stats_completed(struct stats *stats, const struct batch *batch,
                     const struct completion *completion)
{
    struct plugin_stats *plugin = &stats->plugins[entry_of(stats, batch, completion->job)->plugin];
    plugin->ended[completion->state]++;
    stats->ended[completion->state]++;
    plugin->run_total_ns += completion->run_ns;
    if (completion->run_ns > plugin->run_max_ns)
        plugin->run_max_ns = completion->run_ns;
}

void stats_finished(struct stats *stats, const struct batch *batch)
{
    const char *state = summary_state(batch);
    stats->succeeded += !strcmp(state, "succeeded");
    stats->failed += !strcmp(state, "failed");
    stats->cancelled += !strcmp(state, "cancelled");
}

uint64_t stats_unended(const struct plugin_stats *plugin)
{
    uint64_t unended = plugin->accepted;
    for (enum job_state state = JOB_SUCCEEDED; state < JOB_STATES; state++)
        unended -= plugin->ended[state];
    return unended;
}
