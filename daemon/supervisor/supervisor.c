/*
 * Puts the parts together: what one reports, another is told. Signals are here; the order of a start from when the
 * plugins are known is in opening.c, that of a stop in stop.c.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/problems.h"
#include "supervisor/call.h"
#include "supervisor/config.h"
#include "supervisor/control.h"
#include "supervisor/control_socket.h"
#include "supervisor/history.h"
#include "supervisor/holds.h"
#include "supervisor/opening.h"
#include "supervisor/pool.h"
#include "supervisor/recovery.h"
#include "supervisor/requests.h"
#include "supervisor/scheduler.h"
#include "supervisor/stop.h"
#include "supervisor/store.h"
#include "supervisor/summary.h"
#include "supervisor/watcher.h"
#include "wire/message.h"

/* Bytes of a line in the log; what is longer is cut. */
#define LINE_SIZE 1024

/* ---- What jobs and batches report ---------------------------------------------------------- */

static void on_completion(void *context, struct batch *batch, const struct completion *completion)
{
    struct supervisor *supervisor = context;
    supervisor->completed++;
    stats_completed(&supervisor->stats, batch, completion);
    record_completion(supervisor, batch, completion);
    if (!batch->durable)
        watchers_notice(batch);
    holds_wake(supervisor->holds);
    if (log_limited(supervisor->log, LOG_LEVEL_INFO)) {
        char line[LINE_SIZE];
        log_write(supervisor->log, LOG_LEVEL_INFO, "%s",
                  summary_job_line(batch, completion, &supervisor->catalogue, line, sizeof(line)));
    }
    stop_settled(supervisor);
}

static void on_finished(void *context, struct batch *batch)
{
    struct supervisor *supervisor = context;
    char line[LINE_SIZE];
    log_write(supervisor->log, LOG_LEVEL_INFO, "%s", summary_batch_line(batch, line, sizeof(line)));
    stats_finished(&supervisor->stats, batch);
    record_finished(supervisor, batch);
    supervisor->latest = NULL; /* may be forgotten in the next line */
    batches_finished(&supervisor->batches, batch);
    watchers_notice(batch);
}

/* Goes on with nothing, rather than with a promise it cannot keep. */
void supervisor_give_up(struct supervisor *supervisor, const char *words)
{
    log_write(supervisor->log, LOG_LEVEL_ERROR, "%s: giving up", words);
    supervisor->exit_code = EXIT_FAILURE;
    (void)event_base_loopbreak(supervisor->base); /* fails for no base of ours */
}

static void on_broken(void *context)
{
    supervisor_give_up(context, "out of memory for the result of a job");
}

static void on_retry(void *context, struct batch *batch, uint32_t job, enum job_state state,
                     struct bytes_view reason, uint64_t due_ns)
{
    struct supervisor *supervisor = context;
    supervisor->stats.retried++;
    record_retry(supervisor, batch, job, due_ns);
    if (!log_limited(supervisor->log, LOG_LEVEL_INFO))
        return;
    char line[512] = "";
    char text[256];
    (void)snprintf(line, sizeof(line), "job batch=%llu job=%u state=%s attempt=%u again",
                   (unsigned long long)batch->number, job, job_state_name(state),
                   batch_attempt(batch, job) - 1);
    (void)snprintf(text, sizeof(text), "%.*s", (int)(reason.size < 255 ? reason.size : 255),
                   (const char *)reason.data);
    log_field(line, sizeof(line), "reason", text);
    log_write(supervisor->log, LOG_LEVEL_INFO, "%s", line);
}

static void on_batch_stopped(void *context, struct batch *batch)
{
    record_stopped(context, batch);
}

static void on_told(void *context, struct batch *batch, uint32_t job)
{
    record_told(context, batch, job);
}

static void on_settled(void *context)
{
    stop_settled(context);
}

static const struct scheduler_callbacks scheduler_callbacks = {
    .on_completion = on_completion,
    .on_retry = on_retry,
    .on_stopped = on_batch_stopped,
    .on_told = on_told,
    .on_settled = on_settled,
    .on_finished = on_finished,
    .on_broken = on_broken,
};

/* ---- What clients no longer need ------------------------------------------------------------ */

static void on_unwatched(void *context, struct batch *batch)
{
    struct supervisor *supervisor = context;
    batches_let_go(&supervisor->batches, batch);
}

/* ---- What workers report ------------------------------------------------------------------- */

/* While the daemon stops, all of them are to be told so. */
static bool fits(void *context, uint64_t jobs)
{
    const struct supervisor *supervisor = context;
    return supervisor->stopping || jobs <= request_room(supervisor);
}

/* Opens when all workers are there, so that the first batch finds them all; those that do not come up
 * are not waited for. */
static void on_change(void *context)
{
    struct supervisor *supervisor = context;
    bool open = pool_ready(supervisor->pool) > 0 && !pool_starting(supervisor->pool);
    if (open && !supervisor->control && !supervisor->recovering && !supervisor->stopping &&
        opening_begin(supervisor) != 0)
        on_broken(supervisor);
    scheduler_wake(supervisor->scheduler);
}

