/*
 * Growable bytes and their reader. Once an append found no memory, all later ones are dropped until
 * bytes_clear(), so that encoders need look at `failed` only once, at the end; a reader that found
 * something wrong stays at its end in the same way.
 */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of the first allocation; reason: most messages are small, and fewer regrow from here. */
#define FIRST_CAPACITY 256

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

void bytes_clear(struct bytes *bytes)
{
    bytes->size = 0;
    bytes->failed = false;
}

static bool grow(struct bytes *bytes, size_t more)
{
    size_t needed;
    if (bytes->failed || __builtin_add_overflow(bytes->size, more, &needed))
        return false;
    size_t capacity = bytes->capacity ? bytes->capacity : FIRST_CAPACITY;
    while (capacity < needed) {
        if (__builtin_mul_overflow(capacity, 2, &capacity))
            capacity = needed;
    }
    uint8_t *data = realloc(bytes->data, capacity);
    if (!data)
        return false;
    bytes->data = data;
    bytes->capacity = capacity;
    return true;
}

uint8_t *bytes_reserve(struct bytes *bytes, size_t more)
{
    if (bytes->failed || bytes->capacity - bytes->size < more || !bytes->data) {
        if (!grow(bytes, more)) {
            bytes->failed = true;
            return NULL;
        }
    }
    return bytes->data + bytes->size;
}

void bytes_put(struct bytes *bytes, const void *data, size_t size)
{
    if (size == 0)
        return;
    uint8_t *to = bytes_reserve(bytes, size);
    if (to) {
        memcpy(to, data, size);
        bytes->size += size;
    }
}

void bytes_put_varint(struct bytes *bytes, uint64_t value)
{
    uint8_t *to = bytes_reserve(bytes, BYTES_VARINT_MAX);
    if (!to)
        return;
    size_t size = 0;
    while (value >= 0x80) {
        to[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    to[size++] = (uint8_t)value;
    bytes->size += size;
}

void bytes_put_view(struct bytes *bytes, const void *data, size_t size)
{
    bytes_put_varint(bytes, size);
    bytes_put(bytes, data, size);
}

static void fail(struct bytes_reader *reader)
{
    reader->at = reader->end;
    reader->failed = true;
}

uint64_t bytes_get_varint(struct bytes_reader *reader)
{
    const uint8_t *at = reader->at;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at < reader->end; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            break; /* more than 64 bits */
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            reader->at = at;
            return value;
        }
    }
    fail(reader);
    return 0;
}

uint64_t bytes_get_varint_max(struct bytes_reader *reader, uint64_t max)
{
    uint64_t value = bytes_get_varint(reader);
    if (value > max) {
        fail(reader);
        return 0;
    }
    return value;
}

struct bytes_view bytes_get_view(struct bytes_reader *reader)
{
    uint64_t size = bytes_get_varint(reader);
    if (reader->failed || size > (uint64_t)(reader->end - reader->at)) {
        fail(reader);
        return (struct bytes_view){0};
    }
    struct bytes_view view = {.data = reader->at, .size = (size_t)size};
    reader->at += size;
    return view;
}
