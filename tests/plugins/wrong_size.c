/* Says the right version, but its tables are larger than they can be. */
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
            .minor = AW_ABI_MINOR,
            .plugin_size = 100000,
            .param_size = sizeof(struct aw_param)},
    .name = "wrong_size",
    .version = "1",
    .summary = "wrong_size, for the tests",
    .fiber = run,
};
