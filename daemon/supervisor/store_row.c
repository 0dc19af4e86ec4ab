/*
 * Columns of SQLite's statements, in turn. A point in time is stored as store_time.h tells; one at the end
 * of time stays there.
 */
#include "supervisor/store_row.h"

#include <math.h>
#include <string.h>
#include "supervisor/fingerprint.h"
#include "supervisor/store_db.h"

/* A fingerprint as stored: what is known of the jobs, in one byte, then both sums. */
#define FINGERPRINT_SIZE (1 + 2 * SHA256_SIZE)

/* ---- Writing ------------------------------------------------------------------------------------------------ */

static void keep(struct store_row *row, int result)
{
    if (row->result == SQLITE_OK)
        row->result = result;
}

void store_put_integer(struct store_row *row, int64_t value)
{
    keep(row, sqlite3_bind_int64(row->statement, ++row->column, value));
}

void store_put_real(struct store_row *row, double value)
{
    keep(row, sqlite3_bind_double(row->statement, ++row->column, value));
}

void store_put_null(struct store_row *row)
{
    keep(row, sqlite3_bind_null(row->statement, ++row->column));
}

void store_put_text(struct store_row *row, const char *text)
{
    keep(row, sqlite3_bind_text(row->statement, ++row->column, text, -1, SQLITE_STATIC));
}

void store_put_view(struct store_row *row, struct bytes_view text)
{
    keep(row, sqlite3_bind_text64(row->statement, ++row->column, (const char *)text.data, text.size,
                                  SQLITE_STATIC, SQLITE_UTF8));
}

void store_put_time(struct store_row *row, const struct store_db *db, uint64_t ns)
{
    int64_t stored;
    if (ns > INT64_MAX || __builtin_add_overflow((int64_t)ns, db->time_shift_ns, &stored))
        stored = INT64_MAX;
    store_put_integer(row, stored);
}

void store_put_fingerprint(struct store_row *row, const struct fingerprint *fingerprint)
{
    uint8_t bytes[FINGERPRINT_SIZE];
    if (!fingerprint) {
        store_put_null(row);
        return;
    }
    bytes[0] = (uint8_t)fingerprint->known;
    memcpy(bytes + 1, fingerprint->terms, SHA256_SIZE);
    memcpy(bytes + 1 + SHA256_SIZE, fingerprint->jobs, SHA256_SIZE);
    keep(row,
         sqlite3_bind_blob(row->statement, ++row->column, bytes, sizeof(bytes), SQLITE_TRANSIENT));
}

int store_row_run(struct store_row *row, int64_t *first)
{
    if (row->result != SQLITE_OK)
        return row->result;
    int result = sqlite3_step(row->statement);
    if (result == SQLITE_ROW)
        *first = sqlite3_column_int64(row->statement, 0);
    (void)sqlite3_reset(row->statement); /* tells again what step told */
    return result;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

uint64_t store_get_integer(struct store_columns *columns, uint64_t max)
{
    int64_t value = sqlite3_column_int64(columns->statement, columns->column++);
    if (value >= 0 && (uint64_t)value <= max)
        return (uint64_t)value;
    columns->bad = true;
    return 0;
}

bool store_get_bool(struct store_columns *columns)
{
    return store_get_integer(columns, 1);
}

double store_get_real(struct store_columns *columns)
{
    double value = sqlite3_column_double(columns->statement, columns->column++);
    if (isfinite(value)) /* as JSON has to be */
        return value;
    columns->bad = true;
    return 0;
}

const char *store_get_text(struct store_columns *columns)
{
    int column = columns->column++;
    if (sqlite3_column_type(columns->statement, column) == SQLITE_NULL)
        return NULL;
    const char *text = (const char *)sqlite3_column_text(columns->statement, column);
    if (!text)
        columns->bad = true; /* no memory to copy it */
    return text;
}

struct bytes_view store_get_view(struct store_columns *columns)
{
    /* The size is asked for after the text, which might have to be converted. */
    const char *text = store_get_text(columns);
    int size = sqlite3_column_bytes(columns->statement, columns->column - 1);
    return (struct bytes_view){.data = (const uint8_t *)text, .size = text ? (size_t)size : 0};
}

uint64_t store_get_time(struct store_columns *columns, const struct store_db *db)
{
    int64_t ns;
    int column = columns->column++;
    if (sqlite3_column_type(columns->statement, column) == SQLITE_NULL)
        return 0;
    int64_t stored = sqlite3_column_int64(columns->statement, column);
    if (stored == INT64_MAX || __builtin_sub_overflow(stored, db->time_shift_ns, &ns))
        return UINT64_MAX;
    if (ns > 0)
        return (uint64_t)ns;
    columns->bad = true;
    return 0;
}

bool store_get_fingerprint(struct store_columns *columns, struct fingerprint *out)
{
    int column = columns->column++;
    if (sqlite3_column_type(columns->statement, column) == SQLITE_NULL)
        return false;
    const uint8_t *bytes = sqlite3_column_blob(columns->statement, column);
    if (!bytes || sqlite3_column_bytes(columns->statement, column) != FINGERPRINT_SIZE ||
        bytes[0] > FINGERPRINT_WHOLE) {
        columns->bad = true;
        return false;
    }
    out->known = bytes[0];
    memcpy(out->terms, bytes + 1, SHA256_SIZE);
    memcpy(out->jobs, bytes + 1 + SHA256_SIZE, SHA256_SIZE);
    return true;
}
