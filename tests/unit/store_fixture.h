/*
 * A store in a folder of its own, with a loop, and all that its callbacks tell, as text. SQLite's files go through a VFS
 * that fails, or holds the thread of the store, when a test says so.
 */
#ifndef AWAITD_TESTS_STORE_FIXTURE_H
#define AWAITD_TESTS_STORE_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>
#include <sqlite3.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/completions.h"
#include "supervisor/store.h"

/* ---- A disk that fails -------------------------------------------------------------------------------------- */

static struct {
    atomic_bool full;       /* nothing can be written */
    atomic_llong end;       /* nothing can be written from this byte of a file on; 0: everywhere */
    atomic_bool sync_fails; /* fsync() does */
    atomic_int write_error; /* errno of what is written; 0: none */
    atomic_bool corrupt;    /* what is written makes no sense */
    atomic_int read_error;  /* SQLite's code for what is read next; 0: it can be read */
    atomic_int syncs;       /* how many there were */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool held, holds; /* a commit is to wait; it does; under the mutex */
    /* The log, and whether it was written since commits are to wait: then an fsync() of it is a commit, and not a
     * step of housekeeping. */
    const sqlite3_file *log;
    bool log_written;
    sqlite3_vfs vfs, *below;
    /* The methods of files, as they are below: SQLite has a table for each kind of lock. */
    struct {
        const sqlite3_io_methods *below;
        sqlite3_io_methods methods;
    } tables[4];
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline const sqlite3_io_methods *methods_below(const sqlite3_file *file)
{
    size_t i = 0;
    while (file->pMethods != &disk.tables[i].methods)
        i++;
    return disk.tables[i].below;
}

static inline int disk_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    long long end = atomic_load(&disk.end);
    if (atomic_load(&disk.full) || (end && offset + size > end))
        return SQLITE_FULL;
    if (atomic_load(&disk.corrupt))
        return SQLITE_CORRUPT;
    if (atomic_load(&disk.write_error)) {
        errno = atomic_load(&disk.write_error);
        return SQLITE_IOERR_WRITE;
    }
    (void)pthread_mutex_lock(&disk.mutex);
    disk.log_written |= file == disk.log;
    (void)pthread_mutex_unlock(&disk.mutex);
    return methods_below(file)->xWrite(file, data, size, offset);
}

static inline int disk_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
    /* Once: housekeeping, which may come right behind, is not to fail for it. */
    int result = atomic_exchange(&disk.read_error, 0);
    return result ? result : methods_below(file)->xRead(file, data, size, offset);
}

static inline int disk_sync(sqlite3_file *file, int flags)
{
    (void)pthread_mutex_lock(&disk.mutex);
    while (disk.held && disk.log_written && file == disk.log) {
        disk.holds = true;
        (void)pthread_cond_broadcast(&disk.changed);
        (void)pthread_cond_wait(&disk.changed, &disk.mutex);
    }
    disk.holds = false;
    (void)pthread_cond_broadcast(&disk.changed);
    (void)pthread_mutex_unlock(&disk.mutex);
    atomic_fetch_add(&disk.syncs, 1);
    if (atomic_load(&disk.sync_fails))
        return SQLITE_IOERR_FSYNC;
    return methods_below(file)->xSync(file, flags);
}

static inline int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                            int *out_flags)
{
    (void)vfs;
    int result = disk.below->xOpen(disk.below, name, file, flags, out_flags);
    if (result != SQLITE_OK || !file->pMethods)
        return result;
    size_t i = 0;
    while (disk.tables[i].below && disk.tables[i].below != file->pMethods)
        i++;
    disk.tables[i].below = file->pMethods;
    disk.tables[i].methods = *file->pMethods;
    disk.tables[i].methods.xWrite = disk_write;
    disk.tables[i].methods.xRead = disk_read;
    disk.tables[i].methods.xSync = disk_sync;
    file->pMethods = &disk.tables[i].methods;
    if (flags & SQLITE_OPEN_WAL)
        disk.log = file;
    return result;
}

/* The next commit waits until disk_go_on(), and with it the thread of the store. */
static inline void disk_hold(void)
{
    (void)pthread_mutex_lock(&disk.mutex);
    disk.held = true;
    disk.log_written = false;
    (void)pthread_mutex_unlock(&disk.mutex);
}

/* Waits until the thread waits there. */
static inline void disk_await_hold(void)
{
    (void)pthread_mutex_lock(&disk.mutex);
    while (!disk.holds)
        (void)pthread_cond_wait(&disk.changed, &disk.mutex);
    (void)pthread_mutex_unlock(&disk.mutex);
}

static inline void disk_go_on(void)
{
    (void)pthread_mutex_lock(&disk.mutex);
    disk.held = false;
    (void)pthread_cond_broadcast(&disk.changed);
    while (disk.holds)
        (void)pthread_cond_wait(&disk.changed, &disk.mutex);
    (void)pthread_mutex_unlock(&disk.mutex);
}

/* ---- What was told ------------------------------------------------------------------------------------------ */

