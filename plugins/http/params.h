/*
 * What a job of the http plugin takes, and what the plugin's own settings are: the structs that the tables
 * in http.c fill.
 */
#ifndef AWAITD_HTTP_PARAMS_H
#define AWAITD_HTTP_PARAMS_H

#include <awaitd/plugin.h>

/* Filled by the worker, constant, alive until the job ends; shared by jobs that differ in nothing. Texts may be
 * NULL where they have no default. */
struct http_params {
    const char *url;
    const char *method;
    struct aw_strings headers;
    const char *body;
    const char *body_file;
    struct aw_json json;
    struct aw_strings expect_status;
    const char *expect;
    bool follow;
    int64_t max_redirects;
    struct aw_duration connect_timeout;
    struct aw_duration stall_timeout;
    struct aw_duration timeout;
    struct aw_size max_body;
    bool truncate;
    bool compressed;
    const char *http_version;
    const char *user_agent;
    const char *proxy;
    const char *credentials_file;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    bool insecure;
};

/* Constant, alive as long as the plugin. */
struct http_settings {
    struct aw_strings allow;
    struct aw_strings deny;
    int64_t connections;
    const char *ca_file;
    const char *ca_path;
    bool environment_proxy;
};

#endif
