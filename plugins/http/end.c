/*
 * The ends of jobs, see end.h. Every way goes through end(), which gives the transfer back before the job is gone.
 */
#include "end.h"

#include <awaitd/plugin.h>
#include "decode.h"
#include "details.h"
#include "multi.h"
#include "reason.h"
#include "status.h"
#include "transfer.h"

struct transfer **end_transfer_of(struct aw_job *job)
{
    return aw_state(job);
}

static void end(struct transfer *transfer, enum aw_result result)
{
    struct aw_job *job = transfer->now.job;
    details_tell(transfer);
    *end_transfer_of(job) = NULL;
    transfer_release(transfer);
    aw_finish(job, result);
}

/* Whether the response is what the job wants; sets the reason where it is not. */
static bool is_wanted(struct transfer *transfer)
{
    struct transfer_job *now = &transfer->now;
    /* Asked again, for answers that libcurl takes for the last one although more should have followed: a 101 that
     * nobody asked for, a redirect to nowhere. */
    now->wrong_status |= !status_listed(&now->params->expect_status, now->status);
    if (now->wrong_status) {
        reason_set(transfer, CURLE_OK);
        return false;
    }
    if (now->decode && !now->cut && !decode_is_whole(now->decode)) {
        (void)aw_fail(now->job, "the compressed body is broken: its end is missing");
        return false;
    }
    if (!search_found(&now->search)) {
        (void)aw_fail(now->job, "the body does not contain the expected text");
        return false;
    }
    return true;
}

void end_done(void *context, CURLcode result)
{
    struct transfer *transfer = context;
    if (result == CURLE_OK || transfer->now.cut) {
        end(transfer, is_wanted(transfer) ? AW_OK : AW_FAILED);
    } else {
        reason_set(transfer, result);
        end(transfer, AW_FAILED);
    }
}

/* Ends a transfer that libcurl would go on with. */
static void stop(struct transfer *transfer, enum stop why)
{
    transfer->now.stop = why;
    reason_set(transfer, CURLE_ABORTED_BY_CALLBACK);
    multi_remove(transfer->http->multi, transfer->easy);
    end(transfer, AW_FAILED);
}

/* When the connection was ready for the request, or the last byte moved; 0: it is not ready yet, which has a
 * time limit of its own. */
static uint64_t last_sign_ns(const struct transfer *transfer)
{
    const struct transfer_job *now = &transfer->now;
    curl_off_t ready_us = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us); /* stays 0 */
    if (ready_us == 0)
        return 0;
    uint64_t ready_ns = now->begin_ns + (uint64_t)ready_us * 1000;
    return ready_ns > now->last_ns ? ready_ns : now->last_ns;
}

void end_on_time(struct aw_job *job)
{
    struct transfer *transfer = *end_transfer_of(job);
    double limit_s = transfer->now.params->stall_timeout.seconds;
    if (transfer->now.wrong_status) {
        stop(transfer, STOP_STATUS);
        return;
    }
    uint64_t last_ns = last_sign_ns(transfer);
    double passed_s = last_ns ? (double)(transfer_now_ns() - last_ns) / 1e9 : 0;
    if (passed_s >= limit_s)
        stop(transfer, STOP_STALLED);
    else
        aw_after(job, limit_s - passed_s, end_on_time);
}

void end_cancelled(struct aw_job *job)
{
    struct transfer *transfer = *end_transfer_of(job);
    multi_remove(transfer->http->multi, transfer->easy);
    end(transfer, AW_CANCELLED);
}
