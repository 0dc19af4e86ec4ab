/*
 * Columns on standard output. Nothing is cut: a line that does not fit a terminal wraps.
 */
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "text.h"

static size_t column_count(const struct table *table)
{
    size_t count = 0;
    while (table->columns[count].title)
        count++;
    return count;
}

void table_add(struct table *table, const char *cell)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity * 2 + 64;
        char **cells = reallocarray(table->cells, capacity, sizeof(*cells));
        if (!cells) {
            table->failed = true;
            return;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    char *copy = strdup(cell ? cell : "");
    if (copy)
        table->cells[table->count++] = copy;
    else
        table->failed = true;
}

void table_add_format(struct table *table, const char *format, ...)
{
    AUTO_FREE char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0) {
        text = NULL;
        table->failed = true;
        return;
    }
    table_add(table, text);
}

/* Prints a cell behind the blanks that the cells before it left, and leaves its own. */
static void print_cell(const struct table_column *column, const char *cell, size_t width,
                       size_t *blanks)
{
    size_t padding = width - text_width(cell);
    if (*cell) {
        (void)printf("%*s", (int)(*blanks + (column->right ? padding : 0)), "");
        text_put(stdout, cell, strlen(cell)); /* main looks at ferror */
        *blanks = column->right ? 0 : padding;
    } else {
        *blanks += padding;
    }
    *blanks += 2;
}

/* Prints one row of cells; no blanks at the end of the line. */
static void print_row(const struct table *table, const char *const *cells, const size_t *widths)
{
    size_t blanks = 0;
    for (size_t i = 0; table->columns[i].title; i++)
        print_cell(&table->columns[i], cells ? cells[i] : table->columns[i].title, widths[i],
                   &blanks);
    (void)putchar('\n');
}

void table_print(struct table *table)
{
    size_t columns = column_count(table), widths[TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < columns; i++)
        widths[i] = text_width(table->columns[i].title);
    for (size_t i = 0; i < table->count; i++) {
        size_t width = text_width(table->cells[i]);
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }

    print_row(table, NULL, widths);
    for (size_t i = 0; i + columns <= table->count; i += columns)
        print_row(table, (const char *const *)table->cells + i, widths);
    table_free(table);
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (struct table){.columns = table->columns};
}
