/* Never comes back while it is closed. */
#include <unistd.h>
#include <awaitd/plugin.h>

static void end(void *instance)
{
    (void)instance;
    while (pause() < 0)
        ;
}

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

AW_PLUGIN(.name = "close_hangs", .version = "1", .summary = "close_hangs, for the tests",
          .close = end, .fiber = run);
