/*
 * The messages that a large batch is sent as: entries that are being gathered, and messages under way that the daemon
 * has not answered. Remembers on which line of a file each entry stands.
 */
#ifndef AWAITCTL_PIECES_H
#define AWAITCTL_PIECES_H

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include "base/bytes.h"

/* Messages under way: the daemon works on one while we write the next. */
#define PIECES_MAX 2

/* A message of entries. */
struct piece {
    json_int_t id; /* of its request; 0: not sent */
    struct bytes
        entries; /* as JSON, with commas; kept until it was answered, since it may have to be sent again */
    uint64_t *lines;
    size_t count, capacity;
};

/* Zeroed = none. */
struct pieces {
    struct piece ring[PIECES_MAX + 1]; /* those under way, and the one being gathered */
    size_t oldest, under_way;          /* at most PIECES_MAX are under way */
};

void pieces_free(struct pieces *pieces);

/* The one being gathered, the one that was sent first, and the one sent so many after it. */
struct piece *pieces_gathered(struct pieces *pieces);
struct piece *pieces_oldest(struct pieces *pieces);
struct piece *pieces_under_way(struct pieces *pieces, size_t after_oldest);

/* Adds an entry to the one being gathered. -ENOMEM. */
int pieces_append(struct pieces *pieces, const char *entry, size_t size, uint64_t line);

/* How many jobs a piece stands for. -ENOMEM; -EINVAL: that is for the daemon to tell. */
int piece_count_jobs(const struct piece *piece, uint64_t *out);

/* The oldest was answered. */
void pieces_drop_oldest(struct pieces *pieces);
/* Forgets what was gathered. */
void pieces_drop_gathered(struct pieces *pieces);

/* "jobs[3].params.seconds" of a piece that was refused as "FILE:17: params.seconds", or without a file (NULL) as
 * "params.seconds"; what is about no entry stays. New reference; NULL: out of memory. */
json_t *piece_field(const struct piece *piece, const char *file, const char *field);

#endif
