/*
 * From what was recorded to rows: each kind of record has a function that fills the parameters of its statement.
 */
#include "supervisor/store_statements.h"

#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/store_row.h"

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    FIND_KEY,
    ADD_BATCH,
    ADD_PIECE,
    ADD_RESULTS,
    SET_JOB,
    SEAL,
    PAUSE,
    STOP,
    FINISH,
    FORGET_JOBS,
    SET_LAST_NUMBER,
    STATEMENTS,
};

static const char *const sql[] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FIND_KEY] = "SELECT number FROM batch WHERE owner = ?1 AND key = ?2",
    [ADD_BATCH] = "INSERT INTO batch (number, owner, name, key, asked, retry_of, configured, terms,"
                  " submitted, submitted_ns, sealed, paused, stopped, stopped_as, given_up,"
                  " cut_short) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
                  " ?14, ?15, ?16)",
    [ADD_PIECE] = "INSERT INTO piece (batch, number, first, accepted_ns, jobs)"
                  " VALUES (?1, ?2, ?3, ?4, ?5)",
    [ADD_RESULTS] = "INSERT INTO results (batch, first, count, results)"
                    " VALUES (?1, ?2, ?3, '[' || ?4 || ']')",
    [SET_JOB] = "INSERT OR REPLACE INTO job (batch, job, attempt, due_ns, told)"
                " VALUES (?1, ?2, ?3, ?4, ?5)",
    [SEAL] = "UPDATE batch SET sealed = 1 WHERE number = ?1",
    [PAUSE] = "UPDATE batch SET paused = ?2 WHERE number = ?1",
    [STOP] = "UPDATE batch SET stopped = ?2, stopped_as = ?3, given_up = ?4, cut_short = ?5"
             " WHERE number = ?1",
    [FINISH] = "UPDATE batch SET state = ?2, ended = ?3, ended_ns = ?4, jobs = ?5, wall = ?6,"
               " work = ?7, retries = ?8, plugins = ?9, succeeded = ?10, failed = ?11,"
               " timed_out = ?12, cancelled = ?13, crashed = ?14, skipped = ?15 WHERE number = ?1",
    [FORGET_JOBS] = "DELETE FROM job WHERE batch = ?1",
    [SET_LAST_NUMBER] = "INSERT INTO meta (name, value) VALUES ('last_number', ?1)"
                        " ON CONFLICT (name) DO UPDATE SET value = ?1",
};
_Static_assert(sizeof(sql) / sizeof(sql[0]) == STATEMENTS, "each statement has its SQL");
/* FINISH has them in this order. */
_Static_assert(JOB_SUCCEEDED + 1 == JOB_FAILED && JOB_FAILED + 1 == JOB_TIMED_OUT &&
                   JOB_TIMED_OUT + 1 == JOB_CANCELLED && JOB_CANCELLED + 1 == JOB_CRASHED &&
                   JOB_CRASHED + 1 == JOB_SKIPPED && JOB_SKIPPED + 1 == JOB_STATES,
               "the states of ended jobs");

struct store_statements {
    struct store_db *db;
    sqlite3_stmt *prepared[STATEMENTS];
};

/* ---- Rows --------------------------------------------------------------------------------------------------- */

static struct store_row row_of(struct store_statements *statements, enum statement statement)
{
    return (struct store_row){.statement = statements->prepared[statement]};
}

