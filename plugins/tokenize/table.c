/*
 * A uthash table whose entries lie in blocks that are only freed together, so that a new token costs no malloc and
 * a known one only a look.
 */

#include "table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1 /* an entry that cannot be added is told, not fatal */
#include <uthash.h>

/* Bytes of a block; a token that is larger than a quarter of it gets one of its own. */
#define BLOCK_BYTES ((size_t)64 << 10)

struct block {
    struct block *next;
    uint8_t data[] __attribute__((aligned(16)));
};

struct entry {
    UT_hash_handle hh;
    uint64_t count;
    uint32_t size; /* of the text, in bytes */
    uint8_t text[];
};

struct table {
    struct entry *head; /* uthash's */
    struct block *blocks;
    uint8_t *free;     /* in the first shared block */
    size_t free_bytes; /* there */
    uint64_t bytes;    /* of all blocks */
    uint64_t most_bytes;
    uint64_t seed;
};

struct table *table_new(uint64_t most_bytes, uint64_t seed)
{
    struct table *table = calloc(1, sizeof(*table));
    if (table) {
        table->most_bytes = most_bytes;
        table->seed = seed;
    }
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    HASH_CLEAR(hh, table->head); /* frees what uthash allocated, which is not the entries */
    while (table->blocks) {
        struct block *next = table->blocks->next;
        free(table->blocks);
        table->blocks = next;
    }
    free(table);
}

/* Up to eight bytes as a number, in which each of them has a part. Without a loop: tokens are short, and where it
 * would end no processor could foretell. */
static uint64_t few_bytes(const uint8_t *text, size_t size)
{
    uint32_t first, last;
    if (size < 4)
        return size == 0 ? 0 : text[0] | text[size / 2] << 8 | text[size - 1] << 16;
    memcpy(&first, text, sizeof(first));
    memcpy(&last, text + size - sizeof(last), sizeof(last));
    return (uint64_t)first << 32 | last;
}

/* A product's halves, one upon the other. The factor has to be secret: with one that is known, what differs in the
 * highest bits alone differs after it in bits that can be told beforehand, and the next eight bytes can undo that. */
static uint64_t mix(uint64_t value, uint64_t factor)
{
    unsigned __int128 product = (unsigned __int128)value * factor;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* 2^64 divided by the golden ratio spreads bits well whatever the seed. */
static unsigned hash(const uint8_t *text, size_t size, uint64_t seed)
{
    const uint64_t factor = seed ^ UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = seed ^ size, eight;
    for (; size > sizeof(eight); text += sizeof(eight), size -= sizeof(eight)) {
        memcpy(&eight, text, sizeof(eight));
        mixed = mix(mixed ^ eight, factor | 1);
    }
    mixed = mix(mixed ^ few_bytes(text, size), factor | 1) * UINT64_C(0x9E3779B97F4A7C15);
    return (unsigned)(mixed >> 32);
}

/* What the table takes with all it may need for its next entry: uthash doubles its buckets while the old ones are
 * still there. */
static uint64_t bytes_with_growth(const struct table *table)
{
    uint64_t buckets = table->head ? table->head->hh.tbl->num_buckets : HASH_INITIAL_NUM_BUCKETS;
    return table->bytes + 3 * buckets * sizeof(UT_hash_bucket);
}

/* Bytes that begin at a multiple of 8. NULL: *result says why. */
static void *allocate(struct table *table, size_t size, int *result)
{
    size = (size + 7) & ~(size_t)7;
    if (size <= table->free_bytes) {
        void *got = table->free;
        table->free += size;
        table->free_bytes -= size;
        return got;
    }
    bool own = size > BLOCK_BYTES / 4;
    size_t bytes = own ? size : BLOCK_BYTES;
    struct block *block = NULL;
    *result = -ENOSPC;
    if (bytes_with_growth(table) + bytes <= table->most_bytes) {
        *result = -ENOMEM;
        block = malloc(sizeof(*block) + bytes);
    }
    if (!block)
        return NULL;
    block->next = table->blocks;
    table->blocks = block;
    table->bytes += sizeof(*block) + bytes;
    if (!own) {
        table->free = block->data + size;
        table->free_bytes = bytes - size;
    }
    return block->data;
}

static int add_new(struct table *table, const uint8_t *text, size_t size, unsigned value)
{
    int result = 0;
    struct entry *entry = allocate(table, offsetof(struct entry, text) + size, &result);
    if (!entry)
        return result;
    entry->count = 1;
    entry->size = (uint32_t)size;
    memcpy(entry->text, text, size);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, table->head, entry->text, (unsigned)size, value, entry);
    return entry->hh.tbl ? 0 : -ENOMEM; /* NULL: uthash got no memory */
}

int table_add(struct table *table, const uint8_t *text, size_t size)
{
    struct entry *entry = NULL;
    if (size > UINT32_MAX)
        return -EFBIG;
    unsigned value = hash(text, size, table->seed);
    HASH_FIND_BYHASHVALUE(hh, table->head, text, (unsigned)size, value, entry);
    if (!entry)
        return add_new(table, text, size, value);
    entry->count++;
    return 0;
}

uint64_t table_distinct(const struct table *table)
{
    return HASH_COUNT(table->head);
}

/* ---- The most frequent: the best so far in a heap whose root is the worst of them --------------------- */

/* Below 0: a comes before b. */
static int compare(const void *first, const void *second)
{
    const struct table_row *a = first, *b = second;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    if (order != 0)
        return order;
    return a->size < b->size ? -1 : a->size > b->size;
}

static void swap(struct table_row *a, struct table_row *b)
{
    struct table_row kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct table_row *rows, size_t at)
{
    for (; at > 0 && compare(&rows[at], &rows[(at - 1) / 2]) > 0; at = (at - 1) / 2)
        swap(&rows[at], &rows[(at - 1) / 2]);
}

static void sift_down(struct table_row *rows, size_t count)
{
    for (size_t at = 0, child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare(&rows[child + 1], &rows[child]) > 0)
            child++;
        if (compare(&rows[child], &rows[at]) <= 0)
            break;
        swap(&rows[at], &rows[child]);
    }
}

size_t table_top(const struct table *table, struct table_row *rows, size_t room)
{
    size_t count = 0;
    for (const struct entry *entry = table->head; entry && room > 0; entry = entry->hh.next) {
        struct table_row row = {entry->text, entry->size, entry->count};
        if (count < room) {
            rows[count] = row;
            sift_up(rows, count++);
        } else if (compare(&row, &rows[0]) < 0) {
            rows[0] = row;
            sift_down(rows, count);
        }
    }
    if (count > 0)
        qsort(rows, count, sizeof(*rows), compare);
    return count;
}
