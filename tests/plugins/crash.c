/* Its jobs crash. */
#include <signal.h>
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    (void)job;
    raise(SIGSEGV);
    return AW_OK;
}

AW_PLUGIN(.name = "crash", .version = "1", .summary = "crash, for the tests", .async = run);
