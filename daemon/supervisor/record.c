/*
 * A mark says up to which completion a batch is recorded with a ticket. Marks stand in a ring, by ticket; a batch
 * that records much in a row has one that moves on.
 */
#include "supervisor/record.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "supervisor/batch.h"
#include "supervisor/batches.h"
#include "supervisor/catalogue.h"
#include "supervisor/config.h"
#include "supervisor/stop.h"
#include "supervisor/store.h"
#include "supervisor/summary.h"
#include "supervisor/supervisor.h"
#include "supervisor/watcher.h"

struct mark {
    struct batch *batch;
    uint64_t ticket;
    uint32_t completed;
    uint16_t merged; /* how often it moved on */
    bool finished;
};

/* How often a mark moves on: in a stream of results it must be reached at some time. */
#define MERGED_MAX 256

/* ---- Marks ----------------------------------------------------------------------------------- */

void marks_clear(struct marks *marks)
{
    free(marks->ring);
    *marks = (struct marks){0};
}

static struct mark *mark_at(const struct marks *marks, size_t place)
{
    return &marks->ring[(marks->first + place) % marks->capacity];
}

static int grow(struct marks *marks)
{
    size_t capacity = marks->capacity ? 2 * marks->capacity : 64;
    struct mark *ring = reallocarray(NULL, capacity, sizeof(*ring));
    if (!ring)
        return -ENOMEM;
    for (size_t i = 0; i < marks->count; i++)
        ring[i] = *mark_at(marks, i);
    free(marks->ring);
    marks->ring = ring;
    marks->capacity = capacity;
    marks->first = 0;
    return 0;
}

/* What the store has just been told concerns the batch as it is now. `finished`: its end, which is the last that is told of
 * it; behind that mark it may be forgotten. */
static int mark(struct marks *marks, struct batch *batch, bool finished)
{
    struct mark now = {.batch = batch,
                       .ticket = batch->ticket,
                       .completed = batch_completed(batch),
                       .finished = finished};
    struct mark *last = marks->count ? mark_at(marks, marks->count - 1) : NULL;
    if (last && last->batch == batch && last->merged < MERGED_MAX) {
        now.merged = (uint16_t)(last->merged + 1);
    } else {
        if (marks->count == marks->capacity && grow(marks) != 0)
            return -ENOMEM;
        last = mark_at(marks, marks->count++);
    }
    *last = now;
    return 0;
}

/* ---- What happens ---------------------------------------------------------------------------- */

/* The store was told something of the batch, or could not be for want of memory: then no word can be kept. */
static void told_last(struct supervisor *supervisor, struct batch *batch, bool finished, int error)
{
    batch->ticket = store_latest(supervisor->store);
    if (error || mark(&supervisor->marks, batch, finished) != 0)
        supervisor_give_up(supervisor, "out of memory for what the store is to be told");
}

static void told(struct supervisor *supervisor, struct batch *batch, int error)
{
    told_last(supervisor, batch, false, error);
}

void record_completion(struct supervisor *supervisor, struct batch *batch,
                       const struct completion *completion)
{
    if (!batch->durable)
        return;
    int error = store_result(supervisor->store, batch->number, batch_completed(batch) - 1,
                             completion, batch_attempt(batch, completion->job));
    told(supervisor, batch, error);
}

/* The names of the batch's plugins as a JSON array, for the caller to free; NULL: out of memory. */
static char *plugin_names(const struct supervisor *supervisor, const struct batch *batch)
{
    json_t *names = json_array();
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < batch->entries_count; i++) {
        uint32_t plugin = batch->entries[i].plugin;
        if (plugin == last) /* as nearly always */
            continue;
        last = plugin;
        const char *name = supervisor->catalogue.plugins[plugin].name;
        bool known = false;
        for (size_t k = 0; k < json_array_size(names) && !known; k++)
            known = !strcmp(json_string_value(json_array_get(names, k)), name);
        if (!known && json_array_append_new(names, json_string(name)) != 0)
            break;
    }
    char *text = names ? json_dumps(names, JSON_COMPACT) : NULL;
    json_decref(names);
    return text;
}

void record_finished(struct supervisor *supervisor, struct batch *batch)
{
    if (!batch->durable)
        return;
    AUTO_FREE char *plugins = plugin_names(supervisor, batch);
    struct store_finish finish = {
        .batch = batch->number,
        .ended_ns = batch->ended_ns,
        .ended_s = batch->ended_s,
        .state = summary_state(batch),
        .jobs = batch->jobs,
        .in_state = batch->in_state,
        .wall_ns = batch->ended_ns - batch->submitted_ns,
        .work_ns = batch->work_ns,
        .retries = batch->retries,
        .plugins = plugins,
    };
    told_last(supervisor, batch, true,
              plugins ? store_finish(supervisor->store, &finish) : -ENOMEM);
}

void record_retry(struct supervisor *supervisor, struct batch *batch, uint32_t job, uint64_t due_ns)
{
    if (!batch->durable)
        return;
    struct store_job noted = {.job = job, .attempt = batch_attempt(batch, job), .due_ns = due_ns};
    told(supervisor, batch, store_job(supervisor->store, batch->number, &noted));
}

