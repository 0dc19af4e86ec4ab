/*
 * One worker process, seen from the supervisor: its start, its channel, its end.
 */
#ifndef AWAITD_SUPERVISOR_WORKER_PROCESS_H
#define AWAITD_SUPERVISOR_WORKER_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

struct error;

/* The path of the running binary, to be exec'd as a worker; for the caller to free. NULL: out of memory. */
char *worker_process_binary(void);

/* Starts `binary` as a worker; *channel_fd is the supervisor's end of its channel, close-on-exec. 0 or a
 * negative errno. */
int worker_process_start(const char *binary, pid_t *pid, int *channel_fd, struct error *error);

/* How a process ended, from waitpid(2)'s status, in words: "was killed by signal 11 (Segmentation fault)",
 * "exited with status 3". Returns `buffer`. */
const char *worker_process_end(int status, char *buffer, size_t size);

#endif
