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
    bytes_free(&pieces->entries);
    for (size_t i = 0; i < RING; i++)
        free(pieces->ring[i].lines);
}

struct piece *pieces_gathered(struct pieces *pieces)
{
    return &pieces->ring[(pieces->oldest + pieces->under_way) % RING];
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
        bytes_put(&pieces->entries, ",", 1);
    bytes_put(&pieces->entries, entry, size);
    if (pieces->entries.failed)
        return -ENOMEM;
    piece->lines[piece->count++] = line;
    return 0;
}

void pieces_drop_oldest(struct pieces *pieces)
{
    struct piece *piece = pieces_oldest(pieces);
    piece->count = 0;
    piece->id = 0;
    pieces->oldest = (pieces->oldest + 1) % RING;
    pieces->under_way--;
}

void pieces_drop_gathered(struct pieces *pieces)
{
    bytes_clear(&pieces->entries);
    pieces_gathered(pieces)->count = 0;
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
