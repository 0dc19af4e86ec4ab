/*
 * Counts how often each token occurs. Memory is bounded: a table that would need more refuses the token.
 */
#ifndef TOKENIZE_TABLE_H
#define TOKENIZE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table;

/* A token and how often it was added. */
struct table_row {
    const uint8_t *text;
    size_t size; /* bytes */
    uint64_t count;
};

/* An empty table that takes at most `most_bytes`, give or take a block of 64 KiB; `seed`, which nobody should be
 * able to foretell, keeps texts from being made so that their tokens collide. NULL: out of memory. */
struct table *table_new(uint64_t most_bytes, uint64_t seed);
void table_free(struct table *table);

/* Counts the token; copies it. 0; -ENOSPC: the table is full; -ENOMEM; -EFBIG: the token has 4 GiB or more. */
int table_add(struct table *table, const uint8_t *text, size_t size);

/* How many different tokens there are. */
uint64_t table_distinct(const struct table *table);

/* Puts the most frequent tokens into rows, at most `room`, the most frequent first, those of the same count in the
 * order of their bytes. Returns how many. The texts are the table's. */
size_t table_top(const struct table *table, struct table_row *rows, size_t room);

#endif
