/*
 * Reads the commands of the configuration, see command.h. What is wrong is told by place and member, for
 * the administrator who wrote it.
 */
#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "environment.h"

/* Where a problem goes, and which command it is about. */
struct reader {
    char *reason;
    size_t size;
    size_t place;     /* in the list */
    const char *name; /* NULL: not yet known */
};

static int refuse(const struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(const struct reader *reader, const char *format, ...)
{
    char problem[200];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(problem, sizeof(problem), format, arguments);
    va_end(arguments);
    if (reader->name)
        (void)snprintf(reader->reason, reader->size, "commands[%zu] ('%s')%s%s", reader->place,
                       reader->name, problem[0] == '.' ? "" : ": ", problem);
    else
        (void)snprintf(reader->reason, reader->size, "commands[%zu]%s%s", reader->place,
                       problem[0] == '.' ? "" : ": ", problem);
    return -EINVAL;
}

/* ---- Arguments ----------------------------------------------------------------------------------- */

/* The bytes of "{name}" at the beginning of the text; 0: there is no such thing. */
static size_t placeholder_size(const char *text)
{
    size_t size = 1;
    if (text[0] != '{' || !isalpha((unsigned char)text[1]))
        return 0;
    while (isalnum((unsigned char)text[size]) || text[size] == '_')
        size++;
    return text[size] == '}' ? size + 1 : 0;
}

/* "{{" and "}}" are single braces, as in texts of jobs; the copy has room for all of it. -EINVAL: there is a
 * brace that is not doubled, of a placeholder in the midst of the text or of a misspelt one. */
static int copy_literal(const char *text, char *out)
{
    while (*text) {
        if (text[0] == '{' || text[0] == '}') {
            if (text[1] != text[0])
                return -EINVAL;
            text++;
        }
        *out++ = *text++;
    }
    *out = '\0';
    return 0;
}

static int read_placeholder(const struct reader *reader, size_t index, const char *text,
                            size_t length, struct command_argument *out)
{
    out->is_placeholder = true;
    out->text = strndup(text + 1, length - 2);
    if (!out->text)
        return -ENOMEM;
    if (strcmp(out->text, "index") == 0 || strcmp(out->text, "item") == 0)
        return refuse(reader,
                      ".argv[%zu]: {%s} is what arrays of jobs replace; choose another name", index,
                      out->text);
    if (index == 0)
        return refuse(reader, ".argv[0]: the program itself cannot be a placeholder");
    return 0;
}

static int read_argument(const struct reader *reader, size_t index, const json_t *value,
                         struct command_argument *out)
{
    const char *text = json_string_value(value);
    if (!text)
        return refuse(reader, ".argv[%zu]: must be a text", index);
    size_t placeholder = placeholder_size(text);
    if (placeholder > 0 && !text[placeholder])
        return read_placeholder(reader, index, text, placeholder, out);
    out->text = malloc(strlen(text) + 1);
    if (!out->text)
        return -ENOMEM;
    if (copy_literal(text, out->text))
        return refuse(reader,
                      ".argv[%zu]: a placeholder is a whole argument, such as \"{name}\"; for "
                      "braces as such, "
                      "double them",
                      index);
    if (index == 0 && !*out->text)
        return refuse(reader, ".argv[0]: is empty");
    return 0;
}

static int read_argv(const struct reader *reader, const json_t *list, struct command *out)
{
    size_t count = json_array_size(list);
    if (count == 0)
        return refuse(reader, ".argv: must be a list of texts, the program first");
    out->arguments = calloc(count, sizeof(*out->arguments));
    if (!out->arguments)
        return -ENOMEM;
    out->argument_count = count;
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++)
        result = read_argument(reader, i, json_array_get(list, i), &out->arguments[i]);
    return result;
}

/* ---- The other members ----------------------------------------------------------------------------- */

static int read_env(const struct reader *reader, const json_t *list, struct command *out)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list))
        return refuse(reader, ".env: must be a list of texts, NAME=VALUE");
    out->env = calloc(count + 1, sizeof(*out->env));
    if (!out->env)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text || !environment_is_entry(text))
            return refuse(reader, ".env[%zu]: must be NAME=VALUE", i);
        out->env[i] = strdup(text);
        if (!out->env[i])
            return -ENOMEM;
        out->env_count++;
    }
    return 0;
}

static int read_name(const struct reader *reader, const json_t *value, struct command *out)
{
    const char *text = json_string_value(value);
    if (!text || !*text)
        return refuse(reader, ".name: must be a text");
    out->name = strdup(text);
    return out->name ? 0 : -ENOMEM;
}

