/*
 * How a process came out: its details, and whether that is a success.
 */
#ifndef EXEC_OUTCOME_H
#define EXEC_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <awaitd/plugin.h>

struct outcome {
    int status; /* as wait4() tells it */
    struct rusage usage;
    const uint8_t *errors; /* standard error, as far as it was kept */
    size_t errors_size;
    bool errors_truncated;
};

/* Whether each is an exit code or a range of them: "3", "10-20". If not, says which in `reason`. */
bool outcome_codes_valid(const struct aw_strings *codes, char *reason, size_t size);

/* Whether the process exited with one of the codes; an empty list is 0 alone. If not, says in `reason` how it
 * ended. */
bool outcome_is_ok(const struct outcome *outcome, const struct aw_strings *codes, char *reason,
                   size_t size);

/* The details as JSON, for free(). NULL: out of memory. */
char *outcome_json(const struct outcome *outcome);

#endif
