/*
 * Any text is taken as a request or refused in words, and either answer can be written down and is
 * JSON; a request that was taken reads the same once written again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/parse.h"
#include "wire/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One line, which a strict parser takes; freed here. */
static void check_line(char *line, size_t size)
{
    if (!line || size != strlen(line) || strchr(line, '\n') != line + size - 1)
        abort();
    json_t *message = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(message))
        abort();
    json_decref(message);
    free(line);
}

static void check_refusal(int code, json_t *id, const struct error *error)
{
    if (code != RPC_PARSE_ERROR && code != RPC_INVALID_REQUEST)
        abort();
    if (!error->text[0] || !parse_is_utf8(error->text, strlen(error->text)))
        abort();
    size_t size;
    char *line = rpc_error(id, code, error->text, NULL, &size);
    check_line(line, size);
    json_decref(id);
}

static void check_request(const struct rpc_request *request)
{
    if (!request->method || (request->params && !json_is_object(request->params)))
        abort();
    size_t size;
    char *line = rpc_result(request->id, json_object(), &size);
    check_line(line, size);

    line = rpc_request(1, request->method, json_incref(request->params), &size);
    struct rpc_request again;
    if (rpc_parse_request(line, size, &again, NULL, NULL) != 0 ||
        strcmp(again.method, request->method) != 0 || !again.params != !request->params)
        abort();
    rpc_request_clear(&again);
    check_line(line, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpc_request request;
    struct error error = {0};
    json_t *id = NULL;
    int code = rpc_parse_request((const char *)data, size, &request, &id, &error);
    if (code != 0) {
        check_refusal(code, id, &error);
    } else {
        check_request(&request);
        rpc_request_clear(&request);
    }
    return 0;
}
