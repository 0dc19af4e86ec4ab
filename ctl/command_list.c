/*
 * awaitctl list: the batches the daemon knows, the newest first.
 */
#include <stdint.h>
#include <stdio.h>
#include "base/clock.h"
#include "connection.h"
#include "ctl.h"
#include "moment.h"
#include "options.h"
#include "summary.h"
#include "table.h"
#include "text.h"

struct list_options {
    const char *state, *plugin, *name;
    const char *since, *until;
    int64_t limit;
    bool all;
};

/* Batches shown where --limit does not say otherwise; more than a screen, less than a flood. */
#define LIMIT_DEFAULT 100
/* Batches asked for at once, the most that the daemon gives. */
#define PAGE 1000

static const struct option_row options[] = {
    OPTION(struct list_options, state, .name = "state", .argument = "STATE", .member = "state",
           .text = "only open, running, succeeded, failed or cancelled ones"),
    OPTION(struct list_options, plugin, .name = "plugin", .argument = "NAME", .member = "plugin",
           .text = "only those with a job of this plugin"),
    OPTION(struct list_options, name, .name = "name", .argument = "NAME", .member = "name",
           .text = "only those of this name, in full"),
    OPTION(struct list_options, since, .name = "since", .argument = "TIME",
           .text = "only those submitted then or later: 2h (ago), 2027-01-31, "
                   "'2027-01-31 14:00', @SECONDS"),
    OPTION(struct list_options, until, .name = "until", .argument = "TIME",
           .text = "only those submitted before"),
    OPTION(struct list_options, limit, .name = "limit", .argument = "N", .min = 1,
           .text = "at most N batches (default: 100)"),
    OPTION(struct list_options, all, .name = "all", .text = "however many there are"),
    OPTIONS_END,
};

static const struct table_column columns[] = {
    {.title = "BATCH", .right = true},
    {.title = "STATE"},
    {.title = "SUBMITTED"},
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
    const json_t *submitted = json_object_get(json, "submitted");
    char buffer[200];
    summary_read(json, &summary);
    table_add_format(table, "%ju", (uintmax_t)summary.batch);
    table_add(table, summary.state);
    table_add(table, json_is_number(submitted)
                         ? moment_show(json_number_value(submitted), clock_wall_s(), buffer)
                         : "-");
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

/* ---- What to ask for ----------------------------------------------------------------------------- */

struct filter {
    struct ctl *ctl;
    json_t *params; /* owned */
};

static int add_member(void *context, const struct option_row *row, json_t *value)
{
    struct filter *filter = context;
    if (!value)
        return ctl_fail(filter->ctl, CTL_USAGE, "--%s: not valid UTF-8", row->name);
    if (json_object_set(filter->params, row->member, value) < 0)
        return ctl_fail_memory(filter->ctl);
    return CTL_OK;
}

static int add_moment(struct filter *filter, const char *member, const char *text)
{
    double unix_s;
    if (!text)
        return CTL_OK;
    if (moment_parse(text, clock_wall_s(), &unix_s) < 0)
        return ctl_fail(filter->ctl, CTL_USAGE,
                        "--%s: '%s' is not a time such as 2h (ago), 2027-01-31, '2027-01-31 14:00' "
                        "or @SECONDS",
                        member, text);
    if (!(unix_s > 0)) /* and 0 means any to the daemon */
        return ctl_fail(filter->ctl, CTL_USAGE, "--%s: '%s' is not after 1970 began", member, text);
    if (json_object_set_new(filter->params, member, json_real(unix_s)) < 0)
        return ctl_fail_memory(filter->ctl);
    return CTL_OK;
}

static int read_filter(const struct list_options *given, struct filter *filter)
{
    if (given->all && given->limit > 0)
        return ctl_fail(filter->ctl, CTL_USAGE, "--all and --limit: give one of them");
    filter->params = json_object();
    if (!filter->params)
        return ctl_fail_memory(filter->ctl);
    int code = options_visit_members(options, given, add_member, filter);
    if (code == CTL_OK)
        code = add_moment(filter, "since", given->since);
    if (code == CTL_OK)
        code = add_moment(filter, "until", given->until);
    return code;
}

/* ---- The list ------------------------------------------------------------------------------------ */

/* Asks for one page and adds it; *cursor becomes where the next begins, NULL at the end. */
static int list_page(struct connection *connection, const struct filter *filter, int64_t limit,
                     struct table *table, json_t **cursor)
{
    json_t *params = json_pack("{s:I, s:O*}", "limit", (json_int_t)limit, "cursor", *cursor);
    json_t *result, *batch;
    size_t i;
    if (!params || json_object_update(params, filter->params) < 0) {
        json_decref(params);
        return ctl_fail_memory(filter->ctl);
    }
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

static int list(struct ctl *ctl, const struct list_options *given, const struct filter *filter,
                struct connection *connection)
{
    struct table table = {.columns = columns};
    json_t *cursor = NULL;
    int64_t left = given->all ? INT64_MAX : given->limit > 0 ? given->limit : LIMIT_DEFAULT;
    int code;
    do {
        int64_t page = left < PAGE ? left : PAGE;
        code = list_page(connection, filter, page, &table, &cursor);
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
        ctl_say(ctl, "there are older ones: --limit shows more, --all shows all");
    json_decref(cursor);
    return code;
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    (void)count;
    (void)arguments;
    struct connection *connection = NULL;
    struct filter filter = {.ctl = ctl};
    int code = read_filter(given, &filter);
    if (code == CTL_OK)
        code = connection_open(ctl, &connection);
    if (code == CTL_OK)
        code = list(ctl, given, &filter, connection);
    connection_close(connection);
    json_decref(filter.params);
    return code;
}

const struct command command_list = {
    .name = "list",
    .usage = "[OPTION...]",
    .summary = "list batches, the newest first",
    .examples = "  awaitctl list\n"
                "  awaitctl list --state failed --since 1d\n"
                "  awaitctl list --plugin http --since '2027-01-31 14:00' --all\n"
                "  awaitctl --json list --limit 1 | jq '.result.batches[0].speedup'\n",
    .options = options,
    .options_size = sizeof(struct list_options),
    .max_arguments = 0,
    .run = run,
};
