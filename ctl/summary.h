/*
 * How a batch came out, as the protocol's summary tells it, and the line that tells people.
 */
#ifndef AWAITCTL_SUMMARY_H
#define AWAITCTL_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include "wire/job_state.h"

struct summary {
    uint64_t batch, jobs;
    const char *name; /* points into the JSON; NULL: none */
    /* "open", "running", "succeeded", "failed", "cancelled"; into the JSON. "paused": open or running, and paused. */
    const char *state;
    uint64_t ended[JOB_STATES];     /* by final state; 0 for the others */
    double wall_s, work_s, speedup; /* 0 where not told */
};

/* Reads a summary; what is missing counts as 0 or "". The texts live as long as `json`. */
void summary_read(const json_t *json, struct summary *out);

/* Whether every job succeeded: the exit code depends on it. */
bool summary_succeeded(const struct summary *summary);

/* "10 succeeded, 2 timed out": the final states that jobs are in; "no jobs" where there are none.
 * Writes to `buffer`, cut where it does not fit, and returns it. */
const char *summary_counts(const struct summary *summary, char *buffer, size_t size);

/* The line, without a newline:
 * "batch 1 done: 10 succeeded, 10.00 s of work in 1.00 s (9.98x)". Cut where it does not fit. */
const char *summary_line(const struct summary *summary, char *buffer, size_t size);

/* A speed-up for people: "9.98", "958". */
const char *summary_speedup(double speedup, char *buffer, size_t size);

#endif
