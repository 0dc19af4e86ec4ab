/*
 * Timers by the million: which one is due next, to the nanosecond. Knows neither clock nor loop;
 * alarm.h has both. Loop thread only.
 *
 * Timers mostly come in the order in which they fall due: a batch waits for one span, each job from
 * its own start on. Such a row of timers is a run: a ring to whose end they are put and from whose
 * front they are taken, both in constant time. What fits no run goes into a heap with four children
 * per node. Both take 16 bytes per timer.
 */
#ifndef AWAITD_BASE_TIMERS_H
#define AWAITD_BASE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A timer, embedded in what it belongs to. Zeroed = not set. */
struct timer {
    void (*on_time)(struct timer *timer);
    uint32_t place; /* in its run or in the heap */
    uint32_t row;   /* 0: not set; else which run, or the heap */
};

struct timers;

/* NULL: out of memory. */
struct timers *timers_new(void);
/* The timers still set are forgotten. NULL is fine. */
void timers_free(struct timers *timers);

/* Makes sure that timers_set() does not fail while at most `count` timers are set. -ENOMEM. */
int timers_reserve(struct timers *timers, size_t count);
/* Gives back the memory that the timers set now do not need; ends what timers_reserve() promised. */
void timers_trim(struct timers *timers);

/* Sets the timer, or moves it. -ENOMEM: it is not set; never where timers_reserve() saw to it. */
int timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns,
               void (*on_time)(struct timer *timer));
/* Does nothing where it is not set. */
void timers_drop(struct timers *timers, struct timer *timer);

/* When the next one is due; UINT64_MAX: none is set. */
uint64_t timers_next_ns(const struct timers *timers);
/* Takes out the next one, if it is due at now_ns; NULL: none is. The caller calls its on_time. */
struct timer *timers_take(struct timers *timers, uint64_t now_ns);

size_t timers_count(const struct timers *timers);
/* Bytes that they take. */
size_t timers_memory(const struct timers *timers);

#endif