/* Runs what gives no row. SQLITE_OK, or SQLite's code. */
static int run(struct store_row *row)
{
    int64_t unused;
    int result = store_row_run(row, &unused);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int run_plain(struct store_statements *statements, enum statement statement)
{
    struct store_row row = row_of(statements, statement);
    return run(&row);
}

/* Runs what has a batch's number as its only parameter. */
static int run_for(struct store_statements *statements, enum statement statement, uint64_t batch)
{
    struct store_row row = row_of(statements, statement);
    store_put_integer(&row, (int64_t)batch);
    return run(&row);
}

static void put_name(struct store_row *row, const char *reason, enum job_state as)
{
    store_put_text(row, reason);
    store_put_text(row, reason ? job_state_name(as) : NULL);
}

static int add_batch(struct store_statements *statements, const struct store_batch *batch)
{
    struct store_row row = row_of(statements, ADD_BATCH);
    store_put_integer(&row, (int64_t)batch->number);
    store_put_integer(&row, (int64_t)batch->owner);
    store_put_text(&row, batch->name);
    store_put_text(&row, batch->key);
    store_put_fingerprint(&row, batch->asked);
    if (batch->retry_of)
        store_put_integer(&row, (int64_t)batch->retry_of);
    else
        store_put_null(&row);
    store_put_integer(&row, batch->configured);
    store_put_text(&row, batch->terms);
    store_put_real(&row, batch->submitted_s);
    store_put_time(&row, statements->db, batch->submitted_ns);
    store_put_integer(&row, batch->sealed);
    store_put_integer(&row, batch->paused);
    put_name(&row, batch->stopped, batch->stopped_as);
    store_put_integer(&row, batch->given_up);
    store_put_integer(&row, batch->cut_short);
    return run(&row);
}

static int add_piece(struct store_statements *statements, uint64_t batch,
                     const struct store_piece *piece)
{
    struct store_row row = row_of(statements, ADD_PIECE);
    store_put_integer(&row, (int64_t)batch);
    store_put_integer(&row, piece->number);
    store_put_integer(&row, piece->first);
    store_put_time(&row, statements->db, piece->accepted_ns);
    store_put_view(&row, piece->jobs);
    return run(&row);
}

static int add_results(struct store_statements *statements, const struct store_record *record)
{
    const struct bytes *text = &record->results.text;
    struct store_row row = row_of(statements, ADD_RESULTS);
    store_put_integer(&row, (int64_t)record->batch);
    store_put_integer(&row, record->results.first);
    store_put_integer(&row, record->results.count);
    store_put_view(&row, (struct bytes_view){.data = text->data, .size = text->size});
    return run(&row);
}

static int set_job(struct store_statements *statements, uint64_t batch, const struct store_job *job)
{
    struct store_row row = row_of(statements, SET_JOB);
    store_put_integer(&row, (int64_t)batch);
    store_put_integer(&row, job->job);
    store_put_integer(&row, job->attempt);
    if (job->due_ns)
        store_put_time(&row, statements->db, job->due_ns);
    else
        store_put_null(&row);
    store_put_integer(&row, job->told);
    return run(&row);
}

static int pause(struct store_statements *statements, uint64_t batch, bool paused)
{
    struct store_row row = row_of(statements, PAUSE);
    store_put_integer(&row, (int64_t)batch);
    store_put_integer(&row, paused);
    return run(&row);
}

static int stop(struct store_statements *statements, uint64_t batch, const struct store_stop *as)
{
    struct store_row row = row_of(statements, STOP);
    store_put_integer(&row, (int64_t)batch);
    put_name(&row, as->reason, as->as);
    store_put_integer(&row, as->given_up);
    store_put_integer(&row, as->cut_short);
    return run(&row);
}

static int finish(struct store_statements *statements, const struct store_finish *end)
{
    struct store_row row = row_of(statements, FINISH);
    store_put_integer(&row, (int64_t)end->batch);
    store_put_text(&row, end->state);
    store_put_real(&row, end->ended_s);
    store_put_time(&row, statements->db, end->ended_ns);
    store_put_integer(&row, end->jobs);
    store_put_real(&row, clock_seconds(end->wall_ns));
    store_put_real(&row, clock_seconds(end->work_ns));
    store_put_integer(&row, (int64_t)end->retries);
    store_put_text(&row, end->plugins);
    for (enum job_state state = JOB_SUCCEEDED; state < JOB_STATES; state++)
        store_put_integer(&row, end->in_state[state]);
    int result = run(&row);
    return result == SQLITE_OK ? run_for(statements, FORGET_JOBS, end->batch) : result;
}

/* ---- Admissions --------------------------------------------------------------------------------------------- */

int store_find_key(struct store_statements *statements, struct store_record *record)
{
    const struct store_batch *batch = &record->admission.batch;
    int64_t existing = 0;
    record->admission.code = 0;
    record->admission.existing = 0;
    if (!record->admission.is_new || !batch->key)
        return SQLITE_OK;
    struct store_row row = row_of(statements, FIND_KEY);
    store_put_integer(&row, (int64_t)batch->owner);
    store_put_text(&row, batch->key);
    int result = store_row_run(&row, &existing);
    if (result == SQLITE_ROW) {
        record->admission.code = -EEXIST;
        record->admission.existing = (uint64_t)existing;
    }
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

static int admit(struct store_statements *statements, struct store_record *record)
{
    int result = store_find_key(statements, record);
    if (result != SQLITE_OK || record->admission.code)
        return result;
    if (record->admission.is_new)
        result = add_batch(statements, &record->admission.batch);
    for (uint32_t i = 0; i < record->admission.pieces_count && result == SQLITE_OK; i++)
        result = add_piece(statements, record->batch, &record->admission.pieces[i]);
    if (result == SQLITE_OK && record->admission.seal)
        result = run_for(statements, SEAL, record->batch);
    return result;
}

int store_write_record(struct store_statements *statements, struct store_record *record)
{
    switch (record->kind) {
    case STORE_ADMISSION:
        return admit(statements, record);
    case STORE_RESULTS:
        return add_results(statements, record);
    case STORE_JOB:
        return set_job(statements, record->batch, &record->job);
    case STORE_SEAL:
        return run_for(statements, SEAL, record->batch);
    case STORE_PAUSE:
        return pause(statements, record->batch, record->paused);
    case STORE_STOP:
        return stop(statements, record->batch, &record->stop);
    case STORE_FINISH:
        return finish(statements, &record->end.finish);
    }
    return SQLITE_MISUSE;
}

int store_begin(struct store_statements *statements)
{
    return run_plain(statements, BEGIN);
}

int store_commit(struct store_statements *statements)
{
    return run_plain(statements, COMMIT);
}

int store_rollback(struct store_statements *statements)
{
    return run_plain(statements, ROLLBACK);
}

int store_write_last_number(struct store_statements *statements, uint64_t last_number)
{
    return run_for(statements, SET_LAST_NUMBER, last_number);
}

/* ---- All of them -------------------------------------------------------------------------------------------- */

struct store_statements *store_statements_new(struct store_db *db, struct error *error)
{
    struct store_statements *statements = calloc(1, sizeof(*statements));
    if (!statements) {
        (void)error_set(error, -ENOMEM, "no memory for the store");
        return NULL;
    }
    statements->db = db;
    for (enum statement i = 0; i < STATEMENTS; i++) {
        statements->prepared[i] = store_db_prepare(db, sql[i], error);
        if (!statements->prepared[i]) {
            store_statements_free(statements);
            return NULL;
        }
    }
    return statements;
}

void store_statements_free(struct store_statements *statements)
{
    if (!statements)
        return;
    for (enum statement i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(statements->prepared[i]); /* tells again what was told */
    free(statements);
}
