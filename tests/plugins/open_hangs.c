/* Never comes back while it is opened. */
#include <unistd.h>
#include <awaitd/plugin.h>

static int prepare(struct aw_worker *worker, const void *settings, void **instance, char *reason,
                   size_t reason_size)
{
    (void)worker, (void)settings, (void)instance;
    (void)reason, (void)reason_size;
    while (pause() < 0)
        ;
    return AW_OK;
}

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

AW_PLUGIN(.name = "open_hangs", .version = "1", .summary = "open_hangs, for the tests",
          .open = prepare, .fiber = run);
