/* Cannot be opened, and says why. */
#include <stdio.h>
#include <awaitd/plugin.h>

static int prepare(struct aw_worker *worker, const void *settings, void **instance, char *reason,
                   size_t reason_size)
{
    (void)worker, (void)settings, (void)instance;
    (void)snprintf(reason, reason_size, "no moon tonight");
    return AW_FAILED;
}

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

AW_PLUGIN(.name = "open_fails", .version = "1", .summary = "open_fails, for the tests",
          .open = prepare, .fiber = run);
