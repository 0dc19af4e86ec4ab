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

/* Seconds that libcurl may take to notice a limit that both look at; it knows better what it was busy with. */
#define AFTER_LIBCURL_S 0.1

struct transfer **end_transfer_of(struct aw_job *job)
{
    return aw_state(job);
}

static void end(struct transfer *transfer, enum aw_result result)
{
    struct aw_job *job = transfer->now.job;
    if (transfer->now.looking_up)
        lookups_leave(&transfer->http->lookups, transfer_now_ns());
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
    if (result != CURLE_OPERATION_TIMEDOUT)
        transfer->now.looking_up = false; /* it had an end */
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
    multi_remove(transfer->multi, transfer->easy);
    end(transfer, AW_FAILED);
}

/* Seconds that are left until a byte must have moved; the job has a connection. */
static double stall_left_s(const struct transfer *transfer, uint64_t now_ns)
{
    const struct transfer_job *now = &transfer->now;
    uint64_t last_ns = now->ready_ns > now->last_ns ? now->ready_ns : now->last_ns;
    return now->params->stall_timeout.seconds - (double)(now_ns - last_ns) / 1e9;
}

/* Seconds that are left until a connection must be ready, and all be over. libcurl sees to both, but does not
 * look while a transfer waits for a connection that another one is making (CURLOPT_PIPEWAIT). */
static double connect_left_s(const struct transfer *transfer, uint64_t now_ns)
{
    const struct transfer_job *now = &transfer->now;
    curl_off_t before_us = 0; /* all redirects together took so long */
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_TIME_T, &before_us); /* stays 0 */
    double passed_s = (double)(now_ns - now->begin_ns) / 1e9;
    double connect_s = (double)before_us / 1e6 + now->params->connect_timeout.seconds;
    return fmin(connect_s, now->params->timeout.seconds) + AFTER_LIBCURL_S - passed_s;
}

void end_on_time(struct aw_job *job)
{
    struct transfer *transfer = *end_transfer_of(job);
    if (transfer->now.wrong_status) {
        stop(transfer, STOP_STATUS);
        return;
    }
    uint64_t now_ns = transfer_now_ns();
    bool connected = transfer_is_connected(transfer);
    double left_s = connected ? stall_left_s(transfer, now_ns) : connect_left_s(transfer, now_ns);
    if (left_s > 0)
        aw_after(job, left_s, end_on_time);
    else
        stop(transfer, connected ? STOP_STALLED : STOP_WAITED);
}

void end_cancelled(struct aw_job *job)
{
    struct transfer *transfer = *end_transfer_of(job);
    multi_remove(transfer->multi, transfer->easy);
    end(transfer, AW_CANCELLED);
}
