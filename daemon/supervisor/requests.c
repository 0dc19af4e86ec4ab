/*
 * Accepts batches: limits first, then the jobs themselves, then the queue.
 */
#include "supervisor/requests.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/problems.h"
#include "supervisor/config.h"
#include "supervisor/entries_text.h"
#include "supervisor/fingerprint.h"
#include "supervisor/holds.h"
#include "supervisor/retry_batch.h"
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

/* ---- Making batches -------------------------------------------------------------------------- */

/* Whether new batches are taken at all. */
static int check_open(const struct supervisor *supervisor, struct error *error)
{
    if (supervisor->stopping)
        return refuse(error, RPC_NOT_READY, "the daemon is stopping");
    if (supervisor->draining)
        return refuse(error, RPC_NOT_READY, "the daemon is draining");
    int64_t limit = supervisor->config->limits.batches;
    const struct batches *batches = &supervisor->batches;
    if ((int64_t)(batches->count - batches->finished_count) >= limit)
        return full(error, "unfinished batches", limit, "limits.batches");
    return 0;
}

/* What there is to know of a new batch. */
struct making {
    const char *name, *key; /* NULL: none */
    uid_t owner;
    bool durable, configured;
    const struct batch_terms *terms;
    const struct fingerprint *asked; /* with the key */
};

static int make(struct supervisor *supervisor, const struct making *making, struct batch **out,
                struct error *error)
{
    int code = check_open(supervisor, error);
    if (code)
        return code;
    struct batches *batches = &supervisor->batches;
    struct batch *batch = batches_add(batches, making->name, making->owner);
    if (!batch)
        return refuse(error, RPC_FULL, "out of memory");
    batch->terms = *making->terms;
    batch->durable = making->durable;
    if ((making->configured && batch_configured(batch, making->asked) != 0) ||
        (making->key && batches_set_key(batches, batch, making->key, making->asked) != 0)) {
        batches_undo_add(batches, batch);
        return refuse(error, RPC_FULL, "out of memory");
    }
    *out = batch;
    return 0;
}

/* Takes back a batch that was just made. */
static void unmake(struct supervisor *supervisor, struct batch *batch)
{
    scheduler_forget(supervisor->scheduler, batch);
    batches_undo_add(&supervisor->batches, batch);
}

/* Looks for the batch that has the key already. *out is NULL: there is none. Else it must be what is asked for now. */
static int find_existing(struct supervisor *supervisor, uid_t owner, const char *text,
                         const struct fingerprint *asked, struct batch **out,
                         struct problems *problems, struct error *error)
{
    const struct key *key = text ? keys_find(&supervisor->batches.keys, owner, text) : NULL;
    *out = key ? key->batch : NULL;
    if (!key || fingerprint_is_same(asked, &key->asked))
        return 0;
    problems_add(problems, "key", "was used for another batch (%llu)",
                 (unsigned long long)key->batch->number);
    return refuse(error, RPC_INVALID_PARAMS, "invalid params");
}

