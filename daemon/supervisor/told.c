/*
 * What is known, less the completions behind the last one committed.
 */
#include "supervisor/told.h"

#include <string.h>
#include "supervisor/batch.h"

void told_of(const struct batch *batch, struct told *out)
{
    *out = (struct told){.finished = batch_told_finished(batch),
                         .jobs = batch_told_jobs(batch),
                         .completed = batch_told_completed(batch),
                         .work_ns = batch->work_ns};
    memcpy(out->in_state, batch->in_state, sizeof(out->in_state));
    out->in_state[JOB_QUEUED] -= batch->jobs - out->jobs;
    if (out->completed == batch_completed(batch))
        return;
    struct completions_cursor cursor = completions_seek(&batch->completions, out->completed);
    struct completion completion;
    while (completions_next(&batch->completions, &cursor, &completion)) {
        out->in_state[completion.state]--;
        out->in_state[JOB_RUNNING]++;
        out->work_ns -= completion.run_ns;
    }
}

enum job_state told_state(const struct batch *batch, uint32_t job)
{
    enum job_state state = batch_state(batch, job);
    bool is_secret = job_state_is_final(state) && batch->where[job] >= batch_told_completed(batch);
    return is_secret ? JOB_RUNNING : state;
}
