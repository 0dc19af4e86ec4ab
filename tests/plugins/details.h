/* What the details plugins do, whatever their style: tell what they are given to tell, and come out as they
 * are given to. */
#include <awaitd/plugin.h>

#include <stdlib.h>
#include <string.h>

struct params {
    struct aw_strings argv, details;
    const char *fail;
    struct aw_duration seconds;
    int64_t nested, padding;
    bool broken, bytes;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, argv, .text = "The output, a line each"),
    AW_PARAM(struct params, bytes, .text = "Output that is not UTF-8"),
    AW_PARAM(struct params, details, .text = "Details, told one after the other"),
    AW_PARAM(struct params, nested, .text = "Details of so many levels", .max = 1e6),
    AW_PARAM(struct params, padding, .text = "Details with a text of so many bytes", .max = 1e9),
    AW_PARAM(struct params, broken, .text = "Details that are not UTF-8"),
    AW_PARAM(struct params, seconds, .text = "How long to go on afterwards", .max = 3600),
    AW_PARAM(struct params, fail, .text = "Fail, and why"),
    AW_PARAMS_END,
};

/* {"a":{"a": ... }} */
static void tell_nested(struct aw_job *job, size_t levels)
{
    char *text = calloc(1, 6 * levels + 1), *at = text;
    for (size_t i = 0; text && i < levels; i++)
        at = stpcpy(at, i + 1 < levels ? "{\"a\":" : "{");
    for (size_t i = 0; text && i < levels; i++)
        *at++ = '}';
    if (text)
        (void)aw_details(job, text); /* a test looks at what comes of it */
    free(text);
}

static void tell_padded(struct aw_job *job, size_t size)
{
    char *text = calloc(1, size + sizeof("{\"a\":\"\"}"));
    if (!text)
        return;
    char *at = stpcpy(text, "{\"a\":\"");
    memset(at, 'x', size);
    (void)stpcpy(at + size, "\"}");
    (void)aw_details(job, text); /* as above */
    free(text);
}

static int tell(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    for (size_t i = 0; i < p->argv.count; i++)
        aw_outputf(job, "%s\n", p->argv.items[i]);
    if (p->bytes)
        aw_output(job, "\xff\0\n", 3);
    for (size_t i = 0; i < p->details.count; i++) {
        int result = aw_details(job, p->details.items[i]);
        if (result != AW_OK)
            aw_outputf(job, "refused: %d\n", result);
    }
    if (p->nested)
        tell_nested(job, (size_t)p->nested);
    if (p->padding)
        tell_padded(job, (size_t)p->padding);
    if (p->broken)
        (void)aw_details(job, "{\"a\":\"caf\xe9\"}"); /* as above */
    return p->fail ? aw_fail(job, "%s", p->fail) : AW_OK;
}

static inline int tell_and_sleep(struct aw_job *job, const void *data)
{
    const struct params *p = data;
    int result = tell(job, data);
    return aw_sleep(job, p->seconds.seconds) == AW_CANCELLED ? AW_CANCELLED : result;
}
