/*
 * From what was recorded to rows. A transaction takes whole parcels; where it fails, it has changed nothing, and
 * nothing that waits either, but what was noted at admissions, which the next attempt notes anew.
 */
#include "supervisor/store_write.h"

#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/store_row.h"

/* Bytes of parcels in one transaction, at most, but for the last of them; reason: it is written in some 50 ms, and then
 * others have their turn. */
#define STEP_BYTES (8u << 20)
/* The same while the disk is full; reason: an attempt that fails costs little, and a small one may fit. */
#define STEP_BYTES_FULL (128u << 10)

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
                        " ON CONFLICT (name) DO UPDATE SET value = ?1 WHERE value < ?1",
};
_Static_assert(sizeof(sql) / sizeof(sql[0]) == STATEMENTS, "each statement has its SQL");
/* FINISH has them in this order. */
_Static_assert(JOB_SUCCEEDED + 1 == JOB_FAILED && JOB_FAILED + 1 == JOB_TIMED_OUT &&
                   JOB_TIMED_OUT + 1 == JOB_CANCELLED && JOB_CANCELLED + 1 == JOB_CRASHED &&
                   JOB_CRASHED + 1 == JOB_SKIPPED && JOB_SKIPPED + 1 == JOB_STATES,
               "the states of ended jobs");

struct store_writer {
    struct store_db *db;
    sqlite3_stmt *statements[STATEMENTS];
    STAILQ_HEAD(, store_parcel) parcels;
    uint64_t last_number; /* as it is stored */
    uint64_t new_number;  /* as it is to be; not less */
    bool full;
};

/* ---- Rows --------------------------------------------------------------------------------------------------- */

static struct store_row row_of(struct store_writer *writer, enum statement statement)
{
    return (struct store_row){.statement = writer->statements[statement]};
}