static char folder[32];
static struct event_base *base;
static struct store *store;
static struct error error;
/* All that the callbacks and readers told, a line each. */
static struct bytes told;
static bool has_failed, is_corrupt;

__attribute__((format(printf, 1, 2))) static inline void tell(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    ck_assert_int_ge(size, 0);
    bytes_put(&told, text, (size_t)size);
    free(text);
}

/* What was told since the last call, or since its beginning. */
static inline void ck_told(const char *expected)
{
    bytes_put(&told, "", 1);
    ck_assert_str_eq((const char *)told.data, expected);
    bytes_clear(&told);
}

static inline void on_admitted(void *context, uint64_t ticket, int code, uint64_t existing,
                               const struct error *why)
{
    ck_assert_ptr_eq(context, &told);
    ck_assert_int_eq(code == 0, why->text[0] == '\0');
    if (code == -EEXIST)
        tell("%" PRIu64 " has the key of batch %" PRIu64 "\n", ticket, existing);
    else
        tell("%" PRIu64 " %s\n", ticket, code == 0 ? "admitted" : strerrorname_np(-code));
}

static inline void on_committed(void *context, uint64_t ticket)
{
    ck_assert_ptr_eq(context, &told);
    tell("committed %" PRIu64 "\n", ticket);
}

static inline void on_full(void *context, bool full, const struct error *why)
{
    ck_assert_ptr_eq(context, &told);
    ck_assert(!full || why->text[0]);
    tell(full ? "full\n" : "room\n");
}

static inline void on_unreadable(void *context, const struct error *why)
{
    ck_assert_ptr_eq(context, &told);
    ck_assert(why->text[0]);
    error = *why;
    tell("unreadable\n");
}

static inline void on_failed(void *context, const struct error *why, bool corrupt)
{
    ck_assert_ptr_eq(context, &told);
    ck_assert(why->text[0]);
    has_failed = true;
    error = *why;
    is_corrupt = corrupt;
    tell("failed\n");
}

/* ---- The store ---------------------------------------------------------------------------------------------- */

static inline void open_store(void)
{
    static const struct store_callbacks callbacks = {
        .on_admitted = on_admitted,
        .on_committed = on_committed,
        .on_full = on_full,
        .on_unreadable = on_unreadable,
        .on_failed = on_failed,
    };
    struct store_options options = {.directory = folder};
    int code = store_open(base, &options, &callbacks, &told, &store, &error);
    ck_assert_msg(code == 0, "%d: %s", code, error.text);
}

static inline void close_store(void)
{
    (void)store_close(store, &error);
    store = NULL;
}

