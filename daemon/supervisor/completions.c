/*
 * A record is: job, state and flags in one, queued, run, reason, output, details if there are any; numbers
 * as varints. A chunk knows the number of its first record, so a seek is a binary search over chunks and a walk inside
 * one of them.
 */
#include "supervisor/completions.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Bytes of a chunk: a seek walks half of one on average, some 20 us. */
#define CHUNK_SIZE (64u << 10)

#define STATE_MASK 0x0Fu
#define FLAG_TRUNCATED 0x10u
#define FLAG_DETAILS 0x20u /* the last that leaves the number one byte is 0x40 */
static_assert(JOB_STATES <= STATE_MASK + 1, "states and flags share a number");

struct completions_chunk {
    uint32_t first; /* number of its first completion */
    struct bytes records;
};

static struct completions_chunk *add_chunk(struct completions *list)
{
    if (list->chunks_count == list->chunks_capacity) {
        size_t capacity = list->chunks_capacity ? 2 * list->chunks_capacity : 1;
        void *grown = realloc(list->chunks, capacity * sizeof(struct completions_chunk *));
        if (!grown)
            return NULL;
        list->chunks = grown;
        list->chunks_capacity = capacity;
    }
    struct completions_chunk *chunk = calloc(1, sizeof(*chunk));
    if (!chunk)
        return NULL;
    chunk->first = list->count;
    list->chunks[list->chunks_count++] = chunk;
    list->bytes += sizeof(*chunk);
    return chunk;
}

static size_t record_size_max(const struct completion *completion)
{
    return 7 * BYTES_VARINT_MAX + completion->reason.size + completion->output.size +
           completion->details.size;
}

int completions_append(struct completions *list, const struct completion *completion)
{
    size_t needed = record_size_max(completion);
    struct completions_chunk *chunk =
        list->chunks_count ? list->chunks[list->chunks_count - 1] : NULL;
    if (!chunk || chunk->records.size + needed > CHUNK_SIZE) {
        chunk = add_chunk(list);
        if (!chunk)
            return -ENOMEM;
    }
    struct bytes *records = &chunk->records;
    size_t before = records->capacity;
    /* The first chunk of a batch grows as needed; later ones are made at full size. */
    size_t reserved =
        !before && list->chunks_count > 1 && needed < CHUNK_SIZE ? CHUNK_SIZE : needed;
    if (records->capacity - records->size < needed && !bytes_reserve(records, reserved)) {
        records->failed = false;
        return -ENOMEM;
    }
    bytes_put_varint(records, completion->job);
    bytes_put_varint(records, (unsigned)completion->state |
                                  (completion->truncated ? FLAG_TRUNCATED : 0) |
                                  (completion->details.size ? FLAG_DETAILS : 0));
    bytes_put_varint(records, completion->queued_ns);
    bytes_put_varint(records, completion->run_ns);
    bytes_put_view(records, completion->reason.data, completion->reason.size);
    bytes_put_view(records, completion->output.data, completion->output.size);
    if (completion->details.size)
        bytes_put_view(records, completion->details.data, completion->details.size);
    list->bytes += records->capacity - before;
    list->count++;
    return 0;
}

static void read_record(struct bytes_reader *reader, struct completion *out)
{
    out->job = (uint32_t)bytes_get_varint(reader);
    uint64_t state = bytes_get_varint(reader);
    out->state = (enum job_state)(state & STATE_MASK);
    out->truncated = state & FLAG_TRUNCATED;
    out->queued_ns = bytes_get_varint(reader);
    out->run_ns = bytes_get_varint(reader);
    out->reason = bytes_get_view(reader);
    out->output = bytes_get_view(reader);
    out->details = state & FLAG_DETAILS ? bytes_get_view(reader) : (struct bytes_view){0};
    assert(!reader->failed);
}

/* The last chunk that begins at or before the number. */
static size_t find_chunk(const struct completions *list, uint32_t number)
{
    size_t low = 0, high = list->chunks_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (list->chunks[middle]->first <= number)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct completions_cursor completions_seek(const struct completions *list, uint32_t number)
{
    assert(number <= list->count);
    struct completions_cursor cursor = {0};
    if (!list->chunks_count)
        return cursor;
    cursor.chunk = find_chunk(list, number);
    cursor.number = list->chunks[cursor.chunk]->first;
    struct completion skipped;
    while (cursor.number < number && completions_next(list, &cursor, &skipped))
        ;
    return cursor;
}

bool completions_next(const struct completions *list, struct completions_cursor *cursor,
                      struct completion *out)
{
    if (cursor->number == list->count)
        return false;
    while (cursor->offset == list->chunks[cursor->chunk]->records.size) {
        cursor->chunk++;
        cursor->offset = 0;
    }
    const struct bytes *records = &list->chunks[cursor->chunk]->records;
    struct bytes_reader reader = {.at = records->data + cursor->offset,
                                  .end = records->data + records->size};
    read_record(&reader, out);
    cursor->offset = (size_t)(reader.at - records->data);
    cursor->number++;
    return true;
}

void completions_clear(struct completions *list)
{
    for (size_t i = 0; i < list->chunks_count; i++) {
        bytes_free(&list->chunks[i]->records);
        free(list->chunks[i]);
    }
    free(list->chunks);
    *list = (struct completions){0};
}
