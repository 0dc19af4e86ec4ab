/*
 * Accepts batches: limits first, then the jobs themselves, then the queue.
 */
#include "supervisor/requests.h"

#include <errno.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/problems.h"
#include "supervisor/config.h"
#include "supervisor/scheduler.h"
#include "supervisor/submission.h"
#include "supervisor/submit.h"
#include "supervisor/supervisor.h"
#include "wire/rpc.h"

static int refuse(struct error *error, int code, const char *text)
{
    (void)error_set(error, code, "%s", text);
    return code;
}

static int full(struct error *error, const char *what, int64_t limit, const char *option)
{
    (void)error_set(error, RPC_FULL, "full: there may be at most %lld %s (%s)", (long long)limit,
                    what, option);
    return RPC_FULL;
}

int request_open(struct supervisor *supervisor, const struct submission *submission, uid_t owner,
                 struct batch **out, bool *existing, struct problems *problems, struct error *error)
{
    (void)problems;
    if (supervisor->stopping)
        return refuse(error, RPC_NOT_READY, "the daemon is stopping");
    int64_t limit = supervisor->config->limits.batches;
    const struct batches *batches = &supervisor->batches;
    if ((int64_t)(batches->count - batches->finished_count) >= limit)
        return full(error, "unfinished batches", limit, "limits.batches");
    struct batch *batch = batches_add(&supervisor->batches, submission->name, owner);
    if (!batch)
        return refuse(error, RPC_FULL, "out of memory");
    batch->terms = submission->terms;
    if (scheduler_begin(supervisor->scheduler, batch) != 0) {
        batches_undo_add(&supervisor->batches, batch);
        return refuse(error, RPC_FULL, "out of memory");
    }
    *out = batch;
    *existing = false;
    return 0;
}

/* How many more jobs the batch may have: what its own limit and the one on all jobs leave. */
static uint32_t room_for(const struct supervisor *supervisor, const struct batch *batch)
{
    const struct scheduler *scheduler = supervisor->scheduler;
    int64_t unended = (int64_t)(scheduler_waiting(scheduler) + scheduler_queued(scheduler) +
                                scheduler_running(scheduler));
    int64_t of_all = supervisor->config->limits.queued_jobs - unended;
    int64_t of_batch = supervisor->config->limits.batch_jobs - batch->jobs;
    int64_t room = of_all < of_batch ? of_all : of_batch;
    return room > 0 ? (uint32_t)room : 0;
}

static int too_many(const struct supervisor *supervisor, const struct batch *batch, uint64_t asked,
                    struct error *error)
{
    int64_t limit = supervisor->config->limits.batch_jobs;
    if (asked > (uint64_t)(limit - batch->jobs))
        return full(error, "jobs in a batch", limit, "limits.batch_jobs");
    return full(error, "jobs that have not ended", supervisor->config->limits.queued_jobs,
                "limits.queued_jobs");
}

/* Whether a user could do without the daemon whatever it could be asked to do. */
static bool is_trusted(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

int request_add(struct supervisor *supervisor, struct batch *batch, uid_t caller,
                struct bytes_view jobs, struct problems *problems, struct error *error)
{
    if (supervisor->stopping)
        return refuse(error, RPC_NOT_READY, "the daemon is stopping");
    if (batch->sealed)
        return refuse(error, RPC_NOT_ALLOWED, "the batch is sealed");
    uint32_t first = batch->entries_count;
    uint64_t asked = 0;
    int code = batch_accept(batch, clock_now_ns());
    if (!code)
        code = submit_entries(batch, jobs, &supervisor->catalogue, is_trusted(caller),
                              room_for(supervisor, batch), &asked, problems, error);
    if (!code)
        code = scheduler_submit(supervisor->scheduler, batch, first);
    if (!code)
        return 0;
    batch_truncate(batch, first);
    if (code == -EINVAL)
        return refuse(error, RPC_INVALID_PARAMS, "invalid params");
    if (code == -EPERM)
        return refuse(error, RPC_NOT_ALLOWED, "not allowed");
    if (code == -EBADMSG)
        return RPC_PARSE_ERROR; /* the words are there already */
    if (code == -E2BIG)
        return too_many(supervisor, batch, asked, error);
    return refuse(error, RPC_FULL, "out of memory");
}

int request_submit(struct supervisor *supervisor, const struct submission *submission, uid_t owner,
                   struct bytes_view jobs, struct batch **out, bool *existing,
                   struct problems *problems, struct error *error)
{
    struct batch *batch;
    int code = request_open(supervisor, submission, owner, &batch, existing, problems, error);
    if (code)
        return code;
    code = request_add(supervisor, batch, owner, jobs, problems, error);
    if (code) {
        scheduler_forget(supervisor->scheduler, batch);
        batches_undo_add(&supervisor->batches, batch);
        return code;
    }
    scheduler_seal(supervisor->scheduler, batch);
    *out = batch;
    return 0;
}
