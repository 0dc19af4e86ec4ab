/* Sleeps with a timer. */
#include <awaitd/plugin.h>

struct params {
    struct aw_duration seconds;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, seconds, .text = "How long", .max = AW_UNLIMITED),
    AW_PARAMS_END,
};

static void on_time(struct aw_job *job)
{
    const struct params *p = aw_params(job);
    aw_outputf(job, "napped for %g", p->seconds.seconds);
    aw_finish(job, AW_OK);
}

static int run(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    aw_after(job, 60, on_time); /* moved at once */
    aw_after(job, p->seconds.seconds, on_time);
    return AW_OK;
}

AW_PLUGIN(.name = "async_nap", .version = "1", .summary = "async_nap, for the tests",
          .params = params, .params_size = sizeof(struct params), .async = run);
