/* Its jobs abort. */
#include <stdlib.h>
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    (void)job;
    abort();
}

AW_PLUGIN(.name = "abort", .version = "1", .summary = "abort, for the tests", .async = run);
