/*
 * awaitctl list: the batches the daemon knows, the newest first.
 */
#include <stdio.h>
#include "connection.h"
#include "ctl.h"
#include "options.h"
#include "summary.h"
#include "table.h"
#include "text.h"

struct list_options {
    const char *state;
    int64_t limit;
};

/* Batches shown where --limit does not say otherwise; more than a screen, less than a flood. */
#define LIMIT_DEFAULT 100
/* Batches asked for at once, the most that the daemon gives. */
#define PAGE 1000

static const struct option_row options[] = {
    OPTION(struct list_options, state, .name = "state", .argument = "STATE",
           .text = "only open, running, succeeded, failed or cancelled ones"),
    OPTION(struct list_options, limit, .name = "limit", .argument = "N", .min = 1,
           .text = "at most N batches (default: 100)"),
    OPTIONS_END,
};

static const struct table_column columns[] = {
    {.title = "BATCH", .right = true},
    {.title = "STATE"},
    {.title = "JOBS", .right = true},
    {.title = "ENDED"},
    {.title = "WORK", .right = true},
    {.title = "WALL", .right = true},
    {.title = "SPEED-UP", .right = true},
    {.title = "NAME"},
    {.title = NULL},
};

static void add_row(struct table *table, const json_t *json)
{
    struct summary summary;
    char buffer[200];
    summary_read(json, &summary);
    table_add_format(table, "%ju", (uintmax_t)summary.batch);
    table_add(table, summary.state);
    table_add_format(table, "%ju", (uintmax_t)summary.jobs);
    table_add(table, summary_counts(&summary, buffer, sizeof(buffer)));
    table_add(table, text_seconds(summary.work_s, buffer, sizeof(buffer)));
    table_add(table, text_seconds(summary.wall_s, buffer, sizeof(buffer)));
    if (summary.speedup > 0)
        table_add_format(table, "%sx", summary_speedup(summary.speedup, buffer, sizeof(buffer)));
    else
        table_add(table, "-");
    table_add(table, summary.name);
}

/* Asks for one page and adds it; *cursor becomes where the next begins, NULL at the end. */
static int list_page(struct ctl *ctl, struct connection *connection, const char *state,
                     int64_t limit, struct table *table, json_t **cursor)
{
    json_t *params = json_pack("{s:I, s:s*, s:O*}", "limit", (json_int_t)limit, "state", state,
                               "cursor", *cursor);
    json_t *result, *batch;
    size_t i;
    if (!params)
        return ctl_fail(ctl, CTL_USAGE, "--state: not valid UTF-8");
    int code = connection_call(connection, "batch.list", params, &result);
    if (code)
        return code;
    json_array_foreach (json_object_get(result, "batches"), i, batch) {
        add_row(table, batch);
    }
    json_decref(*cursor);
    *cursor = json_incref(json_object_get(result, "cursor"));
    json_decref(result);
    return CTL_OK;
}

static int list(struct ctl *ctl, const struct list_options *given, struct connection *connection)
{
    struct table table = {.columns = columns};
    json_t *cursor = NULL;
    int64_t left = given->limit > 0 ? given->limit : LIMIT_DEFAULT;
    int code;
    do {
        int64_t page = left < PAGE ? left : PAGE;
        code = list_page(ctl, connection, given->state, page, &table, &cursor);
        left -= page;
    } while (code == CTL_OK && cursor && left > 0);

    bool is_empty = table.count == 0;
    if (code == CTL_OK && table.failed)
        code = ctl_fail_memory(ctl);
    if (ctl->json || code || is_empty)
        table_free(&table);
    else
        table_print(&table);
    if (code == CTL_OK && is_empty && !ctl->json)
        ctl_say(ctl, "no batches");
    if (code == CTL_OK && cursor && !ctl->json)
        ctl_say(ctl, "there are older ones: --limit shows more");
    json_decref(cursor);
    return code;
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    (void)count;
    (void)arguments;
    struct connection *connection;
    int code = connection_open(ctl, &connection);
    if (code)
        return code;
    code = list(ctl, given, connection);
    connection_close(connection);
    return code;
}

const struct command command_list = {
    .name = "list",
    .usage = "[OPTION...]",
    .summary = "list batches, the newest first",
    .examples = "  awaitctl list\n"
                "  awaitctl list --state running\n"
                "  awaitctl --json list --limit 1 | jq '.result.batches[0].speedup'\n",
    .options = options,
    .options_size = sizeof(struct list_options),
    .max_arguments = 0,
    .run = run,
};
