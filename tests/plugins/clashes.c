/* Defines names that the worker has already, and others see them: its own calls go astray. */
#include <awaitd/plugin.h>

#pragma GCC visibility push(default)
extern char **environ; /* of the C library: used, not defined */
int event_new(void);
int json_object(void);
int only_here(void);
int aw_version_of_nobody;
#pragma GCC visibility pop

/* Should anybody call them in place of the real ones. */
int event_new(void)
{
    return 1;
}

int json_object(void)
{
    return 2;
}

int only_here(void)
{
    return environ != NULL;
}

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    aw_outputf(job, "%d", only_here());
    return AW_OK;
}

AW_PLUGIN(.name = "clashes", .version = "1", .summary = "clashes, for the tests", .fiber = run);