static inline void set_up_store(void)
{
    disk.below = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.below;
    disk.vfs.zName = "test";
    disk.vfs.xOpen = disk_open;
    ck_assert_int_eq(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
    (void)snprintf(folder, sizeof(folder), "/tmp/awaitd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    open_store();
}

static inline void tear_down_store(void)
{
    char command[64];
    close_store();
    event_base_free(base);
    bytes_free(&told);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* Turns the loop until it is so; Check ends a test for which it never is. */
#define TURN_UNTIL(so) \
    do { \
        while (!(so)) \
            ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0); \
    } while (0)

/* Turns the loop until all that was recorded is committed or refused. */
static inline void settle(void)
{
    TURN_UNTIL(store_committed(store) == store_latest(store));
}

/* Changes the database of the store, which is closed. */
static inline void change(const char *sql)
{
    char path[64];
    sqlite3 *sqlite;
    (void)snprintf(path, sizeof(path), "%s/awaitd.db", folder);
    ck_assert_int_eq(sqlite3_open(path, &sqlite), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(sqlite, sql, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(sqlite));
    ck_assert_int_eq(sqlite3_changes(sqlite), 1);
    ck_assert_int_eq(sqlite3_close(sqlite), SQLITE_OK);
}

/* The first column of the first row in a database of the folder. */
static inline int64_t ask_file(const char *file, const char *sql)
{
    char path[64];
    sqlite3 *sqlite;
    sqlite3_stmt *statement;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    ck_assert_int_eq(sqlite3_open(path, &sqlite), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(sqlite));
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    ck_assert_int_eq(sqlite3_finalize(statement), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(sqlite), SQLITE_OK);
    return number;
}

/* The same in the database of the store, which is closed. */
static inline int64_t ask(const char *sql)
{
    return ask_file("awaitd.db", sql);
}

/* ---- What is recorded --------------------------------------------------------------------------------------- */

static inline struct bytes_view view_of(const char *text)
{
    return (struct bytes_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

/* A batch without name and key, of the user 7. */
static inline struct store_batch plain_batch(uint64_t number)
{
    return (struct store_batch){
        .number = number,
        .owner = 7,
        .terms = "{}",
        .submitted_s = 1.5,
        .submitted_ns = CLOCK_BOOT_NS + number,
    };
}

/* A batch with one piece; a key makes it one with a key. Returns the ticket. */
static inline uint64_t admit(uint64_t number, const char *key, const char *jobs)
{
    static const struct fingerprint asked = {.known = FINGERPRINT_WHOLE};
    struct store_batch batch = plain_batch(number);
    struct store_piece piece = {.accepted_ns = CLOCK_BOOT_NS + 1, .jobs = view_of(jobs)};
    uint64_t ticket;
    batch.key = key;
    batch.asked = key ? &asked : NULL;
    struct store_admission admission = {
        .number = number, .batch = &batch, .pieces = &piece, .pieces_count = 1, .seal = true};
    ck_assert_int_eq(store_admit(store, &admission, &ticket), 0);
    return ticket;
}

/* Job `job` has succeeded as completion `seq`. */
static inline void end_job(uint64_t batch, uint32_t seq, uint32_t job, const char *output)
{
    struct completion completion = {
        .job = job, .state = JOB_SUCCEEDED, .queued_ns = 1, .run_ns = 2, .output = view_of(output)};
    ck_assert_int_eq(store_result(store, batch, seq, &completion, 0), 0);
}

/* All `jobs` of it have succeeded. */
static inline void finish(uint64_t batch, uint32_t jobs)
{
    uint32_t in_state[JOB_STATES] = {[JOB_SUCCEEDED] = jobs};
    struct store_finish end = {.batch = batch,
                               .ended_ns = CLOCK_BOOT_NS + 1000,
                               .ended_s = 2.5,
                               .state = "succeeded",
                               .jobs = jobs,
                               .in_state = in_state,
                               .plugins = "[\"wait\"]"};
    ck_assert_int_eq(store_finish(store, &end), 0);
}

/* ---- What is read ------------------------------------------------------------------------------------------- */

static bool read_ended;
static int read_code;

static inline void tell_text(const char *name, const char *text)
{
    if (text)
        tell(" %s=%s", name, text);
}

static inline void tell_since_boot(const char *name, uint64_t ns)
{
    if (ns)
        tell(" %s=%" PRId64, name, (int64_t)(ns - CLOCK_BOOT_NS));
}

static inline void tell_flag(const char *name, bool flag)
{
    if (flag)
        tell(" %s", name);
}

static inline void read_batch(void *context, const struct store_batch *batch)
{
    (void)context;
    tell("batch %" PRIu64 " of %u", batch->number, (unsigned)batch->owner);
    tell_text("name", batch->name);
    tell_text("key", batch->key);
    if (batch->asked)
        tell(" asked=%02x.%d.%02x", batch->asked->terms[31], batch->asked->known,
             batch->asked->jobs[31]);
    if (batch->retry_of)
        tell(" retry_of=%" PRIu64, batch->retry_of);
    tell_flag("configured", batch->configured);
    tell_text("terms", batch->terms);
    tell(" submitted=%.17g", batch->submitted_s);
    tell_since_boot("submitted_ns", batch->submitted_ns);
    tell_flag("sealed", batch->sealed);
    tell_flag("paused", batch->paused);
    tell_text("stopped", batch->stopped);
    tell_text("as", batch->stopped ? job_state_name(batch->stopped_as) : NULL);
    tell_flag("given_up", batch->given_up);
    tell_flag("cut_short", batch->cut_short);
    tell_flag("finished", batch->finished);
    if (batch->ended_s > 0)
        tell(" ended=%.17g", batch->ended_s);
    tell_since_boot("ended_ns", batch->ended_ns);
    tell("\n");
}

static inline void read_piece(void *context, const struct store_piece *piece)
{
    (void)context;
    tell("piece %" PRIu32 " from %" PRIu32, piece->number, piece->first);
    tell_since_boot("at", piece->accepted_ns);
    tell(" %.*s\n", (int)piece->jobs.size, (const char *)piece->jobs.data);
}

static inline void read_job(void *context, const struct store_job *job)
{
    (void)context;
    tell("job %" PRIu32 " attempt %u", job->job, job->attempt);
    tell_since_boot("due", job->due_ns);
    tell_flag("told", job->told);
    tell("\n");
}

static inline void read_results(void *context, uint32_t first, struct bytes_view results)
{
    (void)context;
    tell("results from %" PRIu32 " %.*s\n", first, (int)results.size, (const char *)results.data);
}

static inline void read_end(void *context, int code, const struct error *why)
{
    (void)context;
    ck_assert_int_eq(code == 0, why->text[0] == '\0');
    read_ended = true;
    read_code = code;
    tell("end%s%s\n", code ? " " : "", code ? strerrorname_np(-code) : "");
}

static const struct store_reader reader = {
    .on_batch = read_batch,
    .on_piece = read_piece,
    .on_job = read_job,
    .on_results = read_results,
    .on_end = read_end,
};

/* Reads one batch, or, for 0, all that have not finished, and tells all of it. */
static inline void read_all(uint64_t number)
{
    bytes_clear(&told);
    read_ended = false;
    int code = number ? store_read_batch(store, number, &reader, NULL)
                      : store_read_unfinished(store, &reader, NULL);
    ck_assert_int_eq(code, 0);
    TURN_UNTIL(read_ended);
}

#endif
