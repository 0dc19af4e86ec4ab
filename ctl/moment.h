/*
 * Points in time as people write and read them, in local time.
 */
#ifndef AWAITCTL_MOMENT_H
#define AWAITCTL_MOMENT_H

#include <stddef.h>

/* Bytes of the text that moment_show() writes, with its NUL. */
#define MOMENT_SIZE 20

/* Reads, in seconds since 1970: a span ago, such as "2h" or "1.5" (seconds); a local date, which is its midnight, or
 * time: "2026-11-22", "2026-11-22 14:00", "2026-11-22 14:00:05", also with a T in place of the blank; RFC 3339 with an
 * offset, "2026-11-22T14:00:00Z"; "@1763820000". now_s is the wall clock. -EINVAL; *out_s untouched. */
int moment_parse(const char *text, double now_s, double *out_s);

/* Writes the local time, to be read at now_s: "14:00:05" on the same day, else "2026-11-22 14:00"; "-" where it is none
 * that has a date. Returns `buffer`. */
const char *moment_show(double unix_s, double now_s, char buffer[MOMENT_SIZE]);

#endif
