/*
 * The alarm, see alarm.h. The timerfd only wakes the loop; alarm_ring() looks at the clock itself.
 * It is never read: setting it anew makes it quiet, and so costs one system call per wake-up.
 */

#include "base/alarm.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/timers.h"

struct alarm {
    struct timers *timers;
    int fd;
    struct event readable;
    void (*on_alarm)(void *context);
    void *context;
    uint64_t armed_ns; /* when the timerfd goes off, or went off; UINT64_MAX: never */
};

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct alarm *alarm = context;
    if (alarm->on_alarm) /* else the loop is awake, that was all */
        alarm->on_alarm(alarm->context);
}

struct alarm *alarm_new(struct event_base *base, struct timers *timers,
                        void (*on_alarm)(void *context), void *context, struct error *error)
{
    struct alarm *alarm = calloc(1, sizeof(*alarm));
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (!alarm || fd < 0 ||
        event_assign(&alarm->readable, base, fd, EV_READ | EV_PERSIST, on_readable, alarm) ||
        event_add(&alarm->readable, NULL)) {
        (void)error_errno(error, -errno, "cannot create a timer");
        if (fd >= 0)
            (void)close(fd); /* nothing was written to it */
        free(alarm);
        return NULL;
    }
    alarm->timers = timers;
    alarm->on_alarm = on_alarm;
    alarm->context = context;
    alarm->fd = fd;
    alarm->armed_ns = UINT64_MAX;
    return alarm;
}

void alarm_free(struct alarm *alarm)
{
    if (!alarm)
        return;
    (void)event_del(&alarm->readable); /* it was added */
    (void)close(alarm->fd);            /* nothing was written to it */
    free(alarm);
}

bool alarm_ring(struct alarm *alarm, size_t limit)
{
    if (timers_next_ns(alarm->timers) == UINT64_MAX)
        return false;
    uint64_t now_ns = clock_now_ns();
    for (; limit > 0; limit--) {
        struct timer *timer = timers_take(alarm->timers, now_ns);
        if (!timer)
            return false;
        timer->on_time(timer);
    }
    return timers_next_ns(alarm->timers) <= now_ns;
}

void alarm_arm(struct alarm *alarm)
{
    uint64_t next_ns = timers_next_ns(alarm->timers);
    if (next_ns == alarm->armed_ns)
        return;
    struct itimerspec when = {0}; /* all zero: never */
    if (next_ns != UINT64_MAX)
        when.it_value = clock_timespec(next_ns);
    (void)timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &when, NULL); /* valid by construction */
    alarm->armed_ns = next_ns;
}
