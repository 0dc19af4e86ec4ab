/* Defines a name that the worker has already, in a way in which its own look-ups find its own. */
#include <awaitd/plugin.h>

__attribute__((visibility("protected"))) int event_new(void);

int event_new(void)
{
    return 1;
}

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    aw_outputf(job, "%d", event_new());
    return AW_OK;
}

AW_PLUGIN(.name = "clashes_not", .version = "1", .summary = "clashes_not, for the tests",
          .fiber = run);
