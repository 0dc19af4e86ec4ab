/* Details of an async job, told in a later turn of the loop. */
#include "details.h"

static void on_time(struct aw_job *job)
{
    aw_finish(job, tell(job, aw_params(job)));
}

static int run(struct aw_job *job, const void *data)
{
    (void)data;
    aw_after(job, 0, on_time);
    return AW_OK;
}

AW_PLUGIN(.name = "details_async", .version = "1", .summary = "details_async, for the tests",
          .params = params, .params_size = sizeof(struct params), .async = run);
