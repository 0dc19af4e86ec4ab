/* Sleeps on a thread. */
#include <awaitd/plugin.h>

struct params {
    struct aw_duration seconds;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, seconds, .text = "How long", .max = AW_UNLIMITED),
    AW_PARAMS_END,
};

static int run(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    int result = aw_sleep(job, p->seconds.seconds);
    if (result == AW_OK)
        aw_outputf(job, "napped for %g", p->seconds.seconds);
    return result;
}

AW_PLUGIN(.name = "blocking_sleep", .version = "1", .summary = "blocking_sleep, for the tests",
          .params = params, .params_size = sizeof(struct params), .blocking = run);
