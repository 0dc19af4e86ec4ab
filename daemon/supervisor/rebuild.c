/*
 * Everything is checked that would otherwise be relied on: a database may have been changed by somebody else.
 */
#include "supervisor/rebuild.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/batch.h"
#include "supervisor/result_text.h"
#include "supervisor/submit.h"
#include "supervisor/terms_text.h"

/* Keeps what has gone wrong; the words are there, but for those of -ENOMEM. */
static void fail(struct rebuild *rebuild, int code)
{
    rebuild->code = code == -ENOMEM ? error_set(&rebuild->error, code, "out of memory") : -EUCLEAN;
}

/* ---- The batch itself ------------------------------------------------------------------------------ */

static int keep_key(struct rebuild *rebuild, const struct store_batch *stored)
{
    if (!stored->key)
        return 0;
    if (!stored->asked)
        return error_set(&rebuild->error, -EBADMSG, "nothing tells what was asked for by its key");
    rebuild->key = strdup(stored->key);
    return rebuild->key ? 0 : -ENOMEM;
}

static int keep_stop(struct rebuild *rebuild, const struct store_batch *stored)
{
    struct batch *batch = rebuild->batch;
    if (!stored->stopped)
        return 0;
    if (!job_state_is_final(stored->stopped_as))
        return error_set(&rebuild->error, -EBADMSG, "its jobs cannot end as %s",
                         job_state_name(stored->stopped_as));
    size_t size = strlen(stored->stopped) + 1;
    char *reason = arena_take(&batch->texts, size, 1);
    if (!reason)
        return -ENOMEM;
    batch->cancelled = memcpy(reason, stored->stopped, size);
    batch->stopped_as = stored->stopped_as;
    return 0;
}

static void keep_facts(struct rebuild *rebuild, const struct store_batch *stored)
{
    struct batch *batch = rebuild->batch;
    batch->retry_of = stored->retry_of;
    batch->submitted_s = stored->submitted_s;
    batch->submitted_ns = stored->submitted_ns;
    batch->given_up = stored->given_up;
    batch->cut_short = stored->cut_short;
    batch->durable = true;
    batch->configured = stored->configured && stored->asked;
    rebuild->sealed = stored->sealed || stored->stopped;
    rebuild->paused = stored->paused;
    rebuild->finished = stored->finished;
    rebuild->ended_ns = stored->ended_ns;
    rebuild->ended_s = stored->ended_s;
}

static int keep_terms(struct rebuild *rebuild, const struct store_batch *stored)
{
    if (!stored->terms)
        return error_set(&rebuild->error, -EBADMSG, "it has no terms");
    int code = terms_text_read(stored->terms, &rebuild->batch->terms, &rebuild->error);
    return code ? error_prefix(&rebuild->error, code, "its terms") : 0;
}

void rebuild_begin(struct rebuild *rebuild, const struct store_batch *stored)
{
    assert(!rebuild->batch && !rebuild->code);
    rebuild->batch = batch_new(stored->number, stored->name, stored->owner);
    if (!rebuild->batch) {
        fail(rebuild, -ENOMEM);
        return;
    }
    keep_facts(rebuild, stored);
    int code = keep_terms(rebuild, stored);
    if (!code)
        code = keep_key(rebuild, stored);
    if (!code && stored->asked)
        code = batch_note_asked(rebuild->batch, stored->asked);
    if (!code)
        code = keep_stop(rebuild, stored);
    if (code)
        fail(rebuild, code);
}

/* ---- Jobs ------------------------------------------------------------------------------------------ */

static int add_piece(struct rebuild *rebuild, const struct store_piece *piece)
{
    struct batch *batch = rebuild->batch;
    if (piece->first != batch->jobs)
        return error_set(&rebuild->error, -EBADMSG, "it begins with job %u instead of %u",
                         piece->first, batch->jobs);
    int error = batch_accept(batch, piece->accepted_ns);
    return error ? error : submit_stored(batch, piece->jobs, rebuild->catalogue, &rebuild->error);
}

