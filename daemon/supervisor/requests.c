/*
 * Accepts batches: limits first, then the jobs themselves, then the queue. Whatever is refused leaves nothing behind.
 *
 * Relies on submit.h for the jobs' text and on requests_make.c for what all new batches have in common.
 */
#include "supervisor/requests.h"

#include <errno.h>
#include <unistd.h>
#include "base/clock.h"
#include "supervisor/config.h"
#include "supervisor/fingerprint.h"
#include "supervisor/holds.h"
#include "supervisor/requests_parts.h"
#include "supervisor/scheduler.h"
#include "supervisor/submission.h"
#include "supervisor/submit.h"
#include "supervisor/supervisor.h"
#include "wire/rpc.h"

/* ---- Finding or making the batch ------------------------------------------------------------------ */

/* Whether a batch can be what it is to be. */
static int check_durable(const struct supervisor *supervisor, const struct submission *submission,
                         struct error *error)
{
    if (supervisor->store || !submission->insists)
        return 0;
    return request_refuse(error, RPC_NOT_READY,
                          "the daemon keeps no store (store.enabled): a batch cannot be durable");
}

/* Finds the batch by its key, or makes one. `jobs` is empty for one that is only opened. *asked is set where there is a
 * key. */
static int find_or_make(struct supervisor *supervisor, const struct submission *submission,
                        uid_t owner, struct bytes_view jobs, struct fingerprint *asked,
                        struct batch **out, bool *existing, struct problems *problems,
                        struct error *error)
{
    int code = check_durable(supervisor, submission, error);
    if (code)
        return code;
    code = submission->key || submission->configured
               ? fingerprint_submission(submission, jobs, asked)
               : 0;
    if (code == -ENOMEM)
        return request_refuse(error, RPC_FULL, "out of memory");
    struct batch *batch = NULL;
    if (!code) /* else the jobs cannot be read: whoever adds them says why */
        code = request_find_existing(supervisor, owner, submission->key, asked, &batch, problems,
                                     error);
    if (code && code != -EINVAL)
        return code;
    *existing = batch != NULL;
    if (batch) {
        *out = batch;
        return 0;
    }
    struct request_making making = {.name = submission->name,
                                    .key = code ? NULL : submission->key,
                                    .owner = owner,
                                    .durable = submission->durable && supervisor->store,
                                    .configured = !code && submission->configured,
                                    .terms = &submission->terms,
                                    .asked = asked};
    return request_make(supervisor, &making, out, error);
}

int request_open(struct supervisor *supervisor, const struct submission *submission, uid_t owner,
                 struct batch **out, bool *existing, struct problems *problems, struct error *error)
{
    struct bytes_view no_jobs = {0};
    struct fingerprint asked;
    struct batch *batch;
    int code = find_or_make(supervisor, submission, owner, no_jobs, &asked, &batch, existing,
                            problems, error);
    if (code)
        return code;
    struct admission_what what = {
        .batch = batch, .is_new = true, .asked = batch->key ? &asked : NULL};
    if (!*existing && request_enter(supervisor, &what) != 0) {
        request_unmake(supervisor, batch);
        return request_refuse(error, RPC_FULL, "out of memory");
    }
    *out = batch;
    return 0;
}

/* ---- Adding jobs ------------------------------------------------------------------------------- */

uint64_t request_room(const struct supervisor *supervisor)
{
    const struct scheduler *scheduler = supervisor->scheduler;
    uint64_t limit = (uint64_t)supervisor->config->limits.queued_jobs;
    uint64_t unended = scheduler_waiting(scheduler) + scheduler_queued(scheduler) +
                       scheduler_running(scheduler) + supervisor->admissions.jobs;
    return unended < limit ? limit - unended : 0;
}

/* What somebody who was held before waits for is not taken: who waits would get nothing as long as small batches keep
 * coming. */
uint64_t request_room_of_whole(const struct supervisor *supervisor)
{
    uint64_t room = request_room(supervisor), wanted = holds_wanted(supervisor->holds);
    return wanted < room ? room - wanted : 0;
}

