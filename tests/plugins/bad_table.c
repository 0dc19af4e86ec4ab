/* Names a parameter twice. */
#include <awaitd/plugin.h>

struct params {
    int64_t twice;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, twice, .text = "Once"),
    AW_PARAM(struct params, twice, .text = "And again"),
    AW_PARAMS_END,
};

static int run(struct aw_job *job, const void *data)
{
    (void)job, (void)data;
    return AW_OK;
}

AW_PLUGIN(.name = "bad_table", .version = "1", .summary = "bad_table, for the tests",
          .params = params, .params_size = sizeof(struct params), .fiber = run);
