/* Writes far more output than anybody wants. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    static const char line[] = "All work and no play makes a dull plugin.\n";
    for (int i = 0; i < 100000; i++)
        aw_output(job, line, sizeof(line) - 1);
    return AW_OK;
}

AW_PLUGIN(.name = "flood", .version = "1", .summary = "flood, for the tests", .fiber = run);
