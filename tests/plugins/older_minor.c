/* Built with the header of ABI 1.0, in which both tables were shorter. Its parameter table has two rows, which
 * the host must find though its own rows are longer. */
#include <awaitd/plugin.h>

struct old_param {
    const char *name;
    enum aw_type type;
    size_t offset;
    const char *text, *unit;
    double min, max;
    const char *default_text;
    bool required;
    const char *one_of;
};

struct old_plugin {
    struct aw_abi abi;
    const char *name, *version, *summary;
    const struct old_param *params;
    size_t params_size;
    const struct aw_param *settings;
    size_t settings_size;
    int (*open)(struct aw_worker *worker, const void *settings, void **instance, char *reason,
                size_t reason_size);
    void (*close)(void *instance);
    int (*fiber)(struct aw_job *job, const void *params);
    int (*async)(struct aw_job *job, const void *params);
    int (*blocking)(struct aw_job *job, const void *params);
    void (*cancel)(struct aw_job *job);
    size_t state_size, stack_size;
};

struct params {
    const char *first;
    int64_t second;
};

static const struct old_param params[] = {
    {.name = "first",
     .type = AW_TYPE_STRING,
     .offset = offsetof(struct params, first),
     .text = "A text",
     .default_text = "one"},
    {.name = "second",
     .type = AW_TYPE_INTEGER,
     .offset = offsetof(struct params, second),
     .text = "A number",
     .default_text = "2"},
    AW_PARAMS_END,
};

static int run(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    aw_outputf(job, "%s %lld", p->first, (long long)p->second);
    return AW_OK;
}

extern __attribute__((visibility("default"))) const struct old_plugin aw_plugin;
const struct old_plugin aw_plugin = {
    .abi = {.magic = AW_ABI_MAGIC,
            .major = AW_ABI_MAJOR,
            .minor = 0,
            .plugin_size = sizeof(struct old_plugin),
            .param_size = sizeof(struct old_param)},
    .name = "older_minor",
    .version = "1",
    .summary = "older_minor, for the tests",
    .params = params,
    .params_size = sizeof(struct params),
    .fiber = run,
};

_Static_assert(sizeof(struct old_param) == offsetof(struct aw_param, restricted), "a row of 1.0");
_Static_assert(sizeof(struct old_plugin) == offsetof(struct aw_plugin, limit), "a table of 1.0");
