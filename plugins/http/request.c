/*
 * Options from parameters, see request.h. What most jobs leave at its default costs nothing; a job that sets more says
 * so in `custom`, and the handle is then reset after it.
 */
#include "request.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "file.h"
#include "header.h"
#include "response.h"
#include "status.h"
#include "transfer.h"

/* RFC 9110, 9.1: a method is a token; none has more letters than this. */
#define METHOD_BYTES 32

static int fail_memory(struct transfer *transfer)
{
    return aw_fail(transfer->now.job, "out of memory");
}

static int set_text(struct transfer *transfer, CURLoption option, const char *text)
{
    CURLcode result = curl_easy_setopt(transfer->easy, option, text);
    if (result)
        return aw_fail(transfer->now.job, "%s", curl_easy_strerror(result));
    return AW_OK;
}

static int set_custom_text(struct transfer *transfer, CURLoption option, const char *text)
{
    transfer->now.custom = true;
    return set_text(transfer, option, text);
}

/* For options that only store a number. */
static void set_number(struct transfer *transfer, CURLoption option, long number)
{
    (void)curl_easy_setopt(transfer->easy, option, number); /* cannot fail */
}

static long milliseconds(struct aw_duration span)
{
    double ms = ceil(span.seconds * 1000);
    return ms < (double)INT_MAX ? (long)ms : INT_MAX;
}

/* ---- Body ---------------------------------------------------------------------------------------- */

/* libcurl's CURLOPT_READFUNCTION. From a file that is open, at its own place, so that it can be sent again after
 * a redirect. */
static size_t on_read(char *buffer, size_t one, size_t size, void *context)
{
    (void)one; /* is 1 */
    struct transfer *transfer = context;
    struct transfer_job *now = &transfer->now;
    uint64_t left = now->file_size - now->file_offset;
    if (left < size)
        size = (size_t)left;
    ssize_t got = pread(now->file - 1, buffer, size, (off_t)now->file_offset);
    if (got < 0 || (got == 0 && size > 0)) {
        now->stop = STOP_FILE;
        return CURL_READFUNC_ABORT;
    }
    now->file_offset += (uint64_t)got;
    return (size_t)got;
}

/* libcurl's CURLOPT_SEEKFUNCTION; it goes back to the beginning. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct transfer *transfer = context;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > transfer->now.file_size)
        return CURL_SEEKFUNC_CANTSEEK;
    transfer->now.file_offset = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int set_file(struct transfer *transfer, const char *path)
{
    struct transfer_job *now = &transfer->now;
    struct file_problem problem;
    struct stat status;
    int fd = file_open("body_file", path, &status, &problem);
    if (fd < 0)
        return aw_fail(now->job, "%s", problem.text);
    now->file = fd + 1;
    now->file_size = (uint64_t)status.st_size;
    (void)curl_easy_setopt(transfer->easy, CURLOPT_READFUNCTION, on_read);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_READDATA, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_SEEKFUNCTION, on_seek);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_SEEKDATA, transfer);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)status.st_size);
    return AW_OK;
}

static bool has_body(const struct http_params *params)
{
    return params->body || params->body_file || params->json.text;
}

/* The bytes stay the parameters'. */
static int set_body(struct transfer *transfer)
{
    const struct http_params *params = transfer->now.params;
    if (!!params->body + !!params->body_file + !!params->json.text > 1)
        return aw_fail(transfer->now.job, "body, body_file and json exclude each other");
    transfer->now.custom = true;
    set_number(transfer, CURLOPT_POST, 1);
    set_number(transfer, CURLOPT_NOPROGRESS, 0); /* tells how the sending goes on */
    if (params->body_file)
        return set_file(transfer, params->body_file);
    const char *text = params->json.text ? params->json.text : params->body ? params->body : "";
    size_t size = params->json.text ? params->json.size : strlen(text);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, text); /* stores the address */
    return AW_OK;
}

/* ---- Method -------------------------------------------------------------------------------------- */

static bool is_one_of(const char *method, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(method, *list) == 0)
            return true;
    return false;
}

static bool is_method(const char *method)
{
    return strlen(method) <= METHOD_BYTES && header_is_token(method, strlen(method));
}

