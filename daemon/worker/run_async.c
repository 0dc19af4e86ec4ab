/*
 * Async jobs: a function that starts something and returns, callbacks later, and aw_finish(). The
 * plugin's code is called from the loop's own stack.
 */

#include "worker/run.h"

#include "base/clock.h"
#include "worker/host.h"
#include "worker/entry.h"
#include "worker/job.h"
#include "worker/report.h"

static void begin(struct aw_job *job)
{
    const struct plugin *plugin = job->entry->plugin;
    int result = plugin->table.async(job, job->entry->params);
    if (result == AW_OK)
        return;
    if (job->phase == PHASE_ENDED)
        report_job_line(job_worker(job), job, LOG_LEVEL_ERROR,
                        "the plugin's function failed though it had called aw_finish()");
    else
        job_end(job, result, clock_now_ns());
}

static void cancel(struct aw_job *job)
{
    const struct plugin *plugin = job->entry->plugin;
    if (plugin->table.cancel)
        plugin->table.cancel(job);
    else
        job_end(job, AW_CANCELLED, clock_now_ns());
}

const struct runner run_async = {.style = RUN_ASYNC, .begin = begin, .cancel = cancel};
