/*
 * A level per priority that was ever used, each a binary heap of its members that want a turn. A level's
 * clock is the count of the member that had its turn last, and where nobody wants one any more, the largest
 * count. It never goes back, so levels are kept.
 */
#include "supervisor/turns.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is compared stands in the heap itself: with 100,000 members, each look at one of them costs a cache miss. */
struct slot {
    uint64_t given, order;
    struct turn *turn;
};

struct turns_level {
    int priority;
    uint64_t clock;  /* what the member had been given that had its turn last */
    uint64_t latest; /* the most that any member has been given by a turn */
    uint64_t order;  /* given to the next member that comes to wait */
    struct slot *heap;
    uint32_t count;    /* in the heap */
    uint32_t members;  /* whether they want a turn or not */
    uint32_t capacity; /* of the heap; at least `members` */
};

/* ---- The heap of a level --------------------------------------------------------------------- */

static bool comes_before(const struct slot *a, const struct slot *b)
{
    return a->given != b->given ? a->given < b->given : a->order < b->order;
}

static struct slot slot_of(struct turn *turn)
{
    return (struct slot){.given = turn->given, .order = turn->order, .turn = turn};
}

static void put(struct turns_level *level, const struct slot *slot, uint32_t place)
{
    level->heap[place] = *slot;
    slot->turn->place = place;
}

/* Moves the member up from this place as far as it belongs. */
static void sift_up(struct turns_level *level, struct turn *turn, uint32_t place)
{
    struct slot slot = slot_of(turn);
    while (place > 0) {
        uint32_t parent = (place - 1) / 2;
        if (!comes_before(&slot, &level->heap[parent]))
            break;
        put(level, &level->heap[parent], place);
        place = parent;
    }
    put(level, &slot, place);
}

static void sift_down(struct turns_level *level, struct turn *turn, uint32_t place)
{
    struct slot slot = slot_of(turn);
    for (uint32_t child; (child = 2 * place + 1) < level->count; place = child) {
        if (child + 1 < level->count && comes_before(&level->heap[child + 1], &level->heap[child]))
            child++;
        if (!comes_before(&level->heap[child], &slot))
            break;
        put(level, &level->heap[child], place);
    }
    put(level, &slot, place);
}

static void heap_add(struct turns_level *level, struct turn *turn)
{
    assert(level->count < level->capacity);
    turn->order = level->order++;
    sift_up(level, turn, level->count++);
}

static void heap_remove(struct turns_level *level, struct turn *turn)
{
    struct slot last = level->heap[--level->count];
    if (last.turn == turn)
        return;
    uint32_t place = turn->place;
    if (place > 0 && comes_before(&last, &level->heap[(place - 1) / 2]))
        sift_up(level, last.turn, place);
    else
        sift_down(level, last.turn, place);
}

/* ---- Levels ------------------------------------------------------------------------------------ */

/* The first level that is not above this priority. */
static uint32_t find_level(const struct turns *turns, int priority)
{
    uint32_t low = 0, high = turns->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (turns->levels[middle]->priority > priority)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct turns_level *level_of(struct turns *turns, int priority)
{
    uint32_t at = find_level(turns, priority);
    if (at < turns->count && turns->levels[at]->priority == priority)
        return turns->levels[at];
    if (turns->count == turns->capacity) {
        uint32_t capacity = turns->capacity ? 2 * turns->capacity : 1;
        void *grown = reallocarray(turns->levels, capacity, sizeof(*turns->levels));
        if (!grown)
            return NULL;
        turns->levels = grown;
        turns->capacity = capacity;
    }
    struct turns_level *level = calloc(1, sizeof(*level));
    if (!level)
        return NULL;
    level->priority = priority;
    memmove(turns->levels + at + 1, turns->levels + at,
            (turns->count - at) * sizeof(*turns->levels));
    turns->levels[at] = level;
    turns->count++;
    return level;
}

/* Room for one more member, so that wanting a turn cannot fail. */
static int reserve(struct turns_level *level)
{
    if (level->members < level->capacity)
        return 0;
    uint32_t capacity = level->capacity ? 2 * level->capacity : 8;
    void *grown = reallocarray(level->heap, capacity, sizeof(*level->heap));
    if (!grown)
        return -ENOMEM;
    level->heap = grown;
    level->capacity = capacity;
    return 0;
}

/* ---- Members ------------------------------------------------------------------------------------- */

int turns_join(struct turns *turns, struct turn *turn, int priority)
{
    assert(!turn->level && priority >= TURNS_PRIORITY_MIN && priority <= TURNS_PRIORITY_MAX);
    struct turns_level *level = level_of(turns, priority);
    if (!level || reserve(level) != 0)
        return -ENOMEM;
    level->members++;
    *turn = (struct turn){.level = level, .given = level->clock};
    return 0;
}

void turns_leave(struct turn *turn)
{
    turns_want(turn, false);
    turn->level->members--;
    turn->level = NULL;
}

void turns_want(struct turn *turn, bool wants)
{
    if (turn->wants == wants)
        return;
    turn->wants = wants;
    if (!wants) {
        heap_remove(turn->level, turn);
        if (turn->level->count == 0) /* who comes next does not come before those that were here */
            turn->level->clock = turn->level->latest;
        return;
    }
    if (turn->given < turn->level->clock)
        turn->given = turn->level->clock;
    heap_add(turn->level, turn);
}

struct turn *turns_first(const struct turns *turns)
{
    for (uint32_t i = 0; i < turns->count; i++) {
        if (turns->levels[i]->count > 0)
            return turns->levels[i]->heap[0].turn;
    }
    return NULL;
}

int turns_priority(const struct turn *turn)
{
    return turn->level->priority;
}

void turns_give(struct turn *turn, uint32_t amount)
{
    struct turns_level *level = turn->level;
    assert(turn->wants);
    if (turn->given > level->clock)
        level->clock = turn->given;
    turn->given += amount;
    if (turn->given > level->latest)
        level->latest = turn->given;
    turn->order = level->order++;
    sift_down(level, turn, turn->place);
}

void turns_clear(struct turns *turns)
{
    for (uint32_t i = 0; i < turns->count; i++) {
        assert(turns->levels[i]->members == 0);
        free(turns->levels[i]->heap);
        free(turns->levels[i]);
    }
    free(turns->levels);
    *turns = (struct turns){0};
}
