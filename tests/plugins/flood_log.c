/* Writes far more lines to the log than anybody wants, from a thread. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    for (int i = 0; i < 200000; i++)
        aw_log(job, AW_LOG_INFO, "line %d of very many, of which each takes a little memory", i);
    return AW_OK;
}

AW_PLUGIN(.name = "flood_log", .version = "1", .summary = "flood_log, for the tests",
          .blocking = run);
