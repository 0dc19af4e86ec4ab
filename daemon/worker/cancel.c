/*
 * Cancelling, see cancel.h. A range that is worked on holds on to the slab at which it stands, since
 * cancelling ends jobs and with them slabs.
 */

#include "worker/cancel.h"

#include <errno.h>
#include <stdlib.h>
#include "wire/message.h"
#include "worker/job.h"
#include "worker/worker.h"

struct cancel {
    TAILQ_ENTRY(cancel) link;
    struct message_cancel range;
    uint64_t slabs_made; /* slabs with this number and later ones are not meant */
    struct slab *slab;   /* where it stands, held; NULL: not yet begun */
    uint32_t at;         /* job of the slab to look at next */
};

void cancels_init(struct cancels *cancels)
{
    TAILQ_INIT(&cancels->list);
}

static void drop(struct cancels *cancels, struct cancel *cancel)
{
    TAILQ_REMOVE(&cancels->list, cancel, link);
    if (cancel->slab)
        slab_release(cancel->slab);
    free(cancel);
}

void cancels_clear(struct cancels *cancels)
{
    while (!TAILQ_EMPTY(&cancels->list))
        drop(cancels, TAILQ_FIRST(&cancels->list));
}

int cancels_add(struct aw_worker *worker, const struct message_cancel *range)
{
    struct cancel *cancel = calloc(1, sizeof(*cancel));
    if (!cancel)
        return -ENOMEM;
    cancel->range = *range;
    cancel->slabs_made = worker->jobs.slabs_made;
    TAILQ_INSERT_TAIL(&worker->cancels.list, cancel, link);
    return 0;
}

/* Whether the slab has jobs of the range, from the one numbered *begin to the one before *end. */
static bool overlap(const struct slab *slab, const struct message_cancel *range, uint32_t *begin,
                    uint32_t *end)
{
    if (slab->batch != range->batch || range->first >= slab->first + slab->count)
        return false;
    uint64_t from = range->first > slab->first ? range->first - slab->first : 0;
    uint64_t skipped = slab->first + from - range->first; /* jobs of the range before this slab */
    if (skipped >= range->count)
        return false;
    uint64_t left = range->count - skipped;
    *begin = (uint32_t)from;
    *end = left < slab->count - from ? (uint32_t)(from + left) : slab->count;
    return true;
}

/* Goes to the next slab that is meant. false: there is none. */
static bool advance(struct aw_worker *worker, struct cancel *cancel)
{
    struct slab *slab =
        cancel->slab ? TAILQ_NEXT(cancel->slab, link) : TAILQ_FIRST(&worker->jobs.slabs);
    if (cancel->slab)
        slab_release(cancel->slab);
    if (slab && slab->number >= cancel->slabs_made)
        slab = NULL;
    if (slab)
        slab->holders++;
    cancel->slab = slab;
    cancel->at = 0;
    return slab;
}

static size_t cancel_in_slab(struct cancel *cancel, size_t limit)
{
    struct slab *slab = cancel->slab;
    uint32_t begin, end;
    size_t seen = 1; /* looking at a slab counts as well */
    if (!overlap(slab, &cancel->range, &begin, &end)) {
        cancel->at = slab->count;
        return seen;
    }
    if (cancel->at < begin)
        cancel->at = begin;
    for (; cancel->at < end && seen <= limit; seen++)
        job_stop(&slab->jobs[cancel->at++],
                 cancel->range.out_of_time ? STOP_DEADLINE : STOP_CANCELLED);
    if (cancel->at == end)
        cancel->at = slab->count;
    return seen;
}

bool cancels_step(struct aw_worker *worker, size_t limit)
{
    struct cancel *cancel;
    size_t seen = 0;
    while (seen < limit && (cancel = TAILQ_FIRST(&worker->cancels.list))) {
        if (cancel->slab && cancel->at < cancel->slab->count)
            seen += cancel_in_slab(cancel, limit - seen);
        else if (!advance(worker, cancel))
            drop(&worker->cancels, cancel);
    }
    return !TAILQ_EMPTY(&worker->cancels.list);
}
