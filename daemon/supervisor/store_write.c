/*
 * Transactions. One takes whole parcels, and where it fails it has changed nothing: what waits, waits as before, and what
 * was noted at admissions is noted anew by the next attempt.
 */
#include "supervisor/store_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "supervisor/store_statements.h"

/* Bytes of parcels in one transaction, at most, but for the last of them; reason: it is written in some 50 ms, and then
 * others have their turn. */
#define STEP_BYTES (8u << 20)
/* The same while the disk is full; reason: an attempt that fails costs little, and a small one may fit. */
#define STEP_BYTES_FULL (128u << 10)

struct store_writer {
    struct store_db *db;
    struct store_statements *statements;
    STAILQ_HEAD(, store_parcel) parcels;
    uint64_t last_number; /* as it is stored */
    uint64_t new_number;  /* as it is to be; less, where fewer were given than reserved */
    bool full;
};

/* ---- Transactions ------------------------------------------------------------------------------------------- */

/* Appends results that continue those of another parcel to them. False: they stay what they are. */
static bool gather(struct store_gathering *gathering, struct store_record *record)
{
    struct store_record *earlier =
        store_gathering_find(gathering, record->batch, record->results.first);
    const struct bytes *text = &record->results.text;
    bool fits = earlier && earlier->results.text.size + text->size < STORE_RESULTS_BYTES;
    uint8_t *end = fits ? bytes_reserve(&earlier->results.text, 1 + text->size) : NULL;
    if (!end) {
        store_gathering_note(gathering, record);
        return false;
    }
    *end = ',';
    memcpy(end + 1, text->data, text->size);
    earlier->results.text.size += 1 + text->size;
    earlier->results.count += record->results.count;
    earlier->things += record->things;
    return true;
}

/* Gathers what is in the parcels up to `last`, since a row costs more than a result in it. Results may so be written
 * before what was recorded before them, on which none of that depends. */
static void gather_results(struct store_writer *writer, const struct store_parcel *last)
{
    struct store_gathering gathering = {0};
    struct store_parcel *parcel = NULL;
    while (parcel != last) {
        parcel = parcel ? STAILQ_NEXT(parcel, link) : STAILQ_FIRST(&writer->parcels);
        struct store_records kept = STAILQ_HEAD_INITIALIZER(kept);
        struct store_record *record;
        while ((record = STAILQ_FIRST(&parcel->records))) {
            STAILQ_REMOVE_HEAD(&parcel->records, link);
            if (record->kind == STORE_RESULTS && gather(&gathering, record))
                store_record_free(record);
            else
                STAILQ_INSERT_TAIL(&kept, record, link);
        }
        STAILQ_CONCAT(&parcel->records, &kept);
    }
}

/* The last parcel of the next transaction. */
static struct store_parcel *choose_last(const struct store_writer *writer)
{
    size_t limit = writer->full ? STEP_BYTES_FULL : STEP_BYTES;
    struct store_parcel *last = STAILQ_FIRST(&writer->parcels);
    size_t bytes = last->bytes;
    while (bytes < limit && STAILQ_NEXT(last, link)) {
        last = STAILQ_NEXT(last, link);
        bytes += last->bytes;
    }
    return last;
}

static int write_parcel(struct store_writer *writer, struct store_parcel *parcel)
{
    struct store_record *record;
    STAILQ_FOREACH (record, &parcel->records, link) {
        int result = store_write_record(writer->statements, record);
        if (result != SQLITE_OK)
            return result;
    }
    return SQLITE_OK;
}

static int write_last_number(struct store_writer *writer)
{
    if (writer->new_number == writer->last_number)
        return SQLITE_OK;
    return store_write_last_number(writer->statements, writer->new_number);
}

/* Writes the parcels up to `last`. SQLite's code. */
static int write_parcels(struct store_writer *writer, const struct store_parcel *last)
{
    struct store_parcel *parcel = NULL;
    int result = store_begin(writer->statements);
    while (result == SQLITE_OK && parcel != last) {
        parcel = parcel ? STAILQ_NEXT(parcel, link) : STAILQ_FIRST(&writer->parcels);
        result = write_parcel(writer, parcel);
    }
    if (result == SQLITE_OK)
        result = write_last_number(writer);
    return result == SQLITE_OK ? store_commit(writer->statements) : result;
}

/* Writes the first parcels; *last is the last of them. Where it fails, it leaves no transaction behind. */
static enum store_trouble attempt(struct store_writer *writer, struct store_parcel **last,
                                  struct error *error)
{
    *last = choose_last(writer);
    gather_results(writer, *last);
    int result = write_parcels(writer, *last);
    if (result == SQLITE_OK) {
        writer->last_number = writer->new_number;
        return STORE_FINE;
    }
    enum store_trouble trouble = store_db_trouble(writer->db, result, error);
    /* Some errors have rolled it back. Should this fail, so will what comes next. */
    if (!sqlite3_get_autocommit(writer->db->sqlite))
        (void)store_rollback(writer->statements);
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
    report->things += parcel->numbers;
    report->committed = parcel->last_ticket;
    store_parcel_free(parcel);
}

/* Refuses an admission for want of room, or since its key is there. SQLite's code. */
static int refuse(struct store_writer *writer, struct store_record *record)
{
    int result = store_find_key(writer->statements, record);
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
    STAILQ_FOREACH (parcel, &writer->parcels, link) {
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
    writer->statements = store_statements_new(db, error);
    if (!writer->statements) {
        free(writer);
        return NULL;
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
    store_statements_free(writer->statements);
    free(writer);
}

void store_writer_add(struct store_writer *writer, struct store_parcel *parcel)
{
    if (parcel->last_number)
        writer->new_number = parcel->last_number;
    STAILQ_INSERT_TAIL(&writer->parcels, parcel, link);
}

bool store_writer_waits(const struct store_writer *writer)
{
    return !STAILQ_EMPTY(&writer->parcels);
}

uint64_t store_writer_unwritten(const struct store_writer *writer)
{
    const struct store_parcel *parcel;
    const struct store_record *record;
    uint64_t things = 0;
    STAILQ_FOREACH (parcel, &writer->parcels, link) {
        STAILQ_FOREACH (record, &parcel->records, link)
            things += record->kind == STORE_ADMISSION ? 0 : record->things;
    }
    return things;
}

bool store_writer_is_full(const struct store_writer *writer)
{
    return writer->full;
}
