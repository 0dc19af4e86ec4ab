/*
 * Each reading makes batches of the parts that it is told, outside of the registry: nobody finds half of one. What has
 * not finished goes to the scheduler, what has to the history.
 *
 * Relies on the store to call on_end() last; what is told behind an error is thrown away.
 */
#include "supervisor/recovery.h"

#include <errno.h>
#include <stdlib.h>
#include "base/error.h"
#include "base/log.h"
#include "supervisor/rebuild.h"
#include "supervisor/scheduler.h"
#include "supervisor/store.h"
#include "supervisor/supervisor.h"

/* Somebody to be told of one batch. */
struct waiter {
    STAILQ_ENTRY(waiter) link;
    void (*on_done)(void *context, uint64_t number, struct batch *batch, const struct error *error);
    void *context;
};

/* A reading that is under way. */
struct recovery {
    LIST_ENTRY(recovery) link;
    struct supervisor *supervisor;
    struct rebuild rebuild;
    int code; /* what has gone wrong; 0: nothing */
    struct error error;
    /* Of one batch: */
    uint64_t number; /* 0: of all that have not finished */
    STAILQ_HEAD(, waiter) waiters;
    /* Of all: */
    void (*on_done)(void *context, int code, const struct error *error);
    void *context;
    uint64_t batches, jobs;
};

/* ---- Batches that are complete ---------------------------------------------------------------- */

/* There may be ghosts among the plugins now. */
static int make_room(struct supervisor *supervisor)
{
    return stats_grow(&supervisor->stats, catalogue_places(&supervisor->catalogue));
}

/* Its key is known to somebody else where a batch that is not durable got it meanwhile. */
static int take_in(struct recovery *recovery, struct batch *batch)
{
    struct batches *batches = &recovery->supervisor->batches;
    const struct rebuild *rebuild = &recovery->rebuild;
    int error = make_room(recovery->supervisor);
    if (!error && rebuild->key && !keys_find(&batches->keys, batch->owner, rebuild->key))
        error = batches_set_key(batches, batch, rebuild->key);
    if (!error)
        batches_restore(batches, batch);
    return error;
}

static bool has_unended(const struct batch *batch, const struct entry *entry)
{
    for (uint32_t job = entry->first; job < entry->first + entry->count; job++) {
        if (!job_state_is_final(batch_state(batch, job)))
            return true;
    }
    return false;
}

/* A disabled plugin that the batch needs still; NULL: there is none. */
static const struct plugin *find_missing(const struct supervisor *supervisor,
                                         const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->entries_count; i++) {
        const struct plugin *plugin = &supervisor->catalogue.plugins[batch->entries[i].plugin];
        if (plugin->disabled && has_unended(batch, &batch->entries[i]))
            return plugin;
    }
    return NULL;
}

/* Its jobs would fail one after the other, for a mistake in the configuration maybe. The store is not told of this
 * pause, so that the batch goes on by itself once the plugin is back. */
static void pause_without_plugin(struct supervisor *supervisor, struct batch *batch)
{
    const struct plugin *missing = batch->cancelled ? NULL : find_missing(supervisor, batch);
    if (!missing)
        return;
    log_write(
        supervisor->log, LOG_LEVEL_WARNING,
        "batch %llu is paused, since it has jobs of plugin %s, which is disabled: %s; it goes "
        "on when awaitd starts with the plugin; awaitctl resume %llu lets those jobs fail, "
        "awaitctl cancel %llu ends them",
        (unsigned long long)batch->number, missing->name, missing->disabled,
        (unsigned long long)batch->number, (unsigned long long)batch->number);
    (void)scheduler_pause(supervisor->scheduler, batch, true); /* or it is already */
}

/* An unfinished batch goes on. */
static int go_on(struct recovery *recovery, struct batch *batch)
{
    struct supervisor *supervisor = recovery->supervisor;
    struct rebuild *rebuild = &recovery->rebuild;
    recovery->batches++;
    recovery->jobs += batch->jobs - batch_completed(batch);
    stats_restored(&supervisor->stats, batch);
    if (rebuild->paused)
        (void)scheduler_pause(supervisor->scheduler, batch, true); /* it was not */
    pause_without_plugin(supervisor, batch);
    if (supervisor->stopping) /* it goes on with the next start */
        scheduler_part(batch);
    return scheduler_restore(supervisor->scheduler, batch, rebuild->jobs, rebuild->jobs_count);
}

