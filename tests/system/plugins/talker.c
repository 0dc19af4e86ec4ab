/* Says what happens to it, on all ways there are. */
#include <stdio.h>
#include <awaitd/plugin.h>

struct params {
    struct aw_duration seconds;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, seconds, .text = "How long to stay", .default_text = "0"),
    AW_PARAMS_END,
};

static int talk(struct aw_job *job, const void *data)
{
    const struct params *wanted = data;
    (void)fprintf(stderr, "by hand\n");
    aw_log(job, AW_LOG_DEBUG, "by the log");
    aw_outputf(job, "by the output\n");
    (void)aw_details(job, "{\"by\": {\"the\": \"details\"}}");
    int result = aw_sleep(job, wanted->seconds.seconds);
    if (result == AW_CANCELLED)
        aw_log(job, AW_LOG_INFO, "I was cancelled");
    return result;
}

AW_PLUGIN(.name = "talker", .version = "1", .summary = "Talks", .params = params,
          .params_size = sizeof(struct params), .fiber = talk);
