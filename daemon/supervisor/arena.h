/*
 * Memory for many small things that die together: the texts of a batch. Never moves what it gave.
 */
#ifndef AWAITD_SUPERVISOR_ARENA_H
#define AWAITD_SUPERVISOR_ARENA_H

#include <stddef.h>

/* Zeroed = empty. */
struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t bytes;               /* taken from the system, for accounts */
};

/* `size` bytes at a multiple of `align` (a power of two, at most 16; 1 for texts), not zeroed. NULL: out
 * of memory. */
void *arena_take(struct arena *arena, size_t size, size_t align);

/* How far an arena is filled; see arena_rewind(). */
struct arena_mark {
    const struct arena_chunk *head, *behind;
    size_t used;
};
struct arena_mark arena_mark(const struct arena *arena);
/* Gives back what was taken since the mark was made; marks made in between are void. */
void arena_rewind(struct arena *arena, struct arena_mark mark);

/* Gives everything back. */
void arena_clear(struct arena *arena);

#endif