static void on_room(void *context)
{
    struct supervisor *supervisor = context;
    scheduler_wake(supervisor->scheduler);
}

static int on_result(void *context, uint32_t worker, const struct message_result *result)
{
    struct supervisor *supervisor = context;
    if (!supervisor->latest || supervisor->latest->number != result->batch)
        supervisor->latest = batches_find(&supervisor->batches, result->batch);
    if (!supervisor->latest)
        return -EBADMSG;
    int error = scheduler_result(supervisor->scheduler, supervisor->latest, worker, result);
    if (error)
        supervisor->latest = NULL; /* may have finished, and so leave memory at any time */
    return error;
}

static void on_lost(void *context, uint32_t worker, const char *end, bool replaced)
{
    struct supervisor *supervisor = context;
    char end_of_worker[160];
    (void)snprintf(end_of_worker, sizeof(end_of_worker), "its worker %s", end);
    const struct scheduler_loss crash = {
        .state = JOB_CRASHED, .reason = end_of_worker, .replaced = replaced};
    static const struct scheduler_loss left = {
        .state = JOB_CANCELLED, .reason = "the daemon stopped and did not wait any longer"};
    /* Batches may finish here, and finished ones may be forgotten; never the one at hand. */
    for (struct batch *batch = TAILQ_FIRST(&supervisor->batches.all); batch;
         batch = TAILQ_NEXT(batch, all_link)) {
        bool is_left = supervisor->stopping && (!batch->durable || batch->parting);
        scheduler_lost(supervisor->scheduler, batch, worker, is_left ? &left : &crash);
    }
}

static void on_hopeless(void *context)
{
    struct supervisor *supervisor = context;
    log_write(supervisor->log, LOG_LEVEL_ERROR, "no worker comes up: giving up");
    supervisor->exit_code = EXIT_FAILURE;
    (void)event_base_loopbreak(supervisor->base); /* fails for no base of ours */
}

static void on_stopped(void *context)
{
    stop_workers_gone(context);
}

static const struct pool_callbacks pool_callbacks = {
    .on_change = on_change,
    .on_room = on_room,
    .on_result = on_result,
    .on_lost = on_lost,
    .on_hopeless = on_hopeless,
    .on_stopped = on_stopped,
};

/* ---- Signals ------------------------------------------------------------------------------- */

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)number, (void)what;
    stop_signalled(context);
}

/* Many daemons read their configuration again: who expects that here is told. */
static void on_hangup(evutil_socket_t number, short what, void *context)
{
    (void)number, (void)what;
    const struct supervisor *supervisor = context;
    log_write(supervisor->log, LOG_LEVEL_WARNING,
              "SIGHUP is of no effect: restart awaitd to have it read its configuration again");
}

static void on_stop_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    stop_on_timer(context);
}

static int make_events(struct supervisor *supervisor)
{
    supervisor->on_term = evsignal_new(supervisor->base, SIGTERM, on_signal, supervisor);
    supervisor->on_int = evsignal_new(supervisor->base, SIGINT, on_signal, supervisor);
    supervisor->on_hup = evsignal_new(supervisor->base, SIGHUP, on_hangup, supervisor);
    supervisor->stop_timer = evtimer_new(supervisor->base, on_stop_timer, supervisor);
    if (!supervisor->on_term || !supervisor->on_int || !supervisor->on_hup ||
        !supervisor->stop_timer || event_add(supervisor->on_hup, NULL) != 0 ||
        event_add(supervisor->on_term, NULL) != 0 || event_add(supervisor->on_int, NULL) != 0)
        return -ENOMEM;
    return 0;
}

/* ---- Start and end ------------------------------------------------------------------------- */

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    /* Timers to the microsecond, from timerfd instead of epoll_wait's milliseconds. */
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static int open_socket(struct supervisor *supervisor, int listen_fd, struct error *error)
{
    supervisor->listen_fd = listen_fd;
    if (listen_fd >= 0)
        return 0;
    return control_socket_open(supervisor->config, &supervisor->listen_fd, &supervisor->listen_lock,
                               error);
}

