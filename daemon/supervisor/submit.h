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

/*
 * Adds job entries to the batch: the elements of a JSON array, given as its text; and what comes after what to its
 * order. `trusted`: for a caller who may give restricted parameters. 0: all were added. Else nothing was: -EINVAL:
 * there are problems, named jobs[I].FIELD; -EPERM: the same, and one of them is that the caller may not give a
 * parameter; -EBADMSG: it is not JSON, *error says where; -E2BIG: they are more than `room` jobs, namely *asked
 * (which may be NULL); -ENOMEM.
 */
int submit_entries(struct batch *batch, struct bytes_view jobs, const struct catalogue *catalogue,
                   bool trusted, uint32_t room, uint64_t *asked, struct problems *problems,
                   struct error *error);

/*
 * The same for entries that were accepted before, as the store has them: nothing is held against the plugins'
 * parameter tables or anybody's rights, and plugins that are not there any more become ghosts of the catalogue; see
 * entries_text.h. -EBADMSG: that cannot be, *error says why; -ENOMEM. Nothing was added then.
 */
int submit_stored(struct batch *batch, struct bytes_view jobs, struct catalogue *catalogue,
                  struct error *error);

/* The same for a JSON value, which need not be an array. NULL: none was given. */
int submit_json(struct batch *batch, const json_t *jobs, const struct catalogue *catalogue,
                bool trusted, uint32_t room, struct problems *problems, struct error *error);

#endif
