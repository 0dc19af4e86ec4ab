/*
 * awaitctl: the command line client of awaitd. Finds the command, reads the options, tells the
 * failure. The commands are in files of their own, command_NAME.c.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/descriptors.h"
#include "ctl.h"
#include "options.h"

/* In the order of the help: what people use first comes first. */
static const struct command *const commands[] = {
    &command_run,        &command_submit,       &command_wait,       &command_watch,
    &command_list,       &command_show,         &command_output,     &command_cancel,
    &command_retry,      &command_pause,        &command_resume,     &command_plugins,
    &command_plugin_new, &command_plugin_check, &command_plugin_try, &command_status,
    &command_stats,      &command_backup,       &command_drain,      &command_ping,
    &command_version,
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Whether `name` is the first of a command's two words. */
static bool is_first_word(const char *name, const struct command *command)
{
    size_t size = strlen(name);
    return strncmp(command->name, name, size) == 0 && command->name[size] == ' ';
}

/* The command of this name, of one word, or of two where the second one is not NULL. */
static const struct command *find_command(const char *name, const char *second)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *command = commands[i];
        if (second ? is_first_word(name, command) && !strcmp(strchr(command->name, ' ') + 1, second)
                   : !strcmp(command->name, name))
            return command;
    }
    return NULL;
}

static bool is_group(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (is_first_word(name, commands[i]))
            return true;
    }
    return false;
}

/* The commands of a group, or all of them. */
static void print_commands(const char *group)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (!group || is_first_word(group, commands[i]))
            (void)printf("  %-12s  %s\n", commands[i]->name, commands[i]->summary);
    }
}

static void print_help(void)
{
    (void)printf("Usage: awaitctl [OPTION...] COMMAND [ARGUMENT...]\n"
                 "Runs batches of jobs on awaitd, all at once, and shows how they came out.\n\n"
                 "Commands:\n");
    print_commands(NULL);
    (void)printf("\nOptions of every command:\n");
    options_help(NULL, stdout);
    (void)printf(
        "\nawaitctl COMMAND -h explains a command, with examples. See also awaitctl(1).\n");
}

static void print_command_help(const struct command *command)
{
    (void)printf("Usage: awaitctl %s%s%s\n%c%s.\n", command->name, *command->usage ? " " : "",
                 command->usage, command->summary[0] & ~0x20, command->summary + 1);
    if (command->text)
        (void)printf("\n%s", command->text);
    if (command->options) {
        (void)printf("\nOptions:\n");
        options_help(command->options, stdout);
    }
    (void)printf("\nOptions of every command:\n");
    options_help(NULL, stdout);
    (void)printf("\nExamples:\n%s", command->examples);
}

static void print_version(void)
{
    (void)printf("awaitctl %s\n", PACKAGE_VERSION);
}

/* Reads the command's own options and arguments, and carries it out. */
static int run_command(struct ctl *ctl, const struct command *command, int count, char **arguments)
{
    AUTO_FREE void *options = calloc(1, command->options_size + 1);
    if (!options)
        return ctl_fail_memory(ctl);

    int code = options_read(ctl, command, options, &count, arguments);
    ctl->wants_hint = code == CTL_USAGE;
    if (code)
        return code;
    if (ctl->help) {
        print_command_help(command);
        return CTL_OK;
    }
    if (ctl->version) {
        print_version();
        return CTL_OK;
    }
    ctl->wants_hint = true;
    if (count < command->min_arguments)
        return ctl_fail(ctl, CTL_USAGE, "usage: awaitctl %s %s", command->name, command->usage);
    if (command->max_arguments >= 0 && count > command->max_arguments)
        return ctl_fail(ctl, CTL_USAGE, "%s: '%s' is one argument too many", command->name,
                        arguments[command->max_arguments]);
    ctl->wants_hint = false;
    return command->run(ctl, options, count, arguments);
}

static void print_group_help(const char *group)
{
    (void)printf("Usage: awaitctl %s COMMAND [ARGUMENT...]\n\nCommands:\n", group);
    print_commands(group);
    (void)printf("\nawaitctl %s COMMAND -h explains one, with examples.\n", group);
}

/* Finds the command of two words, and carries it out. */
static int run_group(struct ctl *ctl, const char *group, int count, char **arguments)
{
    int code = options_read(ctl, NULL, NULL, &count, arguments);
    if (code)
        return code;
    if (count == 0 && ctl->help) {
        print_group_help(group);
        return CTL_OK;
    }
    if (count == 0)
        return ctl_fail(ctl, CTL_USAGE, "%s what? `awaitctl %s -h` lists the commands", group,
                        group);
    ctl->command = find_command(group, arguments[0]);
    if (!ctl->command)
        return ctl_fail(ctl, CTL_USAGE, "there is no command '%s %s'", group, arguments[0]);
    return run_command(ctl, ctl->command, count - 1, arguments + 1);
}

static int run(struct ctl *ctl, int count, char **arguments)
{
    int code = options_read(ctl, NULL, NULL, &count, arguments);
    ctl->wants_hint = true;
    if (code)
        return code;
    const char *name = count > 0 ? arguments[0] : NULL;
    if (name && is_group(name))
        return run_group(ctl, name, count - 1, arguments + 1);
    if (name)
        ctl->command = find_command(name, NULL);
    if (name && !ctl->command)
        return ctl_fail(ctl, CTL_USAGE, "there is no command '%s'", name);
    if (ctl->command)
        return run_command(ctl, ctl->command, count - 1, arguments + 1);

    if (ctl->version) {
        print_version();
        return CTL_OK;
    }
    if (!ctl->help)
        return ctl_fail(ctl, CTL_USAGE, "which command?");
    print_help();
    return CTL_OK;
}

int main(int argc, char **argv)
{
    /* The socket must not become what output is written to. */
    int opened = descriptors_open_standard();
    if (opened < 0) {
        (void)fprintf(stderr, "awaitctl: /dev/null: %s\n", strerror(-opened)); /* if that is open */
        return CTL_REFUSED;
    }
    /* A reader that goes away (head, less) ends us quietly, even where our parent ignored it. */
    (void)signal(SIGPIPE, SIG_DFL); /* cannot fail: the number is valid */

    struct ctl ctl = {.command = NULL};
    int code = run(&ctl, argc - 1, argv + 1);
    ctl_flush(&ctl);
    if (ferror(stdout) && code != CTL_INTERRUPTED) {
        if (code == CTL_OK)
            code = CTL_NOT_SUCCEEDED;
        if (!ctl.error.text[0])
            (void)ctl_fail(&ctl, CTL_NOT_SUCCEEDED, "cannot write the output%s%s",
                           ctl.output_errno ? ": " : "",
                           ctl.output_errno ? strerror(ctl.output_errno) : "");
    }
    ctl_tell_failure(&ctl);
    if (code == CTL_USAGE && ctl.wants_hint)
        (void)fprintf(stderr, "Try: awaitctl %s%s-h\n", ctl.command ? ctl.command->name : "",
                      ctl.command ? " " : "");
    return code;
}
