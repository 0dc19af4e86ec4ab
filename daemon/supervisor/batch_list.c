/*
 * Each part is complete down to some number; below that of either, the answer ends, and its cursor leads on. So the
 * cursor is a number, too, whatever happens to batches between two answers.
 */
#include "supervisor/batch_list.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "supervisor/batches.h"
#include "supervisor/catalogue.h"
#include "supervisor/store.h"
#include "supervisor/summary.h"

/* Batches, and their entries, that are looked at for one answer, so that a rare kind among very many does not hold
 * the loop: some milliseconds. */
#define SCAN_MAX 1000000u

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Whether a job of the batch is of this plugin; *looked counts the entries that were looked at. */
static bool has_plugin(const struct batch *batch, const struct catalogue *catalogue,
                       const char *name, size_t *looked)
{
    for (uint32_t i = 0; i < batch->entries_count; i++) {
        ++*looked;
        if (!strcmp(catalogue->plugins[batch->entries[i].plugin].name, name))
            return true;
    }
    return false;
}

static bool matches(const struct batch *batch, const struct catalogue *catalogue,
                    const struct store_filter *filter, size_t *looked)
{
    if (batch->unborn || (filter->state && strcmp(summary_told_state(batch), filter->state) != 0) ||
        (filter->name && (!batch->name || strcmp(batch->name, filter->name) != 0)) ||
        (filter->since_s > 0 && batch->submitted_s < filter->since_s) ||
        (filter->until_s > 0 && batch->submitted_s >= filter->until_s))
        return false;
    return !filter->plugin || has_plugin(batch, catalogue, filter->plugin, looked);
}

int batch_list_memory(const struct batches *batches, const struct catalogue *catalogue,
                      const struct store_filter *filter, struct list_part *out)
{
    json_t *summaries = json_array();
    const struct batch *batch = batches_below(batches, filter->below);
    uint64_t from = filter->below;
    size_t looked = 0;
    bool failed = !summaries;
    for (; batch && json_array_size(summaries) < filter->limit && looked < SCAN_MAX && !failed;
         batch = TAILQ_PREV(batch, batches_list, all_link)) {
        from = batch->number;
        looked++;
        if (matches(batch, catalogue, filter, &looked))
            failed = json_array_append_new(summaries, summary_batch(batch)) != 0;
    }
    if (failed) {
        json_decref(summaries);
        return -ENOMEM;
    }
    *out = (struct list_part){.summaries = summaries, .from = batch ? from : 0};
    return 0;
}

/* ---- Both ------------------------------------------------------------------------------------ */

static uint64_t number_at(const json_t *summaries, size_t place)
{
    const json_t *summary = json_array_get(summaries, place); /* NULL behind the end */
    return (uint64_t)json_integer_value(json_object_get(summary, "batch"));
}

struct list_part batch_list_stored(json_t *summaries, bool more)
{
    size_t count = json_array_size(summaries);
    return (struct list_part){.summaries = summaries,
                              .from = more && count ? number_at(summaries, count - 1) : 0};
}

json_t *batch_list_merge(struct list_part *memory, struct list_part *stored, uint32_t limit)
{
    uint64_t from = memory->from > stored->from ? memory->from : stored->from, last = 0;
    json_t *list = json_array();
    size_t in_memory = 0, in_store = 0;
    int error = 0;
    for (;;) {
        uint64_t here = number_at(memory->summaries, in_memory);
        uint64_t there = number_at(stored->summaries, in_store);
        uint64_t next = here > there ? here : there;
        if (!next || next < from)
            break;
        if (json_array_size(list) == limit) {
            from = last;
            break;
        }
        error |=
            json_array_append(list, here == next ? json_array_get(memory->summaries, in_memory)
                                                 : json_array_get(stored->summaries, in_store));
        in_memory += here == next;
        in_store += there == next;
        last = next;
    }
    json_decref(memory->summaries);
    json_decref(stored->summaries);
    json_t *result = from ? json_pack("{s:o, s:I}", "batches", list, "cursor", (json_int_t)from)
                          : json_pack("{s:o}", "batches", list);
    if (!error)
        return result;
    json_decref(result);
    return NULL;
}
