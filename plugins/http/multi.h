/*
 * libcurl's multi handle on the worker's loop: many transfers, their kept connections, one timer and an event per
 * socket. One per worker. Loop thread alone; nothing of it may be called from libcurl's callbacks.
 */
#ifndef AWAITD_HTTP_MULTI_H
#define AWAITD_HTTP_MULTI_H

#include <curl/curl.h>

struct event_base;
struct multi;

/* Calls on_done(private, result) for a transfer that has ended, after taking its handle out; `private` is the
 * handle's CURLOPT_PRIVATE. At most `connections` are kept open for later transfers; 0: none is, and
 * none is shared by transfers at the same time. NULL: out of memory. */
struct multi *multi_new(struct event_base *base, long connections,
                        void (*on_done)(void *private, CURLcode result));
/* After all its handles have been taken out. Closes the kept connections. NULL is fine. */
void multi_free(struct multi *multi);

/* Sets what handles that run here need: how sockets are made and closed, what they share. The sockets are made by
 * on_open(context, address), which may refuse with CURL_SOCKET_BAD. */
void multi_prepare(struct multi *multi, CURL *easy,
                   curl_socket_t (*on_open)(void *context, curlsocktype purpose,
                                            struct curl_sockaddr *address),
                   void *context);

/* Starts a transfer at the end of the loop's turn. CURLM_OK, or it was not taken. */
CURLMcode multi_add(struct multi *multi, CURL *easy);
/* Takes a transfer out that has not ended: closes its connection, or its stream of one. */
void multi_remove(struct multi *multi, CURL *easy);

#endif
