/* Crashes while it is opened. */
#include <signal.h>
#include <awaitd/plugin.h>

static int prepare(struct aw_worker *worker, const void *settings, void **instance, char *reason,
                   size_t reason_size)
{
    (void)worker, (void)settings, (void)instance;
    (void)reason, (void)reason_size;
    raise(SIGSEGV);
    return AW_OK;
}

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

AW_PLUGIN(.name = "open_crashes", .version = "1", .summary = "open_crashes, for the tests",
          .open = prepare, .fiber = run);
