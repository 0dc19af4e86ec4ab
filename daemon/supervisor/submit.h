/*
 * From job entries as clients write them to entries of a batch: checks everything against the
 * plugins' parameter tables, and takes all or nothing.
 */
#ifndef AWAITD_SUPERVISOR_SUBMIT_H
#define AWAITD_SUPERVISOR_SUBMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include "base/bytes.h"

struct batch;
struct catalogue;
struct error;
struct problems;

/* Bytes of a batch's or a job's name. */
#define SUBMIT_NAME_MAX 255

/* Whether a batch may have this name; NULL, none at all, is fine. Else there is a problem with "name". */
bool submit_check_name(const char *name, struct problems *problems);

/*
 * Adds job entries to the batch: the elements of a JSON array, given as its text. `trusted`: for a caller who
 * may give restricted parameters. 0: all were added. Else nothing was: -EINVAL: there are problems, named
 * jobs[I].FIELD; -EPERM: the same, and one of them is that the caller may not give a parameter; -EBADMSG: it is
 * not JSON, *error says where; -E2BIG: the batch would have more than `jobs_max` jobs; -ENOMEM.
 */
int submit_entries(struct batch *batch, struct bytes_view jobs, const struct catalogue *catalogue,
                   bool trusted, uint32_t jobs_max, struct problems *problems, struct error *error);

/* The same for a JSON value, which need not be an array. NULL: none was given. */
int submit_json(struct batch *batch, const json_t *jobs, const struct catalogue *catalogue,
                bool trusted, uint32_t jobs_max, struct problems *problems, struct error *error);

#endif
