/*
 * Each entry of the old batch becomes as many entries as there are runs of jobs in it that did not succeed; they
 * share the texts and terms that the first of them gets. Pieces stay pieces: a name may have come up again in a
 * later one, which those before it do not mean.
 */
#include "supervisor/retry_batch.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/name_map.h"
#include "base/problems.h"
#include "supervisor/batch.h"
#include "supervisor/order.h"

uint32_t retry_batch_jobs(const struct batch *old)
{
    return old->jobs - old->in_state[JOB_SUCCEEDED];
}

/* ---- Entries ----------------------------------------------------------------------------------- */

/* A copy that lasts as long as the batch; of NULL, NULL. */
static int keep_text(struct batch *batch, const char *text, size_t size, const char **out)
{
    *out = NULL;
    if (!text)
        return 0;
    char *copy = arena_take(&batch->texts, size + 1, 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *out = copy;
    return 0;
}

/* The items of `count` jobs from the one at `first` in its entry on. */
static int keep_items(struct batch *batch, const struct entry_items *items, uint32_t first,
                      uint32_t count, const struct entry_items **out)
{
    const uint32_t *from = items->offsets + first;
    size_t size = from[count] - from[0];
    struct entry_items *kept =
        arena_take(&batch->texts, sizeof(*kept), _Alignof(struct entry_items));
    uint32_t *offsets =
        arena_take(&batch->texts, (count + (size_t)1) * sizeof(*offsets), sizeof(*offsets));
    uint8_t *data = arena_take(&batch->texts, size ? size : 1, 1);
    if (!kept || !offsets || !data)
        return -ENOMEM;
    memcpy(data, items->data + from[0], size);
    for (uint32_t i = 0; i <= count; i++)
        offsets[i] = from[i] - from[0];
    *kept = (struct entry_items){.data = data, .offsets = offsets};
    *out = kept;
    return 0;
}

/* What all runs of an entry share; the names that it comes after are set later. */
static int keep_shared(struct batch *batch, const struct entry *old, struct entry *shared)
{
    *shared = *old;
    int error = keep_text(batch, old->params, old->params_size, &shared->params);
    if (!error && old->name)
        error = keep_text(batch, old->name, strlen(old->name), &shared->name);
    if (error || !old->terms)
        return error;
    struct entry_terms *terms =
        arena_take(&batch->texts, sizeof(*terms), _Alignof(struct entry_terms));
    if (!terms)
        return -ENOMEM;
    *terms = *old->terms;
    shared->terms = terms;
    return 0;
}

/* Adds the jobs of a run; batch_add_entry() is given no texts, since it would copy them. */
static int add_run(struct batch *batch, const struct entry *old, const struct entry *shared,
                   uint32_t first, uint32_t count)
{
    struct entry run = {.count = count,
                        .plugin = old->plugin,
                        .expands = old->expands,
                        .terms = shared->terms,
                        .base = old->base + first};
    int error = old->items ? keep_items(batch, old->items, first, count, &run.items) : 0;
    if (!error)
        error = batch_add_entry(batch, &run);
    if (error)
        return error;
    struct entry *added = &batch->entries[batch->entries_count - 1];
    added->params = shared->params;
    added->params_size = shared->params_size;
    added->name = shared->name;
    return 0;
}

static bool has_succeeded(const struct batch *old, uint32_t job)
{
    return batch_state(old, job) == JOB_SUCCEEDED;
}

static int add_entry(struct batch *batch, const struct batch *old, const struct entry *entry)
{
    struct entry shared;
    bool is_shared = false;
    uint32_t end = entry->first + entry->count;
    for (uint32_t job = entry->first; job < end; job++) {
        uint32_t begin = job;
        while (job < end && !has_succeeded(old, job))
            job++;
        if (job == begin)
            continue;
        int error = is_shared ? 0 : keep_shared(batch, entry, &shared);
        is_shared = true;
        if (!error)
            error = add_run(batch, entry, &shared, begin - entry->first, job - begin);
        if (error)
            return error;
    }
    return 0;
}

/* ---- Order ------------------------------------------------------------------------------------- */

struct ordering {
    struct batch *batch;
    struct name_map names;     /* of the batch's entries so far */
    struct order_wish *wishes; /* of a piece */
    size_t count;
    const struct entry_terms *latest; /* whose names have been looked up, */
    json_t *after, *after_any;        /* as these; owned */
};

static void clear_wishes(struct ordering *ordering)
{
    for (size_t i = 0; i < ordering->count; i++)
        json_decref((json_t *)ordering->wishes[i].names);
    free(ordering->wishes);
    ordering->wishes = NULL;
    ordering->count = 0;
}

static void clear_ordering(struct ordering *ordering)
{
    name_map_clear(&ordering->names);
    clear_wishes(ordering);
    json_decref(ordering->after);
    json_decref(ordering->after_any);
}

static int know_names(struct ordering *ordering, uint32_t first)
{
    const struct batch *batch = ordering->batch;
    for (uint32_t i = first; i < batch->entries_count; i++) {
        const char *name = batch->entries[i].name;
        if (name && name_map_set(&ordering->names, name, i) != 0)
            return -ENOMEM;
    }
    return 0;
}

/* Leaves out names that no entry so far has any more. *text and *out become NULL where none is left. */
static int filter(struct ordering *ordering, const char **text, json_t **out)
{
    json_decref(*out);
    *out = NULL;
    if (!*text)
        return 0;
    json_t *names = json_loads(*text, 0, NULL);
    if (!names)
        return -ENOMEM; /* it was written by json_dumps() */
    *out = names;
    for (size_t i = json_array_size(names); i-- > 0;) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name_map_find(&ordering->names, name) == NAME_MAP_NONE)
            (void)json_array_remove(names, i); /* it is there */
    }
    if (json_array_size(names) == 0) {
        json_decref(names);
        *out = NULL;
        *text = NULL;
        return 0;
    }
    AUTO_FREE char *left = json_dumps(names, JSON_COMPACT);
    return left ? keep_text(ordering->batch, left, strlen(left), text) : -ENOMEM;
}

