/*
 * What is wrong with a request or a file: a list of fields and what was expected of each. Keeps the
 * first 20 and counts the rest, so that a million bad jobs cost no more than a few.
 */
#ifndef AWAITD_BASE_PROBLEMS_H
#define AWAITD_BASE_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

/* How many are kept; enough to see a pattern, few enough to read. */
#define PROBLEMS_KEPT 20

/* Bytes of a field or a text, NUL included; longer ones are cut: both may quote what a stranger sent. */
#define PROBLEMS_TEXT_SIZE 512

struct problem {
    char *field; /* "jobs[3].params.seconds"; for files "FILE:LINE" */
    char *text;  /* "must be at least 0" */
};

/* Zeroed = none. */
struct problems {
    struct problem kept[PROBLEMS_KEPT];
    size_t count; /* all, also those not kept */
};

/* Adds one; `field` and the formatted text are copied. Never fails: without memory it only counts. */
void problems_add(struct problems *problems, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void problems_clear(struct problems *problems);
/* True once the list is full: a check may stop looking. */
bool problems_full(const struct problems *problems);
/* [{field, problem}, ...] as in the protocol's data.problems. New reference; NULL: out of memory. */
json_t *problems_json(const struct problems *problems);
/* Writes the first one as "FIELD: TEXT", with " (and N more)" where there are. */
void problems_first(const struct problems *problems, char *buffer, size_t size);

#endif
