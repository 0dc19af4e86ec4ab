/*
 * The life of a worker: its process, its messages, its end and its replacement. A worker is gone when its
 * process has been waited for and its channel has been read to the end, in whichever order that
 * happens: results sent before a death count.
 */
#include "supervisor/pool_worker.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
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

/* Seconds before a worker that keeps dying is started again: twice as long each time, between these. The
 * first time it is replaced at once. */
#define BACKOFF_MIN_S 0.1
#define BACKOFF_MAX_S 30.0
/* A worker that was of use for this long did not die of its start: its failures are forgotten. */
#define STABLE_S 10.0
/* So many failed starts in a row, none having ever come up, and the daemon gives up. */
#define HOPELESS_FAILURES 5u
/* How long a dead worker's channel may stay open, in seconds: should a child of a plugin hold it, there is
 * nothing more to come. */
#define LINGER_S 1

static void start(struct worker *worker);

/* ---- The end of a worker ------------------------------------------------------------------- */

static void arm(struct worker *worker, double seconds)
{
    struct timeval delay = clock_timeval(seconds);
    (void)event_add(worker->timer,
                    &delay); /* fails without memory only: the next death tries again */
}

static double backoff_s(uint32_t failures)
{
    if (failures <= 1)
        return 0;
    double delay = BACKOFF_MIN_S;
    for (uint32_t i = 2; i < failures && delay < BACKOFF_MAX_S; i++)
        delay *= 2;
    return delay < BACKOFF_MAX_S ? delay : BACKOFF_MAX_S;
}

/*
 * Whether the plugin that was being loaded is to blame for the worker's end. A signal 9 may come from anybody
 * (the kernel short of memory, an administrator, ourselves where a channel broke), and a plugin that could be
 * loaded before may have met with an accident: these are believed when they happen to a worker twice in
 * a row. What else ends a worker that loads a plugin would do so each time.
 */
static bool is_to_blame(struct worker *worker, const struct plugin *plugin)
{
    bool again = worker->suspect == worker->loading;
    bool killed = WIFSIGNALED(worker->exit_status) && WTERMSIG(worker->exit_status) == SIGKILL;
    worker->suspect = worker->loading;
    return again || !(plugin->described || (killed && !worker->overdue));
}

/* Disables the plugin that the worker died of, if it did. */
static bool blame_plugin(struct worker *worker, const char *end)
{
    if (worker->loading < 0)
        return false;
    struct pool *pool = worker->pool;
    const struct plugin *plugin = &pool->catalogue->plugins[worker->loading];
    if (plugin->disabled) /* while this worker loaded it, another one died of it */
        return true;
    if (!is_to_blame(worker, plugin))
        return false;
    char reason[256];
    (void)snprintf(reason, sizeof(reason), "the worker that loaded it %s", end);
    catalogue_disable(pool->catalogue, (uint32_t)worker->loading, reason);
    log_write(pool->log, LOG_LEVEL_ERROR, "plugin %s (%s) is disabled: %s", plugin->name,
              plugin->file, reason);
    return plugin->disabled; /* without memory: next time */
}

/* `explained`: the death, and those before it, had a cause that is gone. */
static void plan_restart(struct worker *worker, bool explained)
{
    struct pool *pool = worker->pool;
    if (worker->ready_ns && clock_seconds(clock_now_ns() - worker->ready_ns) >= STABLE_S)
        worker->failures = 0;
    worker->failures = explained ? 0 : worker->failures + 1;
    if (!pool->catalogue->known && worker->failures >= HOPELESS_FAILURES) {
        worker->state = WORKER_GONE;
        pool->callbacks.on_hopeless(pool->context);
        return;
    }
    worker->state = WORKER_BACKOFF;
    arm(worker, backoff_s(worker->failures));
    pool->callbacks.on_change(pool->context);
}

/* How the worker ended, in words that follow "worker 1". */
static void tell_end(const struct worker *worker, char *end, size_t size)
{
    if (worker->overdue)
        (void)snprintf(end, size, "did not get on within %g s",
                       worker->pool->config->daemon.load_timeout_s);
    else
        worker_process_end(worker->exit_status, end, size);
}

