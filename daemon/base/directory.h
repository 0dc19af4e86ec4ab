/*
 * Directories, by their paths. Any thread.
 */
#ifndef AWAITD_BASE_DIRECTORY_H
#define AWAITD_BASE_DIRECTORY_H

/* The directory in which an absolute path's file or directory is; "/" for those directly below. For the caller to free;
 * NULL: out of memory. */
char *directory_of(const char *path);

/* Waits until what was made or renamed in it is on the disk: before that a power failure may undo it. A directory that
 * may not be read, or has nothing to sync, is fine. A negative errno. */
int directory_sync(const char *path);

#endif
