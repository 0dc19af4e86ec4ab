/*
 * Entries, states and completions of a batch. Relies on being told the truth by the scheduler, and
 * says so with assertions.
 */
#include "supervisor/batch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/template.h"
#include "supervisor/fingerprint.h"
#include "supervisor/order.h"

struct batch_piece {
    uint32_t first; /* the first job that was accepted then */
    uint64_t accepted_ns;
    struct arena_mark texts; /* before it */
};

struct batch *batch_new(uint64_t number, const char *name, uid_t owner)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    if (!batch)
        return NULL;
    if (name && !(batch->name = strdup(name))) {
        free(batch);
        return NULL;
    }
    batch->number = number;
    batch->owner = owner;
    batch->submitted_s = clock_wall_s();
    batch->submitted_ns = clock_now_ns();
    LIST_INIT(&batch->watchers);
    LIST_INIT(&batch->waits);
    LIST_INIT(&batch->pauses);
    LIST_INIT(&batch->endings);
    return batch;
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    assert(!batch->lanes && LIST_EMPTY(&batch->watchers) && LIST_EMPTY(&batch->waits) &&
           LIST_EMPTY(&batch->pauses) && LIST_EMPTY(&batch->endings));
    order_free(batch->order);
    completions_clear(&batch->completions);
    arena_clear(&batch->texts);
    free(batch->pieces);
    free(batch->attempts);
    free(batch->told);
    free(batch->dispatched_ms);
    free(batch->where);
    free(batch->states);
    free(batch->entries);
    free(batch->name);
    free(batch);
}

/* Makes room for at least `needed` elements in an array that doubles. */
static int grow(void *array, uint32_t *capacity, size_t element_size, uint32_t needed)
{
    if (needed <= *capacity)
        return 0;
    uint32_t larger = *capacity < UINT32_MAX / 2 ? 2 * *capacity : UINT32_MAX;
    if (larger < needed)
        larger = needed;
    void **pointer = array;
    void *grown = realloc(*pointer, larger * element_size);
    if (!grown)
        return -ENOMEM;
    *pointer = grown;
    *capacity = larger;
    return 0;
}

int batch_note_asked(struct batch *batch, const struct fingerprint *asked)
{
    struct fingerprint *copy =
        arena_take(&batch->texts, sizeof(*copy), _Alignof(struct fingerprint));
    if (!copy)
        return -ENOMEM;
    *copy = *asked;
    batch->asked = copy;
    return 0;
}

int batch_accept(struct batch *batch, uint64_t now_ns)
{
    int error = grow(&batch->pieces, &batch->pieces_capacity, sizeof(*batch->pieces),
                     batch->pieces_count + 1);
    if (error)
        return error;
    batch->pieces[batch->pieces_count++] = (struct batch_piece){
        .first = batch->jobs, .accepted_ns = now_ns, .texts = arena_mark(&batch->texts)};
    return 0;
}

uint32_t batch_piece_first(const struct batch *batch, uint32_t piece)
{
    return piece < batch->pieces_count ? batch->pieces[piece].first : batch->jobs;
}

/* The same for a byte per job that few batches have; new ones are 0. */
static int grow_bytes(const struct batch *batch, uint8_t **bytes, uint32_t jobs)
{
    uint32_t capacity = batch->jobs_capacity;
    int error = *bytes ? grow(bytes, &capacity, 1, jobs) : 0;
    if (!error && *bytes)
        memset(*bytes + batch->jobs_capacity, 0, capacity - batch->jobs_capacity);
    return error;
}

static int grow_jobs(struct batch *batch, uint32_t jobs)
{
    uint32_t capacity = batch->jobs_capacity;
    int error = grow(&batch->states, &capacity, sizeof(*batch->states), jobs);
    if (error)
        return error;
    capacity = batch->jobs_capacity;
    error = grow(&batch->dispatched_ms, &capacity, sizeof(*batch->dispatched_ms), jobs);
    if (error)
        return error;
    error = grow_bytes(batch, &batch->attempts, jobs);
    if (!error)
        error = grow_bytes(batch, &batch->told, jobs);
    if (error)
        return error;
    return grow(&batch->where, &batch->jobs_capacity, sizeof(*batch->where), jobs);
}

static int copy_text(struct batch *batch, const char **text, size_t size)
{
    if (!*text)
        return 0;
    char *copy = arena_take(&batch->texts, size + 1, 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, *text, size);
    copy[size] = '\0';
    *text = copy;
    return 0;
}

