/*
 * The database of the store: its file, its lock, its schema, and the statements prepared for it. What the files of
 * the store's thread share:
 *
 *     store.c        what the loop sees (store.h), and the letters of the thread
 *     store_record.c what the loop records
 *     store_thread.c the thread
 *     store_parts.c  what loop and thread hand to each other
 *     state_dir.c    the directory and its lock
 *     store_db.c     opens, checks and closes the database
 *     store_schema.c the schema and its upgrades
 *     store_log.c    the write-ahead log
 *     store_time.c   points in time that outlive a boot
 *     store_write.c  transactions, and what becomes of them
 *     store_statements.c  from what was recorded to rows
 *     store_row.c    the columns of rows
 *     store_read.c   from rows to batches
 *     store_list.c   finds the batches of a list
 *     store_tidy.c   retention, and the size of the file
 *     store_copy.c   copies of the database
 *
 * The thread of the store only, but for opening, which is over before that starts.
 */
#ifndef AWAITD_SUPERVISOR_STORE_DB_H
#define AWAITD_SUPERVISOR_STORE_DB_H

#include <stdbool.h>
#include <stdint.h>
#include <sqlite3.h>

struct error;
struct store_options;

struct store_db {
    sqlite3 *sqlite;
    int lock_fd;          /* of the directory's lock file */
    char *path;           /* of the database file */
    uint64_t last_number; /* the largest number that a batch was ever given, when it was opened */
    int log_pages; /* store_log.c's: used pages of the log, as of a commit it has not looked at; 0: none */
    int64_t time_shift_ns; /* stored time = clock_now_ns() + this, see store_time.h */
    bool failed;           /* there was trouble worse than a full disk: nothing more is written */
};

/* Opens or makes the database in options->directory and locks that; errors as in store_open(). */
int store_db_open(const struct store_options *options, struct store_db **out, struct error *error);
/* Notes that it was closed in order, unless it has failed, and closes it; no statement may be left. NULL is fine. */
void store_db_close(struct store_db *db);

/* A statement that stays prepared; sqlite3_finalize() is for the caller. NULL: the reason is in *error. */
sqlite3_stmt *store_db_prepare(struct store_db *db, const char *sql, struct error *error);

/* What a result code of SQLite means to the store. */
enum store_trouble {
    STORE_FINE,
    STORE_FULL,    /* there is no room: SQLITE_FULL, or a write that failed with ENOSPC or EDQUOT */
    STORE_CORRUPT, /* SQLITE_CORRUPT, SQLITE_NOTADB: a new start would not help */
    STORE_FAILED,  /* anything else, fsync among it: a new start may help */
};
/* Of the last thing that was done, which returned `result`, primary or extended; the words go to *error. Where it is
 * worse than a full disk the database counts as failed. */
enum store_trouble store_db_trouble(struct store_db *db, int result, struct error *error);
/* The same of what was only read, as an errno: -EUCLEAN where it is corrupt; -ENOMEM and -EIO, which what is written
 * does not depend on. */
int store_db_read_trouble(struct store_db *db, int result, struct error *error);

#endif
