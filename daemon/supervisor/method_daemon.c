/*
 * The methods that speak of the daemon itself: hello, daemon.*, plugin.*.
 */
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/call.h"
#include "supervisor/config.h"
#include "supervisor/control.h"
#include "supervisor/history.h"
#include "supervisor/pool.h"
#include "supervisor/scheduler.h"
#include "supervisor/store.h"
#include "supervisor/supervisor.h"
#include "wire/rpc.h"

/* The version of the protocol: raised when an existing client would misunderstand. */
#define PROTOCOL_VERSION 1

struct no_params {
    char none;
};
static const struct aw_param no_rows[] = {AW_PARAMS_END};
static const struct params_table no_table = CALL_TABLE(no_rows, struct no_params);

static bool read_nothing(struct call *call)
{
    struct no_params none;
    return call_read(call, &no_table, &none);
}

static void hello(struct call *call)
{
    if (!read_nothing(call))
        return;
    const struct config *config = call->supervisor->config;
    call_result(call, json_pack("{s:s, s:s, s:i, s:i, s:b, s:{s:I, s:I, s:I, s:I, s:I}}", "server",
                                "awaitd", "version", PACKAGE_VERSION, "protocol", PROTOCOL_VERSION,
                                "pid", (int)getpid(), "durable", call->supervisor->store != NULL,
                                "limits", "line_bytes", (json_int_t)config->limits.line_bytes,
                                "depth", (json_int_t)config->limits.depth, "batch_jobs",
                                (json_int_t)config->limits.batch_jobs, "queued_jobs",
                                (json_int_t)config->limits.queued_jobs, "output_bytes",
                                (json_int_t)config->limits.output_bytes));
}

/* ---- daemon.* ------------------------------------------------------------------------------ */

static void daemon_ping(struct call *call)
{
    if (read_nothing(call))
        call_result(call, json_object());
}

static json_t *workers_json(const struct pool *pool)
{
    json_t *workers = json_array();
    for (uint32_t i = 0; i < pool_count(pool); i++) {
        struct worker_view view = pool_view(pool, i);
        (void)json_array_append_new(/* without memory: one less */
                                    workers, json_pack("{s:I, s:i, s:s, s:I}", "worker",
                                                       (json_int_t)i + 1, "pid", (int)view.pid,
                                                       "state", worker_state_name(view.state),
                                                       "running", (json_int_t)view.running));
    }
    return workers;
}

/* Batches that still take jobs, that do not and run, and that have finished. */
static json_t *batches_json(const struct batches *batches)
{
    json_int_t open = 0, running = 0;
    const struct batch *batch;
    TAILQ_FOREACH (batch, &batches->all, all_link) {
        open += !batch->sealed;
        running += batch->sealed && !batch->finished;
    }
    return json_pack("{s:I, s:I, s:I}", "open", open, "running", running, "finished",
                     (json_int_t)batches->finished_count);
}

static const char *daemon_state(const struct supervisor *supervisor)
{
    return supervisor->stopping ? "stopping" : supervisor->draining ? "draining" : "running";
}

/* How the store is; null: there is none. */
static json_t *store_json(const struct supervisor *supervisor)
{
    if (!supervisor->store)
        return json_null();
    struct store_figures figures = store_figures(supervisor->store);
    return json_pack("{s:s, s:I, s:I, s:I, s:b}", "state_dir", supervisor->config->daemon.state_dir,
                     "bytes", (json_int_t)figures.bytes, "waiting", (json_int_t)figures.waiting,
                     "commits", (json_int_t)figures.commits, "full", figures.full);
}

static void daemon_status(struct call *call)
{
    if (!read_nothing(call))
        return;
    const struct supervisor *supervisor = call->supervisor;
    call_result(call, json_pack("{s:s, s:i, s:f, s:s, s:o, s:o, s:{s:I, s:I, s:I, s:I}, s:I, s:o}",
                                "version", PACKAGE_VERSION, "pid", (int)getpid(), "uptime",
                                clock_seconds(clock_now_ns() - supervisor->started_ns), "state",
                                daemon_state(supervisor), "workers", workers_json(supervisor->pool),
                                "batches", batches_json(&supervisor->batches), "jobs", "waiting",
                                (json_int_t)scheduler_waiting(supervisor->scheduler), "queued",
                                (json_int_t)scheduler_queued(supervisor->scheduler), "running",
                                (json_int_t)scheduler_running(supervisor->scheduler), "completed",
                                (json_int_t)supervisor->completed, "clients",
                                (json_int_t)control_clients(supervisor->control), "store",
                                store_json(supervisor)));
}

