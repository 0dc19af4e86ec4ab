/*
 * Transfers and the list of idle ones, see transfer.h. Making a handle costs far more than a request does, so
 * they are kept; options of one job never reach another: they are set for each job, or all are reset.
 */
#include "transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "decode.h"
#include "multi.h"
#include "response.h"

/* Idle transfers kept: as many as the plugin's limit lets run at once. Each has some 25 KiB, most of it libcurl's
 * buffer for reading. */
#define IDLE_MAX 256

uint64_t transfer_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* libcurl's CURLOPT_OPENSOCKETFUNCTION. Asked for every address it tries, after names were resolved and after
 * redirects. */
static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    (void)purpose;
    struct transfer *transfer = context;
    struct transfer_job *now = &transfer->now;
    now->looking_up = false; /* found */
    bool allowed = address_allowed(transfer->http->rules, &address->addr);
    if (!allowed || !now->denied) { /* where something is denied, that is what people must know */
        size_t size = address->addrlen < sizeof(now->peer) ? address->addrlen : sizeof(now->peer);
        memcpy(&now->peer, &address->addr, size);
    }
    if (!allowed) {
        now->denied = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  address->protocol);
}

/* Whether none of the names that there are needs a lookup. Which one libcurl means it does not tell. */
static bool needs_no_lookup(const struct transfer *transfer)
{
    const char *proxy = transfer->now.params->proxy, *url = NULL;
    if (proxy ? *proxy && !lookups_not_needed(proxy) : transfer->http->settings->environment_proxy)
        return false;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url); /* stays NULL */
    return url && lookups_not_needed(url);
}

/* libcurl's CURLOPT_RESOLVER_START_FUNCTION, before it looks up a host that it has not looked up lately; for addresses,
 * too. Anything but 0: it shall not. */
static int on_lookup(void *resolver, void *reserved, void *context)
{
    (void)resolver, (void)reserved;
    struct transfer *transfer = context;
    transfer->now.looking_up = true;
    if (lookups_may_begin(&transfer->http->lookups, transfer_now_ns()) || needs_no_lookup(transfer))
        return 0;
    transfer->now.looking_up = false;
    transfer->now.stop = STOP_LOOKUPS;
    return 1;
}

static long redirects(const struct transfer *transfer)
{
    long count = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_COUNT, &count); /* stays 0 */
    return count;
}

bool transfer_is_connected(const struct transfer *transfer)
{
    const struct transfer_job *now = &transfer->now;
    return now->requests > 0 && now->followed == redirects(transfer);
}

/* libcurl's CURLOPT_PREREQFUNCTION, before each request. libcurl sends a request again, on a new connection, when
 * a kept one turns out to be closed; the server may have acted on the first one nevertheless. */
static int on_request(void *context, char *peer, char *own, int peer_port, int own_port)
{
    (void)peer, (void)own, (void)peer_port, (void)own_port;
    struct transfer *transfer = context;
    struct transfer_job *now = &transfer->now;
    now->looking_up = false; /* by the proxy's name, perhaps */
    now->ready_ns = transfer_now_ns();
    now->followed = redirects(transfer);
    if (now->requests++ <= now->followed || !now->once)
        return CURL_PREREQFUNC_OK;
    now->stop = STOP_SENT_AGAIN;
    return CURL_PREREQFUNC_ABORT;
}

/* libcurl's CURLOPT_XFERINFOFUNCTION; used where a body is sent, to see that it moves. */
static int on_progress(void *context, curl_off_t download_size, curl_off_t downloaded,
                       curl_off_t upload_size, curl_off_t uploaded)
{
    (void)download_size, (void)downloaded, (void)upload_size;
    struct transfer *transfer = context;
    if (uploaded != transfer->now.sent) {
        transfer->now.sent = uploaded;
        transfer->now.last_ns = transfer_now_ns();
    }
    return 0; /* CURL_PROGRESSFUNC_CONTINUE would have libcurl draw its progress on standard error */
}

/* Options of the settings. */
static CURLcode set_settings(CURL *easy, const struct http_settings *settings)
{
    CURLcode result = CURLE_OK;
    if (settings->ca_file || settings->ca_path)
        result = curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_file);
    /* The system's certificates are in a file as well as in a directory, and libcurl reads a file just once for all
     * connections, but only where it has no directory, too. */
    if (!result)
        result = curl_easy_setopt(easy, CURLOPT_CAPATH, settings->ca_path);
    if (!result && !settings->environment_proxy)
        result = curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!result && !settings->environment_proxy)
        result = curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    return result;
}

static void use(struct transfer *transfer, struct multi *multi)
{
    transfer->multi = multi;
    multi_prepare(multi, transfer->easy, on_open_socket, transfer);
}

void transfer_use_prior(struct transfer *transfer)
{
    transfer->now.custom = true;
    use(transfer, transfer->http->prior);
}

/* What is the same for all jobs. None of these can fail, but for lack of memory where texts are copied. */
static CURLcode set_common(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    use(transfer, transfer->http->multi);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A name that takes long to resolve must not hold the loop when its job is cancelled; the thread that
     * resolves it ends by itself, and on_lookup() sees to it that they are not too many. */
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, on_lookup);
    (void)curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, response_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, response_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    CURLcode result = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!result)
        result = curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    if (!result)
        /* Without, OpenSSL asks on the terminal for the password of a key. */
        result = curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "");
    if (!result)
        result = set_settings(easy, transfer->http->settings);
    return result;
}

static void transfer_free(struct transfer *transfer)
{
    if (transfer->easy)
        curl_easy_cleanup(transfer->easy);
    free(transfer);
}

static struct transfer *transfer_new(struct http *http)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer)
        return NULL;
    transfer->http = http;
    transfer->easy = curl_easy_init();
    if (!transfer->easy || set_common(transfer)) {
        transfer_free(transfer);
        return NULL;
    }
    return transfer;
}

struct transfer *transfer_take(struct http *http, struct aw_job *job,
                               const struct http_params *params)
{
    struct transfer *transfer = http->idle;
    if (transfer) {
        http->idle = transfer->next;
        http->idle_count--;
    } else {
        transfer = transfer_new(http);
        if (!transfer)
            return NULL;
    }
    transfer->now =
        (struct transfer_job){.job = job, .params = params, .begin_ns = transfer_now_ns()};
    transfer->error[0] = '\0';
    return transfer;
}

void transfer_release(struct transfer *transfer)
{
    struct http *http = transfer->http;
    struct transfer_job *now = &transfer->now;
    bool reusable = http->idle_count < IDLE_MAX;
    if (reusable && now->custom) {
        curl_easy_reset(transfer->easy);
        reusable = set_common(transfer) == CURLE_OK;
    }
    search_clear(&now->search);
    decode_free(now->decode);
    if (now->file)
        (void)close(now->file - 1); /* nothing was written */
    curl_slist_free_all(now->headers);
    if (!reusable) {
        transfer_free(transfer);
        return;
    }
    transfer->next = http->idle;
    http->idle = transfer;
    http->idle_count++;
}

void transfers_free(struct http *http)
{
    while (http->idle) {
        struct transfer *transfer = http->idle;
        http->idle = transfer->next;
        transfer_free(transfer);
    }
    http->idle_count = 0;
}
