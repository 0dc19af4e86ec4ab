/* Its jobs end the process. */
#include <stdlib.h>
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    (void)job;
    exit(3);
}

AW_PLUGIN(.name = "exit", .version = "1", .summary = "exit, for the tests", .async = run);
