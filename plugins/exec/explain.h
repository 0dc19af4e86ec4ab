/*
 * Says in words why a program could not be started.
 */
#ifndef EXEC_EXPLAIN_H
#define EXEC_EXPLAIN_H

#include <stddef.h>

/* Writes the reason: posix_spawnp() failed with `error` (an errno, positive) for the program, in the directory
 * (-1: that of this process). Looks at the file once more, since one errno stands for several mistakes. */
void explain_spawn(const char *program, int cwd_fd, int error, char *reason, size_t size);

#endif
