/*
 * Reads the groups of a configuration with libconfig: options by their table (options.h); the lists of plugins
 * and batches are read in config_lists.c. Goes on after a problem, so that one run shows them all.
 */
#include "supervisor/config_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libconfig.h>
#include "base/error.h"
#include "base/parse.h"
#include "base/problems.h"
#include "supervisor/config.h"
#include "supervisor/config_reader.h"
#include "supervisor/config_source.h"
#include "supervisor/options.h"

const char *config_reader_where(const struct config_reader *reader, const config_setting_t *setting,
                                char *buffer)
{
    return config_source_where(reader->source, config_setting_source_line(setting), buffer);
}

void config_refuse(struct config_reader *reader, const config_setting_t *setting,
                   const char *format, ...)
{
    char place[CONFIG_WHERE_MAX], text[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    problems_add(reader->problems, config_reader_where(reader, setting, place), "%s", text);
}

const char *config_type_text(int type)
{
    switch (type) {
    case CONFIG_TYPE_STRING:
        return "text in quotes";
    case CONFIG_TYPE_GROUP:
        return "a group: { ... }";
    case CONFIG_TYPE_LIST:
        return "a list: ( ... )";
    case CONFIG_TYPE_INT:
        return "a whole number";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    case CONFIG_TYPE_ARRAY:
        return "a list of texts: [ \"...\" ]";
    default:
        return "something else";
    }
}

static struct option_value option_value(const config_setting_t *setting)
{
    struct option_value value = {.kind = OPTION_VALUE_OTHER};

    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        value.kind = OPTION_VALUE_INTEGER;
        value.integer = config_setting_get_int64(setting);
        break;
    case CONFIG_TYPE_FLOAT:
        value.kind = OPTION_VALUE_NUMBER;
        value.number = config_setting_get_float(setting);
        break;
    case CONFIG_TYPE_BOOL:
        value.kind = OPTION_VALUE_BOOLEAN;
        value.boolean = config_setting_get_bool(setting);
        break;
    case CONFIG_TYPE_STRING:
        value.kind = OPTION_VALUE_TEXT;
        value.text = config_setting_get_string(setting);
        break;
    }
    return value;
}

/* The names of a group's options, for who wrote a wrong one. */
static const char *list_options(const char *group, char *buffer, size_t size)
{
    const struct option *option;
    size_t used = 0;

    buffer[0] = '\0';
    for (size_t i = 0; (option = options_at(i)); i++)
        if (strcmp(option->group, group) == 0 && used < size)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? ", " : "",
                                     option->name);
    return buffer;
}

static void read_option(struct config_reader *reader, const char *group,
                        const config_setting_t *setting)
{
    const struct option *option = options_find(group, config_setting_name(setting));
    struct option_value value = option_value(setting);
    struct error error;
    char names[512];

    if (!option) {
        config_refuse(reader, setting, "there is no option %s.%s; %s has %s", group,
                      config_setting_name(setting), group,
                      list_options(group, names, sizeof(names)));
    } else if (value.kind == OPTION_VALUE_TEXT && !parse_is_utf8(value.text, strlen(value.text))) {
        config_refuse(reader, setting, "%s.%s is not UTF-8", group, option->name);
    } else if (options_assign(option, &value, reader->config, &error) < 0) {
        config_refuse(reader, setting, "%s.%s %s", group, option->name, error.text);
    } else {
        reader->lines[options_index(option)] = config_setting_source_line(setting);
    }
}

static void read_options(struct config_reader *reader, config_setting_t *group)
{
    if (!config_setting_is_group(group)) {
        config_refuse(reader, group, "%s must be %s", config_setting_name(group),
                      config_type_text(CONFIG_TYPE_GROUP));
        return;
    }
    for (int i = 0; i < config_setting_length(group); i++)
        read_option(reader, config_setting_name(group),
                    config_setting_get_elem(group, (unsigned)i));
}

static void read_root(struct config_reader *reader, config_setting_t *root)
{
    for (int i = 0; i < config_setting_length(root); i++) {
        config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        const char *name = config_setting_name(setting);
        if (options_has_group(name))
            read_options(reader, setting);
        else if (strcmp(name, "plugins") == 0)
            config_read_plugins(reader, setting);
        else if (strcmp(name, "batches") == 0)
            config_read_batches(reader, setting);
        else
            config_refuse(reader, setting, "there is no group \"%s\"", name);
    }
}

/* Of the leak sanitizer, where the daemon is built with it. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

/* libconfig 1.5 leaks the text in front of a syntax error: a few bytes once, not worth a report. */
static bool parse(config_t *parsed, const struct config_source *source)
{
    bool good;

    if (__lsan_disable)
        __lsan_disable();
    good = config_read_string(parsed, (const char *)source->text.data) == CONFIG_TRUE;
    if (__lsan_enable)
        __lsan_enable();
    return good;
}

/* What libconfig says about a text it cannot read. */
static const char *syntax_problem(const config_t *parsed)
{
    const char *text = config_error_text(parsed);

    if (text && strcmp(text, "memory exhausted") == 0) /* bison's stack, 10,000 deep */
        return "groups and lists are nested too deep";
    return text ? text : "cannot be read";
}

int config_read_source(const struct config_source *source, struct config *config, unsigned *lines,
                       struct problems *problems)
{
    struct config_reader reader = {
        .source = source, .config = config, .lines = lines, .problems = problems};
    size_t before = problems->count;
    char place[CONFIG_WHERE_MAX];
    config_t parsed;

    config_init(&parsed);
    if (parse(&parsed, source))
        read_root(&reader, config_root_setting(&parsed));
    else
        problems_add(problems,
                     config_source_where(source, (unsigned)config_error_line(&parsed), place), "%s",
                     syntax_problem(&parsed));
    config_destroy(&parsed);
    if (reader.no_memory)
        return -ENOMEM;
    return problems->count > before ? -EINVAL : 0;
}
