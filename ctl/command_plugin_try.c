/*
 * awaitctl plugin try: runs jobs of a plugin that no daemon has.
 */
#include "ctl.h"
#include "options.h"
#include "private_daemon.h"
#include "run_jobs.h"

struct try_options {
    struct run_options run;
    const char *settings;
};

static const struct option_row options[] = {
    OPTION(struct try_options, run.count, .name = "count", .letter = 'n', .argument = "N", .min = 1,
           .text = "run N jobs; {index} in a VALUE is 0 to N-1"),
    OPTION(struct try_options, run.items, .name = "items", .argument = "A,B|@FILE", .once = true,
           .text = "one job for each item, or line of FILE (@-: standard input); {item} is it"),
    OPTION(struct try_options, run.follow, .name = "follow", .letter = 'f',
           .text = "print a line for each job as it ends"),
    OPTION(struct try_options, run.output, .name = "output", .letter = 'o',
           .text = "print the output of every job as it ends"),
    OPTION(struct try_options, settings, .name = "settings", .argument = "TEXT|@FILE",
           .text = "the plugin's settings, as they would stand in awaitd.conf"),
    OPTIONS_END,
};

/* Puts the plugin's own name where the command line has its file. */
static int name_plugin(struct ctl *ctl, const char *file, const json_t *plugin, struct work *work)
{
    const char *reason = json_string_value(json_object_get(plugin, "reason"));
    if (reason)
        return ctl_fail(ctl, CTL_REFUSED, "%s: awaitd disables it: %s", file, reason);
    if (json_object_set(work->entry, "plugin", json_object_get(plugin, "name")) < 0)
        return ctl_fail_memory(ctl);
    return CTL_OK;
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    const struct try_options *wanted = given;
    struct run_options run_options = wanted->run;
    struct work work = {.entry = NULL};
    struct private_daemon *daemon = NULL;
    json_t *plugin = NULL;
    run_options.details = run_options.ends_with_us = true;
    int code = run_jobs_read(ctl, &run_options, count, arguments, &work);
    if (code == CTL_OK)
        code = private_daemon_start(ctl, arguments[0], wanted->settings, &daemon);
    if (code == CTL_OK)
        code = private_daemon_plugin(daemon, &plugin);
    if (code == CTL_OK)
        code = name_plugin(ctl, arguments[0], plugin, &work);
    if (code == CTL_OK)
        code = run_jobs(ctl, &run_options, private_daemon_connection(daemon), &work);
    private_daemon_stop(daemon);
    json_decref(plugin);
    run_jobs_clear(&work);
    return code;
}

const struct command command_plugin_try = {
    .name = "plugin try",
    .usage = "FILE.so [KEY=VALUE...] [OPTION...] [-- ARGV...]",
    .summary = "run jobs of a plugin without a running daemon",
    .text = "Runs a job in an awaitd of its own, with one worker and nothing but this plugin, and "
            "shows\n"
            "how it came out, as `awaitctl run` does. What the plugin logs or writes on standard "
            "error\n"
            "is passed on to standard error. ^C cancels the job.\n",
    .examples =
        "  awaitctl plugin try ./greet.so text=hello\n"
        "  awaitctl plugin try ./greet.so text={index} --count 100 --output\n"
        "  awaitctl plugin try ./fetch.so url=http://localhost/ --settings 'timeout = \"5s\";'\n",
    .options = options,
    .options_size = sizeof(struct try_options),
    .min_arguments = 1,
    .max_arguments = -1,
    .words_hint = "; to run a command: awaitctl plugin try ./exec.so -- ls -l",
    .run = run,
};