static int start(struct supervisor *supervisor, int listen_fd, struct error *error)
{
    int code = open_socket(supervisor, listen_fd, error);
    if (!code)
        code = catalogue_init(&supervisor->catalogue, supervisor->config, error);
    if (code)
        return code;
    supervisor->base = new_base();
    if (!supervisor->base || make_events(supervisor) != 0 ||
        stats_init(&supervisor->stats, supervisor->catalogue.count) != 0 ||
        batches_init(&supervisor->batches, (size_t)supervisor->config->limits.history_bytes) != 0 ||
        batches_make_room_in(&supervisor->batches, supervisor->base) != 0)
        return error_errno(error, -ENOMEM, "cannot start");
    code = record_open(supervisor, error);
    if (code) {
        supervisor->exit_code = SUPERVISOR_EXIT_CONFIG; /* another start would not help */
        return code;
    }
    code = pool_new(supervisor->base, supervisor->config, &supervisor->catalogue, supervisor->log,
                    &pool_callbacks, supervisor, &supervisor->pool, error);
    if (code)
        return code;
    supervisor->watchers =
        watchers_new(supervisor->base, &supervisor->catalogue,
                     (size_t)supervisor->config->limits.client_watchers, on_unwatched, supervisor);
    struct scheduler_limits limits = {
        .results_bytes = (size_t)supervisor->config->limits.results_bytes,
        .running = (uint64_t)supervisor->config->limits.running,
        .timeout_ns = terms_span_ns(supervisor->config->defaults.timeout_s),
        .grace_ns = terms_span_ns(supervisor->config->daemon.job_grace_s),
    };
    supervisor->scheduler =
        scheduler_new(supervisor->base, &supervisor->catalogue, supervisor->pool, &limits,
                      &scheduler_callbacks, supervisor);
    supervisor->holds = holds_new(supervisor->base, fits, supervisor);
    supervisor->history = history_new(supervisor);
    if (!supervisor->watchers || !supervisor->scheduler || !supervisor->holds ||
        !supervisor->history)
        return error_errno(error, -ENOMEM, "cannot start");
    return 0;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

/* Signals that ask to stop have nothing to ask any more: without its event, one would kill. */
static void ignore_signals(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals); /* these fail for no such signal */
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

/* Nothing is told any more. */
static void close_store(struct supervisor *supervisor)
{
    struct error error = {0};
    record_last_number(supervisor);
    uint64_t unwritten = store_close(supervisor->store, &error);
    if (unwritten)
        log_write(supervisor->log, LOG_LEVEL_WARNING,
                  "%s: what happened last is not written, and jobs whose ends are lost with it run "
                  "again after the next start: unwritten=%llu",
                  error.text, (unsigned long long)unwritten);
}

static void end(struct supervisor *supervisor)
{
    ignore_signals();
    history_close(supervisor->history);
    close_store(supervisor);
    recovery_clear(supervisor);
    control_free(supervisor->control);
    errands_clear(&supervisor->errands);
    history_free(supervisor->history);
    pool_free(supervisor->pool);
    if (supervisor->scheduler) {
        struct batch *batch;
        TAILQ_FOREACH (batch, &supervisor->batches.all, all_link)
            scheduler_forget(supervisor->scheduler, batch);
        scheduler_free(supervisor->scheduler);
    }
    admissions_clear(&supervisor->admissions);
    answers_clear(&supervisor->answers);
    marks_clear(&supervisor->marks);
    watchers_free(supervisor->watchers);
    holds_free(supervisor->holds);
    if (supervisor->batches.buckets)
        batches_clear(&supervisor->batches);
    stats_clear(&supervisor->stats);
    catalogue_clear(&supervisor->catalogue);
    free_event(supervisor->on_term);
    free_event(supervisor->on_int);
    free_event(supervisor->on_hup);
    free_event(supervisor->stop_timer);
    if (supervisor->listen_fd >= 0) {
        if (supervisor->listen_lock >= 0)
            (void)unlink(supervisor->config->daemon.socket); /* may have been removed by hand */
        (void)close(supervisor->listen_fd);
    }
    if (supervisor->listen_lock >= 0)
        control_socket_unlock(supervisor->config, supervisor->listen_lock);
    if (supervisor->base)
        event_base_free(supervisor->base);
}

static void log_warnings(const struct config *config, struct log *log)
{
    const struct problems *warnings = &config->warnings;
    for (size_t i = 0; i < warnings->count && i < PROBLEMS_KEPT; i++)
        log_write(log, LOG_LEVEL_WARNING, "%s: %s", warnings->kept[i].field,
                  warnings->kept[i].text);
}

int supervisor_main(const struct config *config, struct log *log, int listen_fd,
                    struct error *error)
{
    struct supervisor supervisor = {.config = config,
                                    .log = log,
                                    .listen_fd = -1,
                                    .listen_lock = -1,
                                    .started_ns = clock_now_ns()};
    admissions_init(&supervisor.admissions);
    answers_init(&supervisor.answers);
    log_warnings(config, log);
    if (start(&supervisor, listen_fd, error) != 0) {
        log_write(log, LOG_LEVEL_ERROR, "%s", error->text);
        supervisor.exit_code = supervisor.exit_code ? supervisor.exit_code : EXIT_FAILURE;
    } else if (event_base_dispatch(supervisor.base) < 0) {
        log_write(log, LOG_LEVEL_ERROR, "the event loop failed");
        supervisor.exit_code = EXIT_FAILURE;
    }
    if (!supervisor.exit_code)
        log_write(log, LOG_LEVEL_INFO, "stopped: completed=%llu",
                  (unsigned long long)supervisor.completed);
    end(&supervisor);
    return supervisor.exit_code;
}
