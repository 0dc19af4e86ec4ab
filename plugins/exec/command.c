/*
 * Commands of the configuration, see command.h: how a job's values become arguments. How the setting is
 * read is in command_read.c.
 */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

/* Bytes of any number in decimal, NUL included; a double of 17 digits has 24. */
#define NUMBER_BYTES 32

const struct command *commands_find(const struct commands *commands, const char *name)
{
    for (size_t i = 0; i < commands->count; i++)
        if (strcmp(commands->list[i].name, name) == 0)
            return &commands->list[i];
    return NULL;
}

static bool has_placeholder(const struct command *command, const char *name)
{
    for (size_t i = 0; i < command->argument_count; i++)
        if (command->arguments[i].is_placeholder && strcmp(command->arguments[i].text, name) == 0)
            return true;
    return false;
}

/* The shortest text that reads back as the number. */
static void number_text(const json_t *number, char *out, size_t size)
{
    if (json_is_integer(number)) {
        (void)snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
        return;
    }
    double value = json_real_value(number);
    (void)snprintf(out, size, "%.15g", value);
    if (strtod(out, NULL) != value)
        (void)snprintf(out, size, "%.17g", value);
}

static int copy_value(const struct command *command, const char *name, const json_t *value,
                      char **out, char *reason, size_t size)
{
    char number[NUMBER_BYTES];
    const char *text = number;
    if (!value) {
        (void)snprintf(reason, size, "args.%s: is missing; the command '%s' needs it", name,
                       command->name);
        return -EINVAL;
    }
    if (json_is_number(value)) {
        number_text(value, number, sizeof(number));
    } else if (json_is_string(value)) {
        text = json_string_value(value);
    } else {
        (void)snprintf(reason, size, "args.%s: must be a text or a number", name);
        return -EINVAL;
    }
    if (text[0] == '-' && !command->dashes) {
        (void)snprintf(reason, size,
                       "args.%s: begins with '-', so the program could take it for an option; the "
                       "command '%s' does not allow that (dashes)",
                       name, command->name);
        return -EINVAL;
    }
    *out = strdup(text);
    return *out ? 0 : -ENOMEM;
}

static int refuse_unknown(const struct command *command, json_t *args, char *reason, size_t size)
{
    const char *name;
    json_t *value;
    json_object_foreach (args, name, value)
        if (!has_placeholder(command, name)) {
            (void)snprintf(reason, size, "args.%s: the command '%s' has no such placeholder", name,
                           command->name);
            return -EINVAL;
        }
    return 0;
}

static int fill(const struct command *command, json_t *args, char ***out, char *reason, size_t size)
{
    int result = refuse_unknown(command, args, reason, size);
    if (result)
        return result;
    char **argv = calloc(command->argument_count + 1, sizeof(*argv));
    if (!argv)
        return -ENOMEM;
    for (size_t i = 0; result == 0 && i < command->argument_count; i++) {
        const struct command_argument *argument = &command->arguments[i];
        if (argument->is_placeholder) {
            result = copy_value(command, argument->text, json_object_get(args, argument->text),
                                &argv[i], reason, size);
        } else {
            argv[i] = strdup(argument->text);
            result = argv[i] ? 0 : -ENOMEM;
        }
    }
    if (result)
        command_free_argv(argv);
    else
        *out = argv;
    return result;
}

int command_fill(const struct command *command, const struct aw_json *args, char ***argv,
                 char *reason, size_t size)
{
    json_error_t error;
    json_t *root = NULL;
    if (args->text) {
        root = json_loadb(args->text, args->size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
        if (!root) {
            (void)snprintf(reason, size, "args: %s", error.text);
            return -EINVAL;
        }
        if (!json_is_object(root)) {
            (void)snprintf(reason, size, "args: must be an object, such as {\"name\": \"value\"}");
            json_decref(root);
            return -EINVAL;
        }
    }
    int result = fill(command, root, argv, reason, size);
    json_decref(root);
    if (result == -ENOMEM)
        (void)snprintf(reason, size, "out of memory");
    return result;
}

void command_free_argv(char **argv)
{
    for (size_t i = 0; argv && argv[i]; i++)
        free(argv[i]);
    free(argv);
}
