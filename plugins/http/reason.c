/*
 * Why a transfer failed, see reason.h. libcurl's own words are for programmers in places; here are those for people
 * who know a URL.
 */
#include "reason.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "decode.h"
#include "response.h"
#include "status.h"
#include "transfer.h"

/* Bytes of a list of expected statuses, and of a URL's end, that people are shown. */
#define LIST_BYTES 200
#define TEXT_BYTES 300

static curl_off_t info(struct transfer *transfer, CURLINFO which)
{
    curl_off_t value = 0;
    (void)curl_easy_getinfo(transfer->easy, which, &value); /* stays 0 */
    return value;
}

/* What it was busy with. */
static const char *phase(struct transfer *transfer)
{
    const struct transfer_job *now = &transfer->now;
    if (now->in_headers)
        return "reading headers";
    if (now->in_body)
        return "reading the body";
    if (now->stop == STOP_WAITED)
        return "waiting for the connection that another job makes";
    if (!transfer_is_connected(transfer)) {
        if (info(transfer, CURLINFO_REDIRECT_TIME_T) > 0)
            return "connecting to where it was redirected";
        if (now->peer.ss_family == 0)
            return "resolving the host's name";
        return info(transfer, CURLINFO_CONNECT_TIME_T) ? "beginning TLS" : "connecting";
    }
    return "waiting for headers";
}

/* libcurl's or the system's words as a part of a sentence: with a small letter in front, but for names such as
 * OpenSSL. Returns `text`. */
static const char *small(const char *words, char text[TEXT_BYTES])
{
    (void)snprintf(text, TEXT_BYTES, "%s", words); /* cut where it is longer */
    const char *rest = text + 1;
    while (islower((unsigned char)*rest))
        rest++;
    if (isupper((unsigned char)text[0]) && rest > text + 1 && *rest == ' ')
        text[0] = (char)tolower((unsigned char)text[0]);
    return text;
}

static const char *words(struct transfer *transfer, CURLcode result, char text[TEXT_BYTES])
{
    return small(transfer->error[0] ? transfer->error : curl_easy_strerror(result), text);
}

static void set_not_connected(struct transfer *transfer, CURLcode result)
{
    const struct sockaddr *peer = (const struct sockaddr *)&transfer->now.peer;
    char address[ADDRESS_TEXT_BYTES], text[TEXT_BYTES];
    long number = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number); /* stays 0 */
    if (peer->sa_family == 0)
        (void)aw_fail(transfer->now.job, "could not connect: %s", words(transfer, result, text));
    else if (transfer->now.denied)
        (void)aw_fail(transfer->now.job, "%s is not allowed by this daemon's configuration",
                      address_text(peer, address));
    else
        (void)aw_fail(transfer->now.job, "could not connect to %s port %u: %s",
                      address_text(peer, address), address_port(peer),
                      number ? small(strerror((int)number), text) : words(transfer, result, text));
}

static void set_timed_out(struct transfer *transfer)
{
    const struct transfer_job *now = &transfer->now;
    double passed_s = (double)(transfer_now_ns() - now->begin_ns) / 1e9;
    double limit_s = now->params->timeout.seconds;
    /* libcurl has one result for both; what has not passed cannot be the one. */
    if (passed_s < limit_s && now->params->connect_timeout.seconds < limit_s)
        limit_s = now->params->connect_timeout.seconds;
    (void)aw_fail(now->job, "timed out after %g s while %s", limit_s, phase(transfer));
}

static void set_broken(struct transfer *transfer, CURLcode result)
{
    char text[TEXT_BYTES];
    long number = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number); /* stays 0 */
    (void)aw_fail(transfer->now.job, "the connection broke while %s: %s", phase(transfer),
                  number ? small(strerror((int)number), text) : words(transfer, result, text));
}

