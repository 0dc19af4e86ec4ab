/*
 * From rows to batches. Each stage of a batch is a query for its rows from a place on, in order; a row becomes a part, an
 * allocation with its texts behind it. A query is begun anew for each list of parts: it holds nothing in between.
 *
 * A row that makes no sense, and a disk that cannot be read, are told to whoever reads: what is being written does not
 * depend on them. A database that is corrupt is the store's affair.
 */
#include "supervisor/store_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "supervisor/store_row.h"

/* Bytes of a list of parts, but for the last of them; reason: the loop deals with it in one turn, in about a
 * millisecond. */
#define PARTS_BYTES (256u << 10)

#define BATCH_COLUMNS \
    "SELECT number, owner, retry_of, configured, submitted, submitted_ns, sealed, paused," \
    " given_up, cut_short, state IS NOT NULL, ended_ns, ended, asked, stopped_as, name, key," \
    " terms, stopped FROM batch "

enum query {
    QUERY_BATCH,
    QUERY_UNFINISHED,
    QUERY_PIECES,
    QUERY_JOBS,
    QUERY_RESULTS,
    QUERIES,
};

static const char *const sql[] = {
    [QUERY_BATCH] = BATCH_COLUMNS "WHERE number = ?1",
    [QUERY_UNFINISHED] =
        BATCH_COLUMNS "WHERE number >= ?1 AND state IS NULL ORDER BY number LIMIT 1",
    [QUERY_PIECES] = "SELECT number, first, accepted_ns, jobs FROM piece"
                     " WHERE batch = ?1 AND number >= ?2 ORDER BY number",
    [QUERY_JOBS] = "SELECT job, attempt, due_ns, told FROM job"
                   " WHERE batch = ?1 AND job >= ?2 ORDER BY job",
    [QUERY_RESULTS] = "SELECT first, results FROM results"
                      " WHERE batch = ?1 AND first >= ?2 ORDER BY first",
};
_Static_assert(sizeof(sql) / sizeof(sql[0]) == QUERIES, "each query has its SQL");

struct store_read {
    struct store_db *db;
    sqlite3_stmt *queries[QUERIES];
};

/* ---- From a row to a part ----------------------------------------------------------------------------------- */

/* A part with room for texts. NULL: out of memory. */
static struct store_part *part_new(struct store_parts *parts, enum store_stage stage, size_t texts)
{
    struct store_part *part = malloc(sizeof(*part) + texts);
    if (!part)
        return NULL;
    memset(part, 0, sizeof(*part));
    part->stage = stage;
    STAILQ_INSERT_TAIL(&parts->list, part, link);
    parts->bytes += sizeof(*part) + texts;
    return part;
}

/* Where the part's text is a view. */
static struct bytes_view copy_view(struct store_part *part, struct bytes_view view)
{
    if (view.size)
        memcpy(part->texts, view.data, view.size);
    return (struct bytes_view){.data = (const uint8_t *)part->texts, .size = view.size};
}

/* The first half of the columns. */
static void take_numbers(struct store_columns *columns, const struct store_db *db,
                         struct store_batch *batch)
{
    batch->number = store_get_integer(columns, INT64_MAX - 1); /* there is one behind it */
    if (!batch->number)
        columns->bad = true;
    batch->owner = (uid_t)store_get_integer(columns, UINT32_MAX);
    batch->retry_of = store_get_integer(columns, INT64_MAX);
    batch->configured = store_get_bool(columns);
    batch->submitted_s = store_get_real(columns);
    batch->submitted_ns = store_get_time(columns, db);
    batch->sealed = store_get_bool(columns);
    batch->paused = store_get_bool(columns);
    batch->given_up = store_get_bool(columns);
    batch->cut_short = store_get_bool(columns);
    batch->finished = store_get_bool(columns);
    batch->ended_ns = store_get_time(columns, db);
    batch->ended_s = store_get_real(columns);
}

static void take_stopped_as(struct store_columns *columns, struct store_batch *batch)
{
    const char *name = store_get_text(columns);
    if (!name)
        return;
    batch->stopped_as = job_state_from_name(name);
    if (!job_state_is_final(batch->stopped_as) || batch->stopped_as == JOB_STATES)
        columns->bad = true;
}

