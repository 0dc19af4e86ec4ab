/*
 * What workers say. A worker runs code of others, so each message is checked as if it came from outside;
 * one that breaks the rules costs the worker.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "supervisor/catalogue.h"
#include "supervisor/pool_worker.h"
#include "wire/name_list.h"

static void on_disabled(void *context, const struct plugin *plugin)
{
    struct pool *pool = context;
    log_write(pool->log, LOG_LEVEL_ERROR, "plugin %s (%s) is disabled: %s", plugin->name,
              plugin->file, plugin->disabled);
}

/* Told once, when the first worker has loaded the plugins. */
static void warn_of_clashes(const struct pool *pool)
{
    for (uint32_t i = 0; i < pool->catalogue->count; i++) {
        const struct plugin *plugin = &pool->catalogue->plugins[i];
        char names[256];
        if (name_list_tell(plugin->clashes, names, sizeof(names)))
            log_write(
                pool->log, LOG_LEVEL_WARNING,
                "plugin %s (%s) exports names that the worker has already, so that its calls reach "
                "those: %s; make them static, or compile with -fvisibility=hidden",
                plugin->name, plugin->file, names);
    }
}

static int on_ready(struct worker *worker, const struct bytes_reader *payload)
{
    struct pool *pool = worker->pool;
    if (worker->state != WORKER_STARTING)
        return worker->state == WORKER_STOPPING ? 0 : -EPROTO;
    worker->loading = -1; /* whatever is wrong with this READY: the plugins had been loaded */
    json_t *ready = json_loadb((const char *)payload->at, (size_t)(payload->end - payload->at),
                               JSON_REJECT_DUPLICATES, NULL);
    struct error error = {"it is not JSON"};
    bool first = !pool->catalogue->known;
    int code = ready ? catalogue_learn(pool->catalogue, ready, on_disabled, pool, &error) : -EINVAL;
    json_decref(ready);
    if (code) {
        log_write(pool->log, LOG_LEVEL_ERROR, "worker %u sent a bad READY: %s pid=%d",
                  worker->number + 1, error.text, (int)worker->pid);
        return code;
    }
    if (first)
        warn_of_clashes(pool);
    pool_worker_came_up(worker);
    log_write(pool->log, LOG_LEVEL_DEBUG, "worker %u is ready pid=%d", worker->number + 1,
              (int)worker->pid);
    pool->callbacks.on_change(pool->context);
    return 0;
}

static int on_done(struct worker *worker, struct bytes_reader *payload)
{
    struct pool *pool = worker->pool;
    struct message_done done = {0};
    while (payload->at < payload->end) {
        struct message_result result;
        int code = message_done_next(payload, &done, &result);
        if (!code)
            code = pool->callbacks.on_result(pool->context, worker->number, &result);
        if (code)
            return code;
    }
    pool->callbacks.on_room(pool->context);
    return 0;
}

static int on_started(struct worker *worker, struct bytes_reader *payload)
{
    uint64_t begun;
    int code = message_number_read(payload, &begun);
    if (code || begun > worker->unstarted)
        return code ? code : -EPROTO;
    pool_worker_begun(worker, (uint32_t)begun);
    worker->pool->callbacks.on_room(worker->pool->context);
    return 0;
}

/* Plugins are loaded one after the other, and each has its time. */
static int on_loading(struct worker *worker, struct bytes_reader *payload)
{
    uint64_t position;
    int code = message_number_read(payload, &position);
    if (code || position >= worker->pool->catalogue->count)
        return code ? code : -EPROTO;
    if (worker->state != WORKER_STARTING)
        return worker->state == WORKER_STOPPING ? 0 : -EPROTO;
    if ((int64_t)position <= worker->loading)
        return -EPROTO;
    worker->loading = (int64_t)position;
    if (worker->pid > 0) /* else the timer waits for the end of its channel */
        pool_worker_allow_load(worker);
    return 0;
}

static int on_log(struct worker *worker, struct bytes_reader *payload)
{
    struct message_log line;
    int code = message_log_read(payload, &line);
    if (code)
        return code;
    /* What plugins write is as many lines as they like. */
    bool of_plugin = line.has_job || line.plugin.size;
    if (of_plugin && !log_limited(worker->pool->log, (enum log_level)line.level))
        return 0;
    char fields[512] = "";
    char number[48];
    if (line.has_job) {
        (void)snprintf(number, sizeof(number), " batch=%llu job=%llu",
                       (unsigned long long)line.batch, (unsigned long long)line.job);
        (void)strncat(fields, number, sizeof(fields) - 1);
    }
    if (line.plugin.size) {
        char plugin[64];
        (void)snprintf(plugin, sizeof(plugin), "%.*s", (int)line.plugin.size,
                       (const char *)line.plugin.data);
        log_field(fields, sizeof(fields), "plugin", plugin);
    }
    log_write(worker->pool->log, (enum log_level)line.level, "%.*s%s",
              (int)(line.text.size < 4096 ? line.text.size : 4096), (const char *)line.text.data,
              fields);
    return 0;
}

int pool_message(void *context, enum message_type type, struct bytes_reader *payload)
{
    struct worker *worker = context;
    worker->heard_ns = clock_now_ns();
    switch (type) {
    case MESSAGE_LOADING:
        return on_loading(worker, payload);
    case MESSAGE_READY:
        return on_ready(worker, payload);
    case MESSAGE_STARTED:
        return on_started(worker, payload);
    case MESSAGE_DONE:
        return on_done(worker, payload);
    case MESSAGE_LOG:
        return on_log(worker, payload);
    default:
        return -EPROTO;
    }
}