static void bury(struct worker *worker)
{
    struct pool *pool = worker->pool;
    bool was_stopping = pool->stopping;
    char end[96];
    tell_end(worker, end, sizeof(end));
    (void)event_del(worker->timer); /* cannot fail for a timer */
    bool explained = !was_stopping && blame_plugin(worker, end);
    /* A worker that dies of its jobs takes them along: what is next need not wait. */
    bool at_work = worker->ready_ns && pool_view(pool, worker->number).running;
    if (!was_stopping)
        log_write(pool->log, explained ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "worker %u %s pid=%d",
                  worker->number + 1, end, (int)worker->ended_pid);
    worker->loading = -1;
    worker->unstarted = 0;
    memset(worker->running, 0, sizeof(worker->running));
    worker->state = WORKER_GONE;
    pool->callbacks.on_lost(pool->context, worker->number, end, worker->replaced);
    if (was_stopping)
        pool_tell_if_all_gone(pool);
    else if (!pool->stopping) /* else pool_stop() was called meanwhile and has told */
        plan_restart(worker, explained || at_work);
}

/* It hangs while it loads a plugin, or before it loads any. */
static void kill_overdue(struct worker *worker)
{
    worker->overdue = true;
    (void)kill(worker->pid, SIGKILL); /* may have ended meanwhile */
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct worker *worker = context;
    if (worker->state == WORKER_BACKOFF) {
        start(worker);
        return;
    }
    if (worker->pid > 0) {
        kill_overdue(worker);
        return;
    }
    channel_free(take_ptr(&worker->channel));
    bury(worker);
}

static void on_closed(void *context, const struct error *error)
{
    struct worker *worker = context;
    if (error->text[0])
        log_write(worker->pool->log, LOG_LEVEL_ERROR, "worker %u: %s; it is replaced pid=%d",
                  worker->number + 1, error->text,
                  (int)(worker->pid ? worker->pid : worker->ended_pid));
    channel_free(take_ptr(&worker->channel));
    if (worker->pid <= 0) {
        bury(worker);
        return;
    }
    (void)event_del(worker->timer); /* cannot fail for a timer; it is too late to be overdue */
    if (worker->state != WORKER_STOPPING || error->text[0])
        (void)kill(worker->pid, SIGKILL); /* of no use without a channel; it may be dead already */
}

/* ---- The start of a worker ----------------------------------------------------------------- */

static void on_drained(void *context)
{
    struct worker *worker = context;
    worker->pool->callbacks.on_room(worker->pool->context);
}

static const struct channel_callbacks channel_callbacks = {
    .on_message = pool_message,
    .on_closed = on_closed,
    .on_drained = on_drained,
};

static json_t *plugins_json(const struct pool *pool)
{
    json_t *plugins = json_array();
    for (uint32_t i = 0; i < pool->catalogue->count; i++) {
        const struct plugin *plugin = &pool->catalogue->plugins[i];
        json_t *settings = pool->config->plugins[i].settings;
        json_t *entry = json_pack("{s:s}", "file", plugin->file);
        if (settings)
            (void)json_object_set(entry, "settings", settings); /* a failure shows in dumps below */
        if (plugin->disabled)
            (void)json_object_set_new(entry, "disabled", json_true());
        (void)json_array_append_new(plugins, entry);
    }
    return plugins;
}

