/*
 * http: fetches a URL. Async: libcurl runs many transfers at once on the worker's loop and keeps their connections
 * for later ones. This file is what the worker sees; the way of a job is request (options from parameters), transfer
 * and multi (libcurl), response (headers and body as they come), end (details, reason).
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <awaitd/plugin.h>
#include <awaitd/plugin_event.h>
#include "address.h"
#include "end.h"
#include "multi.h"
#include "params.h"
#include "request.h"
#include "transfer.h"

/* At the same time, in all workers together: what one machine can ask others for without asking its administrator. */
#define JOBS_LIMIT 256
/* Seconds: a week. */
#define TIMEOUT_MAX_S (7 * 86400)

static const struct aw_param params[] = {
    AW_PARAM(struct http_params, url, .text = "What to fetch; http or https", .required = true),
    AW_PARAM(struct http_params, method,
             .text = "The request's method; GET where none is given, POST where there is a body"),
    AW_PARAM(struct http_params, headers, .text = "The request's headers, each \"Name: value\""),
    AW_PARAM(struct http_params, body,
             .text = "What to send, without a type unless headers say one"),
    AW_PARAM(struct http_params, body_file, .text = "A regular file to send, instead of body",
             .restricted = true),
    AW_PARAM(struct http_params, json,
             .text = "A value to send as application/json, instead of body"),
    AW_PARAM(struct http_params, expect_status,
             .text = "Statuses with which the job succeeds, such as \"200-299\" or \"404\"",
             .default_text = "200-299"),
    AW_PARAM(struct http_params, expect,
             .text = "Text that the body must contain, in the first max_body bytes of it"),
    AW_PARAM(struct http_params, follow, .text = "Whether to follow redirects",
             .default_text = "true"),
    AW_PARAM(struct http_params, max_redirects, .text = "How many redirects to follow",
             .unit = "redirects", .max = 100, .default_text = "10"),
    AW_PARAM(struct http_params, connect_timeout,
             .text = "How long it may take until the connection stands, with the name resolved and "
                     "TLS begun",
             .min = 0.001, .max = TIMEOUT_MAX_S, .default_text = "10s"),
    AW_PARAM(struct http_params, stall_timeout,
             .text = "How long, on a connection that stands, no byte may come or go", .min = 0.001,
             .max = TIMEOUT_MAX_S, .default_text = "1min"),
    AW_PARAM(struct http_params, timeout, .text = "How long the whole may take", .min = 0.001,
             .max = TIMEOUT_MAX_S, .default_text = "5min"),
    AW_PARAM(struct http_params, max_body,
             .text = "How large the body may be, after it was decompressed; a larger one fails the "
                     "job; what is kept of it as output has a limit of the daemon's own",
             .max = 1LL << 50, .default_text = "1MiB"),
    AW_PARAM(struct http_params, truncate,
             .text = "Whether a body larger than max_body is cut there, instead of failing the job",
             .default_text = "false"),
    AW_PARAM(struct http_params, compressed,
             .text = "Whether to ask for a body compressed with gzip, which is then decompressed",
             .default_text = "true"),
    AW_PARAM(
        struct http_params, http_version,
        .text =
            "\"1.1\"; \"2\", on http without asking first and on https as auto; \"auto\": what the "
            "server has",
        .default_text = "auto"),
    AW_PARAM(struct http_params, user_agent, .text = "What to call ourselves",
             .default_text = "awaitd/" PACKAGE_VERSION),
    AW_PARAM(struct http_params, proxy,
             .text = "The proxy to ask instead of the server itself, such as "
                     "\"http://10.0.0.1:3128\" or \"socks5h://10.0.0.1\""),
    AW_PARAM(struct http_params, credentials_file,
             .text = "A file with one line, user:password, that others may not read; sent to the "
                     "URL's host only, not where it redirects to",
             .restricted = true),
    AW_PARAM(struct http_params, ca_file,
             .text = "A file of the certificates to trust, in PEM, instead of the daemon's",
             .restricted = true),
    AW_PARAM(struct http_params, cert_file,
             .text = "A file with the certificate to show to the server, in PEM",
             .restricted = true),
    AW_PARAM(struct http_params, key_file,
             .text = "A file with that certificate's key, in PEM, unless it is in cert_file",
             .restricted = true),
    AW_PARAM(struct http_params, insecure,
             .text = "Whether to talk to a server whose certificate is wrong; anybody may then "
                     "listen and answer",
             .default_text = "false"),
    AW_PARAMS_END,
};

