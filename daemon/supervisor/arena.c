/*
 * Chunks, filled from the front; what is large gets a chunk of its own. Chunks come to stand in front of
 * the newest or right behind it, never elsewhere: that is what makes a mark so small.
 */
#include "supervisor/arena.h"

#include <stdbool.h>
#include <stdlib.h>

/* Bytes of the first chunk: most batches have one job and need no more. Later ones have as many as were
 * taken so far, so that little is wasted, up to a size at which a million texts of 20 bytes cost 300
 * allocations. */
#define FIRST_CHUNK_SIZE ((size_t)256)
#define CHUNK_SIZE ((size_t)64 << 10)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    _Alignas(16) char data[];
};

static size_t align_up(size_t offset, size_t align)
{
    return (offset + align - 1) & ~(align - 1);
}

static struct arena_chunk *add_chunk(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + size);
    if (!chunk)
        return NULL;
    chunk->used = 0;
    chunk->size = size;
    arena->bytes += sizeof(*chunk) + size;
    return chunk;
}

/* Bytes of the next chunk. */
static size_t usual_size(const struct arena *arena)
{
    if (arena->bytes < FIRST_CHUNK_SIZE)
        return FIRST_CHUNK_SIZE;
    return arena->bytes < CHUNK_SIZE ? arena->bytes : CHUNK_SIZE;
}

void *arena_take(struct arena *arena, size_t size, size_t align)
{
    struct arena_chunk *chunk = arena->chunks;
    if (!chunk || align_up(chunk->used, align) + size > chunk->size) {
        struct arena_chunk *head = chunk;
        size_t usual = usual_size(arena);
        bool large = size > usual / 4;
        chunk = add_chunk(arena, large ? size : usual);
        if (!chunk)
            return NULL;
        if (head && large) { /* its own chunk; the head goes on being filled */
            chunk->next = head->next;
            head->next = chunk;
        } else {
            chunk->next = head;
            arena->chunks = chunk;
        }
    }
    size_t start = align_up(chunk->used, align);
    chunk->used = start + size;
    return chunk->data + start;
}

/* Frees chunks from *link on until it is `end`. */
static void drop_chunks(struct arena *arena, struct arena_chunk **link,
                        const struct arena_chunk *end)
{
    while (*link != end) {
        struct arena_chunk *chunk = *link;
        *link = chunk->next;
        arena->bytes -= sizeof(*chunk) + chunk->size;
        free(chunk);
    }
}

struct arena_mark arena_mark(const struct arena *arena)
{
    const struct arena_chunk *head = arena->chunks;
    return head ? (struct arena_mark){.head = head, .behind = head->next, .used = head->used}
                : (struct arena_mark){0};
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    drop_chunks(arena, &arena->chunks, mark.head);
    if (!arena->chunks)
        return;
    drop_chunks(arena, &arena->chunks->next, mark.behind);
    arena->chunks->used = mark.used;
}

void arena_clear(struct arena *arena)
{
    drop_chunks(arena, &arena->chunks, NULL);
}