static int set_method(struct transfer *transfer)
{
    /* RFC 9110, 9.2.2: doing it twice is as doing it once. */
    static const char *const idempotent[] = {"GET", "HEAD",   "OPTIONS", "TRACE",
                                             "PUT", "DELETE", NULL};
    /* RFC 9110, 8.6: these say so when their body is empty. */
    static const char *const with_body[] = {"POST", "PUT", "PATCH", NULL};

    struct transfer_job *now = &transfer->now;
    const struct http_params *params = now->params;
    const char *method = params->method ? params->method : has_body(params) ? "POST" : "GET";
    if (!has_body(params) && strcmp(method, "GET") == 0)
        return AW_OK;
    if (!is_method(method) || strcmp(method, "CONNECT") == 0)
        return aw_fail(now->job, "method: \"%.*s\" cannot be used", METHOD_BYTES, method);
    bool head = strcmp(method, "HEAD") == 0;
    if (head && has_body(params))
        return aw_fail(now->job, "a HEAD request has no body");

    now->custom = true;
    if ((has_body(params) || is_one_of(method, with_body)) && set_body(transfer) != AW_OK)
        return AW_FAILED;
    now->once = !is_one_of(method, idempotent);
    if (head) {
        set_number(transfer, CURLOPT_NOBODY, 1);
        return AW_OK;
    }
    if (strcmp(method, "POST") == 0)
        return AW_OK;
    /* Only a POST becomes a GET when it is redirected by 301 or 302: RFC 9110, 15.4.2. */
    set_number(transfer, CURLOPT_POSTREDIR, CURL_REDIR_POST_301 | CURL_REDIR_POST_302);
    return set_text(transfer, CURLOPT_CUSTOMREQUEST, method);
}

/* ---- Headers ------------------------------------------------------------------------------------- */

static bool add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->now.headers, line);
    if (!longer)
        return false;
    transfer->now.headers = longer;
    return true;
}

/* libcurl takes "Name;" as a header without a value, and "Name:" as the wish not to send it. */
static bool add_given(struct transfer *transfer, const char *line)
{
    const char *colon = strchr(line, ':');
    if (colon[1 + strspn(colon + 1, " \t")] != '\0')
        return add_header(transfer, line);
    char name[HEADER_NAME_BYTES + 2];
    size_t size = (size_t)(colon - line);
    memcpy(name, line, size);
    memcpy(name + size, ";", 2);
    return add_header(transfer, name);
}

static bool is_named(const char *line, const char *name)
{
    size_t size = strlen(name);
    return strncasecmp(line, name, size) == 0 && line[size] == ':';
}

/* Those that say what comes with the request, unless the job says so itself. */
static int add_own(struct transfer *transfer, bool typed, bool encoded)
{
    const struct http_params *params = transfer->now.params;
    /* Not what libcurl says of a body, "a form"; and no pause of a second for the server to agree. */
    const char *type = params->json.text ? "Content-Type: application/json" : "Content-Type:";
    bool body = has_body(params);
    if ((body && !typed && !add_header(transfer, type)) ||
        (body && !add_header(transfer, "Expect:")) ||
        (params->compressed && !encoded && !add_header(transfer, HTTP_ACCEPT_ENCODING)))
        return fail_memory(transfer);
    return AW_OK;
}

static int set_headers(struct transfer *transfer)
{
    struct transfer_job *now = &transfer->now;
    const struct http_params *params = now->params;
    if (params->headers.count == 0 && !has_body(params)) {
        (void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER,
                               params->compressed ? transfer->http->headers : NULL);
        return AW_OK;
    }
    bool typed = false, encoded = false;
    for (size_t i = 0; i < params->headers.count; i++) {
        const char *line = params->headers.items[i];
        const char *problem = header_problem(line);
        if (problem)
            return aw_fail(now->job, "headers[%zu]: %s", i, problem);
        typed |= is_named(line, "content-type");
        encoded |= is_named(line, "accept-encoding");
        if (!add_given(transfer, line))
            return fail_memory(transfer);
    }
    if (add_own(transfer, typed, encoded) != AW_OK)
        return AW_FAILED;
    now->custom = true;
    (void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, now->headers); /* stores it */
    return AW_OK;
}

/* ---- TLS, credentials, versions ------------------------------------------------------------------- */

/* A file that libcurl opens by its name. */
static int set_path(struct transfer *transfer, const char *what, const char *path,
                    CURLoption option)
{
    struct file_problem problem;
    if (!path)
        return AW_OK;
    if (file_check(what, path, &problem) != 0)
        return aw_fail(transfer->now.job, "%s", problem.text);
    return set_custom_text(transfer, option, path);
}

