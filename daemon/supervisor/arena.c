/*
 * Chunks of a fixed size, filled from the front; what is large gets a chunk of its own.
 */
#include "supervisor/arena.h"

#include <stdbool.h>
#include <stdlib.h>

/* Bytes of a chunk after the first. Large enough that a million texts of 20 bytes cost 300
 * allocations, small enough not to matter for a batch of some dozens. */
#define CHUNK_SIZE (64u << 10)
/* Bytes of the first chunk: most batches have one job and need no more. */
#define FIRST_CHUNK_SIZE 256u

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

void *arena_take(struct arena *arena, size_t size, size_t align)
{
    struct arena_chunk *chunk = arena->chunks;
    if (!chunk || align_up(chunk->used, align) + size > chunk->size) {
        struct arena_chunk *head = chunk;
        size_t usual = head ? CHUNK_SIZE : FIRST_CHUNK_SIZE;
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

void arena_clear(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->chunks; chunk;) {
        struct arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *arena = (struct arena){0};
}
