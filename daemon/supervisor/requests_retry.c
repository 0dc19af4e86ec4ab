/*
 * What did not succeed in a batch that has finished, as a new batch: who may ask for it, its text for the store, and
 * its way in. Which jobs these are, and what becomes of their order, is retry_batch.c's business.
 */
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/problems.h"
#include "supervisor/config.h"
#include "supervisor/entries_text.h"
#include "supervisor/fingerprint.h"
#include "supervisor/requests_parts.h"
#include "supervisor/retry_batch.h"
#include "supervisor/supervisor.h"
#include "wire/rpc.h"

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

static void free_texts(struct bytes *texts, uint32_t count)
{
    for (uint32_t i = 0; texts && i < count; i++)
        bytes_free(&texts[i]);
    free(texts);
}

/* The texts of the batch's pieces, for free_texts(); one of which all jobs had succeeded has none. NULL: out of
 * memory. */
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
    error = texts && views ? request_enter(supervisor, &what) : -ENOMEM;
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
    int code = request_find_existing(supervisor, caller, key, &asked, &batch, problems, error);
    if (!code && !batch)
        code = check_retry(old, caller, problems, error);
    if (code)
        return code;
    *existing = batch != NULL;
    if (batch) {
        *out = batch;
        return 0;
    }
    if (retry_batch_jobs(old) > request_room_of_whole(supervisor))
        return request_full(error, "jobs that have not ended",
                            supervisor->config->limits.queued_jobs, "limits.queued_jobs");
    struct batch_terms terms = old->terms;
    terms.rate.due_ns = 0;
    terms.rate.awaited = false;
    struct request_making making = {.name = old->name,
                                    .key = key,
                                    .owner = caller,
                                    .durable = old->durable,
                                    .terms = &terms,
                                    .asked = &asked};
    code = request_make(supervisor, &making, &batch, error);
    if (code)
        return code;
    if (fill_retry(supervisor, batch, old, key ? &asked : NULL) != 0) {
        request_unmake(supervisor, batch);
        return request_refuse(error, RPC_FULL, "out of memory");
    }
    *out = batch;
    return 0;
}