static int set_tls(struct transfer *transfer)
{
    const struct http_params *params = transfer->now.params;
    if (set_path(transfer, "ca_file", params->ca_file, CURLOPT_CAINFO) != AW_OK ||
        set_path(transfer, "cert_file", params->cert_file, CURLOPT_SSLCERT) != AW_OK ||
        set_path(transfer, "key_file", params->key_file, CURLOPT_SSLKEY) != AW_OK)
        return AW_FAILED;
    if (params->ca_file) {
        if (set_text(transfer, CURLOPT_CAPATH, NULL) != AW_OK)
            return AW_FAILED;
        set_number(transfer, CURLOPT_CA_CACHE_TIMEOUT, 0); /* the file may be another by then */
    }
    if (params->insecure) {
        transfer->now.custom = true;
        set_number(transfer, CURLOPT_SSL_VERIFYPEER, 0);
        set_number(transfer, CURLOPT_SSL_VERIFYHOST, 0);
    }
    return AW_OK;
}

/* Sent to the URL's own host, port and scheme only: libcurl's default after redirects. */
static int set_credentials(struct transfer *transfer)
{
    const char *path = transfer->now.params->credentials_file;
    if (!path)
        return AW_OK;
    char text[FILE_CREDENTIALS_BYTES], *user, *password;
    struct file_problem problem;
    int result = AW_FAILED;
    if (file_credentials(path, text, &user, &password, &problem) != 0)
        (void)aw_fail(transfer->now.job, "%s", problem.text);
    else if (set_custom_text(transfer, CURLOPT_USERNAME, user) == AW_OK)
        result = set_text(transfer, CURLOPT_PASSWORD, password);
    explicit_bzero(text, sizeof(text));
    return result;
}

static int set_version(struct transfer *transfer)
{
    const struct http_params *params = transfer->now.params;
    const char *version = params->http_version;
    bool tls = strncasecmp(params->url, "https:", strlen("https:")) == 0;
    long number;
    if (strcmp(version, "auto") == 0)
        number = CURL_HTTP_VERSION_2TLS;
    else if (strcmp(version, "1.1") == 0)
        number = CURL_HTTP_VERSION_1_1;
    else if (strcmp(version, "2") == 0)
        number = tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
    else
        return aw_fail(transfer->now.job, "http_version: must be \"auto\", \"1.1\" or \"2\"");
    set_number(transfer, CURLOPT_HTTP_VERSION, number);
    if (number == CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
        transfer_use_prior(transfer);
    /* Rather share a connection that is being made than make another; without TLS one would not know for as long
     * as the first answer takes whether it can be shared. */
    set_number(transfer, CURLOPT_PIPEWAIT, tls);
    return AW_OK;
}

/* ---- All together --------------------------------------------------------------------------------- */

static int set_expectations(struct transfer *transfer)
{
    struct transfer_job *now = &transfer->now;
    const struct http_params *params = now->params;
    if (params->expect_status.count == 0)
        return aw_fail(now->job, "expect_status: must not be empty");
    const char *wrong = status_wrong_item(&params->expect_status);
    if (wrong)
        return aw_fail(
            now->job,
            "expect_status: \"%.20s\" is neither a status such as \"404\" nor a range such "
            "as \"200-299\"",
            wrong);
    if (params->expect && search_init(&now->search, params->expect) != 0)
        return fail_memory(transfer);
    return AW_OK;
}

static void set_limits(struct transfer *transfer)
{
    const struct http_params *params = transfer->now.params;
    set_number(transfer, CURLOPT_FOLLOWLOCATION, params->follow);
    set_number(transfer, CURLOPT_MAXREDIRS, (long)params->max_redirects);
    set_number(transfer, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(params->connect_timeout));
    set_number(transfer, CURLOPT_TIMEOUT_MS, milliseconds(params->timeout));
}

int request_set(struct transfer *transfer)
{
    const struct http_params *params = transfer->now.params;
    if (!header_is_value(params->user_agent))
        return aw_fail(transfer->now.job, "user_agent: must not have control characters");
    if (set_text(transfer, CURLOPT_URL, params->url) != AW_OK ||
        set_text(transfer, CURLOPT_USERAGENT, params->user_agent) != AW_OK ||
        set_version(transfer) != AW_OK || set_expectations(transfer) != AW_OK ||
        set_method(transfer) != AW_OK || set_headers(transfer) != AW_OK ||
        set_tls(transfer) != AW_OK || set_credentials(transfer) != AW_OK)
        return AW_FAILED;
    if (params->proxy && set_custom_text(transfer, CURLOPT_PROXY, params->proxy) != AW_OK)
        return AW_FAILED;
    set_limits(transfer);
    return AW_OK;
}
