/*
 * Opens the database in an order that harms nothing: first whose it is, without changing it; then how it is to work; then
 * whether it is sound, where that is in doubt; then its upgrade, and the time it goes on with.
 *
 * Sets SQLite up so that what was committed outlives a loss of power (synchronous=FULL), that no other process can open
 * it, also none that does not know of our lock (locking_mode=EXCLUSIVE, which also keeps the index of the log in memory
 * instead of a file), and that room can be given back (auto_vacuum=INCREMENTAL).
 */
#include "supervisor/store_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/state_dir.h"
#include "supervisor/store.h"
#include "supervisor/store_log.h"
#include "supervisor/store_schema.h"
#include "supervisor/store_time.h"

/* How it works, once it is known to be ours. A log longer than twice what store_log.c lets it have is cut when it begins
 * anew. */
static const char settings[] = "PRAGMA journal_mode=WAL;"
                               "PRAGMA synchronous=FULL;"
                               "PRAGMA journal_size_limit=16777216;"
                               "PRAGMA foreign_keys=OFF;"
                               "PRAGMA temp_store=MEMORY;";

/* Of a new database, before there is anything in it. Not later: that would write, and a disk may be full. */
static const char settings_of_new[] = "PRAGMA auto_vacuum=INCREMENTAL;";

/* What the database says of the daemon that had it last. */
struct marks {
    struct store_time time;
    bool closed; /* it has ended in order */
};

static const char what_to_do[] =
    "move awaitd.db and awaitd.db-wal away to begin anew, put a backup in their place, or save "
    "what can still be read as awaitd(8) shows";

enum store_trouble store_db_trouble(struct store_db *db, int result, struct error *error)
{
    /* Of what fails within a COMMIT, SQLite keeps no errno, or still has that of something before it. */
    int primary = result & 0xff, system_error = errno;
    int extended = sqlite3_extended_errcode(db->sqlite);
    if (primary == SQLITE_OK || primary == SQLITE_ROW || primary == SQLITE_DONE)
        return STORE_FINE;
    /* After a failed fsync() nobody knows what is on the disk, also where the reason is a lack of room. */
    bool synced = extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC;
    if (primary == SQLITE_FULL || (primary == SQLITE_IOERR && !synced &&
                                   (system_error == ENOSPC || system_error == EDQUOT))) {
        (void)error_set(error, -ENOSPC, "%s: there is no room left on its disk%s", db->path,
                        system_error == EDQUOT ? " for this user" : "");
        return STORE_FULL;
    }
    db->failed = true;
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
        (void)error_set(error, -EUCLEAN, "%s is corrupt (%s); %s", db->path,
                        sqlite3_errmsg(db->sqlite), what_to_do);
        return STORE_CORRUPT;
    }
    if (primary == SQLITE_CANTOPEN) /* it tries again, in other ways */
        system_error = sqlite3_system_errno(db->sqlite);
    bool by_system = (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) && system_error;
    (void)error_set(error, -EIO, "%s: %s (SQLite %d)%s%s", db->path, sqlite3_errmsg(db->sqlite),
                    extended, by_system ? ": " : "",
                    by_system ? strerrordesc_np(system_error) : "");
    return STORE_FAILED;
}

int store_db_read_trouble(struct store_db *db, int result, struct error *error)
{
    bool failed = db->failed;
    if ((result & 0xff) == SQLITE_NOMEM)
        return error_set(error, -ENOMEM, "out of memory");
    if (store_db_trouble(db, result, error) == STORE_CORRUPT)
        return -EUCLEAN;
    db->failed = failed;
    return -EIO;
}

/* The same while it is being opened: what store_open() returns. */
static int refuse(struct store_db *db, int result, struct error *error)
{
    switch (store_db_trouble(db, result, error)) {
    case STORE_FINE:
        return 0;
    case STORE_FULL:
        return -ENOSPC;
    case STORE_CORRUPT:
        return -EUCLEAN;
    case STORE_FAILED:
        break;
    }
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(error, -EBUSY,
                         "%s is open in another program, such as sqlite3; end that one", db->path);
    case SQLITE_NOMEM:
        return error_set(error, -ENOMEM, "out of memory");
    case SQLITE_READONLY:
        return -EACCES;
    default:
        return sqlite3_system_errno(db->sqlite) ? -sqlite3_system_errno(db->sqlite) : -EIO;
    }
}

sqlite3_stmt *store_db_prepare(struct store_db *db, const char *sql, struct error *error)
{
    sqlite3_stmt *statement = NULL;
    int result =
        sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (result != SQLITE_OK)
        (void)store_db_trouble(db, result, error);
    return statement;
}

/* Bytes of a file in the directory; 0: it is not there. */
static off_t size_of(int directory, const char *name)
{
    struct stat status;
    return fstatat(directory, name, &status, 0) == 0 ? status.st_size : 0;
}

/* A database that is new has no log, and SQLite would throw away what is in one. Ours has its first page before it has a
 * log, and keeps it. */
