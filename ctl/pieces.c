/*
 * A ring of messages. Sends nothing itself.
 */
#include "pieces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RING (PIECES_MAX + 1)

void pieces_free(struct pieces *pieces)
{
    for (size_t i = 0; i < RING; i++) {
        bytes_free(&pieces->ring[i].entries);
        free(pieces->ring[i].lines);
    }
}

struct piece *pieces_under_way(struct pieces *pieces, size_t after_oldest)
{
    return &pieces->ring[(pieces->oldest + after_oldest) % RING];
}

struct piece *pieces_gathered(struct pieces *pieces)
{
    return pieces_under_way(pieces, pieces->under_way);
}

struct piece *pieces_oldest(struct pieces *pieces)
{
    return &pieces->ring[pieces->oldest];
}

int pieces_append(struct pieces *pieces, const char *entry, size_t size, uint64_t line)
{
    struct piece *piece = pieces_gathered(pieces);
    if (piece->count == piece->capacity) {
        size_t capacity = piece->capacity * 2 + 64;
        uint64_t *lines = reallocarray(piece->lines, capacity, sizeof(*lines));
        if (!lines)
            return -ENOMEM;
        piece->lines = lines;
        piece->capacity = capacity;
    }
    if (piece->count > 0)
        bytes_put(&piece->entries, ",", 1);
    bytes_put(&piece->entries, entry, size);
    if (piece->entries.failed)
        return -ENOMEM;
    piece->lines[piece->count++] = line;
    return 0;
}

/* What an entry stands for, if it is one that the daemon takes. */
static uint64_t count_jobs(const json_t *entry)
{
    const json_t *items = json_object_get(entry, "items"), *count = json_object_get(entry, "count");
    if (json_is_array(items))
        return json_array_size(items);
    return json_is_integer(count) ? (uint64_t)json_integer_value(count) : 1;
}

int piece_count_jobs(const struct piece *piece, uint64_t *out)
{
    struct bytes text = {.data = NULL};
    bytes_put(&text, "[", 1);
    bytes_put(&text, piece->entries.data, piece->entries.size);
    bytes_put(&text, "]", 1);
    json_t *entries = text.failed ? NULL : json_loadb((const char *)text.data, text.size, 0, NULL);
    int result = text.failed ? -ENOMEM : entries ? 0 : -EINVAL;
    uint64_t jobs = 0;
    size_t i;
    json_t *entry;
    json_array_foreach (entries, i, entry) {
        jobs += count_jobs(entry);
    }
    if (result == 0)
        *out = jobs;
    json_decref(entries);
    bytes_free(&text);
    return result;
}

void pieces_drop_oldest(struct pieces *pieces)
{
    struct piece *piece = pieces_oldest(pieces);
    bytes_clear(&piece->entries);
    piece->count = 0;
    piece->id = 0;
    pieces->oldest = (pieces->oldest + 1) % RING;
    pieces->under_way--;
}

void pieces_drop_gathered(struct pieces *pieces)
{
    struct piece *piece = pieces_gathered(pieces);
    bytes_clear(&piece->entries);
    piece->count = 0;
}

json_t *piece_field(const struct piece *piece, const char *file, const char *field)
{
    size_t index;
    int prefix = 0;
    if (sscanf(field, "jobs[%zu]%n", &index, &prefix) != 1 || prefix == 0 || index >= piece->count)
        return json_string(field);
    const char *rest = field + prefix;
    rest += *rest == '.';
    if (!file)
        return json_string(rest);
    return json_sprintf("%s:%" PRIu64 "%s%s", file, piece->lines[index], *rest ? ": " : "", rest);
}
