/*
 * The table behind the names of job states. The names are the protocol's, so they never change.
 */
#include "wire/job_state.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
    [JOB_WAITING] = "waiting",     [JOB_QUEUED] = "queued",   [JOB_RUNNING] = "running",
    [JOB_SUCCEEDED] = "succeeded", [JOB_FAILED] = "failed",   [JOB_TIMED_OUT] = "timed_out",
    [JOB_CANCELLED] = "cancelled", [JOB_CRASHED] = "crashed", [JOB_SKIPPED] = "skipped",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == JOB_STATES, "each state has a name");

const char *job_state_name(enum job_state state)
{
    return (unsigned)state < JOB_STATES ? names[state] : "unknown";
}

enum job_state job_state_from_name(const char *name)
{
    unsigned state = 0;
    while (state < JOB_STATES && strcmp(names[state], name) != 0)
        state++;
    return (enum job_state)state;
}