static int read_cwd(const struct reader *reader, const json_t *value, struct command *out)
{
    const char *text = json_string_value(value);
    if (!text || text[0] != '/')
        return refuse(reader, ".cwd: must be an absolute path");
    out->cwd = strdup(text);
    return out->cwd ? 0 : -ENOMEM;
}

/* A flag, by its place in struct command. */
static int read_flag(const struct reader *reader, const char *member, const json_t *value,
                     bool *out)
{
    if (!json_is_boolean(value))
        return refuse(reader, ".%s: must be true or false", member);
    *out = json_is_true(value);
    return 0;
}

static int read_grace(const struct reader *reader, const json_t *value, double *out_s)
{
    double seconds = json_number_value(value);
    if (!json_is_number(value) || seconds < 0 || seconds > COMMAND_GRACE_MAX_S)
        return refuse(reader, ".grace: must be a number of seconds, at most %d",
                      COMMAND_GRACE_MAX_S);
    *out_s = seconds;
    return 0;
}

static int read_member(const struct reader *reader, const char *member, const json_t *value,
                       struct command *out)
{
    if (strcmp(member, "name") == 0)
        return 0; /* was read first */
    if (strcmp(member, "argv") == 0)
        return read_argv(reader, value, out);
    if (strcmp(member, "env") == 0)
        return read_env(reader, value, out);
    if (strcmp(member, "cwd") == 0)
        return read_cwd(reader, value, out);
    if (strcmp(member, "clean_env") == 0)
        return read_flag(reader, member, value, &out->clean_env);
    if (strcmp(member, "stdin") == 0)
        return read_flag(reader, member, value, &out->takes_stdin);
    if (strcmp(member, "dashes") == 0)
        return read_flag(reader, member, value, &out->dashes);
    if (strcmp(member, "grace") == 0)
        return read_grace(reader, value, &out->grace_s);
    return refuse(
        reader,
        ".%s: there is no such member; there are name, argv, env, cwd, clean_env, stdin, dashes "
        "and grace",
        member);
}

/* ---- A command, and all of them ---------------------------------------------------------------------- */

static int read_command(struct reader *reader, json_t *value, struct command *out)
{
    const char *member;
    json_t *content;
    if (!json_is_object(value))
        return refuse(reader, "must be a group with name and argv");
    int result = read_name(reader, json_object_get(value, "name"), out);
    if (result)
        return result;
    reader->name = out->name;
    out->grace_s = COMMAND_GRACE_S;
    json_object_foreach (value, member, content) {
        result = read_member(reader, member, content, out);
        if (result)
            return result;
    }
    return out->argument_count > 0 ? 0 : refuse(reader, ".argv: is missing");
}

static int read_all(struct reader *reader, const json_t *list, struct commands *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct command *command = &out->list[out->count++];
        reader->place = i;
        reader->name = NULL;
        int result = read_command(reader, json_array_get(list, i), command);
        if (result)
            return result;
        if (commands_find(out, command->name) != command)
            return refuse(reader, "there are two of this name");
    }
    return 0;
}

int commands_read(const struct aw_json *setting, struct commands *out, char *reason, size_t size)
{
    struct commands read = {0};
    struct reader reader = {.reason = reason, .size = size};
    json_error_t error;
    json_t *list = NULL;
    int result = 0;
    if (setting->text) {
        list = json_loadb(setting->text, setting->size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                          &error);
        if (!json_is_array(list)) {
            (void)snprintf(reason, size, "commands: must be a list of groups%s%s", list ? "" : ": ",
                           list ? "" : error.text);
            json_decref(list);
            return -EINVAL;
        }
    }
    read.list = calloc(json_array_size(list) + 1, sizeof(*read.list));
    result = read.list ? read_all(&reader, list, &read) : -ENOMEM;
    json_decref(list);
    if (result == -ENOMEM)
        (void)snprintf(reason, size, "out of memory");
    if (result)
        commands_clear(&read);
    else
        *out = read;
    return result;
}

static void clear(struct command *command)
{
    for (size_t i = 0; i < command->argument_count; i++)
        free(command->arguments[i].text);
    for (size_t i = 0; i < command->env_count; i++)
        free(command->env[i]);
    free(command->arguments);
    free(command->env);
    free(command->name);
    free(command->cwd);
}

void commands_clear(struct commands *commands)
{
    for (size_t i = 0; i < commands->count; i++)
        clear(&commands->list[i]);
    free(commands->list);
    *commands = (struct commands){0};
}
