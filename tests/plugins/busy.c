/* Computes in a fiber, without awaiting anything, and so holds the loop for as long. */
#include <awaitd/plugin.h>

#include <time.h>

struct params {
    struct aw_duration seconds;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, seconds, .text = "How long", .max = AW_UNLIMITED),
    AW_PARAMS_END,
};

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    (void)job;
    for (double end_s = now_s() + p->seconds.seconds; now_s() < end_s;)
        continue;
    return AW_OK;
}

AW_PLUGIN(.name = "busy", .version = "1", .summary = "busy, for the tests", .params = params,
          .params_size = sizeof(struct params), .fiber = run);