static bool take_batch(struct store_columns *columns, const struct store_db *db,
                       struct store_parts *parts, uint64_t *place)
{
    struct store_batch batch = {0};
    struct fingerprint asked;
    take_numbers(columns, db, &batch);
    bool has_asked = store_get_fingerprint(columns, &asked);
    take_stopped_as(columns, &batch);
    batch.name = store_get_text(columns);
    batch.key = store_get_text(columns);
    batch.terms = store_get_text(columns);
    batch.stopped = store_get_text(columns);
    struct store_part *part =
        part_new(parts, STORE_STAGE_BATCH,
                 store_text_size(batch.name) + store_text_size(batch.key) +
                     store_text_size(batch.terms) + store_text_size(batch.stopped));
    if (!part)
        return false;
    char *at = part->texts;
    batch.name = store_text_put(&at, batch.name);
    batch.key = store_text_put(&at, batch.key);
    batch.terms = store_text_put(&at, batch.terms);
    batch.stopped = store_text_put(&at, batch.stopped);
    part->batch.batch = batch;
    if (has_asked) {
        part->batch.asked = asked;
        part->batch.batch.asked = &part->batch.asked;
    }
    *place = batch.number;
    return true;
}

static bool take_piece(struct store_columns *columns, const struct store_db *db,
                       struct store_parts *parts, uint64_t *place)
{
    struct store_piece piece = {0};
    piece.number = (uint32_t)store_get_integer(columns, UINT32_MAX);
    piece.first = (uint32_t)store_get_integer(columns, UINT32_MAX);
    piece.accepted_ns = store_get_time(columns, db);
    piece.jobs = store_get_view(columns);
    struct store_part *part = part_new(parts, STORE_STAGE_PIECES, piece.jobs.size);
    if (!part)
        return false;
    piece.jobs = copy_view(part, piece.jobs);
    part->piece = piece;
    *place = piece.number;
    return true;
}

static bool take_job(struct store_columns *columns, const struct store_db *db,
                     struct store_parts *parts, uint64_t *place)
{
    struct store_part *part = part_new(parts, STORE_STAGE_JOBS, 0);
    if (!part)
        return false;
    part->job.job = (uint32_t)store_get_integer(columns, UINT32_MAX);
    part->job.attempt = (unsigned)store_get_integer(columns, UINT32_MAX);
    part->job.due_ns = store_get_time(columns, db);
    part->job.told = store_get_bool(columns);
    *place = part->job.job;
    return true;
}

static bool take_results(struct store_columns *columns, const struct store_db *db,
                         struct store_parts *parts, uint64_t *place)
{
    (void)db;
    uint32_t first = (uint32_t)store_get_integer(columns, UINT32_MAX);
    struct bytes_view text = store_get_view(columns);
    struct store_part *part = part_new(parts, STORE_STAGE_RESULTS, text.size);
    if (!part)
        return false;
    part->results.first = first;
    part->results.text = copy_view(part, text);
    *place = first;
    return true;
}

/* ---- Stages ------------------------------------------------------------------------------------------------- */

static const struct {
    enum query query;
    /* Makes a part of the row. *place is what the next row comes after. False: out of memory. */
    bool (*take)(struct store_columns *columns, const struct store_db *db,
                 struct store_parts *parts, uint64_t *place);
} stages[] = {
    [STORE_STAGE_BATCH] = {QUERY_BATCH, take_batch},
    [STORE_STAGE_PIECES] = {QUERY_PIECES, take_piece},
    [STORE_STAGE_JOBS] = {QUERY_JOBS, take_job},
    [STORE_STAGE_RESULTS] = {QUERY_RESULTS, take_results},
};
_Static_assert(sizeof(stages) / sizeof(stages[0]) == STORE_STAGES, "each stage has its row");

static int bad_row(const struct store_read *read, const struct store_cursor *cursor,
                   sqlite3_stmt *row, struct error *error)
{
    int64_t number =
        cursor->stage == STORE_STAGE_BATCH ? sqlite3_column_int64(row, 0) : (int64_t)cursor->number;
    return error_set(error, -EBADMSG, "%s: batch %lld has a row that makes no sense",
                     read->db->path, (long long)number);
}