static void add_wish(struct ordering *ordering, uint32_t entry, json_t *names, bool any)
{
    if (names)
        ordering->wishes[ordering->count++] =
            (struct order_wish){.entry = entry, .names = json_incref(names), .any = any};
}

static int add_wishes(struct ordering *ordering, uint32_t number)
{
    struct entry *entry = &ordering->batch->entries[number];
    if (!entry->terms || (!entry->terms->after && !entry->terms->after_any))
        return 0;
    if (entry->terms != ordering->latest) {
        struct entry_terms *terms = (struct entry_terms *)entry->terms; /* made in keep_shared() */
        int error = filter(ordering, &terms->after, &ordering->after);
        if (!error)
            error = filter(ordering, &terms->after_any, &ordering->after_any);
        if (error)
            return error;
        ordering->latest = terms;
    }
    add_wish(ordering, number, ordering->after, false);
    add_wish(ordering, number, ordering->after_any, true);
    return 0;
}

/* Puts the piece in order whose entries are those from number `first` on. */
static int put_in_order(struct ordering *ordering, uint32_t first)
{
    struct batch *batch = ordering->batch;
    struct problems problems = {0};
    int error = know_names(ordering, first);
    ordering->wishes =
        calloc(2 * (size_t)(batch->entries_count - first), sizeof(*ordering->wishes));
    if (!ordering->wishes)
        error = -ENOMEM;
    for (uint32_t i = first; i < batch->entries_count && !error; i++)
        error = add_wishes(ordering, i);
    if (!error)
        error = order_add(batch, first, ordering->wishes, ordering->count, &problems);
    assert(error != -EINVAL); /* all names are there, and no circle is in a part of what had none */
    problems_clear(&problems);
    clear_wishes(ordering);
    return error;
}

/* ---- Pieces ------------------------------------------------------------------------------------ */

/* Adds what is to be tried again of the old batch's entries from number *entry on, up to the job `end`. */
static int add_piece(struct ordering *ordering, const struct batch *old, uint32_t *entry,
                     uint32_t end)
{
    uint32_t first = ordering->batch->entries_count;
    int error = 0;
    for (; *entry < old->entries_count && old->entries[*entry].first < end && !error; ++*entry)
        error = add_entry(ordering->batch, old, &old->entries[*entry]);
    if (!error && old->order && ordering->batch->entries_count > first)
        error = put_in_order(ordering, first);
    return error;
}

int retry_batch_fill(struct batch *batch, const struct batch *old, uint64_t now_ns)
{
    assert(!batch->entries_count && old->finished);
    struct ordering ordering = {.batch = batch};
    uint32_t entry = 0;
    int error = 0;
    for (uint32_t piece = 0; piece < old->pieces_count && !error; piece++) {
        error = batch_accept(batch, now_ns);
        if (!error)
            error = add_piece(&ordering, old, &entry, batch_piece_first(old, piece + 1));
    }
    clear_ordering(&ordering);
    return error;
}