int batch_add_entry(struct batch *batch, const struct entry *entry)
{
    assert(entry->count > 0 && !batch->sealed);
    if (entry->count > BATCH_JOBS_MAX - batch->jobs)
        return -E2BIG;
    int error = grow(&batch->entries, &batch->entries_capacity, sizeof(*batch->entries),
                     batch->entries_count + 1);
    if (!error)
        error = grow_jobs(batch, batch->jobs + entry->count);
    struct entry added = *entry;
    if (!error)
        error = copy_text(batch, &added.params, added.params_size);
    if (!error && added.name)
        error = copy_text(batch, &added.name, strlen(added.name));
    if (error)
        return error;
    added.first = batch->jobs;
    added.taken = 0;
    added.next = ENTRY_NONE;
    batch->entries[batch->entries_count++] = added;
    memset(batch->states + batch->jobs, JOB_QUEUED, added.count);
    batch->jobs += added.count;
    batch->in_state[JOB_QUEUED] += added.count;
    return 0;
}

void batch_truncate(struct batch *batch, uint32_t entries)
{
    order_truncate(batch, entries);
    while (batch->entries_count > entries) {
        const struct entry *last = &batch->entries[--batch->entries_count];
        assert(!last->taken);
        batch->jobs -= last->count;
        batch->in_state[JOB_QUEUED] -= last->count;
    }
    while (batch->pieces_count && batch->pieces[batch->pieces_count - 1].first >= batch->jobs)
        arena_rewind(&batch->texts, batch->pieces[--batch->pieces_count].texts);
}

uint32_t batch_entry_of(const struct batch *batch, uint32_t job)
{
    assert(job < batch->jobs);
    /* No entry is empty: where none before has more than one job, it has the job's number. */
    if (job < batch->entries_count && batch->entries[job].first == job)
        return job;
    uint32_t low = 0, high = batch->entries_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (batch->entries[middle].first <= job)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint32_t batch_entries_before(const struct batch *batch, uint32_t job)
{
    return job < batch->jobs ? batch_entry_of(batch, job) : batch->entries_count;
}

uint64_t batch_accepted_ns(const struct batch *batch, uint32_t job)
{
    assert(batch->pieces_count && job < batch->jobs);
    uint32_t low = 0, high = batch->pieces_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (batch->pieces[middle].first <= job)
            low = middle;
        else
            high = middle;
    }
    return batch->pieces[low].accepted_ns;
}

char *batch_item(const struct batch *batch, uint32_t job)
{
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    errno = 0;
    if (!entry->items)
        return NULL;
    const uint32_t *offset = entry->items->offsets + (job - entry->first);
    struct bytes_reader reader = {.at = entry->items->data + offset[0],
                                  .end = entry->items->data + offset[1]};
    struct bytes_view item = bytes_get_view(&reader);
    return strndup((const char *)item.data, item.size);
}

char *batch_job_name(const struct batch *batch, uint32_t job)
{
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    if (!entry->name)
        return NULL;
    char *item = batch_item(batch, job);
    char *name = template_expand(entry->name, entry->base + (job - entry->first), item);
    free(item);
    return name;
}

#define NS_PER_MS UINT64_C(1000000)

void batch_start(struct batch *batch, uint32_t first, uint32_t count, uint32_t worker,
                 uint64_t now_ns)
{
    uint32_t dispatched_ms = (uint32_t)((now_ns - batch->submitted_ns) / NS_PER_MS); /* wraps */
    assert(first + count <= batch->jobs && batch->in_state[JOB_QUEUED] >= count);
    for (uint32_t job = first; job < first + count; job++) {
        assert(batch->states[job] == JOB_QUEUED);
        batch->states[job] = JOB_RUNNING;
        batch->where[job] = worker;
        batch->dispatched_ms[job] = dispatched_ms;
    }
    batch->in_state[JOB_QUEUED] -= count;
    batch->in_state[JOB_RUNNING] += count;
}

uint64_t batch_dispatched_ns(const struct batch *batch, uint32_t job, uint64_t now_ns)
{
    assert(batch_state(batch, job) == JOB_RUNNING);
    uint64_t now_ms = (now_ns - batch->submitted_ns) / NS_PER_MS;
    uint32_t run_ms = (uint32_t)now_ms - batch->dispatched_ms[job];
    uint64_t dispatched_ns = batch->submitted_ns + (now_ms - run_ms) * NS_PER_MS;
    uint64_t accepted_ns = batch_accepted_ns(batch, job);
    return dispatched_ns > accepted_ns ? dispatched_ns : accepted_ns;
}

