/*
 * What comes back: headers are counted and watched for the status, the body goes to the job's output.
 */
#ifndef AWAITD_HTTP_RESPONSE_H
#define AWAITD_HTTP_RESPONSE_H

#include <stddef.h>

/* Headers of all responses of a job, in bytes; more end the transfer. As much as Chromium takes of one response, and
 * far more than servers send; libcurl 7.88 itself has no bound. */
#define HEADERS_BYTES (256 * 1024)

/* libcurl's CURLOPT_HEADERFUNCTION and CURLOPT_WRITEFUNCTION; `context` is the struct transfer. */
size_t response_header(char *data, size_t one, size_t size, void *context);
size_t response_body(char *data, size_t one, size_t size, void *context);

#endif
