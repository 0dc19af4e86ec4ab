/*
 * Timers, see timers.h. A timer knows its place, so it can be dropped without being looked for. In
 * a run places never change: they count from the first timer ever put there, and a dropped one leaves
 * an empty slot behind. In the heap they do, and what moves is told its new place: that, and the
 * misses of the cache on the way, make taking from a heap of 500,000 cost 125 ns, from a run 20 ns.
 */

#include "base/timers.h"

#include <errno.h>
#include <stdlib.h>

/* How many runs there are: so many batches of different spans can wait at once at full speed. Each more is
 * one more front to look at whenever the next timer is looked for. */
#define RUNS 4u
/* A run no longer than this gives way to a new one: its timers go to the heap. A timer does so but once, so
 * that giving way costs no more than having gone there at first. */
#define SHORT_RUN 16u
/* Slots of a run, and of the heap, at first. */
#define SLOTS_MIN 1024u
/* Reason: places are 32 bits and those of runs wrap around. */
#define SLOTS_MAX (UINT32_MAX / 4)
/* Children of a node; reason: half as many groups to look at on the way down as with two, and four slots
 * are as large as a cache line. */
#define CHILDREN 4u

/* Values of timer.row; runs have 1 to RUNS. */
#define ROW_NONE 0u
#define ROW_HEAP (RUNS + 1)

struct slot {
    uint64_t deadline_ns;
    struct timer *timer; /* NULL in a run: dropped */
};

/* A ring of mask + 1 slots. `first` and `end` are places. The slot at `first` is in use. */
struct run {
    struct slot *slots;
    uint32_t mask, first, end;
    uint32_t live;    /* slots in use */
    uint64_t last_ns; /* deadline of the one that came last; no earlier one may follow */
};

struct timers {
    size_t count;
    struct slot *heap;
    size_t heap_count, heap_capacity;
    struct run runs[RUNS];
};

struct timers *timers_new(void)
{
    return calloc(1, sizeof(struct timers));
}

void timers_free(struct timers *timers)
{
    if (!timers)
        return;
    for (unsigned i = 0; i < RUNS; i++)
        free(timers->runs[i].slots);
    free(timers->heap);
    free(timers);
}

size_t timers_count(const struct timers *timers)
{
    return timers->count;
}

size_t timers_memory(const struct timers *timers)
{
    size_t slots = timers->heap_capacity;
    for (unsigned i = 0; i < RUNS; i++)
        slots += timers->runs[i].slots ? timers->runs[i].mask + 1 : 0;
    return sizeof(*timers) + slots * sizeof(struct slot);
}

/* ---- The heap -------------------------------------------------------------------------------- */

static int heap_resize(struct timers *timers, size_t capacity)
{
    struct slot *heap = realloc(timers->heap, capacity * sizeof(*heap));
    if (!heap)
        return -ENOMEM;
    timers->heap = heap;
    timers->heap_capacity = capacity;
    return 0;
}

static inline void heap_put(struct timers *timers, size_t index, struct slot slot)
{
    timers->heap[index] = slot;
    slot.timer->place = (uint32_t)index;
}

/* Puts the slot at `index` or nearer to the root. */
static void heap_up(struct timers *timers, size_t index, struct slot slot)
{
    while (index > 0) {
        size_t parent = (index - 1) / CHILDREN;
        if (timers->heap[parent].deadline_ns <= slot.deadline_ns)
            break;
        heap_put(timers, index, timers->heap[parent]);
        index = parent;
    }
    heap_put(timers, index, slot);
}

/* Puts the slot at `index` or further from the root. */
static void heap_down(struct timers *timers, size_t index, struct slot slot)
{
    for (;;) {
        size_t child = index * CHILDREN + 1;
        if (child >= timers->heap_count)
            break;
        size_t end = child + CHILDREN;
        if (end > timers->heap_count)
            end = timers->heap_count;
        size_t least = child;
        for (child++; child < end; child++)
            if (timers->heap[child].deadline_ns < timers->heap[least].deadline_ns)
                least = child;
        if (slot.deadline_ns <= timers->heap[least].deadline_ns)
            break;
        heap_put(timers, index, timers->heap[least]);
        index = least;
    }
    heap_put(timers, index, slot);
}

/* There is room: see timers_set(). */
static void heap_add(struct timers *timers, struct slot slot)
{
    slot.timer->row = ROW_HEAP;
    heap_up(timers, timers->heap_count++, slot);
}