static const struct aw_param settings[] = {
    AW_PARAM(struct http_settings, deny,
             .text = "Addresses that jobs must not connect to: \"10.0.0.1\", \"10.0.0.0/8\", or "
                     "private, loopback, link-local, public, all"),
    AW_PARAM(struct http_settings, allow, .text = "Exceptions from deny, written alike"),
    AW_PARAM(struct http_settings, connections,
             .text = "How many connections a worker keeps for later jobs", .unit = "connections",
             .min = 1, .max = 100000, .default_text = "256"),
    AW_PARAM(struct http_settings, ca_file,
             .text = "A file of the certificates to trust, in PEM, instead of the system's"),
    AW_PARAM(struct http_settings, ca_path,
             .text = "A directory of the certificates to trust, as openssl-rehash(1) makes it"),
    AW_PARAM(struct http_settings, environment_proxy,
             .text = "Whether jobs without a proxy use what the daemon's environment says: "
                     "http_proxy, https_proxy, all_proxy, no_proxy",
             .default_text = "false"),
    AW_PARAMS_END,
};

static void clean_up(void *instance)
{
    struct http *http = instance;
    transfers_free(http);
    multi_free(http->multi);
    multi_free(http->prior);
    curl_slist_free_all(http->headers);
    address_rules_free(http->rules);
    free(http);
    curl_global_cleanup();
}

/* Whether the certificates are there: libcurl would say so in each job. What is in them is for libcurl to judge. */
static bool check_certificates(const struct http_settings *given, char *reason, size_t size)
{
    const struct {
        const char *name, *path, *kind;
        mode_t type;
    } paths[] = {
        {"ca_file", given->ca_file, "file", S_IFREG},
        {"ca_path", given->ca_path, "directory", S_IFDIR},
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct stat status;
        const char *path = paths[i].path, *name = paths[i].name;
        if (!path)
            continue;
        if (stat(path, &status) != 0 || access(path, R_OK) != 0)
            (void)snprintf(reason, size, "settings.%s: %s: %s", name, path, strerror(errno));
        else if ((status.st_mode & S_IFMT) != paths[i].type)
            (void)snprintf(reason, size, "settings.%s: %s is no %s", name, path, paths[i].kind);
        else
            continue;
        return false;
    }
    return true;
}

static int prepare(struct aw_worker *worker, const void *data, void **instance, char *reason,
                   size_t reason_size)
{
    const struct http_settings *given = data;
    if (!check_certificates(given, reason, reason_size))
        return AW_FAILED;
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
        (void)snprintf(reason, reason_size, "libcurl cannot be used"); /* fits */
        return AW_FAILED;
    }
    (void)snprintf(reason, reason_size, "out of memory"); /* unless told otherwise */
    struct http *http = calloc(1, sizeof(*http));
    if (!http) {
        curl_global_cleanup();
        return AW_FAILED;
    }
    http->settings = given;
    http->lookups.longest_ns = lookups_longest_ns();
    http->rules = address_rules_new(&given->allow, &given->deny, reason, reason_size);
    http->headers = curl_slist_append(NULL, HTTP_ACCEPT_ENCODING);
    if (http->rules && http->headers)
        http->multi = multi_new(aw_event_base(worker), (long)given->connections, end_done);
    if (http->multi)
        http->prior = multi_new(aw_event_base(worker), 0, end_done);
    if (!http->prior) {
        clean_up(http);
        return AW_FAILED;
    }
    *instance = http;
    return AW_OK;
}

static int start(struct aw_job *job, const void *data)
{
    const struct http_params *given = data;
    struct http *http = aw_instance(job);
    struct transfer *transfer = transfer_take(http, job, given);
    if (!transfer)
        return aw_fail(job, "out of memory");
    if (request_set(transfer) != AW_OK) {
        transfer->now.custom = true; /* who knows what was set */
        transfer_release(transfer);
        return AW_FAILED;
    }
    CURLMcode result = multi_add(transfer->multi, transfer->easy);
    if (result != CURLM_OK) {
        transfer_release(transfer);
        return aw_fail(job, "%s", curl_multi_strerror(result));
    }
    *end_transfer_of(job) = transfer;
    double connect_s = fmin(given->connect_timeout.seconds, given->timeout.seconds);
    /* Nothing is over before the shortest of these. */
    aw_after(job, fmin(given->stall_timeout.seconds, connect_s), end_on_time);
    return AW_OK;
}

AW_PLUGIN(.name = "http", .version = PACKAGE_VERSION, .summary = "Fetches a URL, or sends to one",
          .params = params, .params_size = sizeof(struct http_params), .settings = settings,
          .settings_size = sizeof(struct http_settings), .open = prepare, .close = clean_up,
          .async = start, .cancel = end_cancelled, .state_size = sizeof(struct transfer *),
          .limit = JOBS_LIMIT);