/* What has ended since the start, by state. */
static void add_ended(json_t *json, const uint64_t ended[JOB_STATES])
{
    for (enum job_state state = JOB_SUCCEEDED; state < JOB_STATES; state++)
        (void)json_object_set_new(json, job_state_name(state), /* without memory: one less */
                                  json_integer((json_int_t)ended[state]));
}

static json_t *jobs_stats(const struct supervisor *supervisor)
{
    const struct scheduler *scheduler = supervisor->scheduler;
    json_t *jobs = json_pack(
        "{s:I, s:I, s:I, s:I}", "waiting", (json_int_t)scheduler_waiting(scheduler), "queued",
        (json_int_t)scheduler_queued(scheduler), "running",
        (json_int_t)scheduler_running(scheduler), "retried", (json_int_t)supervisor->stats.retried);
    add_ended(jobs, supervisor->stats.ended);
    return jobs;
}

static json_t *batches_stats(const struct supervisor *supervisor)
{
    const struct stats *stats = &supervisor->stats;
    json_t *batches = batches_json(&supervisor->batches);
    json_t *ended =
        json_pack("{s:I, s:I, s:I}", "succeeded", (json_int_t)stats->succeeded, "failed",
                  (json_int_t)stats->failed, "cancelled", (json_int_t)stats->cancelled);
    if (ended)
        (void)json_object_update(batches, ended); /* without memory: shown without */
    json_decref(ended);
    return batches;
}

static json_t *plugin_stats(const struct supervisor *supervisor, uint32_t position)
{
    const struct plugin *plugin = &supervisor->catalogue.plugins[position];
    const struct plugin_stats *stats = &supervisor->stats.plugins[position];
    uint64_t running = scheduler_running_of(supervisor->scheduler, position);
    char rate[64];
    json_t *json = json_pack(
        "{s:s, s:I, s:I, s:{s:f, s:f}}", "name", plugin->name, "queued",
        (json_int_t)(stats_unended(stats) - running), "running", (json_int_t)running, "run",
        "total", clock_seconds(stats->run_total_ns), "max", clock_seconds(stats->run_max_ns));
    add_ended(json, stats->ended);
    /* Without memory: shown without. */
    if (plugin->limit)
        (void)json_object_set_new(json, "limit", json_integer(plugin->limit));
    if (plugin->rate.interval_ns)
        (void)json_object_set_new(json, "rate",
                                  json_string(rate_show(&plugin->rate, rate, sizeof(rate))));
    return json;
}

/* What the store has done since the start; null: there is none. */
static json_t *store_stats(const struct supervisor *supervisor)
{
    if (!supervisor->store)
        return json_null();
    return json_pack("{s:I, s:I}", "commits", (json_int_t)store_figures(supervisor->store).commits,
                     "recalled", (json_int_t)history_reads(supervisor->history));
}

static void daemon_stats(struct call *call)
{
    if (!read_nothing(call))
        return;
    const struct supervisor *supervisor = call->supervisor;
    json_t *plugins = json_array();
    for (uint32_t i = 0; i < supervisor->catalogue.count; i++)
        (void)json_array_append_new(plugins, plugin_stats(supervisor, i)); /* or one less */
    call_result(call, json_pack("{s:f, s:o, s:o, s:o, s:o, s:o}", "uptime",
                                clock_seconds(clock_now_ns() - supervisor->started_ns), "jobs",
                                jobs_stats(supervisor), "batches", batches_stats(supervisor),
                                "plugins", plugins, "workers", workers_json(supervisor->pool),
                                "store", store_stats(supervisor)));
}

struct drain_params {
    bool on;
};
static const struct aw_param drain_rows[] = {
    AW_PARAM(struct drain_params, on, .text = "Whether new batches are refused",
             .default_text = "true"),
    AW_PARAMS_END,
};
static const struct params_table drain_table = CALL_TABLE(drain_rows, struct drain_params);

