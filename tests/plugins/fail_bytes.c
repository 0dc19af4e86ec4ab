/* Fails for a reason that is no UTF-8. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    return aw_fail(job, "bad \xff\xc0 bytes");
}

AW_PLUGIN(.name = "fail_bytes", .version = "1", .summary = "fail_bytes, for the tests",
          .fiber = run);
