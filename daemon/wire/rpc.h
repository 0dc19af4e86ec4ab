/*
 * JSON-RPC 2.0 envelopes (https://www.jsonrpc.org/specification): requests, responses,
 * notifications. Texts in and out; knows no method.
 */
#ifndef AWAITD_WIRE_RPC_H
#define AWAITD_WIRE_RPC_H

#include <stddef.h>
#include <jansson.h>
#include "base/bytes.h"

struct error;
struct problems;

/* Error codes. The negative ones are JSON-RPC's own, the small ones ours. */
enum rpc_code {
    RPC_PARSE_ERROR = -32700,     /* not JSON */
    RPC_INVALID_REQUEST = -32600, /* JSON, but no request */
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602, /* data.problems lists field and problem */
    RPC_INTERNAL_ERROR = -32603,
    RPC_NO_SUCH_THING = 1,
    RPC_NOT_ALLOWED = 2,
    RPC_FULL = 3,      /* the message says what is full, its limit and the option */
    RPC_NOT_READY = 4, /* not ready, or draining */
};

struct rpc_request {
    const char *method; /* points into `root` */
    json_t *params;     /* borrowed: an object, or NULL where none were given */
    json_t *id;   /* borrowed: string, integer or null; NULL: a notification, to be carried out
                         * and not answered */
    json_t *root; /* owned */

    /* Where params.jobs is an array: its text, brackets included, not parsed yet, and params.jobs is an
     * empty array. It points into the text that was read; see wire/slice.h. Data NULL: it is no array, or
     * its name was written with escapes. */
    struct bytes_view jobs;
};

/* Reads one request of `size` bytes. Duplicate keys, invalid UTF-8, NUL in keys and trailing data are
 * parse errors. 0; else the enum rpc_code to answer with, the words in *error, and in *id (if not NULL)
 * the id to answer with (new reference) or NULL. *out is untouched then. */
int rpc_parse_request(const char *text, size_t size, struct rpc_request *out, json_t **id,
                      struct error *error);
void rpc_request_clear(struct rpc_request *request);

/* The following return the whole message as text with a newline at the end, for the caller to free,
 * and its length in *size; NULL: out of memory. They steal `result` and `params`. */

/* A response. `id` NULL is written as null. */
char *rpc_result(const json_t *id, json_t *result, size_t *size);
/* The same with a result that is JSON text, valid and on one line. */
char *rpc_result_text(const json_t *id, struct bytes_view result, size_t *size);
/* An error response; `problems` may be NULL or empty: no data then. */
char *rpc_error(const json_t *id, int code, const char *message, const struct problems *problems,
                size_t *size);
/* A request (id > 0) or a notification (id 0). params NULL: none. */
char *rpc_request(json_int_t id, const char *method, json_t *params, size_t *size);

#endif
