/* Tells who it is: batch, index, attempt, and what its parameters, settings and state hold. */
#include <awaitd/plugin.h>

struct params {
    const char *text;
    struct aw_strings list;
    struct aw_size size;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, text, .text = "A text", .default_text = "none"),
    AW_PARAM(struct params, list, .text = "Some texts"),
    AW_PARAM(struct params, size, .text = "A size", .min = 1, .max = 1 << 20,
             .default_text = "4KiB"),
    AW_PARAMS_END,
};

struct settings {
    int64_t base;
};

static const struct aw_param settings[] = {
    AW_PARAM(struct settings, base, .text = "A number", .default_text = "7"),
    AW_PARAMS_END,
};

static int prepare(struct aw_worker *worker, const void *data, void **instance, char *reason,
                   size_t reason_size)
{
    static int64_t base;
    (void)worker, (void)reason, (void)reason_size;
    base = ((const struct settings *)data)->base;
    *instance = &base;
    return AW_OK;
}

static int run(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    const unsigned char *state = aw_state(job);
    unsigned sum = 0;
    for (int i = 0; i < 100; i++)
        sum += state[i];
    aw_outputf(job, "%llu.%llu attempt %u text %s items %zu first %s size %llu base %lld state %u",
               (unsigned long long)aw_batch(job), (unsigned long long)aw_index(job),
               aw_attempt(job), p->text, p->list.count, p->list.count ? p->list.items[0] : "-",
               (unsigned long long)p->size.bytes, (long long)*(int64_t *)aw_instance(job), sum);
    return aw_params(job) == data ? AW_OK : aw_fail(job, "other parameters");
}

AW_PLUGIN(.name = "identity", .version = "1", .summary = "identity, for the tests",
          .params = params, .params_size = sizeof(struct params), .settings = settings,
          .settings_size = sizeof(struct settings), .open = prepare, .fiber = run,
          .state_size = 100);