void record_told(struct supervisor *supervisor, struct batch *batch, uint32_t job)
{
    if (!batch->durable)
        return;
    struct store_job noted = {.job = job, .attempt = batch_attempt(batch, job), .told = true};
    told(supervisor, batch, store_job(supervisor->store, batch->number, &noted));
}

void record_stopped(struct supervisor *supervisor, struct batch *batch)
{
    if (!batch->durable)
        return;
    struct store_stop stop = {.reason = batch->cancelled,
                              .as = batch->stopped_as,
                              .given_up = batch->given_up,
                              .cut_short = batch->cut_short};
    told(supervisor, batch, store_stop(supervisor->store, batch->number, &stop));
}

void record_pause(struct supervisor *supervisor, struct batch *batch, bool paused)
{
    if (batch->durable)
        told(supervisor, batch, store_pause(supervisor->store, batch->number, paused));
}

void record_seal(struct supervisor *supervisor, struct batch *batch)
{
    if (batch->durable)
        told(supervisor, batch, store_seal(supervisor->store, batch->number));
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* How many are reserved at once; reason: a crash leaves a gap of as many at most, and a commit serves as many. */
#define NUMBERS_AHEAD 100

static void reserve(struct supervisor *supervisor, uint64_t number)
{
    struct numbers *numbers = &supervisor->numbers;
    if (store_number(supervisor->store, number) != 0)
        supervisor_give_up(supervisor, "out of memory for what the store is to be told");
    numbers->asked = number;
    numbers->ticket = store_latest(supervisor->store);
}

bool record_has_number(struct supervisor *supervisor, uint64_t *ticket)
{
    const struct store *store = supervisor->store;
    const struct numbers *numbers = &supervisor->numbers;
    uint64_t next = supervisor->batches.last_number + 1;
    if (!store)
        return true;
    if (next > numbers->asked)
        reserve(supervisor, next + NUMBERS_AHEAD - 1);
    *ticket = numbers->ticket;
    /* While the disk is full there may be no commit for hours; what is not stored goes on. */
    return store_committed(store) >= numbers->ticket || store_figures(store).full;
}

void record_last_number(struct supervisor *supervisor)
{
    if (supervisor->store && supervisor->numbers.asked)
        reserve(supervisor, supervisor->batches.last_number);
}

/* ---- What the store reports ------------------------------------------------------------------ */

static void committed(struct supervisor *supervisor, uint64_t ticket)
{
    struct marks *marks = &supervisor->marks;
    while (marks->count > 0) {
        struct mark *first = mark_at(marks, 0);
        if (first->ticket > ticket)
            break;
        struct batch *batch = first->batch;
        batch->recorded = first->completed;
        batch->end_recorded = first->finished;
        marks->first = (marks->first + 1) % marks->capacity;
        marks->count--;
        watchers_notice(batch);
        if (batch->end_recorded) /* and so it may be forgotten */
            batches_recorded(&supervisor->batches);
    }
}

static void on_admitted(void *context, uint64_t ticket, int code, uint64_t existing,
                        const struct error *error)
{
    admission_over(context, ticket, code, existing, error);
}

static void on_committed(void *context, uint64_t ticket)
{
    struct supervisor *supervisor = context;
    committed(supervisor, ticket);
    answers_committed(&supervisor->answers, ticket);
    stop_committed(supervisor);
}

static void on_full(void *context, bool full, const struct error *error)
{
    const struct supervisor *supervisor = context;
    if (full)
        log_write(supervisor->log, LOG_LEVEL_ERROR,
                  "%s: new durable batches are refused, and results wait, until there is room",
                  error->text);
    else
        log_write(supervisor->log, LOG_LEVEL_WARNING, "the store has room again");
}

/* Anybody may ask for the same again and again. At the start it is why the daemon ends, which is logged. */
static void on_unreadable(void *context, const struct error *error)
{
    const struct supervisor *supervisor = context;
    if (!supervisor->recovering && log_limited(supervisor->log, LOG_LEVEL_ERROR))
        log_write(supervisor->log, LOG_LEVEL_ERROR, "%s", error->text);
}

/* At once: whatever is told from now on may not be true after the next start. */
static void on_failed(void *context, const struct error *error, bool corrupt)
{
    struct supervisor *supervisor = context;
    supervisor_give_up(supervisor, error->text);
    if (corrupt)
        supervisor->exit_code = SUPERVISOR_EXIT_CONFIG;
}

static const struct store_callbacks store_callbacks = {
    .on_admitted = on_admitted,
    .on_committed = on_committed,
    .on_full = on_full,
    .on_unreadable = on_unreadable,
    .on_failed = on_failed,
};

int record_open(struct supervisor *supervisor, struct error *error)
{
    const struct config *config = supervisor->config;
    if (!config->store.enabled)
        return 0;
    struct store_options options = {.directory = config->daemon.state_dir,
                                    .keep_s = config->store.keep_s,
                                    .bytes = config->store.bytes,
                                    .make_parents = config->state_dir_parents};
    int code = store_open(supervisor->base, &options, &store_callbacks, supervisor,
                          &supervisor->store, error);
    if (!code)
        supervisor->batches.last_number = store_last_number(supervisor->store);
    return code;
}