/* Takes in the batch whose parts have all been told; NULL where something has gone wrong. */
static struct batch *complete(struct recovery *recovery)
{
    struct batch *batch;
    if (!recovery->code)
        recovery->code = rebuild_end(&recovery->rebuild, &batch, &recovery->error);
    if (recovery->code)
        return NULL;
    recovery->code = take_in(recovery, batch);
    if (!recovery->code)
        return batch;
    (void)error_set(&recovery->error, recovery->code, "out of memory");
    batch_free(batch);
    return NULL;
}

/* Another one is to come, or that was the last. */
static void complete_unfinished(struct recovery *recovery)
{
    if (!recovery->rebuild.batch && !recovery->rebuild.code)
        return; /* there was none */
    struct batch *batch = complete(recovery);
    if (batch)
        recovery->code = go_on(recovery, batch);
    if (batch && recovery->code)
        (void)error_set(&recovery->error, recovery->code, "out of memory");
    rebuild_clear(&recovery->rebuild);
}

/* ---- Parts ------------------------------------------------------------------------------------ */

static void on_batch(void *context, const struct store_batch *stored)
{
    struct recovery *recovery = context;
    if (!recovery->number)
        complete_unfinished(recovery);
    if (!recovery->code)
        rebuild_begin(&recovery->rebuild, stored);
}

static void on_piece(void *context, const struct store_piece *piece)
{
    struct recovery *recovery = context;
    if (!recovery->code)
        rebuild_piece(&recovery->rebuild, piece);
}

static void on_job(void *context, const struct store_job *job)
{
    struct recovery *recovery = context;
    if (!recovery->code)
        rebuild_job(&recovery->rebuild, job);
}

static void on_results(void *context, uint32_t first, struct bytes_view results)
{
    struct recovery *recovery = context;
    if (!recovery->code)
        rebuild_results(&recovery->rebuild, first, results);
}

/* ---- Readings --------------------------------------------------------------------------------- */

static struct recovery *begin(struct supervisor *supervisor)
{
    struct recovery *recovery = calloc(1, sizeof(*recovery));
    if (!recovery)
        return NULL;
    recovery->supervisor = supervisor;
    recovery->rebuild.catalogue = &supervisor->catalogue;
    STAILQ_INIT(&recovery->waiters);
    LIST_INSERT_HEAD(&supervisor->recoveries, recovery, link);
    return recovery;
}

/* It is not on the list any more. */
static void discard(struct recovery *recovery)
{
    struct waiter *waiter;
    while ((waiter = STAILQ_FIRST(&recovery->waiters))) {
        STAILQ_REMOVE_HEAD(&recovery->waiters, link);
        free(waiter);
    }
    rebuild_clear(&recovery->rebuild);
    free(recovery);
}

static void give_up(struct recovery *recovery)
{
    LIST_REMOVE(recovery, link);
    discard(recovery);
}

void recovery_clear(struct supervisor *supervisor)
{
    while (!LIST_EMPTY(&supervisor->recoveries))
        give_up(LIST_FIRST(&supervisor->recoveries));
}

/* What the store says of the reading; a row that makes no sense has not been written by a daemon. */
static void take_code(struct recovery *recovery, int code, const struct error *error)
{
    if (recovery->code || !code)
        return;
    recovery->code = code == -EBADMSG ? -EUCLEAN : code;
    recovery->error = *error;
}