static void heap_remove(struct timers *timers, size_t index)
{
    struct slot last = timers->heap[--timers->heap_count];
    if (index == timers->heap_count)
        return;
    if (index > 0 && last.deadline_ns < timers->heap[(index - 1) / CHILDREN].deadline_ns)
        heap_up(timers, index, last);
    else
        heap_down(timers, index, last);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static inline struct slot *run_slot(const struct run *run, uint32_t place)
{
    return &run->slots[place & run->mask];
}

static inline uint32_t run_length(const struct run *run)
{
    return run->end - run->first;
}

/* Moves what is in use to other slots; without the dropped ones between, if there are any. */
static void run_move(struct run *run, struct slot *slots, uint32_t mask)
{
    bool close_up = run->live < run_length(run);
    uint32_t to = run->first;
    for (uint32_t place = run->first; place != run->end; place++) {
        struct slot slot = *run_slot(run, place);
        if (!slot.timer)
            continue;
        if (close_up)
            slot.timer->place = to;
        slots[to++ & mask] = slot;
    }
    run->end = to;
}

/* Makes room for one more: twice the slots, or the same where half of them were dropped. */
static int run_make_room(struct run *run)
{
    uint32_t count = run->slots ? run->mask + 1 : SLOTS_MIN;
    if (run->live > count / 2)
        count *= 2;
    if (count > SLOTS_MAX)
        return -ENOMEM;
    struct slot *slots = malloc(count * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    run_move(run, slots, count - 1);
    free(run->slots);
    run->slots = slots;
    run->mask = count - 1;
    return 0;
}

static int run_add(struct timers *timers, struct run *run, struct slot slot)
{
    if ((!run->slots || run_length(run) > run->mask) && run_make_room(run))
        return -ENOMEM;
    slot.timer->row = (uint32_t)(run - timers->runs) + 1;
    slot.timer->place = run->end;
    *run_slot(run, run->end++) = slot;
    run->live++;
    run->last_ns = slot.deadline_ns;
    return 0;
}

static void run_remove(struct run *run, uint32_t place)
{
    run_slot(run, place)->timer = NULL;
    run->live--;
    while (run->first != run->end && !run_slot(run, run->first)->timer)
        run->first++;
}

static void run_to_heap(struct timers *timers, struct run *run)
{
    for (; run->first != run->end; run->first++) {
        struct slot slot = *run_slot(run, run->first);
        if (slot.timer)
            heap_add(timers, slot);
    }
    run->live = 0;
}

/* The run to whose end the deadline can be put: of those that end before it the one that ends last,
 * else a short one, after it gave way. NULL: none. */
static struct run *run_for(struct timers *timers, uint64_t deadline_ns)
{
    struct run *best = NULL, *shortest = &timers->runs[0];
    for (unsigned i = 0; i < RUNS; i++) {
        struct run *run = &timers->runs[i];
        if (run_length(run) < run_length(shortest))
            shortest = run;
        if (run_length(run) > 0 && run->last_ns <= deadline_ns &&
            (!best || run->last_ns > best->last_ns))
            best = run;
    }
    if (best)
        return best;
    if (run_length(shortest) > SHORT_RUN)
        return NULL;
    run_to_heap(timers, shortest);
    return shortest;
}

/* ---- All of them ------------------------------------------------------------------------------- */

int timers_reserve(struct timers *timers, size_t count)
{
    if (count <= timers->heap_capacity)
        return 0;
    if (count > SLOTS_MAX)
        return -ENOMEM;
    size_t capacity = timers->heap_capacity ? timers->heap_capacity : SLOTS_MIN;
    while (capacity < count)
        capacity *= 2;
    return heap_resize(timers, capacity);
}

void timers_trim(struct timers *timers)
{
    for (unsigned i = 0; i < RUNS; i++) {
        struct run *run = &timers->runs[i];
        if (run_length(run) == 0) {
            free(run->slots);
            *run = (struct run){0};
        }
    }
    size_t needed = timers->count > SLOTS_MIN ? timers->count : SLOTS_MIN;
    if (needed < timers->heap_capacity)
        (void)heap_resize(timers, needed); /* too much memory is no failure */
}

/* The heap has room for all timers, so one that finds no room in a run still finds it there. */
int timers_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns,
               void (*on_time)(struct timer *timer))
{
    timers_drop(timers, timer);
    int result = timers_reserve(timers, timers->count + 1);
    if (result)
        return result;
    struct slot slot = {.deadline_ns = deadline_ns, .timer = timer};
    struct run *run = run_for(timers, deadline_ns);
    if (!run || run_add(timers, run, slot))
        heap_add(timers, slot);
    timer->on_time = on_time;
    timers->count++;
    return 0;
}

static void take_out(struct timers *timers, struct timer *timer)
{
    if (timer->row == ROW_HEAP)
        heap_remove(timers, timer->place);
    else
        run_remove(&timers->runs[timer->row - 1], timer->place);
    timer->row = ROW_NONE;
    timers->count--;
}

void timers_drop(struct timers *timers, struct timer *timer)
{
    if (timer->row != ROW_NONE)
        take_out(timers, timer);
}

/* NULL: none is set. */
static const struct slot *next_slot(const struct timers *timers)
{
    const struct slot *next = timers->heap_count ? &timers->heap[0] : NULL;
    for (unsigned i = 0; i < RUNS; i++) {
        const struct run *run = &timers->runs[i];
        if (run_length(run) == 0)
            continue;
        const struct slot *slot = run_slot(run, run->first);
        if (!next || slot->deadline_ns < next->deadline_ns)
            next = slot;
    }
    return next;
}

uint64_t timers_next_ns(const struct timers *timers)
{
    const struct slot *next = next_slot(timers);
    return next ? next->deadline_ns : UINT64_MAX;
}

struct timer *timers_take(struct timers *timers, uint64_t now_ns)
{
    const struct slot *next = next_slot(timers);
    if (!next || next->deadline_ns > now_ns)
        return NULL;
    struct timer *timer = next->timer;
    take_out(timers, timer);
    return timer;
}
