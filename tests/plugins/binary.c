/* Its output is no text. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    unsigned char bytes[256];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    aw_output(job, bytes, sizeof(bytes));
    return AW_OK;
}

AW_PLUGIN(.name = "binary", .version = "1", .summary = "binary, for the tests", .fiber = run);
