/*
 * A growable run of bytes, with variable-length integers (LEB128: 7 bits a byte, low ones first),
 * and a reader that never runs past its end.
 */
#ifndef AWAITD_BASE_BYTES_H
#define AWAITD_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed = empty. `data` moves when it grows. */
struct bytes {
    uint8_t *data;
    size_t size, capacity;
    bool failed; /* out of memory: everything since was dropped */
};

/* A span of bytes that somebody else owns. */
struct bytes_view {
    const uint8_t *data;
    size_t size;
};

/* The longest variable-length integer, in bytes: 64 bits in groups of 7. */
#define BYTES_VARINT_MAX 10

void bytes_free(struct bytes *bytes);
/* Empties it and keeps its memory. */
void bytes_clear(struct bytes *bytes);
/* Makes room for `more` bytes at the end and returns where they go; the caller adds to size what it
 * wrote. NULL: out of memory, and `failed` is set. */
uint8_t *bytes_reserve(struct bytes *bytes, size_t more);
void bytes_put(struct bytes *bytes, const void *data, size_t size);
void bytes_put_varint(struct bytes *bytes, uint64_t value);
/* A length as varint, then the bytes. */
void bytes_put_view(struct bytes *bytes, const void *data, size_t size);

/* Reads from the front. */
struct bytes_reader {
    const uint8_t *at, *end;
    bool failed; /* something was missing or malformed; everything read since is 0 or empty */
};

/* A reader of a view, which may be empty with data NULL. */
static inline struct bytes_reader bytes_reader_of(struct bytes_view view)
{
    /* Nothing may be added to NULL, not even 0. */
    return (struct bytes_reader){.at = view.data,
                                 .end = view.size ? view.data + view.size : view.data};
}

uint64_t bytes_get_varint(struct bytes_reader *reader);
/* The same, refusing values above `max`. */
uint64_t bytes_get_varint_max(struct bytes_reader *reader, uint64_t max);
/* A length and that many bytes; the view points into what is read. */
struct bytes_view bytes_get_view(struct bytes_reader *reader);

#endif
