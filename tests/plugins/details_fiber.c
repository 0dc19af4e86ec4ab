/* Details told on the smallest stack that a fiber can have. */
#include "details.h"

static int run(struct aw_job *job, const void *data)
{
    return tell_and_sleep(job, data);
}

AW_PLUGIN(.name = "details_fiber", .version = "1", .summary = "details_fiber, for the tests",
          .params = params, .params_size = sizeof(struct params), .fiber = run,
          .stack_size = 16 << 10);
