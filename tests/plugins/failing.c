/* Fails for the reason that it is given. */
#include <awaitd/plugin.h>

struct params {
    const char *reason;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, reason, .text = "Why it fails; without it, it says nothing"),
    AW_PARAMS_END,
};

static int run(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    return p->reason ? aw_fail(job, "%s", p->reason) : AW_FAILED;
}

AW_PLUGIN(.name = "failing", .version = "1", .summary = "failing, for the tests", .params = params,
          .params_size = sizeof(struct params), .fiber = run);