/* Takes rows until the parts are full. 0: they are; 1: there are no more rows; or a negative errno. */
static int take_rows(struct store_read *read, struct store_cursor *cursor, sqlite3_stmt *query,
                     struct store_parts *parts, struct error *error)
{
    while (parts->bytes < PARTS_BYTES) {
        uint64_t place;
        int result = sqlite3_step(query);
        if (result == SQLITE_DONE)
            return 1;
        if (result != SQLITE_ROW)
            return store_db_read_trouble(read->db, result, error);
        struct store_columns columns = {.statement = query};
        if (!stages[cursor->stage].take(&columns, read->db, parts, &place))
            return error_set(error, -ENOMEM, "out of memory");
        if (columns.bad)
            return bad_row(read, cursor, query, error);
        cursor->next = place + 1;
    }
    return 0;
}

/* As take_rows(), for the rows of the present stage. */
static int read_stage(struct store_read *read, struct store_cursor *cursor,
                      struct store_parts *parts, struct error *error)
{
    bool any = cursor->stage == STORE_STAGE_BATCH && cursor->unfinished;
    enum query number = any ? QUERY_UNFINISHED : stages[cursor->stage].query;
    struct store_row row = {.statement = read->queries[number]};
    store_put_integer(&row, (int64_t)cursor->number);
    if (cursor->stage != STORE_STAGE_BATCH)
        store_put_integer(&row, (int64_t)cursor->next);
    int result = row.result == SQLITE_OK ? take_rows(read, cursor, row.statement, parts, error)
                                         : store_db_read_trouble(read->db, row.result, error);
    (void)sqlite3_reset(row.statement); /* tells again what step told */
    return result;
}

/* Reads the batch itself. 1: there is none. */
static int read_batch(struct store_read *read, struct store_cursor *cursor,
                      struct store_parts *parts, struct error *error)
{
    cursor->next = 0;
    int result = read_stage(read, cursor, parts, error);
    if (result < 0)
        return result;
    if (cursor->next == 0) /* there was no row */
        return 1;
    cursor->number = cursor->next - 1;
    cursor->stage = STORE_STAGE_PIECES;
    cursor->next = 0;
    return 0;
}

/* The rest of a batch. 1: that was all of it. */
static int read_rest(struct store_read *read, struct store_cursor *cursor,
                     struct store_parts *parts, struct error *error)
{
    int result = read_stage(read, cursor, parts, error);
    if (result <= 0)
        return result;
    cursor->stage++;
    cursor->next = 0;
    if (cursor->stage < STORE_STAGES)
        return 0;
    cursor->stage = STORE_STAGE_BATCH;
    return 1;
}

int store_read_parts(struct store_read *read, struct store_cursor *cursor,
                     struct store_parts *parts, struct error *error)
{
    int result = 0;
    while (result == 0 && parts->bytes < PARTS_BYTES) {
        if (cursor->stage == STORE_STAGE_BATCH) {
            result = read_batch(read, cursor, parts, error);
            if (result == 1 && !cursor->unfinished)
                return error_set(error, -ENOENT, "there is no batch %llu",
                                 (unsigned long long)cursor->number);
        } else {
            result = read_rest(read, cursor, parts, error);
            if (result == 1 && cursor->unfinished) {
                cursor->number++;
                result = 0;
            }
        }
    }
    return result;
}

/* ---- The reader --------------------------------------------------------------------------------------------- */

struct store_read *store_read_new(struct store_db *db, struct error *error)
{
    struct store_read *read = calloc(1, sizeof(*read));
    if (!read) {
        (void)error_set(error, -ENOMEM, "no memory for the store");
        return NULL;
    }
    read->db = db;
    for (enum query i = 0; i < QUERIES; i++) {
        read->queries[i] = store_db_prepare(db, sql[i], error);
        if (!read->queries[i]) {
            store_read_free(read);
            return NULL;
        }
    }
    return read;
}

void store_read_free(struct store_read *read)
{
    if (!read)
        return;
    for (enum query i = 0; i < QUERIES; i++)
        (void)sqlite3_finalize(read->queries[i]); /* tells again what was told */
    free(read);
}