/* Changes the state of those jobs of a range that are in one; returns how many. */
static uint32_t change_state(struct batch *batch, uint32_t first, uint32_t count,
                             enum job_state from, enum job_state to)
{
    uint32_t changed = 0;
    for (uint32_t job = first; job < first + count; job++) {
        if (batch->states[job] != from)
            continue;
        batch->states[job] = (uint8_t)to;
        changed++;
    }
    batch->in_state[from] -= changed;
    batch->in_state[to] += changed;
    return changed;
}

void batch_make_wait(struct batch *batch, uint32_t first, uint32_t count)
{
    (void)change_state(batch, first, count, JOB_QUEUED, JOB_WAITING);
}

uint32_t batch_make_ready(struct batch *batch, uint32_t first, uint32_t count)
{
    return change_state(batch, first, count, JOB_WAITING, JOB_QUEUED);
}

int batch_tell(struct batch *batch, uint32_t job)
{
    assert(batch_state(batch, job) == JOB_RUNNING);
    if (!batch->told)
        batch->told = calloc(batch->jobs_capacity, 1);
    if (!batch->told)
        return -ENOMEM;
    batch->told[job] = 1;
    return 0;
}

static int need_attempts(struct batch *batch)
{
    if (!batch->attempts)
        batch->attempts = calloc(batch->jobs_capacity, 1);
    return batch->attempts ? 0 : -ENOMEM;
}

int batch_set_attempt(struct batch *batch, uint32_t job, unsigned attempt)
{
    assert(job < batch->jobs);
    if (attempt == batch_attempt(batch, job))
        return 0;
    int error = need_attempts(batch);
    if (error)
        return error;
    batch->retries -= batch->attempts[job];
    batch->attempts[job] = attempt < UINT8_MAX ? (uint8_t)attempt : UINT8_MAX;
    batch->retries += batch->attempts[job];
    return 0;
}

int batch_take_back(struct batch *batch, uint32_t job, bool counted)
{
    assert(batch_state(batch, job) == JOB_RUNNING);
    if (counted && need_attempts(batch) != 0)
        return -ENOMEM;
    if (counted && batch->attempts[job] < UINT8_MAX)
        batch->attempts[job]++;
    batch->states[job] = JOB_QUEUED;
    batch->in_state[JOB_RUNNING]--;
    batch->in_state[JOB_QUEUED]++;
    return 0;
}

static void finish_if_done(struct batch *batch)
{
    if (!batch->sealed || batch_completed(batch) != batch->jobs || batch->finished)
        return;
    batch->finished = true;
    batch->ended_s = clock_wall_s();
}

int batch_complete(struct batch *batch, const struct completion *completion, uint64_t ended_ns)
{
    uint32_t job = completion->job;
    assert(job < batch->jobs && !job_state_is_final(batch_state(batch, job)));
    uint32_t number = batch->completions.count;
    int error = completions_append(&batch->completions, completion);
    if (error)
        return error;
    batch->in_state[batch->states[job]]--;
    batch->in_state[completion->state]++;
    batch->states[job] = (uint8_t)completion->state;
    batch->where[job] = number;
    batch->work_ns += completion->run_ns;
    if (ended_ns > batch->ended_ns)
        batch->ended_ns = ended_ns; /* results of several workers need not come in order */
    finish_if_done(batch);
    return 0;
}

void batch_settle(struct batch *batch)
{
    finish_if_done(batch);
}

void batch_seal(struct batch *batch, uint64_t now_ns)
{
    batch->sealed = true;
    if (!batch->ended_ns)
        batch->ended_ns = now_ns; /* there may never have been a job */
    finish_if_done(batch);
}

void batch_completion(const struct batch *batch, uint32_t job, struct completion *out)
{
    assert(job_state_is_final(batch_state(batch, job)));
    struct completions_cursor cursor = completions_seek(&batch->completions, batch->where[job]);
    (void)completions_next(&batch->completions, &cursor, out); /* it is there: `where` says so */
}

size_t batch_bytes(const struct batch *batch)
{
    return sizeof(*batch) + order_bytes(batch) + batch->texts.bytes + batch->completions.bytes +
           batch->entries_capacity * sizeof(*batch->entries) +
           batch->pieces_capacity * sizeof(*batch->pieces) +
           batch->jobs_capacity *
               (sizeof(*batch->states) + sizeof(*batch->where) + sizeof(*batch->dispatched_ms) +
                (batch->attempts ? 1 : 0) + (batch->told ? 1 : 0));
}
