/*
 * The method batch.list: what memory has is noted at once, what only the store has is asked for, while the client is
 * held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/batch_list.h"
#include "supervisor/batches.h"
#include "supervisor/call.h"
#include "supervisor/errands.h"
#include "supervisor/store.h"
#include "supervisor/supervisor.h"
#include "wire/rpc.h"

/* Batches in one answer. */
#define LIST_DEFAULT "100"
#define LIST_MAX 1000

struct list_params {
    const char *state, *plugin, *name;
    struct aw_time since, until;
    int64_t limit, cursor;
};
static const struct aw_param list_rows[] = {
    AW_PARAM(struct list_params, state, .text = "Only batches in this state"),
    AW_PARAM(struct list_params, plugin, .text = "Only batches with jobs of this plugin"),
    AW_PARAM(struct list_params, name, .text = "Only batches of this name"),
    AW_PARAM(struct list_params, since, .text = "Only batches submitted then or later",
             .max = AW_UNLIMITED),
    AW_PARAM(struct list_params, until, .text = "Only batches submitted before",
             .max = AW_UNLIMITED),
    AW_PARAM(struct list_params, limit, .text = "How many at most", .default_text = LIST_DEFAULT,
             .min = 1, .max = LIST_MAX),
    AW_PARAM(struct list_params, cursor, .text = "From the end of the last answer",
             .max = AW_UNLIMITED),
    AW_PARAMS_END,
};
static const struct params_table list_table = CALL_TABLE(list_rows, struct list_params);

/* The states of batches; of the unfinished ones, the store has none that memory has not. */
static const struct {
    const char *name;
    bool finished;
} states[] = {
    {.name = "open"},
    {.name = "running"},
    {.name = "succeeded", .finished = true},
    {.name = "failed", .finished = true},
    {.name = "cancelled", .finished = true},
};

static bool is_state(const char *name)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        if (!strcmp(states[i].name, name))
            return true;
    }
    return false;
}

static bool may_be_in_store(const char *state)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(*states) && state; i++) {
        if (!strcmp(states[i].name, state))
            return states[i].finished;
    }
    return true;
}

/* ---- Waiting for the store ------------------------------------------------------------------- */

struct list_errand {
    struct errand errand;
    struct list_part memory; /* as it was when the store was asked; summaries NULL: handed on */
    uint32_t limit;
};

static void over(struct errand *errand)
{
    struct list_errand *list = (struct list_errand *)errand; /* it is its first member */
    json_decref(list->memory.summaries);
    free(list);
}

static void on_list(void *context, json_t *summaries, bool more, const struct error *error)
{
    struct list_errand *list = context;
    struct errand *errand = &list->errand;
    if (summaries) {
        struct list_part stored = batch_list_stored(summaries, more);
        errand->result = batch_list_merge(&list->memory, &stored, list->limit);
        list->memory.summaries = NULL;
        if (!errand->result)
            errand->code = error_set(&errand->error, RPC_FULL, "out of memory");
    } else {
        errand->code = RPC_INTERNAL_ERROR;
        errand->error = *error;
    }
    errand_done(errand);
}

/* The answer comes when the store has told its part. -ENOMEM: it does not, and the part in memory is still the
 * caller's. */
static int ask_store(struct call *call, const struct store_filter *filter,
                     const struct list_part *memory)
{
    struct supervisor *supervisor = call->supervisor;
    struct list_errand *list = calloc(1, sizeof(*list));
    if (!list || store_list(supervisor->store, filter, on_list, list) != 0) {
        free(list);
        return -ENOMEM;
    }
    list->errand.over = over;
    list->memory = *memory;
    list->limit = filter->limit;
    errand_begin(&supervisor->errands, &list->errand, call->client);
    return 0;
}

/* ---- The method ------------------------------------------------------------------------------ */

static void list(struct call *call, const struct list_params *params)
{
    struct supervisor *supervisor = call->supervisor;
    /* Those that come from now on are not meant, wherever they will be. */
    uint64_t end = supervisor->batches.last_number + 1, cursor = (uint64_t)params->cursor;
    struct store_filter filter = {.below = cursor && cursor < end ? cursor : end,
                                  .state = params->state,
                                  .plugin = params->plugin,
                                  .name = params->name,
                                  .since_s = params->since.unix_seconds,
                                  .until_s = params->until.unix_seconds,
                                  .limit = (uint32_t)params->limit};
    struct list_part memory, nothing = {.summaries = NULL};
    int error = batch_list_memory(&supervisor->batches, &supervisor->catalogue, &filter, &memory);
    if (!error && supervisor->store && may_be_in_store(params->state)) {
        error = ask_store(call, &filter, &memory);
        if (error)
            json_decref(memory.summaries);
    } else if (!error) {
        call_result(call, batch_list_merge(&memory, &nothing, filter.limit));
    }
    if (error)
        call_fail(call, RPC_FULL, "out of memory");
}

static void batch_list(struct call *call)
{
    struct list_params params;
    if (call_waited(call) || !call_read(call, &list_table, &params))
        return;
    if (params.state && !is_state(params.state)) {
        problems_add(&call->problems, "state",
                     "must be open, running, succeeded, failed or cancelled");
        call_fail(call, RPC_INVALID_PARAMS, "invalid params");
    } else {
        list(call, &params);
    }
    call_done_reading(&list_table, &params);
}

const struct method methods_list[] = {
    {.name = "batch.list", .run = batch_list, .only_answers = true},
    {.name = NULL},
};
