/*
 * What a job asks for: its parameters, and what they mean.
 */
#ifndef TOKENIZE_REQUEST_H
#define TOKENIZE_REQUEST_H

#include <awaitd/plugin.h>

#include "failure.h"
#include "segment.h"
#include "source.h"

/* The parameters, as the daemon fills them in; explained in tokenize.c's table. */
struct request {
    const char *text, *file;       /* one of them is NULL */
    const char *chunk;             /* may be NULL */
    struct aw_size offset, length; /* length 0: not given */
    const char *unit;
    bool lowercase;
    const char *output;
    int64_t top;
    const char *invalid;
};

enum output { OUTPUT_COUNTS, OUTPUT_COUNT, OUTPUT_TOKENS };

/* What the texts among them stand for. */
struct choice {
    enum unit unit;
    enum output output;
    bool replace;         /* what is not UTF-8 */
    uint64_t part, parts; /* part 0 to parts - 1; parts 0: not in parts */
};

/* Reads the texts among the parameters, and checks that they go together. -EINVAL with the failure, which says what
 * there is to choose from. */
int request_check(const struct request *request, struct choice *choice, struct failure *failure);

/* Opens what is to be read. -errno with the failure; source_close() either way. */
int request_open(const struct request *request, const struct choice *choice, struct source *source,
                 struct failure *failure);

#endif
