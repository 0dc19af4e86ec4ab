/* Returns what it is told to, whether it is a result of a job or not. */
#include <awaitd/plugin.h>

struct params {
    int64_t result;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, result, .text = "What to return", .required = true),
    AW_PARAMS_END,
};

static int run(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    (void)job;
    return (int)p->result;
}

AW_PLUGIN(.name = "odd_result", .version = "1", .summary = "odd_result, for the tests",
          .params = params, .params_size = sizeof(struct params), .fiber = run);
