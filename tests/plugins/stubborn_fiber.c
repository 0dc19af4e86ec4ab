/* Goes on waiting when it is cancelled, where no cancel reaches it. */
#include <unistd.h>
#include <awaitd/plugin.h>

static int hang(void *argument)
{
    (void)argument;
    for (;;)
        pause();
    return AW_OK;
}

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    return aw_blocking(job, hang, NULL);
}

AW_PLUGIN(.name = "stubborn_fiber", .version = "1", .summary = "stubborn_fiber, for the tests",
          .fiber = run);
