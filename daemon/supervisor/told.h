/*
 * A batch as it may be told: of one that outlives the daemon, what has been committed. A job whose end has not been
 * committed yet counts as running, so that nobody is told an end that a crash could undo; of jobs that the store may still
 * refuse nobody is told. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_TOLD_H
#define AWAITD_SUPERVISOR_TOLD_H

#include <stdbool.h>
#include <stdint.h>
#include "wire/job_state.h"

struct batch;

struct told {
    bool finished;
    uint32_t jobs, completed;
    uint32_t in_state[JOB_STATES]; /* jobs by state */
    uint64_t work_ns;              /* run times of all ended jobs together */
};

/* Costs O(1), and some 10 ns for each completion that waits for its commit. */
void told_of(const struct batch *batch, struct told *out);

/* The state of one job. */
enum job_state told_state(const struct batch *batch, uint32_t job);

#endif
