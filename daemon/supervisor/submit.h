/*
 * From job entries as clients write them to entries of a batch: checks everything against the
 * plugins' parameter tables, and takes all or nothing.
 */
#ifndef AWAITD_SUPERVISOR_SUBMIT_H
#define AWAITD_SUPERVISOR_SUBMIT_H

#include <stdint.h>
#include <jansson.h>

struct batch;
struct catalogue;
struct problems;

/* Bytes of a batch's or a job's name. */
#define SUBMIT_NAME_MAX 255

/*
 * Adds the job entries in `jobs` (an array) to the batch. 0: all were added. Else nothing was:
 * -EINVAL: there are problems, named jobs[I].FIELD; -E2BIG: the batch would have more than `jobs_max`
 * jobs; -ENOMEM.
 */
int submit_entries(struct batch *batch, const json_t *jobs, const struct catalogue *catalogue,
                   uint32_t jobs_max, struct problems *problems);

#endif
