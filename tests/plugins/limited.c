/* Waits, at most three of it at once. */
#include <awaitd/plugin.h>

struct params {
    struct aw_duration seconds;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, seconds, .text = "How long", .required = true, .max = AW_UNLIMITED),
    AW_PARAMS_END,
};

static int run(struct aw_job *job, const void *data)
{
    return aw_sleep(job, ((const struct params *)data)->seconds.seconds);
}

AW_PLUGIN(.name = "limited", .version = "1", .summary = "limited, for the tests", .params = params,
          .params_size = sizeof(struct params), .fiber = run, .limit = 3);