void rebuild_piece(struct rebuild *rebuild, const struct store_piece *piece)
{
    if (rebuild->code)
        return;
    int code = add_piece(rebuild, piece);
    if (code)
        fail(rebuild, error_prefix(&rebuild->error, code, "piece %u", piece->number));
}

static int keep_job(struct rebuild *rebuild, const struct store_job *job)
{
    if (rebuild->jobs_count == rebuild->jobs_capacity) {
        size_t capacity = rebuild->jobs_capacity ? 2 * rebuild->jobs_capacity : 16;
        struct store_job *grown = reallocarray(rebuild->jobs, capacity, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        rebuild->jobs = grown;
        rebuild->jobs_capacity = capacity;
    }
    rebuild->jobs[rebuild->jobs_count++] = *job;
    return 0;
}

void rebuild_job(struct rebuild *rebuild, const struct store_job *job)
{
    if (rebuild->code)
        return;
    int code = job->job < rebuild->batch->jobs
                   ? batch_set_attempt(rebuild->batch, job->job, job->attempt)
                   : error_set(&rebuild->error, -EBADMSG, "there is no job %u", job->job);
    if (!code && !rebuild->finished)
        code = keep_job(rebuild, job);
    if (code)
        fail(rebuild, code);
}

/* ---- Results --------------------------------------------------------------------------------------- */

static int on_result(void *context, const struct completion *completion, unsigned attempt)
{
    struct rebuild *rebuild = context;
    struct batch *batch = rebuild->batch;
    uint32_t job = completion->job;
    if (job >= batch->jobs || job_state_is_final(batch_state(batch, job)))
        return -EBADMSG;
    uint64_t ended_ns = batch_accepted_ns(batch, job) + completion->queued_ns + completion->run_ns;
    int error = batch_set_attempt(batch, job, attempt);
    return error ? error : batch_complete(batch, completion, ended_ns);
}

void rebuild_results(struct rebuild *rebuild, uint32_t first, struct bytes_view results)
{
    if (rebuild->code)
        return;
    const struct completions *completions = &rebuild->batch->completions;
    int code =
        first == completions->count ? result_text_read(results, on_result, rebuild) : -EBADMSG;
    if (code)
        fail(rebuild, error_set(&rebuild->error, code,
                                "its results from number %u on make no sense at number %u", first,
                                completions->count));
}

/* ---- The end --------------------------------------------------------------------------------------- */

static void finish(struct rebuild *rebuild)
{
    struct batch *batch = rebuild->batch;
    if (batch_completed(batch) < batch->jobs) {
        fail(rebuild, error_set(&rebuild->error, -EBADMSG,
                                "it has finished, but only %u of %u jobs have ended",
                                batch_completed(batch), batch->jobs));
        return;
    }
    batch->finished = batch->end_recorded = true;
    batch->ended_ns = rebuild->ended_ns;
    batch->ended_s = rebuild->ended_s;
}

int rebuild_end(struct rebuild *rebuild, struct batch **out, struct error *error)
{
    struct batch *batch = rebuild->batch;
    if (!rebuild->code && rebuild->finished)
        finish(rebuild);
    if (rebuild->code)
        return error_set(error, rebuild->code, "batch %llu in the store: %s",
                         batch ? (unsigned long long)batch->number : 0, rebuild->error.text);
    batch->sealed = rebuild->sealed || rebuild->finished;
    batch->admitted_jobs = batch->jobs;
    batch->recorded = batch_completed(batch);
    rebuild->batch = NULL;
    *out = batch;
    return 0;
}

void rebuild_clear(struct rebuild *rebuild)
{
    batch_free(rebuild->batch);
    free(rebuild->jobs);
    free(rebuild->key);
    *rebuild = (struct rebuild){.catalogue = rebuild->catalogue};
}
