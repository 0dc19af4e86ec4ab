/* Holds the loop for ever. */
#include <awaitd/plugin.h>

static volatile bool forever = true;

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    (void)job;
    while (forever)
        continue;
    return AW_OK;
}

AW_PLUGIN(.name = "spin", .version = "1", .summary = "spin, for the tests", .async = run);
