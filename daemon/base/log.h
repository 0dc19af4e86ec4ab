/*
 * The log. Lines go through a bounded mailbox to a thread of their own, the only caller of
 * syslog(3), so that a stalled journal never stalls the caller; lines that find the mailbox full
 * are dropped, counted, and reported when there is room again. A rate limit of its own holds back
 * floods of one kind of line (those of jobs) and sums up what it held back.
 *
 * A line is a message and key=value fields. Values with blanks, quotes, control characters or '='
 * are written in double quotes with backslash escapes, so a line stays a line.
 */
#ifndef AWAITD_BASE_LOG_H
#define AWAITD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log;
struct error;

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVELS, /* how many there are */
};

/* "error", "warning", "info", "debug". */
const char *log_level_name(enum log_level level);
/* LOG_LEVELS: no such name. */
enum log_level log_level_from_name(const char *name);

enum log_target {
    LOG_TARGET_SYSLOG, /* facility daemon, ident and pid in front */
    LOG_TARGET_STDERR, /* for people: time of day, level, text */
};

struct log_options {
    enum log_target target;
    enum log_level level; /* lines above it are not written */
    const char *ident;    /* the name in front of syslog lines; must outlive the log */
    double rate;          /* limited lines per second (log_limited); 0: no limit */
    double burst;         /* limited lines that may come at once; at least 1 */
    size_t mailbox_lines; /* lines that may wait for syslog; reason: memory stays bounded */
};

/* Starts the log and its thread. NULL: the reason is in *error. */
struct log *log_open(const struct log_options *options, struct error *error);

/* Writes what waits (for at most 2 s, should syslog be stalled) and ends the thread. NULL is fine. */
void log_close(struct log *log);

/* Writes one line: a message and what follows as given. Copies; never blocks. Any thread. A NULL
 * log drops the line. */
void log_write(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a limited line (one of a flood) may be written now; takes one from the allowance. When it
 * says no, the line counts as held back, and a warning `held_back=N` sums them up, at most once a
 * second, as soon as the flood ebbs or at log_close(). Loop thread of the log's owner only. */
bool log_limited(struct log *log, enum log_level level);

/* Appends " key=value" to the NUL-terminated line of `size` bytes, quoting as told above; what
 * does not fit is cut. Any thread. */
void log_field(char *line, size_t size, const char *key, const char *value);

#endif