/* Runs what gives no row. SQLITE_OK, or SQLite's code. */
static int run(struct store_row *row)
{
    int64_t unused;
    int result = store_row_run(row, &unused);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int run_plain(struct store_writer *writer, enum statement statement)
{
    struct store_row row = row_of(writer, statement);
    return run(&row);
}

/* Runs what has a batch's number as its only parameter. */
static int run_for(struct store_writer *writer, enum statement statement, uint64_t batch)
{
    struct store_row row = row_of(writer, statement);
    store_put_integer(&row, (int64_t)batch);
    return run(&row);
}

static void put_name(struct store_row *row, const char *reason, enum job_state as)
{
    store_put_text(row, reason);
    store_put_text(row, reason ? job_state_name(as) : NULL);
}

static int add_batch(struct store_writer *writer, const struct store_batch *batch)
{
    struct store_row row = row_of(writer, ADD_BATCH);
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
    store_put_time(&row, writer->db, batch->submitted_ns);
    store_put_integer(&row, batch->sealed);
    store_put_integer(&row, batch->paused);
    put_name(&row, batch->stopped, batch->stopped_as);
    store_put_integer(&row, batch->given_up);
    store_put_integer(&row, batch->cut_short);
    return run(&row);
}

static int add_piece(struct store_writer *writer, uint64_t batch, const struct store_piece *piece)
{
    struct store_row row = row_of(writer, ADD_PIECE);
    store_put_integer(&row, (int64_t)batch);
    store_put_integer(&row, piece->number);
    store_put_integer(&row, piece->first);
    store_put_time(&row, writer->db, piece->accepted_ns);
    store_put_view(&row, piece->jobs);
    return run(&row);
}

static int add_results(struct store_writer *writer, const struct store_record *record)
{
    const struct bytes *text = &record->results.text;
    struct store_row row = row_of(writer, ADD_RESULTS);
    store_put_integer(&row, (int64_t)record->batch);
    store_put_integer(&row, record->results.first);
    store_put_integer(&row, record->results.count);
    store_put_view(&row, (struct bytes_view){.data = text->data, .size = text->size});
    return run(&row);
}

static int set_job(struct store_writer *writer, uint64_t batch, const struct store_job *job)
{
    struct store_row row = row_of(writer, SET_JOB);
    store_put_integer(&row, (int64_t)batch);
    store_put_integer(&row, job->job);
    store_put_integer(&row, job->attempt);
    if (job->due_ns)
        store_put_time(&row, writer->db, job->due_ns);
    else
        store_put_null(&row);
    store_put_integer(&row, job->told);
    return run(&row);
}

static int pause(struct store_writer *writer, uint64_t batch, bool paused)
{
    struct store_row row = row_of(writer, PAUSE);
    store_put_integer(&row, (int64_t)batch);
    store_put_integer(&row, paused);
    return run(&row);
}

static int stop(struct store_writer *writer, uint64_t batch, const struct store_stop *as)
{
    struct store_row row = row_of(writer, STOP);
    store_put_integer(&row, (int64_t)batch);
    put_name(&row, as->reason, as->as);
    store_put_integer(&row, as->given_up);
    store_put_integer(&row, as->cut_short);
    return run(&row);
}

static int finish(struct store_writer *writer, const struct store_finish *end)
{
    struct store_row row = row_of(writer, FINISH);
    store_put_integer(&row, (int64_t)end->batch);
    store_put_text(&row, end->state);
    store_put_real(&row, end->ended_s);
    store_put_time(&row, writer->db, end->ended_ns);
    store_put_integer(&row, end->jobs);
    store_put_real(&row, clock_seconds(end->wall_ns));
    store_put_real(&row, clock_seconds(end->work_ns));
    store_put_integer(&row, (int64_t)end->retries);
    store_put_text(&row, end->plugins);
    for (enum job_state state = JOB_SUCCEEDED; state < JOB_STATES; state++)
        store_put_integer(&row, end->in_state[state]);
    int result = run(&row);
    return result == SQLITE_OK ? run_for(writer, FORGET_JOBS, end->batch) : result;
}

/* ---- Admissions --------------------------------------------------------------------------------------------- */

/* Looks whether a batch has the key of one that is to be admitted, and notes that. */
static int find_key(struct store_writer *writer, struct store_record *record)
{
    const struct store_batch *batch = &record->admission.batch;
    int64_t existing = 0;
    record->admission.code = 0;
    record->admission.existing = 0;
    if (!record->admission.is_new || !batch->key)
        return SQLITE_OK;
    struct store_row row = row_of(writer, FIND_KEY);
    store_put_integer(&row, (int64_t)batch->owner);
    store_put_text(&row, batch->key);
    int result = store_row_run(&row, &existing);
    if (result == SQLITE_ROW) {
        record->admission.code = -EEXIST;
        record->admission.existing = (uint64_t)existing;
    }
    return result == SQLITE_ROW || result == SQLITE_DONE ? SQLITE_OK : result;
}

static int admit(struct store_writer *writer, struct store_record *record)
{
    int result = find_key(writer, record);
    if (result != SQLITE_OK || record->admission.code)
        return result;
    if (record->admission.is_new)
        result = add_batch(writer, &record->admission.batch);
    for (uint32_t i = 0; i < record->admission.pieces_count && result == SQLITE_OK; i++)
        result = add_piece(writer, record->batch, &record->admission.pieces[i]);
    if (result == SQLITE_OK && record->admission.seal)
        result = run_for(writer, SEAL, record->batch);
    return result;
}

/* ---- Transactions ------------------------------------------------------------------------------------------- */

static int write_record(struct store_writer *writer, struct store_record *record)
{
    switch (record->kind) {
    case STORE_ADMISSION:
        return admit(writer, record);
    case STORE_RESULTS:
        return add_results(writer, record);
    case STORE_JOB:
        return set_job(writer, record->batch, &record->job);
    case STORE_SEAL:
        return run_for(writer, SEAL, record->batch);
    case STORE_PAUSE:
        return pause(writer, record->batch, record->paused);
    case STORE_STOP:
        return stop(writer, record->batch, &record->stop);
    case STORE_FINISH:
        return finish(writer, &record->end.finish);
    }
    return SQLITE_MISUSE;
}

static int write_parcel(struct store_writer *writer, struct store_parcel *parcel)
{
    struct store_record *record;
    STAILQ_FOREACH(record, &parcel->records, link)
    {
        int result = write_record(writer, record);
        if (result != SQLITE_OK)
            return result;
    }
    return SQLITE_OK;
}

static int write_last_number(struct store_writer *writer)
{
    if (writer->new_number == writer->last_number)
        return SQLITE_OK;
    return run_for(writer, SET_LAST_NUMBER, writer->new_number);
}

/* Writes the first parcels. *last is the last of them. SQLite's code. */
static int write_parcels(struct store_writer *writer, struct store_parcel **last)
{
    size_t bytes = 0, limit = writer->full ? STEP_BYTES_FULL : STEP_BYTES;
    struct store_parcel *parcel;
    int result = run_plain(writer, BEGIN);
    STAILQ_FOREACH(parcel, &writer->parcels, link)
    {
        if (result != SQLITE_OK || bytes >= limit)
            break;
        bytes += parcel->bytes;
        *last = parcel;
        result = write_parcel(writer, parcel);
    }
    if (result == SQLITE_OK)
        result = write_last_number(writer);
    return result == SQLITE_OK ? run_plain(writer, COMMIT) : result;
}

/* The same, in words; where it fails, it leaves no transaction behind. */
static enum store_trouble attempt(struct store_writer *writer, struct store_parcel **last,
                                  struct error *error)
{
    int result = write_parcels(writer, last);
    if (result == SQLITE_OK) {
        writer->last_number = writer->new_number;
        return STORE_FINE;
    }
    enum store_trouble trouble = store_db_trouble(writer->db, result, error);
    /* Some errors have rolled it back. Should this fail, so will what comes next. */
    if (!sqlite3_get_autocommit(writer->db->sqlite))
        (void)run_plain(writer, ROLLBACK);
    return trouble;
}

/* ---- What has become of it ---------------------------------------------------------------------------------- */

/* Hands the first parcel's admissions to the report, and frees the rest, which is done. */
static void release_first(struct store_writer *writer, struct store_report *report)
{
    struct store_parcel *parcel = STAILQ_FIRST(&writer->parcels);
    struct store_record *record;
    STAILQ_REMOVE_HEAD(&writer->parcels, link);
    while ((record = STAILQ_FIRST(&parcel->records))) {
        STAILQ_REMOVE_HEAD(&parcel->records, link);
        report->things += record->things;
        if (record->kind == STORE_ADMISSION)
            STAILQ_INSERT_TAIL(&report->admissions, record, link);
        else
            store_record_free(record);
    }
    report->committed = parcel->last_ticket;
    store_parcel_free(parcel);
}

/* Refuses an admission for want of room, or since its key is there. SQLite's code. */
static int refuse(struct store_writer *writer, struct store_record *record)
{
    int result = find_key(writer, record);
    if (!record->admission.code)
        record->admission.code = -ENOSPC;
    return result;
}

/* Takes the admissions out of a parcel. */
static int refuse_in(struct store_writer *writer, struct store_parcel *parcel,
                     struct store_report *report)
{
    struct store_records kept = STAILQ_HEAD_INITIALIZER(kept);
    struct store_record *record;
    int result = SQLITE_OK;
    while ((record = STAILQ_FIRST(&parcel->records))) {
        STAILQ_REMOVE_HEAD(&parcel->records, link);
        if (record->kind != STORE_ADMISSION || result != SQLITE_OK) {
            STAILQ_INSERT_TAIL(&kept, record, link);
            continue;
        }
        result = refuse(writer, record);
        report->things += record->things;
        STAILQ_INSERT_TAIL(&report->admissions, record, link);
    }
    STAILQ_CONCAT(&parcel->records, &kept);
    return result;
}

/* Refuses all admissions that wait. Parcels that are done with then are released from the front. */
static enum store_trouble refuse_all(struct store_writer *writer, struct store_report *report,
                                     struct error *error)
{
    struct store_parcel *parcel;
    STAILQ_FOREACH(parcel, &writer->parcels, link)
    {
        int result = refuse_in(writer, parcel, report);
        if (result != SQLITE_OK)
            return store_db_trouble(writer->db, result, error);
    }
    while ((parcel = STAILQ_FIRST(&writer->parcels)) && STAILQ_EMPTY(&parcel->records))
        release_first(writer, report);
    return STORE_FULL;
}

enum store_trouble store_writer_step(struct store_writer *writer, struct store_report *report,
                                     struct error *error)
{
    struct store_parcel *last = NULL;
    enum store_trouble trouble = attempt(writer, &last, error);
    STAILQ_INIT(&report->admissions);
    if (trouble == STORE_FULL) {
        report->error = *error;
        trouble = refuse_all(writer, report, error);
        if (trouble == STORE_FULL && !STAILQ_EMPTY(&report->admissions) &&
            store_writer_waits(writer))
            trouble = attempt(writer, &last, error);
    }
    if (trouble == STORE_FINE) {
        bool more = true;
        while (more) {
            more = STAILQ_FIRST(&writer->parcels) != last;
            release_first(writer, report);
        }
        report->commit = true;
    }
    /* It ends when all that waited is written, lest it begins and ends with every small thing that fits. */
    writer->full = trouble == STORE_FULL || (writer->full && store_writer_waits(writer));
    report->full = writer->full;
    return trouble;
}

/* ---- The writer --------------------------------------------------------------------------------------------- */

struct store_writer *store_writer_new(struct store_db *db, struct error *error)
{
    struct store_writer *writer = calloc(1, sizeof(*writer));
    if (!writer) {
        (void)error_set(error, -ENOMEM, "no memory for the store");
        return NULL;
    }
    writer->db = db;
    writer->last_number = writer->new_number = db->last_number;
    STAILQ_INIT(&writer->parcels);
    for (enum statement i = 0; i < STATEMENTS; i++) {
        writer->statements[i] = store_db_prepare(db, sql[i], error);
        if (!writer->statements[i]) {
            store_writer_free(writer);
            return NULL;
        }
    }
    return writer;
}

void store_writer_free(struct store_writer *writer)
{
    struct store_parcel *parcel;
    if (!writer)
        return;
    while ((parcel = STAILQ_FIRST(&writer->parcels))) {
        STAILQ_REMOVE_HEAD(&writer->parcels, link);
        store_parcel_free(parcel);
    }
    for (enum statement i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(writer->statements[i]); /* tells again what was told */
    free(writer);
}

void store_writer_add(struct store_writer *writer, struct store_parcel *parcel)
{
    if (parcel->last_number > writer->new_number)
        writer->new_number = parcel->last_number;
    STAILQ_INSERT_TAIL(&writer->parcels, parcel, link);
}

bool store_writer_waits(const struct store_writer *writer)
{
    return !STAILQ_EMPTY(&writer->parcels);
}

bool store_writer_is_full(const struct store_writer *writer)
{
    return writer->full;
}
