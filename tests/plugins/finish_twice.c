/* Ends its job twice, and uses it afterwards. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    aw_finish(job, AW_OK);
    aw_finish(job, AW_FAILED);
    aw_outputf(job, "too late");
    aw_after(job, 1, NULL);
    return AW_OK;
}

AW_PLUGIN(.name = "finish_twice", .version = "1", .summary = "finish_twice, for the tests",
          .async = run);