/* How many more jobs the batch may have, by its own limit. */
static uint64_t batch_room(const struct supervisor *supervisor, const struct batch *batch)
{
    uint64_t limit = (uint64_t)supervisor->config->limits.batch_jobs;
    return batch->jobs < limit ? limit - batch->jobs : 0;
}

/* So many jobs do not fit. */
static int too_many(const struct supervisor *supervisor, const struct batch *batch, uint64_t asked,
                    struct error *error)
{
    const struct config *config = supervisor->config;
    if (asked > batch_room(supervisor, batch))
        return request_full(error, "jobs in a batch", config->limits.batch_jobs,
                            "limits.batch_jobs");
    (void)request_full(error, "jobs that have not ended", config->limits.queued_jobs,
                       "limits.queued_jobs");
    return asked <= (uint64_t)config->limits.queued_jobs ? REQUEST_LATER : RPC_FULL;
}

bool request_is_trusted(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* Why entries are not added. */
static int refuse_entries(const struct supervisor *supervisor, const struct batch *batch, int code,
                          uint64_t asked, struct error *error)
{
    if (code == -EINVAL)
        return request_refuse(error, RPC_INVALID_PARAMS, "invalid params");
    if (code == -EPERM)
        return request_refuse(error, RPC_NOT_ALLOWED, "not allowed");
    if (code == -EBADMSG)
        return RPC_PARSE_ERROR; /* the words are there already */
    if (code == -E2BIG)
        return too_many(supervisor, batch, asked, error);
    return request_refuse(error, RPC_FULL, "out of memory");
}

/* Adds jobs to the batch and has them entered. `what` tells of the batch, and whether it is new; `of_all`: how many jobs
 * fit. */
static int add(struct supervisor *supervisor, struct admission_what *what, uid_t caller,
               struct bytes_view jobs, uint64_t of_all, uint64_t *asked, struct problems *problems,
               struct error *error)
{
    struct batch *batch = what->batch;
    if (supervisor->stopping)
        return request_refuse(error, RPC_NOT_READY, "the daemon is stopping");
    if (batch->sealed)
        return request_refuse(error, RPC_NOT_ALLOWED, "the batch is sealed");
    uint32_t first = batch->entries_count;
    uint64_t of_batch = batch_room(supervisor, batch);
    int code = batch_accept(batch, clock_now_ns());
    if (!code)
        code = submit_entries(batch, jobs, &supervisor->catalogue, request_is_trusted(caller),
                              (uint32_t)(of_all < of_batch ? of_all : of_batch), asked, problems,
                              error);
    what->first = first;
    what->texts = &jobs;
    what->pieces = 1;
    if (!code)
        code = request_enter(supervisor, what);
    if (!code)
        return 0;
    batch_truncate(batch, first);
    return refuse_entries(supervisor, batch, code, *asked, error);
}

int request_add(struct supervisor *supervisor, struct batch *batch, uid_t caller,
                struct bytes_view jobs, uint64_t *asked, struct problems *problems,
                struct error *error)
{
    struct admission_what what = {.batch = batch};
    return add(supervisor, &what, caller, jobs, request_room(supervisor), asked, problems, error);
}

int request_submit(struct supervisor *supervisor, const struct submission *submission, uid_t owner,
                   struct bytes_view jobs, struct batch **out, bool *existing,
                   struct problems *problems, struct error *error)
{
    struct batch *batch;
    struct fingerprint made;
    int code =
        find_or_make(supervisor, submission, owner, jobs, &made, &batch, existing, problems, error);
    if (code)
        return code;
    if (!*existing) {
        uint64_t asked = 0;
        struct admission_what what = {.batch = batch,
                                      .is_new = true,
                                      .seals = true,
                                      .asked = batch->key || batch->configured ? &made : NULL};
        code = add(supervisor, &what, owner, jobs, request_room_of_whole(supervisor), &asked,
                   problems, error);
        if (code) {
            request_unmake(supervisor, batch);
            return code == REQUEST_LATER ? RPC_FULL : code;
        }
    }
    *out = batch;
    return 0;
}
