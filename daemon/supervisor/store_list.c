/*
 * The batches of a list, newest first, by the primary key: from where the page goes on downwards, so nothing is sorted
 * and what is older is not looked at. There is no index for what is filtered by: it would cost every batch that
 * finishes, while a list is asked for by people. Instead a query looks at a window of so many batches and no
 * more, and says where the next one begins.
 */
#include "supervisor/store_list.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/plugin_name.h"
#include "supervisor/store.h"

/* Batches that a query looks at; reason: some milliseconds, while finding the end of the window costs little where the
 * first few batches in it make a page. */
#define WINDOW 5000

/* The columns' names are those of a summary's members. A batch that has no value for one has no such member. NOT
 * INDEXED: the planner might begin with those that have ended, and sort. */
static const char sql_page[] =
    "SELECT number AS batch, name, state, jobs, succeeded, failed, timed_out, cancelled, crashed,"
    " skipped, wall, work, CASE WHEN wall > 0 THEN work / wall ELSE 0.0 END AS speedup,"
    " submitted, ended"
    " FROM batch NOT INDEXED"
    " WHERE number < ?1 AND number >= ?2 AND state IS NOT NULL"
    " AND (?3 IS NULL OR state = ?3)"
    " AND (?4 IS NULL OR name = ?4)"
    " AND (?5 IS NULL OR instr(plugins, ?5))"
    " AND (?6 IS NULL OR submitted >= ?6)"
    " AND (?7 IS NULL OR submitted < ?7)"
    " ORDER BY number DESC LIMIT ?8";

/* The lowest of so many batches below another. */
static const char sql_window[] = "SELECT number FROM batch NOT INDEXED WHERE number < ?1"
                                 " ORDER BY number DESC LIMIT 1 OFFSET ?2";

/* The number at which the window below `below` ends; 0: there are no others below it. */
static int find_bottom(struct store_db *db, int64_t below, int64_t *out, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db->sqlite, sql_window, -1, &statement, NULL);
    if (result == SQLITE_OK) {
        /* Binding numbers to parameters that are there cannot fail. */
        (void)sqlite3_bind_int64(statement, 1, below);
        (void)sqlite3_bind_int(statement, 2, WINDOW - 1);
        result = sqlite3_step(statement);
    }
    int code = 0;
    if (result == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else if (result == SQLITE_DONE)
        *out = 0;
    else
        code = store_db_read_trouble(db, result, error);
    (void)sqlite3_finalize(statement); /* tells the same again */
    return code;
}

/* A text, or NULL for any. */
static int bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
    return text ? sqlite3_bind_text(statement, parameter, text, -1, SQLITE_TRANSIENT) : SQLITE_OK;
}

/* Likewise a point in time, 0 for any. */
static int bind_time(sqlite3_stmt *statement, int parameter, double time_s)
{
    return time_s > 0 ? sqlite3_bind_double(statement, parameter, time_s) : SQLITE_OK;
}

static int bind_filter(sqlite3_stmt *statement, const struct store_filter *filter)
{
    char plugin[PLUGIN_NAME_MAX + 3];
    if (filter->plugin) /* as it stands in the array; quotes and commas cannot be in a name */
        (void)snprintf(plugin, sizeof(plugin), "\"%s\"", filter->plugin);
    int result = bind_text(statement, 3, filter->state);
    if (result == SQLITE_OK)
        result = bind_text(statement, 4, filter->name);
    if (result == SQLITE_OK)
        result = bind_text(statement, 5, filter->plugin ? plugin : NULL);
    if (result == SQLITE_OK)
        result = bind_time(statement, 6, filter->since_s);
    if (result == SQLITE_OK)
        result = bind_time(statement, 7, filter->until_s);
    return result;
}

static json_t *column_json(sqlite3_stmt *row, int column)
{
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(row, column));
    case SQLITE_FLOAT:
        return json_real(sqlite3_column_double(row, column));
    default:
        return json_stringn((const char *)sqlite3_column_text(row, column),
                            (size_t)sqlite3_column_bytes(row, column));
    }
}

static int add_summary(json_t *summaries, sqlite3_stmt *row)
{
    json_t *summary = json_object();
    int error = summary ? 0 : -1;
    for (int i = 0; i < sqlite3_column_count(row) && !error; i++)
        if (sqlite3_column_type(row, i) != SQLITE_NULL)
            error = json_object_set_new(summary, sqlite3_column_name(row, i), column_json(row, i));
    if (error) {
        json_decref(summary);
        return -ENOMEM;
    }
    return json_array_append_new(summaries, summary) ? -ENOMEM : 0;
}

/* Adds the batches of a window, at most as many as the page still takes; notes if there is another. */
static int add_rows(struct store_db *db, sqlite3_stmt *rows, uint32_t limit,
                    struct store_page *page, struct error *error)
{
    int result;
    while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
        if (json_array_size(page->summaries) >= limit)
            page->more = true;
        else if (add_summary(page->summaries, rows) != 0)
            return error_set(error, -ENOMEM, "out of memory");
    }
    return result == SQLITE_DONE ? 0 : store_db_read_trouble(db, result, error);
}

static int look_through(struct store_db *db, const struct store_filter *filter, int64_t below,
                        int64_t bottom, struct store_page *page, struct error *error)
{
    sqlite3_stmt *rows = NULL;
    int64_t missing = (int64_t)filter->limit - (int64_t)json_array_size(page->summaries);
    int result = sqlite3_prepare_v2(db->sqlite, sql_page, -1, &rows, NULL);
    if (result == SQLITE_OK)
        result = bind_filter(rows, filter);
    if (result != SQLITE_OK) {
        int code = store_db_read_trouble(db, result, error);
        (void)sqlite3_finalize(rows); /* tells the same again */
        return code;
    }
    (void)sqlite3_bind_int64(rows, 1, below);
    (void)sqlite3_bind_int64(rows, 2, bottom);
    (void)sqlite3_bind_int64(rows, 8, missing + 1);
    int code = add_rows(db, rows, filter->limit, page, error);
    (void)sqlite3_finalize(rows); /* tells what has been told */
    return code;
}

int store_list_query(struct store_db *db, const struct store_filter *filter,
                     struct store_page *page, struct error *error)
{
    int64_t below = page->below && page->below <= INT64_MAX ? (int64_t)page->below : INT64_MAX;
    int64_t bottom = 0;
    page->more = false;
    if (filter->plugin && !plugin_name_is(filter->plugin))
        return 1; /* there is none */
    int code = find_bottom(db, below, &bottom, error);
    if (code == 0)
        code = look_through(db, filter, below, bottom, page, error);
    if (code != 0)
        return code;
    page->below = (uint64_t)bottom;
    if (json_array_size(page->summaries) < filter->limit && bottom > 0)
        return 0;
    page->more |= bottom > 0;
    return 1;
}
