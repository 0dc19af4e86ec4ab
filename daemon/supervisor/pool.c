/*
 * The workers as a whole: how many, who has room, and their end.
 */
#include "supervisor/pool_worker.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "supervisor/catalogue.h"
#include "supervisor/config.h"
#include "supervisor/worker_process.h"
#include "wire/channel.h"

/* Bytes in a channel that its socket has not taken; reason: memory stays bounded where templates are
 * large. */
#define UNSENT_MAX (4u << 20)

static const char *const state_names[] = {
    [WORKER_STARTING] = "starting", [WORKER_READY] = "ready", [WORKER_BACKOFF] = "backoff",
    [WORKER_STOPPING] = "stopping", [WORKER_GONE] = "gone",
};
static_assert(sizeof(state_names) / sizeof(*state_names) == WORKER_STATES,
              "each state has its name");

const char *worker_state_name(enum worker_state state)
{
    return state_names[state];
}

static void on_child(evutil_socket_t signal_number, short what, void *context)
{
    (void)signal_number, (void)what;
    struct pool *pool = context;
    for (uint32_t i = 0; i < pool->count; i++)
        pool_worker_reap(&pool->workers[i]);
}

/* ---- The pool ------------------------------------------------------------------------------ */

static uint32_t cores(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (uint32_t)online : 1;
}

static int make_events(struct pool *pool)
{
    pool->on_child = evsignal_new(pool->base, SIGCHLD, on_child, pool);
    if (!pool->on_child || event_add(pool->on_child, NULL) != 0)
        return -ENOMEM;
    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool_worker_init(&pool->workers[i], pool, i) != 0)
            return -ENOMEM;
    }
    return 0;
}

int pool_new(struct event_base *base, const struct config *config, struct catalogue *catalogue,
             struct log *log, const struct pool_callbacks *callbacks, void *context,
             struct pool **out, struct error *error)
{
    uint32_t count = config->daemon.workers ? (uint32_t)config->daemon.workers : cores();
    struct pool *pool = calloc(1, sizeof(*pool) + count * sizeof(struct worker));
    if (!pool)
        return error_errno(error, -ENOMEM, "cannot make the workers");
    pool->base = base;
    pool->config = config;
    pool->catalogue = catalogue;
    pool->log = log;
    pool->callbacks = *callbacks;
    pool->context = context;
    pool->count = count;
    pool->limits[RUN_ASYNC] = (uint32_t)config->limits.running_async;
    pool->limits[RUN_FIBER] = (uint32_t)config->limits.running_fibers;
    pool->limits[RUN_BLOCKING] =
        config->limits.running_blocking ? (uint32_t)config->limits.running_blocking : 2 * cores();
    pool->binary = worker_process_binary();
    if (!pool->binary || make_events(pool) != 0) {
        pool_free(pool);
        return error_errno(error, -ENOMEM, "cannot make the workers");
    }
    *out = pool;
    for (uint32_t i = 0; i < count; i++)
        pool_worker_start(&pool->workers[i]);
    return 0;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    for (uint32_t i = 0; i < pool->count; i++)
        pool_worker_clear(&pool->workers[i]);
    if (pool->on_child)
        event_free(pool->on_child);
    if (pool->on_impatience)
        event_free(pool->on_impatience);
    free(pool->binary);
    free(pool);
}

uint32_t pool_count(const struct pool *pool)
{
    return pool->count;
}

uint32_t pool_ready(const struct pool *pool)
{
    uint32_t ready = 0;
    for (uint32_t i = 0; i < pool->count; i++)
        ready += pool->workers[i].state == WORKER_READY;
    return ready;
}

uint32_t pool_starting(const struct pool *pool)
{
    uint32_t starting = 0;
    for (uint32_t i = 0; i < pool->count; i++)
        starting += pool_worker_is_starting(&pool->workers[i]);
    return starting;
}

struct worker_view pool_view(const struct pool *pool, uint32_t number)
{
    const struct worker *worker = &pool->workers[number];
    struct worker_view view = {.pid = worker->pid, .state = worker->state};
    for (int style = 0; style < RUN_STYLES; style++)
        view.running += worker->running[style];
    return view;
}

