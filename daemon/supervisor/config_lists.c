/*
 * Reads the lists of plugins and batches of a configuration, by the tables of fields below; what a batch says of
 * itself beside its jobs is read as in a request, by submission.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/config_json.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/problems.h"
#include "supervisor/config.h"
#include "supervisor/config_reader.h"
#include "supervisor/config_source.h"
#include "supervisor/submission.h"

/* A field of an entry of `plugins` or `batches`. */
struct field {
    const char *name;
    int type; /* CONFIG_TYPE_...; NONE: whoever reads it says what it must be */
    bool required;
};

static const struct field plugin_fields[] = {
    {"file", CONFIG_TYPE_STRING, true},         {"settings", CONFIG_TYPE_GROUP, false},
    {"unrestricted", CONFIG_TYPE_ARRAY, false}, {"limit", CONFIG_TYPE_INT, false},
    {"rate", CONFIG_TYPE_STRING, false},        {"timeout", CONFIG_TYPE_NONE, false},
    {"enabled", CONFIG_TYPE_BOOL, false},
};

/* Besides those of a submission. What is in the jobs is checked when the plugins are known. */
static const struct field batch_fields[] = {
    {"when", CONFIG_TYPE_STRING, true},
    {"jobs", CONFIG_TYPE_LIST, true},
};

/* Jobs of one plugin at once; reason: what a worker runs of one style by default is a tenth of it. */
#define PLUGIN_LIMIT_MAX 1000000

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

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

/* Checks an entry of a list against its fields; `what` names it. For those that is_other() knows, others look. */
static bool check_entry(struct config_reader *reader, const char *what, config_setting_t *entry,
                        const struct field *fields, size_t count,
                        bool (*is_other)(const char *name))
{
    size_t before = reader->problems->count;

    if (!config_setting_is_group(entry)) {
        config_refuse(reader, entry, "%s must be %s", what, config_type_text(CONFIG_TYPE_GROUP));
        return false;
    }
    for (int i = 0; i < config_setting_length(entry); i++) {
        config_setting_t *member = config_setting_get_elem(entry, (unsigned)i);
        const struct field *field = find_field(fields, count, config_setting_name(member));
        if (!field && is_other(config_setting_name(member)))
            continue;
        if (!field)
            config_refuse(reader, member, "%s has no field \"%s\"", what,
                          config_setting_name(member));
        else if (field->type != CONFIG_TYPE_NONE && !has_type(member, field->type))
            config_refuse(reader, member, "%s: %s must be %s", what, field->name,
                          config_type_text(field->type));
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].required && !config_setting_get_member(entry, fields[i].name))
            config_refuse(reader, entry, "%s needs the field \"%s\"", what, fields[i].name);
    return reader->problems->count == before;
}

/* A setting as JSON; NULL: a problem was added, or there is no memory. */
static json_t *to_json(struct config_reader *reader, config_setting_t *setting)
{
    config_setting_t *at = setting;
    struct error error;
    json_t *json = config_json(setting, &at, &error);

    if (!json)
        config_refuse(reader, at, "%s", error.text);
    return json;
}

/* A member that may be left out. False: a problem was added, or there is no memory. */
static bool member_json(struct config_reader *reader, config_setting_t *entry, const char *name,
                        json_t **out)
{
    config_setting_t *member = config_setting_get_member(entry, name);

    if (member)
        *out = to_json(reader, member);
    return !member || *out;
}

/* Tells problems, which were found in the entry's members, where these stand. */
static void tell_found(struct config_reader *reader, const char *what, config_setting_t *entry,
                       struct problems *found)
{
    for (size_t i = 0; i < found->count && i < PROBLEMS_KEPT; i++) {
        const struct problem *problem = &found->kept[i];
        AUTO_FREE char *name = strndup(problem->field, strcspn(problem->field, "."));
        config_setting_t *member = name ? config_setting_get_member(entry, name) : NULL;
        config_refuse(reader, member ? member : entry, "%s: %s %s", what, problem->field,
                      problem->text);
    }
    problems_clear(found);
}

static bool is_none(const char *name)
{
    (void)name;
    return false;
}

/* How fast jobs of a plugin may start, and how long each may take. */
static bool read_terms(struct config_reader *reader, config_setting_t *entry,
                       struct config_plugin *plugin)
{
    const char *rate = NULL;
    json_t *timeout = NULL;
    struct problems found = {0};
    bool good = true;
    if (config_setting_lookup_string(entry, "rate", &rate) == CONFIG_TRUE)
        good = terms_read_rate(rate, "rate", &found, &plugin->rate);
    if (!member_json(reader, entry, "timeout", &timeout))
        good = false;
    else if (timeout)
        good &= terms_read_span(timeout, true, "timeout", &found, &plugin->timeout_ns);
    json_decref(timeout);
    tell_found(reader, "a plugin", entry, &found);
    return good;
}

