/*
 * Timers, see timers.h. Each timer knows its place in the heap, so that it can be dropped without
 * being looked for; whatever moves in the heap is told its new place.
 */

#include "worker/timers.h"

#include <errno.h>
#include <stdlib.h>

/* Children of a node; reason: a pop looks at log4(n) groups of neighbours in memory, half as many as with
 * two children, and four slots of 16 bytes are as much as a cache line. */
#define CHILDREN 4u
/* Slots at first. */
#define CAPACITY_MIN 256u
/* Reason: places are 32 bits. */
#define CAPACITY_MAX (UINT32_MAX / 2)

struct slot {
    uint64_t deadline_ns;
    struct timer *timer;
};

struct timers {
    struct slot *slots;
    size_t count, capacity;
};

struct timers *timers_new(void)
{
    return calloc(1, sizeof(struct timers));
}

void timers_free(struct timers *timers)
{
    if (!timers)
        return;
    free(timers->slots);
    free(timers);
}

size_t timers_count(const struct timers *timers)
{
    return timers->count;
}

int timers_reserve(struct timers *timers, size_t count)
{
    if (count <= timers->capacity)
        return 0;
    if (count > CAPACITY_MAX)
        return -ENOMEM;
    size_t capacity = timers->capacity ? timers->capacity : CAPACITY_MIN;
    while (capacity < count)
        capacity *= 2;
    struct slot *slots = realloc(timers->slots, capacity * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    timers->slots = slots;
    timers->capacity = capacity;
    return 0;
}

void timers_trim(struct timers *timers)
{
    size_t capacity = timers->count > CAPACITY_MIN ? timers->count : CAPACITY_MIN;
    if (capacity >= timers->capacity)
        return;
    struct slot *slots = realloc(timers->slots, capacity * sizeof(*slots));
    if (!slots)
        return; /* too much memory is no failure */
    timers->slots = slots;
    timers->capacity = capacity;
}

static inline void put(struct timers *timers, size_t index, struct slot slot)
{
    timers->slots[index] = slot;
    slot.timer->place = (uint32_t)index + 1;
}

/* Puts the slot at `index` or nearer to the root. */
static void sift_up(struct timers *timers, size_t index, struct slot slot)
{
    while (index > 0) {
        size_t parent = (index - 1) / CHILDREN;
        if (timers->slots[parent].deadline_ns <= slot.deadline_ns)
            break;
        put(timers, index, timers->slots[parent]);
        index = parent;
    }
    put(timers, index, slot);
}

/* Puts the slot at `index` or further from the root. */
static void sift_down(struct timers *timers, size_t index, struct slot slot)
{
    for (;;) {
        size_t child = index * CHILDREN + 1;
        if (child >= timers->count)
            break;
        size_t end = child + CHILDREN < timers->count ? child + CHILDREN : timers->count;
        size_t least = child;
        for (child++; child < end; child++)
            if (timers->slots[child].deadline_ns < timers->slots[least].deadline_ns)
                least = child;
        if (slot.deadline_ns <= timers->slots[least].deadline_ns)
            break;
        put(timers, index, timers->slots[least]);
        index = least;
    }
    put(timers, index, slot);
}

static void take_out(struct timers *timers, struct timer *timer)
{
    size_t index = timer->place - 1;
    timer->place = 0;
    struct slot last = timers->slots[--timers->count];
    if (index == timers->count)
        return;
    if (index > 0 && last.deadline_ns < timers->slots[(index - 1) / CHILDREN].deadline_ns)
        sift_up(timers, index, last);
    else
        sift_down(timers, index, last);
}

int timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns,
               void (*on_time)(struct timer *timer))
{
    timers_drop(timers, timer);
    int result = timers_reserve(timers, timers->count + 1);
    if (result)
        return result;
    timer->on_time = on_time;
    sift_up(timers, timers->count++, (struct slot){.deadline_ns = deadline_ns, .timer = timer});
    return 0;
}

void timers_drop(struct timers *timers, struct timer *timer)
{
    if (timer->place)
        take_out(timers, timer);
}

uint64_t timers_next_ns(const struct timers *timers)
{
    return timers->count ? timers->slots[0].deadline_ns : UINT64_MAX;
}

struct timer *timers_take(struct timers *timers, uint64_t now_ns)
{
    if (timers_next_ns(timers) > now_ns || !timers->count)
        return NULL;
    struct timer *timer = timers->slots[0].timer;
    take_out(timers, timer);
    return timer;
}
