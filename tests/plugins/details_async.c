/* Details of an async job, told in a later turn of the loop. */
#include "details.h"

static void on_end(struct aw_job *job)
{
    const int *result = aw_state(job);
    aw_finish(job, *result);
}

static void on_time(struct aw_job *job)
{
    const struct params *p = aw_params(job);
    int *result = aw_state(job);
    *result = tell(job, p);
    aw_after(job, p->seconds.seconds, on_end);
}

static int run(struct aw_job *job, const void *data)
{
    (void)data;
    aw_after(job, 0, on_time);
    return AW_OK;
}

AW_PLUGIN(.name = "details_async", .version = "1", .summary = "details_async, for the tests",
          .params = params, .params_size = sizeof(struct params), .async = run,
          .state_size = sizeof(int));
