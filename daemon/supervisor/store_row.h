/*
 * Values of the store as SQLite's columns have them: rows are filled and read column by column, and what went wrong is
 * told once, at the end. The thread of the store only.
 */
#ifndef AWAITD_SUPERVISOR_STORE_ROW_H
#define AWAITD_SUPERVISOR_STORE_ROW_H

#include <stdbool.h>
#include <stdint.h>
#include <sqlite3.h>
#include "base/bytes.h"

struct fingerprint;
struct store_db;

/* A row that is written: the parameters ?1, ?2, ... of a statement in turn. Texts must stay until it was run. */
struct store_row {
    sqlite3_stmt *statement;
    int column;
    int result; /* SQLite's code of what failed first */
};

void store_put_integer(struct store_row *row, int64_t value);
void store_put_real(struct store_row *row, double value);
/* NULL is NULL. */
void store_put_text(struct store_row *row, const char *text);
void store_put_view(struct store_row *row, struct bytes_view text);
void store_put_null(struct store_row *row);
/* A point in time as clock_now_ns() tells it. */
void store_put_time(struct store_row *row, const struct store_db *db, uint64_t ns);
/* Its bytes are copied. NULL is NULL. */
void store_put_fingerprint(struct store_row *row, const struct fingerprint *fingerprint);
/* Runs the statement, to its end or its first row, and makes it ready for the next. SQLite's code:
 * SQLITE_DONE; SQLITE_ROW with the first column in *first; or an error, extended. */
int store_row_run(struct store_row *row, int64_t *first);

/* A row that is read: the columns in turn. Views and texts are valid until the statement is stepped. */
struct store_columns {
    sqlite3_stmt *statement;
    int column;
    bool bad; /* a value was not what it can be, and 0 or empty was returned */
};

/* A whole number from 0 to `max`; NULL is 0. */
uint64_t store_get_integer(struct store_columns *columns, uint64_t max);
bool store_get_bool(struct store_columns *columns);
double store_get_real(struct store_columns *columns);
/* NULL: it is NULL. */
const char *store_get_text(struct store_columns *columns);
struct bytes_view store_get_view(struct store_columns *columns);
/* NULL is 0. */
uint64_t store_get_time(struct store_columns *columns, const struct store_db *db);
/* False: it is NULL. */
bool store_get_fingerprint(struct store_columns *columns, struct fingerprint *out);

#endif
