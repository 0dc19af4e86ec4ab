/* Built for another major version of the ABI. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

extern __attribute__((visibility("default"))) const struct aw_plugin aw_plugin;
const struct aw_plugin aw_plugin = {
    .abi = {.magic = AW_ABI_MAGIC,
            .major = 2,
            .minor = 3,
            .plugin_size = sizeof(struct aw_plugin),
            .param_size = sizeof(struct aw_param)},
    .name = "wrong_major",
    .version = "1",
    .summary = "wrong_major, for the tests",
    .fiber = run,
};
