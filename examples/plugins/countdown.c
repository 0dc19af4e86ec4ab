/*
 * countdown: counts down to zero. An example of the async style: each step sets a timer and returns; what a
 * job must remember between steps is in its state. The smallest in memory, for jobs by the million.
 *
 *     cc $(pkg-config --cflags awaitd) -shared -fPIC countdown.c -o countdown.so
 *     awaitctl run countdown from=5 step=200ms
 */
#include <awaitd/plugin.h>

struct params {
    int64_t from;
    struct aw_duration step;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, from, .text = "The number to begin with", .max = 1000,
             .required = true),
    AW_PARAM(struct params, step, .text = "The time between two numbers", .max = 3600,
             .default_text = "1s"),
    AW_PARAMS_END,
};

struct state {
    int64_t said; /* how many numbers */
};

static void say(struct aw_job *job)
{
    const struct params *wanted = aw_params(job);
    struct state *state = aw_state(job);
    int64_t number = wanted->from - state->said++;
    aw_outputf(job, "%lld\n", (long long)number);
    if (number > 0)
        aw_after(job, wanted->step.seconds, say);
    else
        aw_finish(job, AW_OK);
}

static int start(struct aw_job *job, const void *data)
{
    (void)data; /* say() asks for them itself */
    say(job);
    return AW_OK;
}

AW_PLUGIN(.name = "countdown", .version = "1", .summary = "Counts down to zero", .params = params,
          .params_size = sizeof(struct params), .state_size = sizeof(struct state), .async = start);
