/*
 * Why a transfer failed, in words.
 */
#ifndef AWAITD_HTTP_REASON_H
#define AWAITD_HTTP_REASON_H

#include <curl/curl.h>

struct transfer;

/* Sets the job's reason; result is libcurl's, or anything where we stopped it ourselves. */
void reason_set(struct transfer *transfer, CURLcode result);

#endif
