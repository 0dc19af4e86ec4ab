/*
 * A copy of the database by SQLite's backup interface, on the connection of the store itself: what that writes
 * meanwhile goes to the pages that are copied already, too, so that nothing begins anew and the copy is as the
 * database was when its last page was copied.
 *
 * It is made under another name beside the one that was asked for, and gets that when it is complete and on the disk;
 * a file of that name is never touched. It is no part of what the store promises: its errors are told to
 * whoever wanted it, and no more.
 */
#include "supervisor/store_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/error.h"

/* Pages of a step; reason: some 1 MiB, which a disk takes in milliseconds, so that commits come between. As much is
 * kept in memory. */
#define STEP_PAGES 256

struct store_copy {
    char *file;      /* as it is to be called */
    char *temporary; /* as it is called until then */
    const char *
        made; /* one of these: what must go if this comes to nothing; NULL: nothing is there, or all is well */
    int fd; /* of it */
    sqlite3 *target;
    sqlite3_backup *backup;
};

/* What a result code of SQLite on the target means, in words and as an errno. */
static int failed(struct store_copy *copy, int result, struct error *error)
{
    int code = -EIO;
    if ((result & 0xff) == SQLITE_FULL)
        code = -ENOSPC;
    else if ((result & 0xff) == SQLITE_NOMEM)
        code = -ENOMEM;
    else if ((result & 0xff) == SQLITE_IOERR && sqlite3_system_errno(copy->target) > 0)
        code = -sqlite3_system_errno(copy->target);
    return error_errno(error, code, "cannot copy the database to %s: %s", copy->file,
                       sqlite3_errstr(result));
}

/* Makes the file, with a name that nobody has. */
static int make_file(struct store_copy *copy, struct error *error)
{
    if (asprintf(&copy->temporary, "%s.XXXXXX", copy->file) < 0) {
        copy->temporary = NULL; /* asprintf leaves it undefined */
        return error_errno(error, -ENOMEM, "cannot copy the database to %s", copy->file);
    }
    copy->fd = mkostemp(copy->temporary, O_CLOEXEC); /* mode 0600 */
    if (copy->fd < 0)
        return error_errno(error, -errno, "cannot make a file beside %s", copy->file);
    copy->made = copy->temporary;
    return 0;
}

/* What is not complete is thrown away, so the target needs neither a journal nor fsync() on the way. */
static int open_target(struct store_copy *copy, struct store_db *db, struct error *error)
{
    char pragmas[160];
    (void)snprintf(pragmas, sizeof(pragmas),
                   "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=OFF;"
                   "PRAGMA synchronous=OFF; PRAGMA cache_size=%d",
                   STEP_PAGES);
    int result = sqlite3_open_v2(copy->temporary, &copy->target, SQLITE_OPEN_READWRITE, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_exec(copy->target, pragmas, NULL, NULL, NULL);
    if (result != SQLITE_OK)
        return failed(copy, result, error);
    copy->backup = sqlite3_backup_init(copy->target, "main", db->sqlite, "main");
    return copy->backup ? 0 : failed(copy, sqlite3_errcode(copy->target), error);
}

static struct store_copy *new_copy(const char *file)
{
    struct store_copy *copy = calloc(1, sizeof(*copy));
    if (!copy)
        return NULL;
    copy->fd = -1;
    copy->file = strdup(file);
    if (!copy->file) {
        free(copy);
        return NULL;
    }
    return copy;
}

int store_copy_begin(struct store_db *db, const char *file, struct store_copy **out,
                     struct error *error)
{
    struct stat there;
    if (file[0] != '/') /* the daemon's own directory is none that its clients know */
        return error_set(error, -EINVAL, "%s: must be an absolute path", file);
    if (lstat(file, &there) == 0)
        return error_set(error, -EEXIST, "%s exists already: choose another name", file);
    struct store_copy *copy = new_copy(file);
    if (!copy)
        return error_errno(error, -ENOMEM, "cannot copy the database to %s", file);
    int code = make_file(copy, error);
    if (code == 0)
        code = open_target(copy, db, error);
    if (code != 0)
        store_copy_end(copy);
    else
        *out = copy;
    return code;
}

/* The copy says of itself that it has a write-ahead log, as the original has: makes it a plain file, which is all
 * there is of it. */
static int finish_target(struct store_copy *copy, struct error *error)
{
    int result = sqlite3_backup_finish(copy->backup);
    copy->backup = NULL;
    if (result == SQLITE_OK)
        result = sqlite3_exec(copy->target, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    if (result != SQLITE_OK)
        return failed(copy, result, error);
    result = sqlite3_close(copy->target);
    copy->target = NULL;
    return result == SQLITE_OK ? 0 : failed(copy, result, error);
}

/* Renames, but replaces nothing. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    /* This file system cannot. A link replaces nothing either. */
    if (link(from, to) != 0)
        return -errno;
    (void)unlink(from); /* a second name does no harm */
    return 0;
}

static int publish(struct store_copy *copy, struct error *error)
{
    if (fsync(copy->fd) != 0)
        return error_errno(error, -errno, "cannot write %s", copy->file);
    int code = rename_new(copy->temporary, copy->file);
    if (code == -EEXIST)
        return error_set(error, code, "%s exists already: choose another name", copy->file);
    if (code != 0)
        return error_errno(error, code, "cannot rename the copy to %s", copy->file);
    copy->made = copy->file;
    AUTO_FREE char *directory = directory_of(copy->file);
    code = directory ? directory_sync(directory) : -ENOMEM;
    if (code != 0)
        return error_errno(error, code, "cannot write the directory of %s", copy->file);
    copy->made = NULL;
    return 0;
}

int store_copy_step(struct store_copy *copy, struct error *error)
{
    int result = sqlite3_backup_step(copy->backup, STEP_PAGES);
    if (result == SQLITE_DONE) {
        int code = finish_target(copy, error);
        if (code == 0)
            code = publish(copy, error);
        return code == 0 ? 1 : code;
    }
    if (result != SQLITE_OK) {
        (void)sqlite3_backup_finish(copy->backup); /* tells the same, and leaves errno */
        copy->backup = NULL;
        return failed(copy, result, error);
    }
    /* A little each time: one fsync() of it all would hold the thread for as long as the disk needs. */
    if (fdatasync(copy->fd) != 0)
        return error_errno(error, -errno, "cannot write %s", copy->file);
    return 0;
}

void store_copy_end(struct store_copy *copy)
{
    if (!copy)
        return;
    if (copy->backup)
        (void)sqlite3_backup_finish(copy->backup); /* it is thrown away */
    (void)sqlite3_close(copy->target);             /* likewise; NULL is fine */
    if (copy->made)
        (void)unlink(copy->made); /* it is empty or incomplete, and who wanted it has been told */
    if (copy->fd >= 0)
        (void)close(copy->fd);
    free(copy->temporary);
    free(copy->file);
    free(copy);
}