static void set_protocol(struct transfer *transfer, CURLcode result)
{
    char text[TEXT_BYTES];
    long redirects = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_COUNT, &redirects); /* stays 0 */
    if (strncmp(transfer->error, "Protocol", 8) != 0)
        (void)aw_fail(transfer->now.job, "not an HTTP server: %s", words(transfer, result, text));
    else
        (void)aw_fail(transfer->now.job, "only http and https URLs are fetched%s: %s",
                      redirects ? ", also after redirects" : "", words(transfer, result, text));
}

static void set_by_result(struct transfer *transfer, CURLcode result)
{
    struct aw_job *job = transfer->now.job;
    char text[TEXT_BYTES];
    switch (result) {
    case CURLE_COULDNT_CONNECT:
        set_not_connected(transfer, result);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        set_timed_out(transfer);
        break;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        set_broken(transfer, result);
        break;
    case CURLE_GOT_NOTHING:
        (void)aw_fail(job, "the server closed the connection without an answer");
        break;
    case CURLE_PARTIAL_FILE:
        (void)aw_fail(job, "the body ended early: %s", words(transfer, result, text));
        break;
    case CURLE_TOO_MANY_REDIRECTS:
        (void)aw_fail(job, "more than %" PRId64 " redirects", transfer->now.params->max_redirects);
        break;
    case CURLE_UNSUPPORTED_PROTOCOL:
        set_protocol(transfer, result);
        break;
    case CURLE_URL_MALFORMAT:
        (void)aw_fail(job, "not a URL: %s", words(transfer, result, text));
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        (void)aw_fail(job, "TLS: %s", words(transfer, result, text));
        break;
    default:
        (void)aw_fail(job, "%s", words(transfer, result, text));
    }
}

static void set_wrong_status(struct transfer *transfer)
{
    char list[LIST_BYTES];
    if (transfer->now.status == 0) { /* libcurl takes this for a whole answer */
        (void)aw_fail(transfer->now.job, "the headers ended early");
        return;
    }
    status_list_text(&transfer->now.params->expect_status, list, sizeof(list));
    (void)aw_fail(transfer->now.job, "status %ld, expected %s", transfer->now.status, list);
}

void reason_set(struct transfer *transfer, CURLcode result)
{
    const struct transfer_job *now = &transfer->now;
    if (now->wrong_status) { /* whatever came of its body */
        set_wrong_status(transfer);
        return;
    }
    switch (now->stop) {
    case STOP_NONE:
    case STOP_STATUS:
        set_by_result(transfer, result);
        break;
    case STOP_BODY:
        (void)aw_fail(now->job, "the body is larger than max_body, %" PRIu64 " bytes",
                      now->params->max_body.bytes);
        break;
    case STOP_HEADERS:
        (void)aw_fail(now->job, "the headers are larger than %d KiB", HEADERS_BYTES / 1024);
        break;
    case STOP_STALLED:
        (void)aw_fail(now->job, "no byte for %g s while %s", now->params->stall_timeout.seconds,
                      phase(transfer));
        break;
    case STOP_WAITED:
        set_timed_out(transfer);
        break;
    case STOP_ENCODING:
        (void)aw_fail(now->job,
                      "the body is encoded otherwise than with gzip, which was asked for");
        break;
    case STOP_BROKEN:
        (void)aw_fail(now->job, "the compressed body is broken: %s",
                      now->decode ? decode_problem(now->decode) : "out of memory");
        break;
    case STOP_FILE:
        (void)aw_fail(now->job, "body_file: %s: became shorter while it was sent",
                      now->params->body_file);
        break;
    case STOP_SENT_AGAIN:
        (void)aw_fail(
            now->job,
            "the server closed a kept connection before it answered; whether it got the request is "
            "not known, and this kind is not sent twice");
        break;
    case STOP_LOOKUPS:
        (void)aw_fail(
            now->job,
            "names are not looked up for now: %d lookups of jobs that are over may still be "
            "under way",
            LOOKUPS_LEFT_MAX);
        break;
    }
}