/* The CONFIG of a worker as text, for the caller to free. */
static char *worker_config(const struct worker *worker)
{
    const struct pool *pool = worker->pool;
    const struct config *config = pool->config;
    json_t *root = json_pack(
        "{s:I, s:o, s:I, s:I, s:I, s:s}", "worker", (json_int_t)worker->number + 1, "plugins",
        plugins_json(pool), "fiber_stack_bytes", (json_int_t)config->limits.fiber_stack_bytes,
        "threads", (json_int_t)pool->limits[RUN_BLOCKING], "output_bytes",
        (json_int_t)config->limits.output_bytes, "log_level", log_level_name(config->log.level));
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

static int launch(struct worker *worker, struct error *error)
{
    struct pool *pool = worker->pool;
    AUTO_FREE char *config = worker_config(worker);
    if (!config)
        return error_errno(error, -ENOMEM, "cannot start a worker");
    AUTO_CLOSE int fd = -1;
    int code = worker_process_start(pool->binary, &worker->pid, &fd, error);
    if (code)
        return code;
    worker->channel = channel_new(pool->base, fd, &channel_callbacks, worker);
    if (!worker->channel) {
        (void)kill(worker->pid, SIGKILL); /* buried when it has been waited for */
        return 0;
    }
    (void)take_fd(&fd);
    message_put(channel_out(worker->channel), MESSAGE_CONFIG, config, strlen(config));
    channel_send(worker->channel);
    return 0;
}

static void start(struct worker *worker)
{
    worker->state = WORKER_STARTING;
    worker->ready_ns = 0;
    worker->overdue = worker->replaced = false;
    worker->handed_count = 0;
    worker->begun_ns = worker->delay_ns = 0;
    struct error error;
    if (!launch(worker, &error)) {
        pool_worker_allow_load(worker);
        return;
    }
    log_write(worker->pool->log, LOG_LEVEL_ERROR, "worker %u: %s", worker->number + 1, error.text);
    plan_restart(worker, false);
}

/* ---- What was handed to it ------------------------------------------------------------------ */

void pool_worker_handed(struct worker *worker, uint32_t jobs)
{
    assert(worker->handed_count < POOL_UNSTARTED_MAX); /* since each has an unstarted job */
    uint32_t last = (worker->handed_first + worker->handed_count++) % POOL_UNSTARTED_MAX;
    worker->handed[last] = (struct handed){.when_ns = clock_now_ns(), .jobs = jobs};
    worker->unstarted += jobs;
}

void pool_worker_begun(struct worker *worker, uint32_t jobs)
{
    uint64_t now_ns = clock_now_ns();
    worker->unstarted -= jobs;
    while (jobs > 0) {
        struct handed *first = &worker->handed[worker->handed_first];
        uint32_t begun = jobs < first->jobs ? jobs : first->jobs;
        jobs -= begun;
        first->jobs -= begun;
        if (first->jobs > 0)
            break;
        worker->begun_ns = first->when_ns;
        if (now_ns - first->when_ns > worker->delay_ns)
            worker->delay_ns = now_ns - first->when_ns;
        worker->handed_first = (worker->handed_first + 1) % POOL_UNSTARTED_MAX;
        worker->handed_count--;
    }
}

/* ---- For the pool -------------------------------------------------------------------------- */

int pool_worker_init(struct worker *worker, struct pool *pool, uint32_t number)
{
    *worker = (struct worker){
        .pool = pool, .number = number, .loading = -1, .suspect = -1, .state = WORKER_GONE};
    worker->timer = evtimer_new(pool->base, on_timer, worker);
    return worker->timer ? 0 : -ENOMEM;
}

void pool_worker_clear(struct worker *worker)
{
    channel_free(worker->channel);
    if (worker->timer)
        event_free(worker->timer);
    if (worker->pid <= 0)
        return;
    (void)kill(worker->pid, SIGKILL); /* may have ended meanwhile */
    while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void pool_worker_start(struct worker *worker)
{
    worker->state = WORKER_BACKOFF;
    arm(worker, 0);
}

void pool_worker_reap(struct worker *worker)
{
    if (worker->pid <= 0 || waitpid(worker->pid, &worker->exit_status, WNOHANG) <= 0)
        return;
    worker->ended_pid = worker->pid;
    worker->pid = 0;
    if (worker->channel)
        arm(worker, LINGER_S);
    else
        bury(worker);
}

void pool_worker_stop(struct worker *worker)
{
    if (worker->state == WORKER_BACKOFF) {
        (void)event_del(worker->timer); /* cannot fail for a timer */
        worker->state = WORKER_GONE;
    }
    if (worker->state == WORKER_GONE)
        return;
    if (worker->pid > 0)
        (void)event_del(worker->timer); /* as above; from now on the pool's patience counts */
    worker->state = WORKER_STOPPING;
    if (!worker->channel)
        return;
    message_put(channel_out(worker->channel), MESSAGE_STOP, NULL, 0);
    channel_send(worker->channel);
}

void pool_worker_allow_load(struct worker *worker)
{
    arm(worker, worker->pool->config->daemon.load_timeout_s);
}

void pool_worker_came_up(struct worker *worker)
{
    if (worker->pid > 0)                /* else it has died since, and the timer buries it */
        (void)event_del(worker->timer); /* cannot fail for a timer */
    worker->state = WORKER_READY;
    worker->ready_ns = clock_now_ns();
    worker->loading = worker->suspect = -1;
}

bool pool_worker_is_starting(const struct worker *worker)
{
    return worker->state == WORKER_STARTING ||
           (worker->state == WORKER_BACKOFF && backoff_s(worker->failures) <= 0);
}
