/* Outputs its JSON parameter as it got it, then its JSON setting. */
#include <string.h>
#include <awaitd/plugin.h>

struct params {
    struct aw_json value, other;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, value, .text = "Any JSON"),
    AW_PARAM(struct params, other, .text = "More of it", .default_text = "{\"x\" : [ 0.1 ]}"),
    AW_PARAMS_END,
};

struct settings {
    struct aw_json commands;
};

static const struct aw_param settings[] = {
    AW_PARAM(struct settings, commands, .text = "Any JSON"),
    AW_PARAMS_END,
};

static int prepare(struct aw_worker *worker, const void *data, void **instance, char *reason,
                   size_t reason_size)
{
    (void)worker, (void)reason, (void)reason_size;
    *instance = (void *)data;
    return AW_OK;
}

static int put(struct aw_job *job, const struct aw_json *json)
{
    if ((json->text ? strlen(json->text) : 0) != json->size)
        return aw_fail(job, "its size is %zu bytes", json->size);
    aw_outputf(job, "%s\n", json->text ? json->text : "-");
    return AW_OK;
}

static int run(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    const struct settings *s = aw_instance(job);
    return put(job, &p->value) || put(job, &p->other) || put(job, &s->commands) ? AW_FAILED : AW_OK;
}

AW_PLUGIN(.name = "json_echo", .version = "1", .summary = "json_echo, for the tests",
          .params = params, .params_size = sizeof(struct params), .settings = settings,
          .settings_size = sizeof(struct settings), .open = prepare, .fiber = run);
