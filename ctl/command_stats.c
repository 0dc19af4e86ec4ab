/*
 * awaitctl stats: what the daemon has done since it started, and what waits, in all and by plugin.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/parse.h"
#include "connection.h"
#include "ctl.h"
#include "table.h"
#include "text.h"
#include "wire/job_state.h"

static const struct table_column columns[] = {
    {.title = "PLUGIN"},
    {.title = "QUEUED", .right = true},
    {.title = "RUNNING", .right = true},
    {.title = "LIMIT", .right = true},
    {.title = "RATE"},
    {.title = "SUCCEEDED", .right = true},
    {.title = "NOT", .right = true},
    {.title = "WORK", .right = true},
    {.title = "LONGEST", .right = true},
    {.title = NULL},
};

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* What of these counts is not 0, behind a label; a state's name without its underscores. */
static void print_counts(const char *label, json_t *counts)
{
    const char *key, *comma = "";
    json_t *count;
    (void)printf("%-8s ", label); /* main looks at ferror; so below */
    json_object_foreach (counts, key, count) {
        if (json_integer_value(count) == 0)
            continue;
        (void)printf("%s%" JSON_INTEGER_FORMAT " ", comma, json_integer_value(count));
        for (const char *c = key; *c; c++)
            (void)putchar(*c == '_' ? ' ' : *c);
        comma = ", ";
    }
    (void)puts(*comma ? "" : "none");
}

/* Jobs of a plugin that ended other than well. */
static json_int_t not_succeeded(const json_t *plugin)
{
    json_int_t count = 0;
    for (enum job_state state = JOB_SUCCEEDED + 1; state < JOB_STATES; state++)
        count += integer(plugin, job_state_name(state));
    return count;
}

static void add_number(struct table *table, const json_t *number)
{
    if (json_is_integer(number) && json_integer_value(number) > 0)
        table_add_format(table, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
    else
        table_add(table, "-");
}

static void add_plugin(struct table *table, const json_t *plugin)
{
    char span[32];
    const json_t *run = json_object_get(plugin, "run");
    const char *rate = json_string_value(json_object_get(plugin, "rate"));
    json_int_t succeeded = integer(plugin, job_state_name(JOB_SUCCEEDED));
    json_int_t ended = succeeded + not_succeeded(plugin);
    double total_s = json_number_value(json_object_get(run, "total"));
    double max_s = json_number_value(json_object_get(run, "max"));
    table_add(table, json_string_value(json_object_get(plugin, "name")));
    table_add_format(table, "%" JSON_INTEGER_FORMAT, integer(plugin, "queued"));
    table_add_format(table, "%" JSON_INTEGER_FORMAT, integer(plugin, "running"));
    add_number(table, json_object_get(plugin, "limit"));
    table_add(table, rate && *rate ? rate : "-");
    table_add_format(table, "%" JSON_INTEGER_FORMAT, succeeded);
    table_add_format(table, "%" JSON_INTEGER_FORMAT, ended - succeeded);
    table_add(table, ended > 0 ? text_seconds(total_s, span, sizeof(span)) : "-");
    table_add(table, ended > 0 ? text_seconds(max_s, span, sizeof(span)) : "-");
}

static int print_plugins(struct ctl *ctl, const json_t *plugins)
{
    struct table table = {.columns = columns};
    size_t i;
    json_t *plugin;
    json_array_foreach (plugins, i, plugin) {
        add_plugin(&table, plugin);
    }
    bool failed = table.failed;
    if (table.count > 0 && !failed)
        table_print(&table);
    table_free(&table);
    return failed ? ctl_fail_memory(ctl) : CTL_OK;
}

/* "2 ready" where there are two workers that are; likewise the other states. */
static void print_workers(const json_t *workers)
{
    json_t *counts = json_object(), *worker;
    size_t i;
    json_array_foreach (workers, i, worker) {
        const char *state = json_string_value(json_object_get(worker, "state"));
        if (state) /* without memory one is left out */
            (void)json_object_set_new(counts, state, json_integer(integer(counts, state) + 1));
    }
    print_counts("workers", counts);
    json_decref(counts);
}

static int print_stats(struct ctl *ctl, const json_t *stats)
{
    char uptime[64];
    double up_s = json_number_value(json_object_get(stats, "uptime"));
    (void)printf("%-8s %s\n", "up for", parse_show_span(floor(up_s), uptime, sizeof(uptime)));
    print_workers(json_object_get(stats, "workers"));
    print_counts("batches", json_object_get(stats, "batches"));
    print_counts("jobs", json_object_get(stats, "jobs"));
    return print_plugins(ctl, json_object_get(stats, "plugins"));
}

static int run(struct ctl *ctl, const void *options, int count, char **arguments)
{
    (void)options;
    (void)count;
    (void)arguments;
    json_t *stats;
    int code = connection_once(ctl, "daemon.stats", NULL, &stats);
    if (code)
        return code;
    if (!ctl->json)
        code = print_stats(ctl, stats);
    json_decref(stats);
    return code;
}

const struct command command_stats = {
    .name = "stats",
    .usage = "",
    .summary = "show what the daemon has done since it started",
    .text = "For each plugin: jobs that are queued and running, its limit and rate, jobs that\n"
            "succeeded and that did not, the sum of their run times and the longest of them.\n",
    .examples = "  awaitctl stats\n"
                "  awaitctl --json stats | jq '.result.plugins[] | {name, failed}'\n",
    .max_arguments = 0,
    .run = run,
};
