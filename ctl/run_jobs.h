/*
 * Jobs of one kind, given by the words of the command line: what `run` and `plugin try` have in common. Reads them,
 * submits them, follows them and sums up.
 */
#ifndef AWAITCTL_RUN_JOBS_H
#define AWAITCTL_RUN_JOBS_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include "terms.h"

struct connection;
struct ctl;

/* As the command line's options give them; see command_run.c. */
struct run_options {
    int64_t count;
    const char *items;
    struct option_span delay;
    struct terms_options terms;
    bool no_wait, follow, output;
    bool details, ends_with_us; /* no options: see follow.h */
};

/* What the command line asked for. The JSON is owned. */
struct work {
    json_t *entry; /* without items */
    json_t *items; /* NULL: none */
    struct terms terms;
    bool process; /* its one job stands for a process, see process.h */
};

/* Reads a plugin and what follows it, KEY=VALUE... [-- ARGV...], into *work, which the caller clears in any
 * case. */
int run_jobs_read(struct ctl *ctl, const struct run_options *given, int count, char **arguments,
                  struct work *work);
/* NULL members are fine. */
void run_jobs_clear(struct work *work);

/* Submits them and returns the exit code: when they have ended, or at once with no_wait. */
int run_jobs(struct ctl *ctl, const struct run_options *given, struct connection *connection,
             const struct work *work);

#endif
