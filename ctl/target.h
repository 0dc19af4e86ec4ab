/*
 * How people name a batch or one of its jobs: 42, 42.7.
 */
#ifndef AWAITCTL_TARGET_H
#define AWAITCTL_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

struct ctl;

struct target {
    uint64_t batch; /* from 1 */
    bool has_job;
    uint64_t job; /* index in the batch, from 0 */
};

/* -EINVAL; *out untouched. */
int target_parse(const char *text, struct target *out);

/* The same for a command's argument: CTL_USAGE and words. */
int target_read(struct ctl *ctl, const char *text, struct target *out);
/* The same where only a batch will do. */
int target_read_batch(struct ctl *ctl, const char *text, uint64_t *batch);

/* {"batch": 42, "job": 7}, new reference; NULL: out of memory. */
json_t *target_params(const struct target *target);

#endif
