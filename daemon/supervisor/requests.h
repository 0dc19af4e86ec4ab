/*
 * What clients and the configuration can ask for, as plain functions: no JSON envelope, no socket.
 */
#ifndef AWAITD_SUPERVISOR_REQUESTS_H
#define AWAITD_SUPERVISOR_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/bytes.h"

struct batch;
struct error;
struct problems;
struct submission;
struct supervisor;

/* Whether a user could do without the daemon whatever it could be asked to do: root and the daemon's own. */
bool request_is_trusted(uid_t uid);

/*
 * A batch without jobs, still open. The jobs may come with it (request_submit) or later (request_add). All
 * return 0 and *out, or an enum rpc_code with the words in *error and, for RPC_INVALID_PARAMS and
 * RPC_NOT_ALLOWED, in `problems`; nothing has changed then. `owner` and `caller` are users; root and the
 * daemon's own may give restricted parameters. *existing: the batch was there before, by its key.
 */
int request_open(struct supervisor *supervisor, const struct submission *submission, uid_t owner,
                 struct batch **out, bool *existing, struct problems *problems,
                 struct error *error);
/* Adds jobs, given as the text of a JSON array, to an open batch and queues them. Where they do not fit into the
 * queue now, but could later: REQUEST_LATER, and *asked is how many they are. */
int request_add(struct supervisor *supervisor, struct batch *batch, uid_t caller,
                struct bytes_view jobs, uint64_t *asked, struct problems *problems,
                struct error *error);
#define REQUEST_LATER 100 /* no enum rpc_code */
/* Jobs that may be queued now. */
uint64_t request_room(const struct supervisor *supervisor);
/* A whole batch: opened, filled and sealed. */
int request_submit(struct supervisor *supervisor, const struct submission *submission, uid_t owner,
                   struct bytes_view jobs, struct batch **out, bool *existing,
                   struct problems *problems, struct error *error);

/* What did not succeed in a batch that has finished, as a new batch. `key`: NULL for none. */
int request_retry(struct supervisor *supervisor, const struct batch *old, const char *key,
                  uid_t caller, struct batch **out, bool *existing, struct problems *problems,
                  struct error *error);

#endif
