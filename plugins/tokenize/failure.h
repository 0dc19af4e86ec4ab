/*
 * Why something failed, in words for the job's owner. Filled in by the function that failed, with no newline
 * at its end.
 */
#ifndef TOKENIZE_FAILURE_H
#define TOKENIZE_FAILURE_H

/* Bytes of a reason, NUL included: longer ones are cut, as the daemon cuts them. */
#define FAILURE_BYTES 1024

struct failure {
    char text[FAILURE_BYTES];
};

/* Sets the text and returns `code`, a negative errno: return failure_set(failure, -EINVAL, "..."). */
int failure_set(struct failure *failure, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
