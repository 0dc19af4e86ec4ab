/*
 * A transfer: what a job's HTTP request is while it runs, with the libcurl handle that does it. Transfers are kept
 * for the next job when theirs ends. Loop thread alone.
 */
#ifndef AWAITD_HTTP_TRANSFER_H
#define AWAITD_HTTP_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <awaitd/plugin.h>
#include "address.h"
#include "lookups.h"
#include "params.h"
#include "search.h"

struct decode;
struct multi;

/* What a response says of its body. */
enum encoding {
    ENCODING_NONE,
    ENCODING_GZIP,
    ENCODING_OTHER,
};

/* What the plugin has in each worker. */
struct http {
    struct multi *multi;
    struct multi *prior; /* for HTTP/2 without TLS, see transfer_use_prior() */
    struct lookups lookups;
    struct address_rules *rules;
    const struct http_settings *settings;
    struct curl_slist *headers; /* of requests that have none of their own */
    struct transfer *idle;      /* list of those kept */
    size_t idle_count;
};

/* Why we ended a transfer that libcurl would have gone on with. */
enum stop {
    STOP_NONE,
    STOP_STATUS,  /* a status that is not expected, and enough of its body */
    STOP_BODY,    /* more body than max_body */
    STOP_HEADERS, /* more headers than HEADERS_BYTES */
    STOP_STALLED, /* no byte for stall_timeout */
    STOP_WAITED, /* the time to connect, or all of it, went by in waiting for a connection that is being made */
    STOP_ENCODING,   /* a body that is encoded otherwise than was asked for */
    STOP_BROKEN,     /* a body that cannot be decompressed */
    STOP_FILE,       /* body_file cannot be read to the end that it had */
    STOP_SENT_AGAIN, /* would have sent a request again that may not be */
    STOP_LOOKUPS,    /* needs a name looked up while too many of those left behind are */
};

struct transfer {
    CURL *easy;
    struct http *http;
    struct multi *multi;   /* where it runs */
    struct transfer *next; /* in the list of idle ones */

    /* Of one job; zeroed for each. */
    struct transfer_job {
        struct aw_job *job;
        const struct http_params *params;
        struct search search; /* for `expect` */
        struct curl_slist *headers;
        int file;               /* body_file + 1; 0: none */
        uint64_t file_size;     /* bytes */
        uint64_t file_offset;   /* of the next byte to send */
        uint64_t size;          /* bytes of body so far, decoded */
        uint64_t headers_size;  /* bytes of headers so far, of all responses */
        uint64_t begin_ns;      /* monotonic */
        uint64_t last_ns;       /* when the last byte came or went; 0: none did */
        curl_off_t sent;        /* bytes of body sent so far */
        long status;            /* the last response's; 0: none yet, or under way */
        long requests;          /* sent so far, redirects included */
        long followed;          /* redirects before the last of these */
        uint64_t ready_ns;      /* when the connection was ready for it */
        bool looking_up;        /* a name, perhaps: no socket was opened since */
        bool once;              /* a request may not be sent again */
        bool in_body;           /* of the final response */
        bool has_location;      /* the response being read has a Location */
        bool has_type;          /* and a Content-Type */
        bool in_headers;        /* the first line of a response has come, its last header has not */
        bool wrong_status;      /* the final response has a status that is not expected */
        bool cut;               /* the body was cut at max_body, as wanted */
        bool custom;            /* options are set that the next job must not have */
        bool denied;            /* a connection was refused by the rules; peer is where to */
        enum encoding encoding; /* of the response's body */
        struct decode *decode;  /* decompresses it; NULL: comes as it is */
        enum stop stop;
        struct sockaddr_storage peer; /* where it connected to last; ss_family 0: nowhere */
    } now;
    char error[CURL_ERROR_SIZE]; /* libcurl's words */
};

/* Takes one from the idle ones or makes it; NULL: out of memory. It goes back with transfer_release(). */
struct transfer *transfer_take(struct http *http, struct aw_job *job,
                               const struct http_params *params);
/* Its handle must not run any more. */
void transfer_release(struct transfer *transfer);
/* Lets it run among those of HTTP/2 without TLS (CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE). libcurl would begin that anew
 * on any connection that was kept for the host, whatever was spoken there before; so each of these requests has a
 * connection of its own. */
void transfer_use_prior(struct transfer *transfer);
/* Frees the idle ones. */
void transfers_free(struct http *http);

/* Whether a connection is ready for the request, or the request is on its way. false: one is being made, waited for
 * or, after a redirect, not yet looked for. */
bool transfer_is_connected(const struct transfer *transfer);

/* Nanoseconds since an unspecified moment, that never go back. */
uint64_t transfer_now_ns(void);

#endif
