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

/* Takes over fd, the reading end of a pipe, and starts the thread. 0, or a negative errno, after which fd is
 * closed. */
int daemon_log_open(int fd, struct daemon_log **out);

/* Passes on what was written so far, and ends, also where some process that outlives the daemon still holds
 * the pipe. */
void daemon_log_finish(struct daemon_log *log);

/* Once finished: prints what was kept, less `prefix` where a line begins with it. */
void daemon_log_print(const struct daemon_log *log, const char *prefix, FILE *file);

/* Once finished. NULL is fine. */
void daemon_log_free(struct daemon_log *log);

/* Whether a line, without its newline, comes from a plugin: by way of aw_log(), or from its own hand. */
bool daemon_log_is_of_plugin(const char *line, size_t size);

#endif