static int check_log(int directory, const struct store_db *db, struct error *error)
{
    if (size_of(directory, STATE_DIR_DATABASE) > 0 ||
        size_of(directory, STATE_DIR_DATABASE "-wal") == 0)
        return 0;
    return error_set(error, -EUCLEAN,
                     "%s is missing or empty, but its log %s-wal is not: put the awaitd.db back "
                     "that was beside it, or move awaitd.db-wal away, too, to begin anew",
                     db->path, db->path);
}

/* Makes the file where it is missing, for this user alone. SQLite gives awaitd.db-wal the same mode. */
static int make_file(int directory, const struct store_db *db, struct error *error)
{
    AUTO_CLOSE int fd = openat(directory, STATE_DIR_DATABASE,
                               O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0 && errno == EEXIST)
        return 0;
    /* SQLite syncs the directory with the first commit. */
    if (fd < 0 || fchmod(fd, 0600) != 0)
        return error_errno(error, -errno, "cannot make %s", db->path);
    return 0;
}

static int open_sqlite(struct store_db *db, struct error *error)
{
    /* Opened by one thread and used by another, never by both. */
    int result =
        sqlite3_open_v2(db->path, &db->sqlite,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (!db->sqlite)
        return error_set(error, -ENOMEM, "out of memory");
    if (result != SQLITE_OK)
        return refuse(db, result, error);
    if (sqlite3_db_readonly(db->sqlite, "main") == 1) /* it falls back to that */
        return error_set(error, access(db->path, W_OK) == 0 ? -EROFS : -errno,
                         "%s cannot be written; give this user write access to it", db->path);
    return refuse(db, sqlite3_exec(db->sqlite, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL),
                  error);
}

static int identify(struct store_db *db, int *version, struct error *error)
{
    int code = store_schema_identify(db->sqlite, &store_schema, version, error);
    if (code == -EIO)
        return refuse(db, sqlite3_extended_errcode(db->sqlite), error);
    return code ? error_prefix(error, code, "%s", db->path) : 0;
}

/* Takes one row of meta. */
static void take_mark(sqlite3_stmt *row, struct store_db *db, struct marks *marks)
{
    const char *name = (const char *)sqlite3_column_text(row, 0);
    if (strcmp(name, "last_number") == 0)
        db->last_number = (uint64_t)sqlite3_column_int64(row, 1);
    else if (strcmp(name, "boot") == 0)
        (void)snprintf(marks->time.boot, sizeof(marks->time.boot), "%s",
                       (const char *)sqlite3_column_text(row, 1));
    else if (strcmp(name, "shift_ns") == 0)
        marks->time.shift_ns = sqlite3_column_int64(row, 1);
    else if (strcmp(name, "seen_ns") == 0)
        marks->time.seen_ns = sqlite3_column_int64(row, 1);
    else if (strcmp(name, "seen") == 0)
        marks->time.seen_s = sqlite3_column_double(row, 1);
    else if (strcmp(name, "closed") == 0)
        marks->closed = sqlite3_column_int(row, 1);
}

static int read_marks(struct store_db *db, struct marks *marks, struct error *error)
{
    sqlite3_stmt *rows = store_db_prepare(db, "SELECT name, value FROM meta", error);
    if (!rows)
        return refuse(db, sqlite3_extended_errcode(db->sqlite), error);
    int result;
    while ((result = sqlite3_step(rows)) == SQLITE_ROW)
        take_mark(rows, db, marks);
    int code = refuse(db, result, error);
    (void)sqlite3_finalize(rows); /* tells again what step told */
    return code;
}

/* A machine that went down at once may have a disk that forgot, or mixed up, what it was told to keep; a daemon that did
 * leaves a sound file. */
static int check(struct store_db *db, struct error *error)
{
    sqlite3_stmt *row = store_db_prepare(db, "PRAGMA quick_check(1)", error);
    if (!row)
        return refuse(db, sqlite3_extended_errcode(db->sqlite), error);
    int code, result = sqlite3_step(row);
    const char *found = result == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : NULL;
    if (found && strcmp(found, "ok") != 0)
        code =
            error_set(error, -EUCLEAN, "%s is corrupt (%.200s); %s", db->path, found, what_to_do);
    else
        code = refuse(db, result, error);
    (void)sqlite3_finalize(row);
    return code;
}

/* Batches were seen later than `seen`, perhaps, by the daemon that had it last. And it may have died before it noted the
 * last number. */
static int read_newest(struct store_db *db, struct marks *marks, struct error *error)
{
    static const char sql[] =
        "SELECT max(number), submitted_ns, submitted FROM batch UNION ALL "
        "SELECT * FROM (SELECT 0, ended_ns, ended FROM batch WHERE state IS NOT NULL "
        "ORDER BY ended DESC LIMIT 1)";
    sqlite3_stmt *rows = store_db_prepare(db, sql, error);
    if (!rows)
        return refuse(db, sqlite3_extended_errcode(db->sqlite), error);
    int result;
    while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
        uint64_t number = (uint64_t)sqlite3_column_int64(rows, 0);
        int64_t seen_ns = sqlite3_column_int64(rows, 1);
        if (number > db->last_number)
            db->last_number = number;
        if (seen_ns > marks->time.seen_ns) {
            marks->time.seen_ns = seen_ns;
            marks->time.seen_s = sqlite3_column_double(rows, 2);
        }
    }
    int code = refuse(db, result, error);
    (void)sqlite3_finalize(rows);
    return code;
}

