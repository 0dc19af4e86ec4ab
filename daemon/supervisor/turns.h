/*
 * Whose turn it is among those who want the same thing: the lanes of one plugin.
 *
 * Strictly by priority, the higher first; fair inside one. Each member counts what it was given, and the
 * one that was given least is next (start-time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996). A
 * newcomer, and one that comes back, begins at the count of the member that had its turn last: it neither waits
 * behind what others have already, nor has credit for the time when it was away. Equals take turns.
 *
 * Looking at the first costs O(1) and one more step per priority in use, everything else O(log n) of the
 * members with the same priority. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_TURNS_H
#define AWAITD_SUPERVISOR_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Priorities, both inclusive. Two hundred are more than anybody tells apart, and few enough to keep what each
 * has been given for ever. */
#define TURNS_PRIORITY_MIN (-100)
#define TURNS_PRIORITY_MAX 100

struct turns_level;

/* A member, embedded in what it stands for. Zeroed = not a member. */
struct turn {
    struct turns_level *level; /* NULL: not a member */
    uint64_t given;            /* so far, or what it began with */
    uint64_t order;            /* among equals: who has waited longest */
    uint32_t place;            /* in its level's heap, if it wants a turn */
    bool wants;
};

/* Zeroed = nobody. */
struct turns {
    struct turns_level **levels; /* highest priority first */
    uint32_t count, capacity;
};

/* Makes a member, which does not want a turn yet. -ENOMEM: it is none. */
int turns_join(struct turns *turns, struct turn *turn, int priority);
void turns_leave(struct turn *turn);

/* From now on the member wants a turn, or does not. Never fails; nothing happens where that was so already. */
void turns_want(struct turn *turn, bool wants);

/* The member whose turn it is; NULL: nobody wants one. */
struct turn *turns_first(const struct turns *turns);
/* The priority that it has as a member. */
int turns_priority(const struct turn *turn);

/* The member, which wants a turn, was given so much. */
void turns_give(struct turn *turn, uint32_t amount);

/* Frees the memory; there may be no members any more. */
void turns_clear(struct turns *turns);

#endif