/* Where each of a plugin's settings stands. False: there is no memory. */
static bool settings_lines(struct config_reader *reader, config_setting_t *entry, json_t **out)
{
    config_setting_t *settings = config_setting_get_member(entry, "settings");
    char place[CONFIG_WHERE_MAX];

    *out = json_object();
    for (int i = 0; settings && i < config_setting_length(settings); i++) {
        const config_setting_t *member = config_setting_get_elem(settings, (unsigned)i);
        /* A place is for messages: without one, or with a file's name that is not UTF-8, there is the entry's. */
        (void)json_object_set_new(*out, config_setting_name(member),
                                  json_string(config_reader_where(reader, member, place)));
    }
    if (!*out)
        reader->no_memory = true;
    return *out;
}

static bool read_limit(struct config_reader *reader, config_setting_t *entry, int64_t *out)
{
    const config_setting_t *member = config_setting_get_member(entry, "limit");
    int64_t limit = member ? config_setting_get_int64(member) : 0;

    if (limit < 0 || limit > PLUGIN_LIMIT_MAX) {
        config_refuse(reader, member, "a plugin: limit must be from 0 to %d", PLUGIN_LIMIT_MAX);
        return false;
    }
    *out = limit;
    return true;
}

static void read_plugin(struct config_reader *reader, config_setting_t *entry)
{
    struct config_plugin plugin = {0};
    char place[CONFIG_WHERE_MAX];
    const config_setting_t *enabled;
    const char *file;

    if (!check_entry(reader, "a plugin", entry, plugin_fields, LENGTH(plugin_fields), is_none))
        return;
    file = config_setting_get_string(config_setting_get_member(entry, "file"));
    if (!*file || !parse_is_utf8(file, strlen(file))) {
        config_refuse(reader, entry, "a plugin: file must be %s",
                      *file ? "valid UTF-8" : "the name of a file");
        return;
    }
    enabled = config_setting_get_member(entry, "enabled");
    plugin.off = enabled && !config_setting_get_bool(enabled);
    plugin.file = strdup(file);
    plugin.where = strdup(config_reader_where(reader, entry, place));
    if (!plugin.file || !plugin.where)
        reader->no_memory = true;
    else if (read_limit(reader, entry, &plugin.limit) && read_terms(reader, entry, &plugin) &&
             member_json(reader, entry, "settings", &plugin.settings) &&
             settings_lines(reader, entry, &plugin.lines) &&
             member_json(reader, entry, "unrestricted", &plugin.unrestricted)) {
        reader->config->plugins[reader->config->plugins_count++] = plugin;
        return;
    }
    config_plugin_clear(&plugin);
}

/* What the batch says beside its jobs and when. */
static bool read_submission(struct config_reader *reader, config_setting_t *entry,
                            struct config_batch *batch)
{
    json_t *params = to_json(reader, entry);
    if (!params)
        return false;
    for (size_t i = 0; i < LENGTH(batch_fields); i++)
        (void)json_object_del(params, batch_fields[i].name); /* it may not be there */
    struct problems found = {0};
    int error = submission_read(params, &batch->submission, &found);
    json_decref(params);
    batch->submission.configured = true;
    reader->no_memory |= error == -ENOMEM;
    tell_found(reader, "a batch", entry, &found);
    return !error;
}

static void read_batch(struct config_reader *reader, config_setting_t *entry)
{
    struct config_batch batch = {.when = CONFIG_AT_START};
    char place[CONFIG_WHERE_MAX];
    config_setting_t *member;

    if (!check_entry(reader, "a batch", entry, batch_fields, LENGTH(batch_fields), submission_has))
        return;
    member = config_setting_get_member(entry, "when");
    if (strcmp(config_setting_get_string(member), "at_start") != 0) {
        config_refuse(reader, member, "a batch: when must be \"at_start\"");
        return;
    }
    if (!read_submission(reader, entry, &batch))
        return;
    batch.jobs = to_json(reader, config_setting_get_member(entry, "jobs"));
    batch.where = batch.jobs ? strdup(config_reader_where(reader, entry, place)) : NULL;
    if (batch.where) {
        reader->config->batches[reader->config->batches_count++] = batch;
        return;
    }
    reader->no_memory |= batch.jobs != NULL;
    config_batch_clear(&batch);
}

/* The entries of a list, and room for as many structs in *array, which was NULL. -1: it cannot be read. */
static int begin_list(struct config_reader *reader, config_setting_t *list, size_t size,
                      void **array)
{
    int count;

    if (!config_setting_is_list(list)) {
        config_refuse(reader, list, "%s must be %s", config_setting_name(list),
                      config_type_text(CONFIG_TYPE_LIST));
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

void config_read_plugins(struct config_reader *reader, config_setting_t *list)
{
    void *array = NULL;
    int count = begin_list(reader, list, sizeof(struct config_plugin), &array);

    reader->config->plugins = array;
    for (int i = 0; i < count; i++)
        read_plugin(reader, config_setting_get_elem(list, (unsigned)i));
}

void config_read_batches(struct config_reader *reader, config_setting_t *list)
{
    void *array = NULL;
    int count = begin_list(reader, list, sizeof(struct config_batch), &array);

    reader->config->batches = array;
    for (int i = 0; i < count; i++)
        read_batch(reader, config_setting_get_elem(list, (unsigned)i));
}
