/*
 * greet: greets people, taking its time. An example of a fiber: the code reads straight on, and while
 * one job sleeps, thousands of others may run.
 *
 *     cc $(pkg-config --cflags awaitd) -shared -fPIC greet.c -o greet.so
 *     awaitctl run greet whom=Ada,Grace times=3
 */
#include <awaitd/plugin.h>

struct params {
    struct aw_strings whom;
    int64_t times;
    struct aw_duration pause;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, whom, .text = "Whom to greet", .required = true),
    AW_PARAM(struct params, times, .text = "How often", .min = 1, .max = 100, .default_text = "1"),
    AW_PARAM(struct params, pause, .text = "The pause after each", .max = 60,
             .default_text = "100ms"),
    AW_PARAMS_END,
};

static int greet(struct aw_job *job, const void *data)
{
    const struct params *wanted = data;
    for (int64_t i = 0; i < wanted->times; i++)
        for (size_t who = 0; who < wanted->whom.count; who++) {
            aw_outputf(job, "Hello %s!\n", wanted->whom.items[who]);
            int result = aw_sleep(job, wanted->pause.seconds);
            if (result != AW_OK)
                return result; /* cancelled */
        }
    return AW_OK;
}

AW_PLUGIN(.name = "greet", .version = "1", .summary = "Greets people", .params = params,
          .params_size = sizeof(struct params), .fiber = greet);
