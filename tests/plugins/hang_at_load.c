/* Never comes back while it is loaded. */
#include <unistd.h>
#include <awaitd/plugin.h>

__attribute__((constructor)) static void on_load(void)
{
    for (;;)
        pause();
}

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

AW_PLUGIN(.name = "hang_at_load", .version = "1", .summary = "hang_at_load, for the tests",
          .fiber = run);
