/* Hears that it is cancelled, and does nothing about it. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    (void)job;
    return AW_OK;
}

static void ignore(struct aw_job *job)
{
    (void)job;
}

AW_PLUGIN(.name = "stubborn_async", .version = "1", .summary = "stubborn_async, for the tests",
          .async = run, .cancel = ignore);
