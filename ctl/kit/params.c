#include <awaitd/plugin.h>

/* What a job is told. */
struct params {
    const char *text;
    int64_t times;
    struct aw_duration pause;
};

/* The same for people and for the daemon, which refuses what does not fit before a job starts. */
static const struct aw_param params[] = {
    AW_PARAM(struct params, text, .text = "What to say", .required = true),
    AW_PARAM(struct params, times, .text = "How often to say it", .unit = "times", .min = 1,
             .max = 100, .default_text = "3"),
    AW_PARAM(struct params, pause, .text = "The pause between two of them", .max = 3600,
             .default_text = "100ms"),
    AW_PARAMS_END,
};
