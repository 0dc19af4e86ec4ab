/*
 * Errors that tell their story. Whatever can fail returns 0 or a negative errno and, where words
 * help, takes a struct error * as its last argument. The callee writes the words, callers may put
 * context in front, and only the outermost layer shows them. A NULL struct error * is always fine.
 */
#ifndef AWAITD_BASE_ERROR_H
#define AWAITD_BASE_ERROR_H

#include <stdarg.h>

struct error {
    char text[512]; /* UTF-8; longer stories are cut */
};

/* Writes the story and returns `code` (a negative errno): return error_set(error, -EINVAL, "..."). */
int error_set(struct error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, followed by ": " and the description of -code, as in "cannot open x: No such file". */
int error_errno(struct error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts context and ": " in front of the story told so far; returns `code`. */
int error_prefix(struct error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
