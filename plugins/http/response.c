/*
 * What comes back, see response.h. Called by libcurl in the middle of its work: nothing here ends a job or
 * a transfer; it says why in `stop` and returns what makes libcurl end it.
 */
#include "response.h"

#include <string.h>
#include <strings.h>
#include "end.h"
#include "status.h"
#include "transfer.h"

/* Kept of the body of a response with a status that is not expected: enough to say what is wrong. */
#define ERROR_BODY_BYTES (64 * 1024)
/* How long such a body may take, in seconds; the job has failed already. */
#define ERROR_BODY_S 2.0

/* Anything but the size given ends the transfer. */
#define END_TRANSFER ((size_t)-1)

static size_t stop(struct transfer *transfer, enum stop why)
{
    transfer->now.stop = why;
    return END_TRANSFER;
}

/* RFC 9110, 15.4.4: what a 303 points to is fetched with GET, whatever the method was. libcurl does so but for
 * methods that it has no option for. */
static void forget_method(struct transfer *transfer)
{
    (void)curl_easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST, NULL); /* needs no memory */
}

/* All headers of a response have come. */
static void end_headers(struct transfer *transfer)
{
    struct transfer_job *now = &transfer->now;
    const struct http_params *params = now->params;
    now->in_headers = false;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &now->status);
    if (now->status < 200)
        return; /* another response follows */
    if (params->follow && now->status / 100 == 3 && now->has_location) {
        if (now->status == 303)
            forget_method(transfer);
        return;
    }
    if (!status_listed(&params->expect_status, now->status)) {
        now->wrong_status = true;
        aw_after(now->job, ERROR_BODY_S, end_on_time);
    }
}

static bool is_header(const char *line, size_t size, const char *name)
{
    size_t length = strlen(name);
    return size > length && line[length] == ':' && strncasecmp(line, name, length) == 0;
}

size_t response_header(char *data, size_t one, size_t size, void *context)
{
    (void)one; /* is 1 */
    struct transfer *transfer = context;
    struct transfer_job *now = &transfer->now;
    now->last_ns = transfer_now_ns();
    now->headers_size += size;
    if (now->headers_size > HEADERS_BYTES)
        return stop(transfer, STOP_HEADERS);
    if (size == 0)
        return size;
    if (!now->in_headers && strncmp(data, "HTTP/", size < 5 ? size : 5) == 0) {
        now->in_headers = true;
        now->has_location = false;
    } else if (now->in_headers && (data[0] == '\r' || data[0] == '\n')) {
        end_headers(transfer);
    } else if (is_header(data, size, "location")) {
        now->has_location = true;
    }
    return size;
}

/* Takes what there is room for, up to `max` bytes of body in all. */
static size_t take(struct transfer *transfer, const char *data, size_t size, uint64_t max)
{
    struct transfer_job *now = &transfer->now;
    uint64_t room = max - now->size;
    size_t taken = size < room ? size : (size_t)room;
    now->size += taken;
    aw_output(now->job, data, taken);
    return taken;
}

size_t response_body(char *data, size_t one, size_t size, void *context)
{
    (void)one; /* is 1 */
    struct transfer *transfer = context;
    struct transfer_job *now = &transfer->now;
    const struct http_params *params = now->params;
    now->last_ns = transfer_now_ns();
    if (now->wrong_status) {
        if (take(transfer, data, size, ERROR_BODY_BYTES) < size)
            return stop(transfer, STOP_STATUS);
        return size;
    }
    size_t taken = take(transfer, data, size, params->max_body.bytes);
    search_feed(&now->search, data, taken);
    if (taken == size)
        return size;
    now->cut = params->truncate;
    return stop(transfer, STOP_BODY);
}
