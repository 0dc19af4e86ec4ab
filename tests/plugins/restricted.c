/* Has parameters that are not for everybody, and says what it was given. */
#include <awaitd/plugin.h>

struct params {
    const char *text, *file;
    struct aw_strings argv;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, text, .text = "For everybody"),
    AW_PARAM(struct params, file, .text = "Not for everybody", .restricted = true,
             .default_text = "usual"),
    AW_PARAM(struct params, argv, .text = "Nor is this", .restricted = true),
    AW_PARAMS_END,
};

static int run(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    aw_outputf(job, "%s %s %zu", p->text ? p->text : "-", p->file, p->argv.count);
    return AW_OK;
}

AW_PLUGIN(.name = "restricted", .version = "1", .summary = "restricted, for the tests",
          .params = params, .params_size = sizeof(struct params), .fiber = run);
