/*
 * awaitctl plugin new: a directory with a plugin to begin with.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/plugin_name.h"
#include "ctl.h"
#include "kit.h"
#include "options.h"

struct new_options {
    const char *style, *directory;
};

static const struct option_row options[] = {
    OPTION(struct new_options, style, .name = "style", .argument = "STYLE",
           .text = "how it runs its jobs: fiber (the default), async or blocking"),
    OPTION(struct new_options, directory, .name = "directory", .letter = 'd', .argument = "DIR",
           .text = "make DIR/NAME in place of ./NAME"),
    OPTIONS_END,
};

/* Who installs it would replace that one, and two of a name in one daemon do not go together. */
static void warn_of_taken_name(struct ctl *ctl, const char *name)
{
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, AW_PLUGINDIR "/%s.so", name) < 0) {
        path = NULL;
        return; /* it is only a warning */
    }
    if (access(path, F_OK) == 0)
        ctl_say(
            ctl,
            "warning: an installed plugin is called %s, too (%s): awaitd loads only one of them, "
            "and to install this one replaces that",
            name, path);
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    const struct new_options *wanted = given;
    const char *name = arguments[0];
    (void)count;
    if (!plugin_name_is(name))
        return ctl_fail(
            ctl, CTL_USAGE,
            "'%s' cannot be a plugin's name: 1 to %d of a-z, 0-9, '-' and '_', a letter "
            "first",
            name, PLUGIN_NAME_MAX);
    enum run_style style = RUN_FIBER;
    if (wanted->style)
        style = run_style_from_name(wanted->style);
    if (style == RUN_STYLES)
        return ctl_fail(ctl, CTL_USAGE, "--style: must be fiber, async or blocking, not '%s'",
                        wanted->style);

    if (wanted->directory && !*wanted->directory)
        return ctl_fail(ctl, CTL_USAGE, "--directory: must not be empty");
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "%s%s%s", wanted->directory ? wanted->directory : "",
                 wanted->directory ? "/" : "", name) < 0) {
        path = NULL;
        return ctl_fail_memory(ctl);
    }
    struct error error = {.text = ""};
    if (kit_write(path, name, style, &error) < 0)
        return ctl_fail(ctl, CTL_REFUSED, "%s", error.text);
    ctl_say(ctl, "%s has a plugin of the %s style: `make check` there builds and tests it", path,
            run_style_name(style));
    warn_of_taken_name(ctl, name);
    return CTL_OK;
}

const struct command command_plugin_new = {
    .name = "plugin new",
    .usage = "NAME [OPTION...]",
    .summary = "make a directory with a plugin to begin with",
    .text = "The directory is called as the plugin is, and must not be there yet. It has a plugin\n"
            "that works, in one of three styles, a Makefile and a test:\n"
            "  fiber     reads straight on and awaits what it waits for; the default\n"
            "  async     takes steps that return at once; the smallest, for jobs by the million\n"
            "  blocking  runs on a thread: for computing, and for libraries that block\n",
    .examples = "  awaitctl plugin new greet\n"
                "  awaitctl plugin new thumbnail --style blocking --directory ~/plugins\n",
    .options = options,
    .options_size = sizeof(struct new_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
