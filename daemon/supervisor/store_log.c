/*
 * SQLite would write the log back within the commit that makes it long, and somebody waits for that commit; here it is
 * done behind it.
 *
 * And SQLite lets the log grow with each commit, so that the file system has to note a new size, and new blocks, with
 * each fdatasync(): that takes twice as long as writing where the file already is, and much longer when others use
 * the disk, too. So the file is made larger in steps ahead of what is written. What lies behind the end of the log is
 * nothing to SQLite, which knows by checksums where that is: a log that began anew leaves old pages there, too.
 */
#include "supervisor/store_log.h"

#include <stddef.h>
#include "base/error.h"

/* Pages of the log after which it is written back: 8 MiB. With fewer, what changes often, such as the last pages of
 * indexes, is written back more often than need be, and with more it takes longer (14 ms at 1000 pages, 36 at 4096, 130
 * at 16384, under a load that gained nothing from more). */
#define PAGES_MAX 2048
/* Of a page in the log, and of its beginning (https://www.sqlite.org/fileformat2.html#walformat). */
#define PAGE_BYTES (24 + 4096)
#define HEAD_BYTES 32
/* The step by which the file becomes larger, and how much is to be there at least; reason: what a turn of the loop
 * records is mostly less, and a step takes a disk a few milliseconds. */
#define STEP_BYTES (1 << 20)
/* Bytes written at once; SQLite takes fewer than 128 KiB. */
#define BLOCK_BYTES (64 << 10)
#define AHEAD_BYTES (256 << 10)

static int on_commit(void *context, sqlite3 *sqlite, const char *name, int pages)
{
    struct store_db *db = context;
    (void)sqlite, (void)name;
    db->log_pages = pages;
    return SQLITE_OK;
}

void store_log_begin(struct store_db *db)
{
    (void)sqlite3_wal_hook(db->sqlite, on_commit, db); /* takes the place of SQLite's own */
}

/* Its size; 0: there is none. */
static int64_t size_of(struct store_db *db, int which, sqlite3_file **file)
{
    sqlite3_int64 size = 0;
    *file = NULL;
    if (sqlite3_file_control(db->sqlite, "main", which, file) != SQLITE_OK || !*file ||
        !(*file)->pMethods || (*file)->pMethods->xFileSize(*file, &size) != SQLITE_OK)
        return 0;
    return size;
}

int64_t store_log_bytes(struct store_db *db)
{
    sqlite3_file *file;
    return size_of(db, SQLITE_FCNTL_FILE_POINTER, &file) +
           size_of(db, SQLITE_FCNTL_JOURNAL_POINTER, &file);
}

/* Where there is no room on the disk, or something worse, the next commit will tell. */
static void grow(struct store_db *db, int pages)
{
    static const char zeros[BLOCK_BYTES];
    int64_t used = HEAD_BYTES + (int64_t)pages * PAGE_BYTES;
    sqlite3_file *file;
    int64_t size = size_of(db, SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (size == 0 || size >= used + AHEAD_BYTES)
        return;
    for (int64_t end = size + STEP_BYTES; size < end; size += BLOCK_BYTES) {
        if (file->pMethods->xWrite(file, zeros, BLOCK_BYTES, size) != SQLITE_OK)
            return;
    }
}

enum store_trouble store_log_keep(struct store_db *db, struct error *error)
{
    int pages = db->log_pages;
    db->log_pages = 0;
    if (pages > 0)
        grow(db, pages);
    if (pages < PAGES_MAX)
        return STORE_FINE;
    int result = sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if ((result & 0xff) == SQLITE_BUSY || (result & 0xff) == SQLITE_LOCKED) /* something reads */
        return STORE_FINE;
    return store_db_trouble(db, result, error);
}