static void daemon_drain(struct call *call)
{
    struct drain_params params;
    if (!call_read(call, &drain_table, &params))
        return;
    struct supervisor *supervisor = call->supervisor;
    if (supervisor->draining != params.on)
        log_write(supervisor->log, LOG_LEVEL_INFO,
                  params.on ? "draining: no new batches are taken" : "no longer draining");
    supervisor->draining = params.on;
    call_result(call, json_pack("{s:b, s:I}", "draining", supervisor->draining, "unfinished",
                                (json_int_t)(supervisor->batches.count -
                                             supervisor->batches.finished_count)));
}

/* ---- plugin.* ------------------------------------------------------------------------------ */

static json_t *plugin_json(const struct plugin *plugin)
{
    json_t *json = json_pack("{s:s, s:s, s:s}", "name", plugin->name, "file", plugin->file, "state",
                             plugin->disabled ? "disabled" : "ready");
    int error = !json;
    if (plugin->disabled)
        error |= json_object_set_new(json, "reason", json_string(plugin->disabled));
    if (plugin->described) {
        error |= json_object_set_new(json, "version", json_string(plugin->version));
        error |= json_object_set_new(json, "summary", json_string(plugin->summary));
        error |= json_object_set_new(json, "style", json_string(run_style_name(plugin->style)));
        error |= json_object_set_new(json, "abi", json_string(plugin->abi));
        if (plugin->limit)
            error |= json_object_set_new(json, "limit", json_integer(plugin->limit));
    }
    if (!error)
        return json;
    json_decref(json);
    return NULL;
}

static void plugin_list(struct call *call)
{
    if (!read_nothing(call))
        return;
    const struct catalogue *catalogue = &call->supervisor->catalogue;
    json_t *plugins = json_array();
    for (uint32_t i = 0; i < catalogue->count; i++)
        (void)json_array_append_new(plugins, plugin_json(&catalogue->plugins[i])); /* or one less */
    call_result(call, json_pack("{s:o}", "plugins", plugins));
}

/* The parameter table, in which only what is not for everybody is restricted. New reference. */
static json_t *params_json(const struct plugin *plugin)
{
    json_t *rows = json_deep_copy(json_object_get(plugin->described, "params"));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!(plugin->restricted >> i & 1))
            (void)json_object_del(json_array_get(rows, i), "restricted"); /* mostly not there */
    }
    return rows;
}

struct show_params {
    const char *name;
};
static const struct aw_param show_rows[] = {
    AW_PARAM(struct show_params, name, .text = "The plugin's name", .required = true),
    AW_PARAMS_END,
};
static const struct params_table show_table = CALL_TABLE(show_rows, struct show_params);

static void add_names(json_t *json, const char *key, json_t *names)
{
    if (names)
        (void)json_object_set(json, key, names); /* without memory: shown without */
}

static void plugin_show(struct call *call)
{
    struct show_params params;
    if (!call_read(call, &show_table, &params))
        return;
    uint32_t position;
    const struct plugin *plugin =
        catalogue_find(&call->supervisor->catalogue, params.name, &position);
    if (plugin) {
        json_t *json = plugin_json(plugin);
        json_t *tables = plugin->described
                             ? json_pack("{s:o, s:O}", "params", params_json(plugin), "settings",
                                         json_object_get(plugin->described, "settings"))
                             : json_object();
        if (json && tables)
            (void)json_object_update(json, tables); /* without memory: shown without tables */
        add_names(json, "exports", plugin->exports);
        add_names(json, "clashes", plugin->clashes);
        json_decref(tables);
        call_result(call, json);
    } else {
        call_fail(call, RPC_NO_SUCH_THING, "there is no plugin %.64s", params.name);
    }
    call_done_reading(&show_table, &params);
}

const struct method methods_daemon[] = {
    {.name = "hello", .run = hello, .only_answers = true},
    {.name = "daemon.ping", .run = daemon_ping, .only_answers = true},
    {.name = "daemon.stats", .run = daemon_stats, .only_answers = true},
    {.name = "daemon.drain", .run = daemon_drain},
    {.name = "daemon.status", .run = daemon_status, .only_answers = true},
    {.name = "plugin.list", .run = plugin_list, .only_answers = true},
    {.name = "plugin.show", .run = plugin_show, .only_answers = true},
    {.name = NULL},
};
