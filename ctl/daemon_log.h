/*
 * What a private daemon writes on its standard error: its log, and whatever plugins write there. A thread
 * passes on what is the plugin's as it comes, and keeps the rest for the case that the daemon fails.
 */
#ifndef AWAITCTL_DAEMON_LOG_H
#define AWAITCTL_DAEMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct daemon_log;

/* Takes over fd, the reading end of a pipe, and starts the thread, which writes to `file`. Where a line begins with
 * `config`, a colon and a line's number, that is left out: nobody knows the file. Both must outlive the log. 0, or
 * a negative errno, after which fd is closed. */
int daemon_log_open(int fd, const char *config, FILE *file, struct daemon_log **out);

/* Passes on what was written so far, and ends, also where some process that outlives the daemon still holds
 * the pipe. */
void daemon_log_finish(struct daemon_log *log);

/* Once finished: writes what was kept. */
void daemon_log_print(const struct daemon_log *log);

/* Once finished. NULL is fine. */
void daemon_log_free(struct daemon_log *log);

/* Whether a line, without its newline, comes from a plugin: by way of aw_log(), or from its own hand. */
bool daemon_log_is_of_plugin(const char *line, size_t size);

#endif
