/*
 * awaitctl plugins: the kinds of jobs there are, or one of them explained.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/problems.h"
#include "connection.h"
#include "ctl.h"
#include "plugin_text.h"
#include "plugin_warnings.h"
#include "table.h"
#include "terminal.h"

static const struct table_column columns[] = {
    {.title = "NAME"},  {.title = "VERSION"}, {.title = "STYLE"},
    {.title = "STATE"}, {.title = "SUMMARY"}, {.title = NULL},
};

static const char *string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int list(struct ctl *ctl)
{
    json_t *result, *plugin;
    size_t i;
    struct table table = {.columns = columns};
    int code = connection_once(ctl, "plugin.list", NULL, &result);
    if (code)
        return code;
    json_array_foreach (json_object_get(result, "plugins"), i, plugin) {
        const char *reason = string(plugin, "reason");
        table_add(&table, string(plugin, "name"));
        table_add(&table, string(plugin, "version"));
        table_add(&table, string(plugin, "style"));
        table_add(&table, string(plugin, "state"));
        table_add(&table, reason ? reason : string(plugin, "summary"));
    }
    json_decref(result);
    if (table.failed)
        code = ctl_fail_memory(ctl);
    if (ctl->json || code || table.count == 0) {
        if (!ctl->json && code == CTL_OK)
            ctl_say(ctl, "no plugins");
        table_free(&table);
    } else {
        table_print(&table);
    }
    return code;
}

static int explain(struct ctl *ctl, const char *name)
{
    json_t *params = json_pack("{s:s}", "name", name), *plugin;
    if (!params)
        return ctl_fail(ctl, CTL_USAGE, "the plugin's name is not valid UTF-8");
    int code = connection_once(ctl, "plugin.show", params, &plugin);
    if (code)
        return code;
    if (!ctl->json) {
        struct problems warnings = {.count = 0};
        plugin_text_print(plugin, terminal_columns(STDOUT_FILENO), stdout);
        plugin_warnings_of_clashes(plugin, &warnings);
        plugin_warnings_print(&warnings, stdout);
        problems_clear(&warnings);
    }
    json_decref(plugin);
    return CTL_OK;
}

static int run(struct ctl *ctl, const void *options, int count, char **arguments)
{
    (void)options;
    return count > 0 ? explain(ctl, arguments[0]) : list(ctl);
}

const struct command command_plugins = {
    .name = "plugins",
    .usage = "[NAME]",
    .summary = "list the plugins, or explain one and its parameters",
    .examples = "  awaitctl plugins\n"
                "  awaitctl plugins wait\n"
                "  awaitctl --json plugins wait | jq -r '.result.params[].name'\n",
    .max_arguments = 1,
    .run = run,
};
