/* Built for a newer minor version of the ABI. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

extern __attribute__((visibility("default"))) const struct aw_plugin aw_plugin;
const struct aw_plugin aw_plugin = {
    .abi = {.magic = AW_ABI_MAGIC,
            .major = AW_ABI_MAJOR,
            .minor = 99,
            .plugin_size = sizeof(struct aw_plugin),
            .param_size = sizeof(struct aw_param)},
    .name = "newer_minor",
    .version = "1",
    .summary = "newer_minor, for the tests",
    .fiber = run,
};
