/*
 * The steps of a stop. Each is entered once, by an event or by the timer of the step before.
 */
#include "supervisor/stop.h"

#include <event2/event.h>
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/config.h"
#include "supervisor/control.h"
#include "supervisor/holds.h"
#include "supervisor/notify.h"
#include "supervisor/pool.h"
#include "supervisor/scheduler.h"
#include "supervisor/store.h"
#include "supervisor/supervisor.h"

/* Seconds that cancelled jobs get to clean up, workers to exit, and clients to read the last events. */
#define CLEANUP_S 1.0
#define EXIT_S 2.0
#define FLUSH_S 1.0

enum step { RUNNING, FINISHING, CANCELLING, STOPPING_WORKERS, FLUSHING };

static void arm(struct supervisor *supervisor, double seconds)
{
    struct timeval delay = clock_timeval(seconds);
    (void)evtimer_add(supervisor->stop_timer, &delay); /* reserved when it was made */
}

static void stop_workers(struct supervisor *supervisor, double patience_s)
{
    if (supervisor->stopping >= STOPPING_WORKERS)
        return;
    supervisor->stopping = STOPPING_WORKERS;
    (void)event_del(supervisor->stop_timer); /* cannot fail for a timer */
    pool_stop(supervisor->pool, patience_s);
}

static void cancel_running(struct supervisor *supervisor)
{
    supervisor->stopping = CANCELLING;
    log_write(supervisor->log, LOG_LEVEL_WARNING, "stopping: %llu jobs still run and are cancelled",
              (unsigned long long)scheduler_running(supervisor->scheduler));
    struct batch *batch;
    TAILQ_FOREACH (batch, &supervisor->batches.all, all_link) {
        if (batch->durable && !batch->finished)
            scheduler_part_running(supervisor->scheduler, batch);
        else
            scheduler_cancel_running(supervisor->scheduler, batch);
    }
    arm(supervisor, CLEANUP_S);
}

/* Cancelling may finish batches, and finished ones may be forgotten; never the one at hand. */
static void end_queued(struct supervisor *supervisor)
{
    for (struct batch *batch = TAILQ_FIRST(&supervisor->batches.all); batch;
         batch = TAILQ_NEXT(batch, all_link)) {
        if (batch->durable && !batch->finished)
            scheduler_part(batch);
        else
            (void)scheduler_cancel_queued(supervisor->scheduler, batch, "the daemon is stopping");
    }
}

static void begin(struct supervisor *supervisor)
{
    supervisor->stopping = FINISHING;
    log_write(supervisor->log, LOG_LEVEL_INFO, "stopping: queued=%llu running=%llu",
              (unsigned long long)scheduler_queued(supervisor->scheduler),
              (unsigned long long)scheduler_running(supervisor->scheduler));
    (void)notify_send("STOPPING=1", NULL); /* nobody to tell of a failure */
    if (supervisor->control)
        control_close_socket(supervisor->control);
    end_queued(supervisor);
    holds_wake(supervisor->holds);
    arm(supervisor, supervisor->config->daemon.grace_s);
    stop_settled(supervisor);
}

static void end_loop(void *context)
{
    struct supervisor *supervisor = context;
    (void)event_base_loopbreak(supervisor->base); /* fails for no base of ours */
}

void stop_signalled(struct supervisor *supervisor)
{
    if (supervisor->stopping == RUNNING)
        begin(supervisor);
    else if (supervisor->stopping == FINISHING)
        cancel_running(supervisor);
    else if (supervisor->stopping == CANCELLING)
        stop_workers(supervisor, 0);
    else if (supervisor->stopping == STOPPING_WORKERS)
        pool_hurry(supervisor->pool);
    else
        end_loop(supervisor);
}

void stop_settled(struct supervisor *supervisor)
{
    if (supervisor->stopping && scheduler_is_settled(supervisor->scheduler))
        stop_workers(supervisor, EXIT_S);
}

void stop_workers_gone(struct supervisor *supervisor)
{
    supervisor->stopping = FLUSHING;
    arm(supervisor, FLUSH_S);
    stop_committed(supervisor);
}

void stop_committed(struct supervisor *supervisor)
{
    const struct store *store = supervisor->store;
    if (supervisor->stopping != FLUSHING || (store && store_committed(store) < store_latest(store)))
        return;
    if (supervisor->control)
        control_when_quiet(supervisor->control, end_loop, supervisor);
    else
        end_loop(supervisor);
}

void stop_on_timer(struct supervisor *supervisor)
{
    if (supervisor->stopping == FINISHING)
        cancel_running(supervisor);
    else if (supervisor->stopping == CANCELLING)
        stop_workers(supervisor, EXIT_S);
    else
        end_loop(supervisor);
}
