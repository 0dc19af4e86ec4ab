/*
 * Names of batches and jobs. Strict: digits alone, so that a typo is not somebody else's batch.
 */
#include "target.h"

#include <errno.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/parse.h"
#include "ctl.h"

/* Integers of the protocol stay below this. */
#define NUMBER_END (INT64_C(1) << 53)

static int read_number(const char *text, int64_t min, uint64_t *out)
{
    int64_t number;
    if (*text < '0' || *text > '9' || parse_integer(text, &number) < 0)
        return -EINVAL;
    if (number < min || number >= NUMBER_END)
        return -EINVAL;
    *out = (uint64_t)number;
    return 0;
}

int target_parse(const char *text, struct target *out)
{
    struct target target = {.has_job = false};
    AUTO_FREE char *copy = strdup(text);
    if (!copy)
        return -EINVAL;
    char *dot = strchr(copy, '.');
    if (dot) {
        *dot = '\0';
        target.has_job = true;
        if (read_number(dot + 1, 0, &target.job) < 0)
            return -EINVAL;
    }
    if (read_number(copy, 1, &target.batch) < 0)
        return -EINVAL;
    *out = target;
    return 0;
}

int target_read(struct ctl *ctl, const char *text, struct target *out)
{
    if (target_parse(text, out) < 0)
        return ctl_fail(ctl, CTL_USAGE, "'%s' is not a batch such as 42, or a job such as 42.7",
                        text);
    return CTL_OK;
}

int target_read_batch(struct ctl *ctl, const char *text, uint64_t *batch)
{
    struct target target;
    if (target_parse(text, &target) < 0 || target.has_job)
        return ctl_fail(ctl, CTL_USAGE, "'%s' is not a batch such as 42", text);
    *batch = target.batch;
    return CTL_OK;
}

json_t *target_params(const struct target *target)
{
    if (!target->has_job)
        return json_pack("{s:I}", "batch", (json_int_t)target->batch);
    return json_pack("{s:I, s:I}", "batch", (json_int_t)target->batch, "job",
                     (json_int_t)target->job);
}