struct worker_progress pool_progress(const struct pool *pool, uint32_t number)
{
    const struct worker *worker = &pool->workers[number];
    bool all_begun = worker->handed_count == 0;
    return (struct worker_progress){
        .begun_ns = all_begun ? UINT64_MAX : worker->begun_ns,
        .suspect_ns = all_begun ? 0 : worker->handed[worker->handed_first].when_ns,
        .delay_ns = worker->delay_ns,
        .heard_ns = worker->heard_ns,
    };
}

static uint32_t room_of(const struct worker *worker, enum run_style style)
{
    uint32_t limit = worker->pool->limits[style];
    if (worker->state != WORKER_READY || !worker->pid || !worker->channel ||
        worker->unstarted >= POOL_UNSTARTED_MAX || worker->running[style] >= limit ||
        channel_unsent(worker->channel) >= UNSENT_MAX)
        return 0;
    uint32_t room = POOL_UNSTARTED_MAX - worker->unstarted;
    uint32_t below_limit = limit - worker->running[style];
    return room < below_limit ? room : below_limit;
}

bool pool_pick(const struct pool *pool, enum run_style style, uint32_t *number, uint32_t *room)
{
    const struct worker *best = NULL;
    uint32_t best_room = 0;
    for (uint32_t i = 0; i < pool->count; i++) {
        const struct worker *worker = &pool->workers[i];
        uint32_t its_room = room_of(worker, style);
        if (its_room && (!best || worker->running[style] < best->running[style])) {
            best = worker;
            best_room = its_room;
        }
    }
    if (!best)
        return false;
    *number = best->number;
    *room = best_room;
    return true;
}

struct bytes *pool_out(struct pool *pool, uint32_t number)
{
    assert(pool->workers[number].channel);
    return channel_out(pool->workers[number].channel);
}

void pool_send(struct pool *pool, uint32_t number, enum run_style style, uint32_t jobs)
{
    struct worker *worker = &pool->workers[number];
    worker->running[style] += jobs;
    pool_worker_handed(worker, jobs);
    channel_send(worker->channel);
}

void pool_ended(struct pool *pool, uint32_t number, enum run_style style)
{
    struct worker *worker = &pool->workers[number];
    assert(worker->running[style] > 0);
    worker->running[style]--;
}

void pool_cancel_on(struct pool *pool, uint32_t number, const struct message_cancel *cancel)
{
    struct worker *worker = &pool->workers[number];
    if (!worker->channel) /* its jobs are about to be lost */
        return;
    message_cancel_put(channel_out(worker->channel), cancel);
    channel_send(worker->channel);
}

void pool_cancel(struct pool *pool, const struct message_cancel *cancel)
{
    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool_view(pool, i).running)
            pool_cancel_on(pool, i, cancel);
    }
}

void pool_replace(struct pool *pool, uint32_t number, const char *why)
{
    struct worker *worker = &pool->workers[number];
    if (worker->replaced || worker->pid <= 0)
        return;
    log_write(pool->log, LOG_LEVEL_WARNING, "worker %u is replaced: %s pid=%d", number + 1, why,
              (int)worker->pid);
    worker->replaced = true;
    (void)kill(worker->pid, SIGKILL); /* may have ended meanwhile */
}

/* ---- Stopping ------------------------------------------------------------------------------ */

void pool_tell_if_all_gone(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool->workers[i].state != WORKER_GONE)
            return;
    }
    pool->callbacks.on_stopped(pool->context);
}

static void on_impatience(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct pool *pool = context;
    for (uint32_t i = 0; i < pool->count; i++) {
        struct worker *worker = &pool->workers[i];
        if (worker->pid <= 0)
            continue;
        log_write(pool->log, LOG_LEVEL_WARNING, "worker %u does not end: it is killed pid=%d",
                  i + 1, (int)worker->pid);
        (void)kill(worker->pid, SIGKILL); /* may have ended meanwhile */
    }
}

void pool_hurry(struct pool *pool)
{
    on_impatience(-1, 0, pool);
}

void pool_stop(struct pool *pool, double patience_s)
{
    pool->stopping = true;
    for (uint32_t i = 0; i < pool->count; i++)
        pool_worker_stop(&pool->workers[i]);
    pool->on_impatience = evtimer_new(pool->base, on_impatience, pool);
    struct timeval patience = clock_timeval(patience_s);
    if (!pool->on_impatience || event_add(pool->on_impatience, &patience) != 0)
        pool_hurry(pool);
    pool_tell_if_all_gone(pool);
}
