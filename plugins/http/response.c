/*
 * What comes back, see response.h. Called by libcurl in the middle of its work: nothing here ends a job or
 * a transfer; it says why in `stop` and returns what makes libcurl end it.
 */
#include "response.h"

#include <string.h>
#include <strings.h>
#include "decode.h"
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
        now->denied = false; /* what the next one meets is another address */
        now->peer.ss_family = 0;
        return;
    }
    now->in_body = true;
    if (!status_listed(&params->expect_status, now->status)) {
        now->wrong_status = true;
        aw_after(now->job, ERROR_BODY_S, end_on_time);
    }
}

/* RFC 9110, 8.4: as asked for, gzip by one of its two names, or not at all. */
static enum encoding encoding_of(const char *value, size_t size)
{
    while (size > 0 && strchr(" \t\r\n", value[size - 1]))
        size--;
    while (size > 0 && strchr(" \t", *value))
        value++, size--;
    if (size == 0 || (size == 8 && strncasecmp(value, "identity", size) == 0))
        return ENCODING_NONE;
    if ((size == 4 && strncasecmp(value, "gzip", size) == 0) ||
        (size == 6 && strncasecmp(value, "x-gzip", size) == 0))
        return ENCODING_GZIP;
    return ENCODING_OTHER;
}

static void on_encoding(struct transfer_job *now, const char *value, size_t size)
{
    enum encoding encoding = encoding_of(value, size);
    if (encoding != ENCODING_NONE) /* twice encoded is not what was asked for, either */
        now->encoding = now->encoding == ENCODING_NONE ? encoding : ENCODING_OTHER;
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
        now->has_location = now->has_type = false;
        now->encoding = ENCODING_NONE;
    } else if (now->in_headers && (data[0] == '\r' || data[0] == '\n')) {
        end_headers(transfer);
    } else if (is_header(data, size, "location")) {
        now->has_location = true;
    } else if (is_header(data, size, "content-type")) {
        now->has_type = true;
    } else if (now->params->compressed && is_header(data, size, "content-encoding")) {
        size_t name = strlen("content-encoding:");
        on_encoding(now, data + name, size - name);
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

/* A piece of the body as the job wants it, decompressed. false: that is enough. */
static bool keep(void *context, const char *data, size_t size)
{
    struct transfer *transfer = context;
    struct transfer_job *now = &transfer->now;
    if (now->wrong_status) {
        if (take(transfer, data, size, ERROR_BODY_BYTES) == size)
            return true;
        (void)stop(transfer, STOP_STATUS);
        return false;
    }
    size_t taken = take(transfer, data, size, now->params->max_body.bytes);
    search_feed(&now->search, data, taken);
    if (taken == size)
        return true;
    now->cut = now->params->truncate;
    (void)stop(transfer, STOP_BODY);
    return false;
}

size_t response_body(char *data, size_t one, size_t size, void *context)
{
    (void)one; /* is 1 */
    struct transfer *transfer = context;
    struct transfer_job *now = &transfer->now;
    now->last_ns = transfer_now_ns();
    if (now->encoding == ENCODING_NONE)
        return keep(transfer, data, size) ? size : END_TRANSFER;
    if (now->encoding == ENCODING_OTHER)
        return stop(transfer, STOP_ENCODING);
    if (!now->decode && !(now->decode = decode_new()))
        return stop(transfer, STOP_BROKEN);
    switch (decode_feed(now->decode, data, size, keep, transfer)) {
    case DECODE_OK:
        return size;
    case DECODE_BROKEN:
        return stop(transfer, STOP_BROKEN);
    default: /* keep() has said why */
        return END_TRANSFER;
    }
}
