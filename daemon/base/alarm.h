/*
 * Wakes the loop when a timer is due: one timerfd for all timers, since a timeout of the loop's own is
 * only good to the millisecond. Loop thread only.
 */
#ifndef AWAITD_BASE_ALARM_H
#define AWAITD_BASE_ALARM_H

#include <stdbool.h>
#include <stddef.h>

struct alarm;
struct error;
struct event_base;
struct timers;

/* on_alarm is called when the loop was woken for a timer; NULL: whoever turns the loop rings by itself. NULL: the
 * reason is in *error. `timers` must outlive it. */
struct alarm *alarm_new(struct event_base *base, struct timers *timers,
                        void (*on_alarm)(void *context), void *context, struct error *error);
/* NULL is fine. */
void alarm_free(struct alarm *alarm);

/* Calls the timers that are due, at most `limit` of them, so that other events get their turn. true: more
 * are due, and the loop must not sleep. Once in every turn of the loop, or in on_alarm. */
bool alarm_ring(struct alarm *alarm, size_t limit);

/* Sees to it that the loop wakes when the next timer is due. Last in every turn of the loop, or after each
 * change of the timers. */
void alarm_arm(struct alarm *alarm);

#endif
