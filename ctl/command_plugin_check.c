/*
 * awaitctl plugin check: what awaitd says of a plugin, before awaitd has it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <awaitd/plugin.h>
#include "base/problems.h"
#include "ctl.h"
#include "options.h"
#include "plugin_text.h"
#include "plugin_warnings.h"
#include "private_daemon.h"
#include "terminal.h"
#include "text.h"

struct check_options {
    const char *settings;
};

static const struct option_row options[] = {
    OPTION(struct check_options, settings, .name = "settings", .argument = "TEXT|@FILE",
           .text = "its settings, as they would stand in awaitd.conf"),
    OPTIONS_END,
};

static void put(const char *text)
{
    text_put(stdout, text, strlen(text)); /* main looks at ferror */
}

#define STRINGIZE(value) #value
#define TO_TEXT(value) STRINGIZE(value)
#define OWN_ABI TO_TEXT(AW_ABI_MAJOR) "." TO_TEXT(AW_ABI_MINOR)

static void print_abi(const json_t *plugin)
{
    const char *abi = json_string_value(json_object_get(plugin, "abi"));
    if (!abi || strcmp(abi, OWN_ABI) == 0)
        return;
    (void)printf("Built for plugin ABI "); /* main looks at ferror */
    put(abi);
    (void)printf("; this awaitd has " OWN_ABI " and takes older ones.\n");
}

/* "FILE: accepted, 2 warnings" behind the explanation and the warnings. */
static void print_accepted(const char *file, const json_t *plugin)
{
    struct problems warnings = {.count = 0};
    plugin_warnings_find(plugin, &warnings);
    plugin_text_print(plugin, terminal_columns(STDOUT_FILENO), stdout);
    print_abi(plugin);
    (void)putchar('\n'); /* main looks at ferror */
    plugin_warnings_print(&warnings, stdout);
    char count[48];
    put(file);
    (void)printf(": accepted%s%s\n", warnings.count ? ", " : "",
                 warnings.count
                     ? text_count(warnings.count, "warning", "warnings", count, sizeof(count))
                     : "");
    problems_clear(&warnings);
}

static int report(struct ctl *ctl, const char *file, const json_t *plugin)
{
    const char *reason = json_string_value(json_object_get(plugin, "reason"));
    if (ctl->json) {
        (void)json_dumpf(plugin, stdout, JSON_COMPACT); /* main looks at ferror */
        (void)putchar('\n');
    } else if (reason) {
        put(file);
        (void)printf(": awaitd disables it: ");
        put(reason);
        (void)putchar('\n');
    } else {
        print_accepted(file, plugin);
    }
    return reason ? CTL_NOT_SUCCEEDED : CTL_OK;
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    const struct check_options *wanted = given;
    struct private_daemon *daemon = NULL;
    json_t *plugin = NULL;
    (void)count;
    int code = private_daemon_start(ctl, arguments[0], wanted->settings, &daemon);
    if (code == CTL_OK)
        code = private_daemon_plugin(daemon, &plugin);
    private_daemon_stop(daemon);
    if (code == CTL_OK)
        code = report(ctl, arguments[0], plugin);
    json_decref(plugin);
    return code;
}

const struct command command_plugin_check = {
    .name = "plugin check",
    .usage = "FILE.so [OPTION...]",
    .summary = "tell whether awaitd would accept a plugin, and explain it",
    .text = "Lets an awaitd of its own, with nothing but this plugin, load it, and tells what that "
            "says:\n"
            "parameters and settings, warnings, or why awaitd would disable it. What the plugin\n"
            "writes on standard error is passed on. Needs no running daemon.\n"
            "Exits with 0 if awaitd accepts the plugin, 1 if it would disable it.\n",
    .examples = "  awaitctl plugin check ./greet.so\n"
                "  awaitctl plugin check ./fetch.so --settings 'timeout = \"5s\";'\n"
                "  awaitctl plugin check ./fetch.so --settings @fetch.settings\n",
    .options = options,
    .options_size = sizeof(struct check_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
