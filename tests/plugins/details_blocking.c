/* Details told on a thread. */
#include "details.h"

static int run(struct aw_job *job, const void *data)
{
    return tell_and_sleep(job, data);
}

AW_PLUGIN(.name = "details_blocking", .version = "1", .summary = "details_blocking, for the tests",
          .params = params, .params_size = sizeof(struct params), .blocking = run);
