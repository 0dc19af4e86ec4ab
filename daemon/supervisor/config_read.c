/*
 * Reads the groups and lists of a configuration with libconfig: options by their table (options.h),
 * the lists of plugins and batches by the tables of fields below. Goes on after a problem, so that
 * one run shows them all.
 */
#include "supervisor/config_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libconfig.h>
#include "base/config_json.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/problems.h"
#include "supervisor/config.h"
#include "supervisor/config_source.h"
#include "supervisor/options.h"

struct reader {
    const struct config_source *source;
    struct config *config;
    unsigned *lines; /* by option */
    struct problems *problems;
    bool no_memory;
};

/* A field of an entry of `plugins` or `batches`. */
struct field {
    const char *name;
    int type; /* CONFIG_TYPE_... */
    bool required;
};

static const struct field plugin_fields[] = {
    {"file", CONFIG_TYPE_STRING, true},         {"settings", CONFIG_TYPE_GROUP, false},
    {"unrestricted", CONFIG_TYPE_ARRAY, false}, {"limit", CONFIG_TYPE_INT, false},
    {"enabled", CONFIG_TYPE_BOOL, false},
};

/* Besides `when`, the parameters of batch.submit that make sense without a client. What is in the
 * jobs is checked by whoever checks batch.submit. */
static const struct field batch_fields[] = {
    {"when", CONFIG_TYPE_STRING, true},
    {"name", CONFIG_TYPE_STRING, false},
    {"jobs", CONFIG_TYPE_LIST, true},
};

/* Jobs of one plugin at once; reason: what a worker runs of one style by default is a tenth of it. */
#define PLUGIN_LIMIT_MAX 1000000

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *where(const struct reader *reader, const config_setting_t *setting, char *buffer)
{
    return config_source_where(reader->source, config_setting_source_line(setting), buffer);
}

