/* Has the symbol, but something else is there. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

extern __attribute__((visibility("default"))) const struct aw_plugin aw_plugin;
const struct aw_plugin aw_plugin = {
    .abi = {.magic = 0x11111111,
            .major = AW_ABI_MAJOR,
            .minor = AW_ABI_MINOR,
            .plugin_size = sizeof(struct aw_plugin),
            .param_size = sizeof(struct aw_param)},
    .name = "wrong_magic",
    .version = "1",
    .summary = "wrong_magic, for the tests",
    .fiber = run,
};
