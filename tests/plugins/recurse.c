/* Recurses until its stack ends. */
#include <awaitd/plugin.h>

static int deeper(volatile char *above, int depth)
{
    volatile char here[512];
    here[0] = above[0];
    return depth == 0 ? 0 : deeper(here, depth + 1) + here[0];
}

static int run(struct aw_job *job, const void *params)
{
    volatile char start[1] = {1};
    (void)job, (void)params;
    return deeper(start, 1) > 0 ? AW_OK : AW_FAILED;
}

AW_PLUGIN(.name = "recurse", .version = "1", .summary = "recurse, for the tests", .fiber = run);
