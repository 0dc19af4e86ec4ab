/*
 * A plugin whose jobs do nothing but to say something of a given length, or nothing: for measuring what is kept of
 * jobs. Built by bench_durable.py.
 */
#include <string.h>
#include <awaitd/plugin.h>

/* Bytes of the longest output. */
#define BYTES_MAX 4096

struct params {
    int64_t bytes;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, bytes, .text = "The length of the output", .min = 0, .max = BYTES_MAX),
    AW_PARAMS_END,
};

static int start(struct aw_job *job, const void *data)
{
    const struct params *wanted = data;
    char text[BYTES_MAX];
    memset(text, 'x', (size_t)wanted->bytes);
    aw_output(job, text, (size_t)wanted->bytes);
    aw_finish(job, AW_OK);
    return AW_OK;
}

AW_PLUGIN(.name = "say", .version = "1", .summary = "Says something of a given length",
          .params = params, .params_size = sizeof(struct params), .async = start);
