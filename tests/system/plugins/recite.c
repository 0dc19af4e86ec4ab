#include <awaitd/plugin.h>

struct params {
    const char *line;
    int64_t times;
    struct aw_duration pause;
    bool loud;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, line, .text = "What to recite", .required = true),
    AW_PARAM(struct params, times, .text = "How often", .unit = "times", .min = 1, .max = 10,
             .default_text = "2"),
    AW_PARAM(struct params, pause, .text = "The pause between times", .default_text = "10ms"),
    AW_PARAM(struct params, loud, .text = "Whether to shout"),
    AW_PARAMS_END,
};

static int recite(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    for (int64_t i = 0; i < p->times; i++) {
        aw_outputf(job, "%s%s\n", p->line, p->loud ? "!" : "");
        if (aw_sleep(job, p->pause.seconds) != AW_OK)
            return AW_CANCELLED;
    }
    return AW_OK;
}

AW_PLUGIN(.name = "recite", .version = "1.2", .summary = "Recites a line", .params = params,
          .params_size = sizeof(struct params), .fiber = recite);