/* Adds a problem with a setting. */
static __attribute__((format(printf, 3, 4))) void refuse(struct reader *reader,
                                                         const config_setting_t *setting,
                                                         const char *format, ...)
{
    char place[CONFIG_WHERE_MAX], text[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    problems_add(reader->problems, where(reader, setting, place), "%s", text);
}

static const char *type_text(int type)
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

static void read_option(struct reader *reader, const char *group, const config_setting_t *setting)
{
    const struct option *option = options_find(group, config_setting_name(setting));
    struct option_value value = option_value(setting);
    struct error error;
    char names[512];

    if (!option) {
        refuse(reader, setting, "there is no option %s.%s; %s has %s", group,
               config_setting_name(setting), group, list_options(group, names, sizeof(names)));
    } else if (value.kind == OPTION_VALUE_TEXT && !parse_is_utf8(value.text, strlen(value.text))) {
        refuse(reader, setting, "%s.%s is not UTF-8", group, option->name);
    } else if (options_assign(option, &value, reader->config, &error) < 0) {
        refuse(reader, setting, "%s.%s %s", group, option->name, error.text);
    } else {
        reader->lines[options_index(option)] = config_setting_source_line(setting);
    }
}

static void read_options(struct reader *reader, config_setting_t *group)
{
    if (!config_setting_is_group(group)) {
        refuse(reader, group, "%s must be %s", config_setting_name(group),
               type_text(CONFIG_TYPE_GROUP));
        return;
    }
    for (int i = 0; i < config_setting_length(group); i++)
        read_option(reader, config_setting_name(group),
                    config_setting_get_elem(group, (unsigned)i));
}

static const struct field *find_field(const struct field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static bool has_texts(config_setting_t *list)
{
    bool texts = true;

    for (int i = 0; i < config_setting_length(list); i++)
        texts &=
            config_setting_type(config_setting_get_elem(list, (unsigned)i)) == CONFIG_TYPE_STRING;
    return texts;
}

/* Whether a setting is what its field is for. A list of texts may have either kind of brackets, and a number may
 * have been written as a long one. */
static bool has_type(config_setting_t *setting, int type)
{
    if (type == CONFIG_TYPE_INT && config_setting_type(setting) == CONFIG_TYPE_INT64)
        return true;
    if (type == CONFIG_TYPE_ARRAY)
        return (config_setting_is_array(setting) || config_setting_is_list(setting)) &&
               has_texts(setting);
    return config_setting_type(setting) == type;
}

/* Checks an entry of a list against its fields; `what` names it. */
static bool check_entry(struct reader *reader, const char *what, config_setting_t *entry,
                        const struct field *fields, size_t count)
{
    size_t before = reader->problems->count;

    if (!config_setting_is_group(entry)) {
        refuse(reader, entry, "%s must be %s", what, type_text(CONFIG_TYPE_GROUP));
        return false;
    }
    for (int i = 0; i < config_setting_length(entry); i++) {
        config_setting_t *member = config_setting_get_elem(entry, (unsigned)i);
        const struct field *field = find_field(fields, count, config_setting_name(member));
        if (!field)
            refuse(reader, member, "%s has no field \"%s\"", what, config_setting_name(member));
        else if (!has_type(member, field->type))
            refuse(reader, member, "%s: %s must be %s", what, field->name, type_text(field->type));
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].required && !config_setting_get_member(entry, fields[i].name))
            refuse(reader, entry, "%s needs the field \"%s\"", what, fields[i].name);
    return reader->problems->count == before;
}

/* A setting as JSON; NULL: a problem was added, or there is no memory. */
static json_t *to_json(struct reader *reader, config_setting_t *setting)
{
    config_setting_t *at = setting;
    struct error error;
    json_t *json = config_json(setting, &at, &error);

    if (!json)
        refuse(reader, at, "%s", error.text);
    return json;
}

/* A member that may be left out. False: a problem was added, or there is no memory. */
static bool member_json(struct reader *reader, config_setting_t *entry, const char *name,
                        json_t **out)
{
    config_setting_t *member = config_setting_get_member(entry, name);

    if (member)
        *out = to_json(reader, member);
    return !member || *out;
}

/* Where each of a plugin's settings stands. False: there is no memory. */
static bool settings_lines(struct reader *reader, config_setting_t *entry, json_t **out)
{
    config_setting_t *settings = config_setting_get_member(entry, "settings");
    char place[CONFIG_WHERE_MAX];

    *out = json_object();
    for (int i = 0; settings && i < config_setting_length(settings); i++) {
        const config_setting_t *member = config_setting_get_elem(settings, (unsigned)i);
        /* A place is for messages: without one, or with a file's name that is not UTF-8, there is the entry's. */
        (void)json_object_set_new(*out, config_setting_name(member),
                                  json_string(where(reader, member, place)));
    }
    if (!*out)
        reader->no_memory = true;
    return *out;
}

static bool read_limit(struct reader *reader, config_setting_t *entry, int64_t *out)
{
    const config_setting_t *member = config_setting_get_member(entry, "limit");
    int64_t limit = member ? config_setting_get_int64(member) : 0;

    if (limit < 0 || limit > PLUGIN_LIMIT_MAX) {
        refuse(reader, member, "a plugin: limit must be from 0 to %d", PLUGIN_LIMIT_MAX);
        return false;
    }
    *out = limit;
    return true;
}

static void read_plugin(struct reader *reader, config_setting_t *entry)
{
    struct config_plugin plugin = {0};
    char place[CONFIG_WHERE_MAX];
    const config_setting_t *enabled;
    const char *file;

    if (!check_entry(reader, "a plugin", entry, plugin_fields, LENGTH(plugin_fields)))
        return;
    file = config_setting_get_string(config_setting_get_member(entry, "file"));
    if (!*file || !parse_is_utf8(file, strlen(file))) {
        refuse(reader, entry, "a plugin: file must be %s",
               *file ? "valid UTF-8" : "the name of a file");
        return;
    }
    enabled = config_setting_get_member(entry, "enabled");
    plugin.off = enabled && !config_setting_get_bool(enabled);
    plugin.file = strdup(file);
    plugin.where = strdup(where(reader, entry, place));
    if (!plugin.file || !plugin.where)
        reader->no_memory = true;
    else if (read_limit(reader, entry, &plugin.limit) &&
             member_json(reader, entry, "settings", &plugin.settings) &&
             settings_lines(reader, entry, &plugin.lines) &&
             member_json(reader, entry, "unrestricted", &plugin.unrestricted)) {
        reader->config->plugins[reader->config->plugins_count++] = plugin;
        return;
    }
    config_plugin_clear(&plugin);
}

/* The batch as parameters of batch.submit. */
static json_t *batch_params(struct reader *reader, config_setting_t *entry)
{
    json_t *params = to_json(reader, entry);

    if (params)
        (void)json_object_del(params, "when"); /* it is there: check_entry() saw it */
    return params;
}

static void read_batch(struct reader *reader, config_setting_t *entry)
{
    struct config_batch batch = {.when = CONFIG_AT_START};
    char place[CONFIG_WHERE_MAX];
    config_setting_t *member;

    if (!check_entry(reader, "a batch", entry, batch_fields, LENGTH(batch_fields)))
        return;
    member = config_setting_get_member(entry, "when");
    if (strcmp(config_setting_get_string(member), "at_start") != 0) {
        refuse(reader, member, "a batch: when must be \"at_start\"");
        return;
    }
    batch.params = batch_params(reader, entry);
    if (!batch.params)
        return;
    batch.where = strdup(where(reader, entry, place));
    if (!batch.where) {
        reader->no_memory = true;
        json_decref(batch.params);
        return;
    }
    reader->config->batches[reader->config->batches_count++] = batch;
}

/* The entries of a list, and room for as many structs in *array, which was NULL. -1: it cannot be read. */
static int begin_list(struct reader *reader, config_setting_t *list, size_t size, void **array)
{
    int count;

    if (!config_setting_is_list(list)) {
        refuse(reader, list, "%s must be %s", config_setting_name(list),
               type_text(CONFIG_TYPE_LIST));
        return -1;
    }
    count = config_setting_length(list);
    if (count == 0)
        return 0;
    *array = calloc((size_t)count, size);
    if (!*array)
        reader->no_memory = true;
    return *array ? count : -1;
}

static void read_plugins(struct reader *reader, config_setting_t *list)
{
    void *array = NULL;
    int count = begin_list(reader, list, sizeof(struct config_plugin), &array);

    reader->config->plugins = array;
    for (int i = 0; i < count; i++)
        read_plugin(reader, config_setting_get_elem(list, (unsigned)i));
}

static void read_batches(struct reader *reader, config_setting_t *list)
{
    void *array = NULL;
    int count = begin_list(reader, list, sizeof(struct config_batch), &array);

    reader->config->batches = array;
    for (int i = 0; i < count; i++)
        read_batch(reader, config_setting_get_elem(list, (unsigned)i));
}

static void read_root(struct reader *reader, config_setting_t *root)
{
    for (int i = 0; i < config_setting_length(root); i++) {
        config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        const char *name = config_setting_name(setting);
        if (options_has_group(name))
            read_options(reader, setting);
        else if (strcmp(name, "plugins") == 0)
            read_plugins(reader, setting);
        else if (strcmp(name, "batches") == 0)
            read_batches(reader, setting);
        else
            refuse(reader, setting, "there is no group \"%s\"", name);
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
    struct reader reader = {
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
