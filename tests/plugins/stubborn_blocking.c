/* Blocks its thread for ever. */
#include <unistd.h>
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    (void)job;
    for (;;)
        pause();
    return AW_OK;
}

AW_PLUGIN(.name = "stubborn_blocking", .version = "1",
          .summary = "stubborn_blocking, for the tests", .blocking = run);
