/*
 * The states of a job: their names, and which are final. The one place that lists them.
 */
#ifndef AWAITD_WIRE_JOB_STATE_H
#define AWAITD_WIRE_JOB_STATE_H

#include <stdbool.h>

enum job_state {
    JOB_WAITING, /* for its time or for other jobs */
    JOB_QUEUED,
    JOB_RUNNING, /* handed to a worker */
    JOB_SUCCEEDED,
    JOB_FAILED,
    JOB_TIMED_OUT,
    JOB_CANCELLED,
    JOB_CRASHED, /* its worker died while the job ran */
    JOB_SKIPPED, /* a job it came after did not succeed */
    JOB_STATES,  /* how many there are */
};

/* "queued", "timed_out", ... */
const char *job_state_name(enum job_state state);
/* JOB_STATES: no such name. */
enum job_state job_state_from_name(const char *name);
/* Whether a job in this state has ended. */
static inline bool job_state_is_final(enum job_state state)
{
    return state >= JOB_SUCCEEDED;
}

#endif
