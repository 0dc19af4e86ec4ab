/* Calls what only other styles may call. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    aw_after(job, 1, NULL);
    aw_finish(job, AW_OK);
    if (aw_on_fd(job, 0, AW_READABLE, 1, NULL) != AW_FAILED)
        return aw_fail(job, "aw_on_fd() worked");
    aw_outputf(job, "alive");
    return AW_OK;
}

AW_PLUGIN(.name = "wrong_calls", .version = "1", .summary = "wrong_calls, for the tests",
          .fiber = run);
