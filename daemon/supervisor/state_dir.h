/*
 * The directory of the daemon's state: made where it is missing, refused where it is not safe, and locked, so that
 * only one daemon uses it. The stories say what to do. Any thread.
 */
#ifndef AWAITD_SUPERVISOR_STATE_DIR_H
#define AWAITD_SUPERVISOR_STATE_DIR_H

#include <stdbool.h>

struct error;

/* The database's file in it; SQLite keeps awaitd.db-wal beside it. */
#define STATE_DIR_DATABASE "awaitd.db"

/* Opens the directory; makes it, with mode 0700, where it is missing, and with `make_parents` what is missing above
 * it. The path is absolute. *out is a descriptor. -ENOTDIR, -ENOENT, -EACCES, -EROFS and others. */
int state_dir_open(const char *path, bool make_parents, int *out, struct error *error);

/* Where root runs the daemon, only root may be able to change the directory and the database. -EPERM. */
int state_dir_trust(const char *path, struct error *error);

/* Locks it for as long as *out is open, and leaves this process's number in its file `lock`. -EBUSY: another process
 * has it, which the story names; others: the directory cannot be written. */
int state_dir_lock(int directory, const char *path, int *out, struct error *error);

/* Whether it could be used, as far as can be told without making, changing or locking anything. */
int state_dir_check(const char *path, bool make_parents, struct error *error);

#endif
