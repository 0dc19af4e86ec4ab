/*
 * Waiting for a descriptor, see watch.h: one event of the loop and one timer. Made for the jobs that
 * need one, since both together are larger than a job.
 */

#include "worker/watch.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <awaitd/plugin.h>
#include "base/clock.h"
#include "base/timers.h"

struct watch {
    struct event_base *base;
    struct timers *timers;
    struct event event;
    struct timer timer;
    void (*on_ready)(void *context, int ready);
    void *context;
};

struct watch *watch_new(struct event_base *base, struct timers *timers)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return NULL;
    watch->base = base;
    watch->timers = timers;
    return watch;
}

void watch_free(struct watch *watch)
{
    watch_stop(watch);
    free(watch);
}

static void on_event(evutil_socket_t fd, short what, void *argument)
{
    struct watch *watch = argument;
    (void)fd;
    timers_drop(watch->timers, &watch->timer);
    watch->on_ready(watch->context,
                    (what & EV_READ ? AW_READABLE : 0) | (what & EV_WRITE ? AW_WRITABLE : 0));
}

static void on_time(struct timer *timer)
{
    struct watch *watch = (struct watch *)((char *)timer - offsetof(struct watch, timer));
    (void)event_del(&watch->event); /* it was added */
    watch->on_ready(watch->context, AW_TIMED_OUT);
}

int watch_start(struct watch *watch, int fd, unsigned events, double timeout_s,
                void (*on_ready)(void *context, int ready), void *context)
{
    watch_stop(watch);
    if (fd < 0)
        return -EBADF;
    if (!events || events & ~(unsigned)(AW_READABLE | AW_WRITABLE))
        return -EINVAL;
    short what =
        (short)((events & AW_READABLE ? EV_READ : 0) | (events & AW_WRITABLE ? EV_WRITE : 0));
    if (event_assign(&watch->event, watch->base, fd, what, on_event, watch))
        return -EINVAL;
    errno = 0;
    if (event_add(&watch->event, NULL))
        return errno ? -errno : -ENOMEM;
    if (!(timeout_s < 0) && timers_set(watch->timers, &watch->timer,
                                       clock_after_ns(clock_now_ns(), timeout_s), on_time)) {
        (void)event_del(&watch->event); /* it was added */
        return -ENOMEM;
    }
    watch->on_ready = on_ready;
    watch->context = context;
    return 0;
}

void watch_stop(struct watch *watch)
{
    if (!watch || !watch->on_ready)
        return;
    (void)event_del(&watch->event); /* harmless where it happened already */
    timers_drop(watch->timers, &watch->timer);
    watch->on_ready = NULL;
}
