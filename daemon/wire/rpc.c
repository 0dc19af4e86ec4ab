/*
 * JSON-RPC envelopes by way of jansson. Relies on the caller for the depth of what is parsed (see
 * wire/frame.h), since jansson's parser calls itself. Never looks into params or results.
 */
#include "wire/rpc.h"

#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/problems.h"
#include "base/utf8.h"
#include "wire/slice.h"

/* Significant digits of written numbers; reason: with 15 every decimal number comes out as it went
 * in, 0.1 as 0.1, where 17 would write 0.10000000000000001. */
#define REAL_DIGITS 15

static void unref_json(json_t **json)
{
    json_decref(*json);
}

#define AUTO_JSON __attribute__((cleanup(unref_json))) json_t *

/* Bytes of an id that is a text; reason: a waiting call keeps its id, and ids as long as messages would
 * fill the memory. A UUID has 36. */
#define ID_MAX 256

static bool is_id(const json_t *json)
{
    return (json_is_string(json) && json_string_length(json) <= ID_MAX) || json_is_integer(json) ||
           json_is_null(json);
}

/* Refuses misspelt members, which would go unnoticed otherwise. */
static int check_members(json_t *root, struct error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach (root, key, value)
        if (strcmp(key, "jsonrpc") != 0 && strcmp(key, "method") != 0 &&
            strcmp(key, "params") != 0 && strcmp(key, "id") != 0)
            return error_set(error, RPC_INVALID_REQUEST,
                             "a request has jsonrpc, id, method and params, and not '%s'", key);
    return 0;
}

static int check_request(json_t *root, struct error *error)
{
    const json_t *version = json_object_get(root, "jsonrpc");
    const json_t *id = json_object_get(root, "id"), *params = json_object_get(root, "params");

    if (id && !is_id(id))
        return error_set(error, RPC_INVALID_REQUEST,
                         "id must be a string of at most %d bytes, an integer or null", ID_MAX);
    if (!json_is_string(version) || strcmp(json_string_value(version), "2.0") != 0)
        return error_set(error, RPC_INVALID_REQUEST, "jsonrpc must be \"2.0\"");
    if (!json_is_string(json_object_get(root, "method")))
        return error_set(error, RPC_INVALID_REQUEST, "method must be a string");
    if (params && !json_is_object(params))
        return error_set(error, RPC_INVALID_REQUEST, "params must be an object");
    return check_members(root, error);
}

/* The text without the elements of params.jobs, whose text becomes *jobs; for the caller to free. NULL: there
 * is no such array, or no memory, and *jobs is untouched. */
static char *cut_jobs(const char *text, size_t size, struct bytes_view *jobs, size_t *rest_size)
{
    struct bytes_view root = {.data = (const uint8_t *)text, .size = size};
    struct bytes_view array = slice_member(slice_from_member(root, "params"), "jobs");
    if (!array.size || array.data[0] != '[')
        return NULL;
    char *rest = malloc(size - array.size + 2);
    if (!rest)
        return NULL;
    size_t before = (size_t)(array.data - root.data), behind = before + array.size;
    memcpy(rest, text, before);
    memcpy(rest + before, "[]", 2);
    memcpy(rest + before + 2, text + behind, size - behind);
    *rest_size = before + 2 + (size - behind);
    *jobs = array;
    return rest;
}

int rpc_parse_request(const char *text, size_t size, struct rpc_request *out, json_t **id,
                      struct error *error)
{
    /* jansson passes over a NUL byte behind a number. */
    if (memchr(text, '\0', size)) {
        if (id)
            *id = NULL;
        return error_set(error, RPC_PARSE_ERROR, "not JSON: there is a NUL byte");
    }
    json_error_t where;
    struct bytes_view jobs = {0};
    size_t rest_size = size;
    AUTO_FREE char *rest = cut_jobs(text, size, &jobs, &rest_size);
    AUTO_JSON root = json_loadb(rest ? rest : text, rest_size, JSON_REJECT_DUPLICATES, &where);
    int code = 0;

    if (!root)
        code = error_set(error, RPC_PARSE_ERROR, "not JSON: line %d, column %d: %s", where.line,
                         where.column, where.text);
    else if (json_is_array(root))
        code = error_set(error, RPC_INVALID_REQUEST,
                         "batches of requests are not supported: put the jobs into one "
                         "batch.submit");
    else
        code = check_request(root, error);

