/* Ends the process while it is loaded. */
#include <stdlib.h>
#include <awaitd/plugin.h>

__attribute__((constructor)) static void on_load(void)
{
    exit(3);
}

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

AW_PLUGIN(.name = "exit_at_load", .version = "1", .summary = "exit_at_load, for the tests",
          .fiber = run);