/* Writes the marks in one transaction. SQLite's result code. */
static int write_marks(struct store_db *db, const struct marks *marks)
{
    sqlite3_stmt *row = NULL;
    int result =
        sqlite3_prepare_v2(db->sqlite,
                           "INSERT OR REPLACE INTO meta VALUES ('boot', ?1), ('shift_ns', ?2), "
                           "('seen_ns', ?3), ('seen', ?4), ('closed', ?5)",
                           -1, &row, NULL);
    if (result != SQLITE_OK)
        return result;
    /* Binding numbers and a static text to a statement that has them cannot fail. */
    (void)sqlite3_bind_text(row, 1, marks->time.boot, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(row, 2, marks->time.shift_ns);
    (void)sqlite3_bind_int64(row, 3, marks->time.seen_ns);
    (void)sqlite3_bind_double(row, 4, marks->time.seen_s);
    (void)sqlite3_bind_int(row, 5, marks->closed);
    result = sqlite3_step(row);
    (void)sqlite3_finalize(row);
    return result;
}

/* Goes on with the time of the store, and notes that it is open. Writes nothing where nothing of that has changed, as
 * when the daemon was killed and comes back: so it does on a full disk. */
static int go_on(struct store_db *db, struct marks *known, const char *boot, struct error *error)
{
    struct marks marks = {0};
    uint64_t now_ns = clock_now_ns();
    double now_s = clock_wall_s();
    int code = read_newest(db, known, error);
    if (code)
        return code;
    (void)snprintf(marks.time.boot, sizeof(marks.time.boot), "%s", boot);
    marks.time.shift_ns = store_time_shift(&known->time, boot, now_ns, now_s);
    marks.time.seen_ns = (int64_t)now_ns + marks.time.shift_ns;
    /* A clock that was not set yet, after a boot, must not make the next gap seem long. */
    marks.time.seen_s = now_s > known->time.seen_s ? now_s : known->time.seen_s;
    db->time_shift_ns = marks.time.shift_ns;
    if (!known->closed && *boot && strcmp(boot, known->time.boot) == 0 &&
        marks.time.shift_ns == known->time.shift_ns)
        return 0;
    return refuse(db, write_marks(db, &marks), error);
}

static int prepare(struct store_db *db, struct error *error)
{
    struct marks known = {0};
    char boot[sizeof(known.time.boot)];
    int version = 0;
    int code = identify(db, &version, error);
    store_time_boot(boot, sizeof(boot));
    if (!code && version == 0)
        code = refuse(db, sqlite3_exec(db->sqlite, settings_of_new, NULL, NULL, NULL), error);
    if (!code)
        code = refuse(db, sqlite3_exec(db->sqlite, settings, NULL, NULL, NULL), error);
    store_log_begin(db);
    if (!code && version > 0)
        code = read_marks(db, &known, error);
    if (!code && version > 0 && !known.closed && (!*boot || strcmp(boot, known.time.boot) != 0))
        code = check(db, error);
    if (!code && version < store_schema.version)
        code = refuse(db, store_schema_upgrade(db->sqlite, &store_schema, version), error);
    return code ? code : go_on(db, &known, boot, error);
}

static void close_all(struct store_db *db)
{
    if (db->sqlite &&
        db->failed) /* whatever failed, a close that writes the log back would try again */
        (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(db->sqlite); /* fails where a statement is left: the caller's mistake */
    cleanup_close(&db->lock_fd);
    free(db->path);
    free(db);
}

int store_db_open(const struct store_options *options, struct store_db **out, struct error *error)
{
    AUTO_CLOSE int directory = -1;
    struct store_db *db = calloc(1, sizeof(*db));
    if (!db || asprintf(&db->path, "%s/" STATE_DIR_DATABASE, options->directory) < 0) {
        free(db);
        return error_set(error, -ENOMEM, "out of memory");
    }
    db->lock_fd = -1;
    int code = state_dir_open(options->directory, options->make_parents, &directory, error);
    if (!code)
        code = state_dir_trust(options->directory, error);
    if (!code)
        code = state_dir_lock(directory, options->directory, &db->lock_fd, error);
    if (!code)
        code = check_log(directory, db, error);
    if (!code)
        code = make_file(directory, db, error);
    if (!code)
        code = open_sqlite(db, error);
    if (!code)
        code = prepare(db, error);
    if (code) {
        db->failed = true;
        close_all(db);
        return code;
    }
    *out = db;
    return 0;
}

void store_db_close(struct store_db *db)
{
    if (!db)
        return;
    struct marks marks = {.closed = true};
    store_time_boot(marks.time.boot, sizeof(marks.time.boot));
    marks.time.shift_ns = db->time_shift_ns;
    marks.time.seen_ns = (int64_t)clock_now_ns() + db->time_shift_ns;
    marks.time.seen_s = clock_wall_s();
    /* What fails here is checked at the next start. */
    if (!db->failed)
        (void)write_marks(db, &marks);
    close_all(db);
}