    json_t *id_value = json_object_get(root, "id");
    if (code != 0) {
        if (id)
            *id = is_id(id_value) ? json_incref(id_value) : NULL;
        return code;
    }
    out->method = json_string_value(json_object_get(root, "method"));
    out->params = json_object_get(root, "params");
    out->id = id_value;
    out->jobs = jobs;
    out->root = take_ptr(&root);
    return 0;
}

void rpc_request_clear(struct rpc_request *request)
{
    json_decref(request->root);
    *request = (struct rpc_request){0};
}

/* The message as text with a newline at its end; takes over `message`. NULL is fine. */
static char *to_line(json_t *message, size_t *size)
{
    AUTO_JSON owned = message;
    AUTO_FREE char *text =
        owned ? json_dumps(owned, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;
    if (!text)
        return NULL;
    size_t length = strlen(text);
    char *line = realloc(text, length + 2);
    if (!line)
        return NULL;
    text = NULL;
    line[length] = '\n';
    line[length + 1] = '\0';
    *size = length + 1;
    return line;
}

/* An object with "jsonrpc" in it. NULL: out of memory. */
static json_t *new_message(void)
{
    AUTO_JSON message = json_object();
    if (json_object_set_new(message, "jsonrpc", json_string("2.0")) != 0)
        return NULL;
    return take_ptr(&message);
}

/* A response with its id; takes over `value`. NULL: out of memory. */
static json_t *new_response(const json_t *id, const char *member, json_t *value)
{
    AUTO_JSON message = new_message();
    AUTO_JSON owned = value;
    if (!message ||
        json_object_set_new(message, "id", id ? json_deep_copy(id) : json_null()) != 0 ||
        json_object_set_new(message, member, take_ptr(&owned)) != 0)
        return NULL;
    return take_ptr(&message);
}

char *rpc_result(const json_t *id, json_t *result, size_t *size)
{
    return to_line(new_response(id, "result", result), size);
}

char *rpc_result_text(const json_t *id, struct bytes_view result, size_t *size)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":", middle[] = ",\"result\":";
    AUTO_FREE char *id_text =
        id ? json_dumps(id, JSON_ENCODE_ANY | JSON_REAL_PRECISION(REAL_DIGITS)) : strdup("null");
    struct bytes line = {.data = NULL};
    if (!id_text)
        return NULL;
    bytes_put(&line, head, sizeof(head) - 1);
    bytes_put(&line, id_text, strlen(id_text));
    bytes_put(&line, middle, sizeof(middle) - 1);
    bytes_put(&line, result.data, result.size);
    bytes_put(&line, "}\n", 3); /* with the NUL */
    if (line.failed) {
        bytes_free(&line);
        return NULL;
    }
    *size = line.size - 1;
    return (char *)line.data;
}

/* A JSON string of a text that should be UTF-8, and may not be where a buffer cut it. NULL: out of
 * memory. */
static json_t *mended_string(const char *text)
{
    AUTO_FREE char *copy = strdup(text);
    if (!copy)
        return NULL;
    utf8_mend(copy);
    return json_string(copy);
}

/* The error object. NULL: out of memory. */
static json_t *new_error(int code, const char *message, const struct problems *problems)
{
    AUTO_JSON error = json_object();
    if (json_object_set_new(error, "code", json_integer(code)) != 0 ||
        json_object_set_new(error, "message", mended_string(message)) != 0)
        return NULL;
    if (problems && problems->count > 0) {
        AUTO_JSON data = json_object();
        if (json_object_set_new(data, "problems", problems_json(problems)) != 0 ||
            json_object_set_new(error, "data", take_ptr(&data)) != 0)
            return NULL;
    }
    return take_ptr(&error);
}

char *rpc_error(const json_t *id, int code, const char *message, const struct problems *problems,
                size_t *size)
{
    return to_line(new_response(id, "error", new_error(code, message, problems)), size);
}

char *rpc_request(json_int_t id, const char *method, json_t *params, size_t *size)
{
    AUTO_JSON message = new_message();
    AUTO_JSON owned = params;
    if (!message || (id > 0 && json_object_set_new(message, "id", json_integer(id)) != 0) ||
        json_object_set_new(message, "method", json_string(method)) != 0 ||
        (owned && json_object_set_new(message, "params", take_ptr(&owned)) != 0))
        return NULL;
    return to_line(take_ptr(&message), size);
}
