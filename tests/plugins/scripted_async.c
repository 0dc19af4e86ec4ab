/* An async job that does as it is told. */
#include "scripted.h"

static void on_time(struct aw_job *job)
{
    aw_finish(job, outcome(job, aw_params(job)));
}

static int run(struct aw_job *job, const void *data)
{
    note(job, SCRIPTED_START);
    aw_after(job, seconds_of(job, data), on_time);
    return AW_OK;
}

static void cancel(struct aw_job *job)
{
    note(job, SCRIPTED_CANCELLED);
    aw_finish(job, AW_CANCELLED);
}

SCRIPTED_PLUGIN(.name = "scripted_async", .async = run, .cancel = cancel);
