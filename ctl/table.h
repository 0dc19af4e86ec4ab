/*
 * Columns on standard output. Rows are gathered first, so that every column is as wide as its
 * widest cell.
 */
#ifndef AWAITCTL_TABLE_H
#define AWAITCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#define TABLE_COLUMNS_MAX 10

struct table_column {
    const char *title;
    bool right; /* numbers: aligned to the right */
};

/* Zeroed but for its columns, which are closed by one without title. */
struct table {
    const struct table_column *columns;
    char **cells; /* owned; rows one after the other */
    size_t count, capacity;
    bool failed; /* out of memory: cells are missing */
};

/* Adds the next cell of the current row, or the first of a new one; copied. NULL: empty. */
void table_add(struct table *table, const char *cell);
void table_add_format(struct table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints the titles and the rows, and empties the table. */
void table_print(struct table *table);
void table_free(struct table *table);

#endif