/* Whether a batch can be what it is to be. */
static int check_durable(const struct supervisor *supervisor, const struct submission *submission,
                         struct error *error)
{
    if (supervisor->store || !submission->insists)
        return 0;
    return refuse(error, RPC_NOT_READY,
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
        return refuse(error, RPC_FULL, "out of memory");
    struct batch *batch = NULL;
    if (!code) /* else the jobs cannot be read: whoever adds them says why */
        code = find_existing(supervisor, owner, submission->key, asked, &batch, problems, error);
    if (code && code != -EINVAL)
        return code;
    *existing = batch != NULL;
    if (batch) {
        *out = batch;
        return 0;
    }
    struct making making = {.name = submission->name,
                            .key = code ? NULL : submission->key,
                            .owner = owner,
                            .durable = submission->durable && supervisor->store,
                            .configured = !code && submission->configured,
                            .terms = &submission->terms,
                            .asked = asked};
    return make(supervisor, &making, out, error);
}

/* Has the store take the batch's entries from number `first` on, and the batch itself where it is new; or, where it is not
 * durable, takes them at once. The jobs' text is that of `pieces` pieces. */
static int enter(struct supervisor *supervisor, const struct admission_what *what)
{
    struct batch *batch = what->batch;
    if (batch->durable)
        return admission_begin(supervisor, what);
    int error = what->is_new ? scheduler_begin(supervisor->scheduler, batch) : 0;
    if (!error && what->pieces)
        error = scheduler_submit(supervisor->scheduler, batch, what->first);
    if (error)
        return error;
    if (what->pieces)
        stats_accepted(&supervisor->stats, batch, what->first);
    if (what->seals)
        scheduler_seal(supervisor->scheduler, batch);
    return 0;
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
    if (!*existing && enter(supervisor, &what) != 0) {
        unmake(supervisor, batch);
        return refuse(error, RPC_FULL, "out of memory");
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

/* The same for a batch that comes whole, which is refused where it does not fit: it does not take what somebody who
 * was held before waits for, who would get nothing as long as small batches keep coming. */
static uint64_t room_of_whole(const struct supervisor *supervisor)
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
        return full(error, "jobs in a batch", config->limits.batch_jobs, "limits.batch_jobs");
    (void)full(error, "jobs that have not ended", config->limits.queued_jobs, "limits.queued_jobs");
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
        return refuse(error, RPC_INVALID_PARAMS, "invalid params");
    if (code == -EPERM)
        return refuse(error, RPC_NOT_ALLOWED, "not allowed");
    if (code == -EBADMSG)
        return RPC_PARSE_ERROR; /* the words are there already */
    if (code == -E2BIG)
        return too_many(supervisor, batch, asked, error);
    return refuse(error, RPC_FULL, "out of memory");
}

/* Adds jobs to the batch and has them entered. `what` tells of the batch, and whether it is new; `of_all`: how many jobs
 * fit. */
static int add(struct supervisor *supervisor, struct admission_what *what, uid_t caller,
               struct bytes_view jobs, uint64_t of_all, uint64_t *asked, struct problems *problems,
               struct error *error)
{
    struct batch *batch = what->batch;
    if (supervisor->stopping)
        return refuse(error, RPC_NOT_READY, "the daemon is stopping");
    if (batch->sealed)
        return refuse(error, RPC_NOT_ALLOWED, "the batch is sealed");
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
        code = enter(supervisor, what);
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
        code =
            add(supervisor, &what, owner, jobs, room_of_whole(supervisor), &asked, problems, error);
        if (code) {
            unmake(supervisor, batch);
            return code == REQUEST_LATER ? RPC_FULL : code;
        }
    }
    *out = batch;
    return 0;
}

/* ---- Trying again ------------------------------------------------------------------------------ */

/* Whether there is something to try again, and for this caller. */
static int check_retry(const struct batch *old, uid_t caller, struct problems *problems,
                       struct error *error)
{
    unsigned long long number = old->number;
    /* Its jobs may have parameters that not everybody may give. */
    if (caller != old->owner && !request_is_trusted(caller)) {
        (void)error_set(error, RPC_NOT_ALLOWED, "batch %llu belongs to another user", number);
        return RPC_NOT_ALLOWED;
    }
    if (!batch_told_finished(old)) {
        (void)error_set(error, RPC_NOT_READY, "batch %llu is not finished", number);
        return RPC_NOT_READY;
    }
    if (retry_batch_jobs(old) > 0)
        return 0;
    problems_add(problems, "batch", "all its jobs succeeded");
    (void)error_set(error, RPC_INVALID_PARAMS, "all jobs of batch %llu succeeded", number);
    return RPC_INVALID_PARAMS;
}

/* The texts of the batch's pieces, for free_texts(); NULL: out of memory. */
static void free_texts(struct bytes *texts, uint32_t count)
{
    for (uint32_t i = 0; texts && i < count; i++)
        bytes_free(&texts[i]);
    free(texts);
}

/* A piece of which all jobs had succeeded has no text. */
static struct bytes *write_texts(const struct supervisor *supervisor, const struct batch *batch)
{
    struct bytes *texts = calloc(batch->pieces_count, sizeof(*texts));
    uint32_t first = 0;
    for (uint32_t i = 0; texts && i < batch->pieces_count; i++) {
        uint32_t end = batch_entries_before(batch, batch_piece_first(batch, i + 1));
        if (end > first &&
            entries_text(batch, first, end, &supervisor->catalogue, &texts[i]) != 0) {
            free_texts(texts, batch->pieces_count);
            return NULL;
        }
        first = end;
    }
    return texts;
}

/* Fills the new batch and has its jobs entered. */
static int fill_retry(struct supervisor *supervisor, struct batch *batch, const struct batch *old,
                      const struct fingerprint *asked)
{
    batch->retry_of = old->number;
    int error = retry_batch_fill(batch, old, clock_now_ns());
    if (error)
        return error;
    struct bytes *texts = write_texts(supervisor, batch);
    struct bytes_view *views = calloc(batch->pieces_count, sizeof(*views));
    for (uint32_t i = 0; texts && views && i < batch->pieces_count; i++)
        views[i] = (struct bytes_view){.data = texts[i].data, .size = texts[i].size};
    struct admission_what what = {.batch = batch,
                                  .is_new = true,
                                  .seals = true,
                                  .texts = views,
                                  .pieces = batch->pieces_count,
                                  .asked = asked};
    error = texts && views ? enter(supervisor, &what) : -ENOMEM;
    free_texts(texts, batch->pieces_count);
    free(views);
    return error;
}

int request_retry(struct supervisor *supervisor, const struct batch *old, const char *key,
                  uid_t caller, struct batch **out, bool *existing, struct problems *problems,
                  struct error *error)
{
    struct fingerprint asked;
    fingerprint_retry(old->number, &asked);
    struct batch *batch;
    int code = find_existing(supervisor, caller, key, &asked, &batch, problems, error);
    if (!code && !batch)
        code = check_retry(old, caller, problems, error);
    if (code)
        return code;
    *existing = batch != NULL;
    if (batch) {
        *out = batch;
        return 0;
    }
    if (retry_batch_jobs(old) > room_of_whole(supervisor))
        return full(error, "jobs that have not ended", supervisor->config->limits.queued_jobs,
                    "limits.queued_jobs");
    struct batch_terms terms = old->terms;
    terms.rate.due_ns = 0;
    terms.rate.awaited = false;
    struct making making = {.name = old->name,
                            .key = key,
                            .owner = caller,
                            .durable = old->durable,
                            .terms = &terms,
                            .asked = &asked};
    code = make(supervisor, &making, &batch, error);
    if (code)
        return code;
    if (fill_retry(supervisor, batch, old, key ? &asked : NULL) != 0) {
        unmake(supervisor, batch);
        return refuse(error, RPC_FULL, "out of memory");
    }
    *out = batch;
    return 0;
}
