/*
 * Timers of base/timers on one alarm. Rung a bounded number at a time, so that a million jobs whose delay ends
 * at the same moment do not hold the loop.
 */
#include "supervisor/waits.h"

#include <errno.h>
#include <stdlib.h>
#include "base/alarm.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/timers.h"
#include "supervisor/batch.h"

/* Waits that end in one turn of the loop: about 1 ms. */
#define TURN_MAX 4096

struct wait {
    struct timer timer; /* first: found by it */
    LIST_ENTRY(wait) link;
    struct waits *waits;
    struct batch *batch; /* NULL: of none */
    enum wait_reason reason;
    struct wait_jobs jobs;
    uint64_t since_ns, due_ns;
};

struct waits {
    struct timers *timers;
    struct alarm *alarm;
    struct waits_callbacks callbacks;
    void *context;
    struct wait_list others; /* of no batch */
};

/* Pauses and delays have a list of their own: others are looked for among the rest with each run that is sent,
 * and with each job that fails. */
static const struct wait_list *list_of(const struct batch *batch, enum wait_reason reason)
{
    bool of_jobs = reason == WAIT_DELAY || reason == WAIT_RETRY || reason == WAIT_CANCEL;
    return of_jobs ? &batch->pauses : &batch->waits;
}

static void drop(struct wait *wait)
{
    timers_drop(wait->waits->timers, &wait->timer);
    LIST_REMOVE(wait, link);
    free(wait);
}

static void on_time(struct timer *timer)
{
    struct wait *wait = (struct wait *)timer;
    struct wait copy = *wait;
    drop(wait);
    copy.waits->callbacks.on_due(copy.waits->context, copy.batch, copy.reason, copy.jobs,
                                 copy.since_ns);
}

static void on_alarm(void *context)
{
    struct waits *waits = context;
    (void)alarm_ring(waits->alarm, TURN_MAX); /* what is left rings at once: it is due */
    alarm_arm(waits->alarm);
}

struct waits *waits_new(struct event_base *base, const struct waits_callbacks *callbacks,
                        void *context, struct error *error)
{
    struct waits *waits = calloc(1, sizeof(*waits));
    if (waits)
        waits->timers = timers_new();
    if (!waits || !waits->timers) {
        waits_free(waits);
        (void)error_errno(error, -ENOMEM, "cannot wait for anything");
        return NULL;
    }
    waits->callbacks = *callbacks;
    waits->context = context;
    LIST_INIT(&waits->others);
    waits->alarm = alarm_new(base, waits->timers, on_alarm, waits, error);
    if (!waits->alarm) {
        waits_free(waits);
        return NULL;
    }
    return waits;
}

void waits_free(struct waits *waits)
{
    if (!waits)
        return;
    while (!LIST_EMPTY(&waits->others))
        drop(LIST_FIRST(&waits->others));
    alarm_free(waits->alarm);
    timers_free(waits->timers);
    free(waits);
}

int waits_add(struct waits *waits, struct batch *batch, enum wait_reason reason,
              struct wait_jobs jobs, uint64_t due_ns)
{
    struct wait *wait = calloc(1, sizeof(*wait));
    if (!wait)
        return -ENOMEM;
    wait->waits = waits;
    wait->batch = batch;
    wait->reason = reason;
    wait->jobs = jobs;
    wait->since_ns = clock_now_ns();
    wait->due_ns = due_ns;
    if (timers_set(waits->timers, &wait->timer, due_ns, on_time) != 0) {
        free(wait);
        return -ENOMEM;
    }
    struct wait_list *list = batch ? (struct wait_list *)list_of(batch, reason) : &waits->others;
    LIST_INSERT_HEAD(list, wait, link);
    alarm_arm(waits->alarm);
    return 0;
}

int waits_sooner(struct waits *waits, struct batch *batch, enum wait_reason reason, uint64_t due_ns)
{
    struct wait *wait;
    LIST_FOREACH (wait, list_of(batch, reason), link) {
        if (wait->reason == reason)
            break;
    }
    if (!wait)
        return waits_add(waits, batch, reason, (struct wait_jobs){0}, due_ns);
    if (wait->due_ns <= due_ns)
        return 0;
    wait->due_ns = due_ns;
    int error = timers_set(waits->timers, &wait->timer, due_ns, on_time);
    alarm_arm(waits->alarm);
    return error;
}

void waits_drop(struct waits *waits, struct batch *batch)
{
    if (LIST_EMPTY(&batch->waits) && LIST_EMPTY(&batch->pauses))
        return;
    while (!LIST_EMPTY(&batch->waits))
        drop(LIST_FIRST(&batch->waits));
    while (!LIST_EMPTY(&batch->pauses))
        drop(LIST_FIRST(&batch->pauses));
    alarm_arm(waits->alarm);
}

uint64_t waits_find(const struct batch *batch, enum wait_reason reason, uint32_t job,
                    uint64_t *due_ns)
{
    const struct wait *wait;
    LIST_FOREACH (wait, list_of(batch, reason), link) {
        if (wait->reason != reason || job < wait->jobs.first ||
            job - wait->jobs.first >= wait->jobs.count)
            continue;
        *due_ns = wait->due_ns;
        return wait->since_ns;
    }
    return 0;
}
