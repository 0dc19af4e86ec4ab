/*
 * Finds the method, runs it, writes the answer.
 */
#include "supervisor/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "supervisor/answers.h"
#include "supervisor/batches.h"
#include "supervisor/client.h"
#include "supervisor/config.h"
#include "supervisor/errands.h"
#include "supervisor/history.h"
#include "supervisor/store.h"
#include "supervisor/supervisor.h"
#include "supervisor/watcher.h"
#include "wire/rpc.h"

static const struct method *const tables[] = {methods_submit, methods_batch, methods_list,
                                              methods_job,    methods_store, methods_daemon};

static const struct method *find(const char *name)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        for (const struct method *method = tables[i]; method->name; method++) {
            if (!strcmp(method->name, name))
                return method;
        }
    }
    return NULL;
}

/* Now, or when what it tells is committed, and not before those that were asked for earlier. */
static int send_answer(struct call *call, const char *text, size_t size)
{
    if (call->ticket)
        return answers_hold(&call->supervisor->answers, call->client, call->ticket, text, size);
    return answers_send(call->client, text, size);
}

/* Whether the request has to wait for the answers of those before it: requests that make batches need not wait for one
 * another, so that one commit serves many. */
static bool must_wait(struct client *client, const struct method *method)
{
    const struct client_answers *own = client_answers(client);
    return own->tickets > 0 || (!TAILQ_EMPTY(&own->list) && (!method || !method->pipelines));
}

static void answer(struct call *call)
{
    json_t *result = take_ptr(&call->result);
    bool succeeded = result || call->text.size;
    /* Jobs are parsed only now: what is malformed there is told as for any other text. */
    bool malformed = call->code == RPC_PARSE_ERROR;
    if ((!call->id && !malformed) || (!succeeded && !call->code)) {
        json_decref(result); /* nobody asked, or the answer comes later */
        return;
    }
    bool detailed = call->code == RPC_INVALID_PARAMS || call->code == RPC_NOT_ALLOWED;
    const struct problems *problems = detailed ? &call->problems : NULL;
    size_t size;
    struct bytes_view view = {.data = call->text.data, .size = call->text.size};
    AUTO_FREE char *text = result      ? rpc_result(call->id, result, &size)
                           : view.size ? rpc_result_text(call->id, view, &size)
                                       : rpc_error(malformed ? NULL : call->id, call->code,
                                                   call->error.text, problems, &size);
    if (!text || send_answer(call, text, size) != 0)
        client_abandon(call->client);
    if (malformed)
        client_end(call->client);
}

void call_serve(struct supervisor *supervisor, struct client *client,
                const struct rpc_request *request)
{
    struct call call = {.supervisor = supervisor,
                        .client = client,
                        .id = request->id,
                        .params = request->params,
                        .jobs = request->jobs};
    const struct method *method = find(request->method);
    if (must_wait(client, method)) {
        answers_await(client);
        return;
    }
    if (method && (request->id || !method->only_answers))
        method->run(&call);
    else if (!method)
        call_fail(&call, RPC_METHOD_NOT_FOUND, "there is no method %.64s", request->method);
    errands_served(client);
    answer(&call);
    bytes_free(&call.text);
    problems_clear(&call.problems);
}

bool call_read(struct call *call, const struct params_table *table, void *out)
{
    int error = params_fill(table, call->params, NULL, "", out, &call->problems);
    if (!error && !call->problems.count)
        return true;
    if (!error)
        params_clear(table, out);
    if (error == -ENOMEM)
        call_fail(call, RPC_FULL, "out of memory");
    else
        call_fail(call, RPC_INVALID_PARAMS, "invalid params");
    return false;
}

void call_done_reading(const struct params_table *table, void *out)
{
    params_clear(table, out);
}

json_t *call_take(struct call *call, const char *name)
{
    json_t *value = json_incref(json_object_get(call->params, name));
    if (value)
        (void)json_object_del(call->params, name); /* it is there */
    return value;
}

void call_result(struct call *call, json_t *result)
{
    if (result)
        call->result = result;
    else
        call_fail(call, RPC_FULL, "out of memory");
}

void call_result_text(struct call *call, struct bytes *text)
{
    if (text->failed) {
        call_fail(call, RPC_FULL, "out of memory");
        bytes_free(text);
    } else {
        call->text = *text;
        *text = (struct bytes){.data = NULL};
    }
}