static void on_unfinished_end(void *context, int code, const struct error *error)
{
    struct recovery *recovery = context;
    take_code(recovery, code, error);
    if (!recovery->code)
        complete_unfinished(recovery);
    if (recovery->code == -EUCLEAN)
        (void)error_set(&recovery->error, recovery->code,
                        "%s; awaitd(8) shows what to do, under THE STATE", recovery->error.text);
    if (!recovery->code && recovery->batches)
        log_write(recovery->supervisor->log, LOG_LEVEL_INFO,
                  "unfinished batches go on: batches=%llu jobs=%llu",
                  (unsigned long long)recovery->batches, (unsigned long long)recovery->jobs);
    LIST_REMOVE(recovery, link);
    recovery->on_done(recovery->context, recovery->code, &recovery->error);
    discard(recovery);
}

int recover_unfinished(struct supervisor *supervisor,
                       void (*on_done)(void *context, int code, const struct error *error),
                       void *context)
{
    static const struct store_reader reader = {.on_batch = on_batch,
                                               .on_piece = on_piece,
                                               .on_job = on_job,
                                               .on_results = on_results,
                                               .on_end = on_unfinished_end};
    struct recovery *recovery = begin(supervisor);
    if (!recovery)
        return -ENOMEM;
    recovery->on_done = on_done;
    recovery->context = context;
    int error = store_read_unfinished(supervisor->store, &reader, recovery);
    if (error)
        give_up(recovery);
    return error;
}

/* ---- One batch -------------------------------------------------------------------------------- */

/* The batch that was read, in memory; NULL: there is none, or something has gone wrong. */
static struct batch *complete_one(struct recovery *recovery)
{
    struct batches *batches = &recovery->supervisor->batches;
    struct batch *batch = batches_find(batches, recovery->number);
    if (recovery->code || batch) /* it may have come by another way */
        return batch;
    if (!recovery->rebuild.finished && !recovery->rebuild.code) {
        recovery->code = error_set(&recovery->error, -EUCLEAN,
                                   "batch %llu in the store has not finished, and is not known",
                                   (unsigned long long)recovery->number);
        return NULL;
    }
    batch = complete(recovery);
    if (batch) {
        batch->recalled = true;
        batches_finished(batches, batch);
    }
    return batch;
}

static void on_one_end(void *context, int code, const struct error *error)
{
    struct recovery *recovery = context;
    take_code(recovery, code, error);
    struct batch *batch = complete_one(recovery);
    struct log *log = recovery->supervisor->log;
    if (!code && recovery->code == -EUCLEAN && log_limited(log, LOG_LEVEL_ERROR))
        log_write(log, LOG_LEVEL_ERROR, "%s", recovery->error.text);
    if (recovery->code == -ENOENT)
        recovery->error.text[0] = '\0';
    LIST_REMOVE(recovery, link); /* whoever is told may ask again */
    struct waiter *waiter;
    STAILQ_FOREACH (waiter, &recovery->waiters, link)
        waiter->on_done(waiter->context, recovery->number, batch, &recovery->error);
    discard(recovery);
}

/* The reading of the batch that is under way, or a new one. NULL: out of memory. */
static struct recovery *find_or_begin(struct supervisor *supervisor, uint64_t number)
{
    static const struct store_reader reader = {.on_batch = on_batch,
                                               .on_piece = on_piece,
                                               .on_job = on_job,
                                               .on_results = on_results,
                                               .on_end = on_one_end};
    struct recovery *recovery;
    LIST_FOREACH (recovery, &supervisor->recoveries, link) {
        if (recovery->number == number)
            return recovery;
    }
    recovery = begin(supervisor);
    if (!recovery)
        return NULL;
    recovery->number = number;
    if (store_read_batch(supervisor->store, number, &reader, recovery) == 0)
        return recovery;
    give_up(recovery);
    return NULL;
}

int recover_batch(struct supervisor *supervisor, uint64_t number,
                  void (*on_done)(void *context, uint64_t number, struct batch *batch,
                                  const struct error *error),
                  void *context)
{
    struct waiter *waiter = malloc(sizeof(*waiter));
    struct recovery *recovery = waiter ? find_or_begin(supervisor, number) : NULL;
    if (!recovery) {
        free(waiter);
        return -ENOMEM;
    }
    *waiter = (struct waiter){.on_done = on_done, .context = context};
    STAILQ_INSERT_TAIL(&recovery->waiters, waiter, link);
    return 0;
}
