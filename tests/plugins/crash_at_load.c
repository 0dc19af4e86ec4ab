/* Crashes while it is loaded. */
#include <signal.h>
#include <awaitd/plugin.h>

__attribute__((constructor)) static void on_load(void)
{
    raise(SIGSEGV);
}

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

AW_PLUGIN(.name = "crash_at_load", .version = "1", .summary = "crash_at_load, for the tests",
          .fiber = run);