void call_fail(struct call *call, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(call->error.text, sizeof(call->error.text), format, arguments);
    va_end(arguments);
    call->code = code;
}

void call_fail_as(struct call *call, int code)
{
    call->code = code;
}

bool call_waited(struct call *call)
{
    const struct errand *errand = errand_of(call->client);
    if (!errand)
        return false;
    call->error = errand->error;
    if (errand->code)
        call_fail_as(call, errand->code);
    else
        call_result(call, json_incref(errand->result));
    return true;
}

struct batch *call_batch(struct call *call, int64_t number)
{
    struct supervisor *supervisor = call->supervisor;
    const struct batches *batches = &supervisor->batches;
    struct batch *batch = number > 0 ? batches_find(batches, (uint64_t)number) : NULL;
    if (batch && batch->unborn) { /* it is asked again when it is known whether there is one */
        if (admission_hold(supervisor, batch, call->client) != 0)
            call_fail(call, RPC_FULL, "out of memory");
        return NULL;
    }
    if (batch)
        return batch;
    int code = RPC_NO_SUCH_THING;
    if (supervisor->store && number > 0 && (uint64_t)number <= batches->last_number)
        code = history_ask(supervisor->history, call->client, (uint64_t)number, &call->error);
    if (code == RPC_NO_SUCH_THING)
        call_fail(call, code, "there is no batch %lld", (long long)number);
    else if (code)
        call_fail_as(call, code);
    return NULL;
}

struct batch_params {
    int64_t batch;
};
static const struct aw_param batch_rows[] = {CALL_BATCH_ROW(struct batch_params), AW_PARAMS_END};
static const struct params_table batch_table = CALL_TABLE(batch_rows, struct batch_params);

struct batch *call_read_batch(struct call *call)
{
    struct batch_params params;
    return call_read(call, &batch_table, &params) ? call_batch(call, params.batch) : NULL;
}

json_t *call_batch_result(const struct batch *batch, bool existing)
{
    json_t *result =
        json_pack("{s:I, s:I, s:b, s:b}", "batch", (json_int_t)batch->number, "jobs",
                  (json_int_t)batch->jobs, "existing", existing, "durable", batch->durable);
    json_t *retry_of = json_integer((json_int_t)batch->retry_of);
    if (result && batch->retry_of && json_object_set(result, "retry_of", retry_of) != 0) {
        json_decref(result);
        result = NULL;
    }
    json_decref(retry_of);
    return result;
}

void call_after_commit(struct call *call, const struct batch *batch)
{
    const struct store *store = call->supervisor->store;
    if (batch->durable && batch->ticket > store_committed(store))
        call->ticket = batch->ticket;
}

bool call_may_watch(struct call *call)
{
    if (!watchers_full(call->supervisor->watchers, call->client))
        return true;
    call_fail(
        call, RPC_FULL,
        "full: one client may wait for or watch %lld batches at once (limits.client_watchers)",
        (long long)call->supervisor->config->limits.client_watchers);
    return false;
}

/* Whether finished batches that are being watched, and so do not leave memory, take all that there is for them. */
static bool watched_history_is_full(const struct batches *batches)
{
    size_t bytes = 0;
    const struct batch *batch;
    if (batches->history_bytes <= batches->history_bytes_max)
        return false;
    TAILQ_FOREACH (batch, &batches->finished, finished_link)
        bytes += LIST_EMPTY(&batch->watchers) ? 0 : batch_bytes(batch);
    return bytes > batches->history_bytes_max;
}

bool call_may_keep(const struct supervisor *supervisor, const struct batch *batch,
                   struct error *error)
{
    if (!batch->recalled || !LIST_EMPTY(&batch->watchers) ||
        !watched_history_is_full(&supervisor->batches))
        return true;
    (void)error_set(error, RPC_FULL,
                    "full: finished batches that are being watched take %lld bytes of memory "
                    "(limits.history_bytes)",
                    (long long)supervisor->config->limits.history_bytes);
    return false;
}

bool call_may_watch_batch(struct call *call, const struct batch *batch)
{
    if (!call_may_watch(call))
        return false;
    if (call_may_keep(call->supervisor, batch, &call->error))
        return true;
    call_fail_as(call, RPC_FULL);
    return false;
}
