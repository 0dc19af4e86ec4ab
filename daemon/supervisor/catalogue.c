/*
 * Plugins as workers describe them. A READY comes from a process that runs code of others, so it is
 * checked like any input.
 */
#include "supervisor/catalogue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/plugin_name.h"
#include "base/problems.h"
#include "supervisor/config.h"
#include "wire/name_list.h"

/* Names of one plugin; a worker tells fewer, see its symbols.h. */
#define NAMES_MAX 1000

/* The name a plugin goes by until it tells its own: "/usr/lib/awaitd/plugins/wait.so" -> "wait". */
static char *stem(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    size_t length = strlen(name);
    if (length > 3 && !strcmp(name + length - 3, ".so"))
        length -= 3;
    return strndup(name, length);
}

int catalogue_init(struct catalogue *catalogue, const struct config *config, struct error *error)
{
    *catalogue = (struct catalogue){0};
    if (config->plugins_count > CATALOGUE_MAX)
        return error_set(error, -E2BIG, "%zu plugins; there may be at most %u",
                         config->plugins_count, CATALOGUE_MAX);
    catalogue->plugins = calloc(config->plugins_count + 1, sizeof(*catalogue->plugins));
    if (!catalogue->plugins)
        return error_errno(error, -ENOMEM, "plugins");
    for (; catalogue->count < config->plugins_count; catalogue->count++) {
        struct plugin *plugin = &catalogue->plugins[catalogue->count];
        plugin->file = config->plugins[catalogue->count].file;
        plugin->unrestricted = config->plugins[catalogue->count].unrestricted;
        plugin->limit = (uint32_t)config->plugins[catalogue->count].limit;
        plugin->rate = config->plugins[catalogue->count].rate;
        plugin->timeout_ns = config->plugins[catalogue->count].timeout_ns;
        plugin->name = stem(plugin->file);
        plugin->off = config->plugins[catalogue->count].off;
        if (plugin->off)
            plugin->disabled = strdup("switched off in the configuration");
        if (!plugin->name || (plugin->off && !plugin->disabled)) {
            free(plugin->name);
            free(plugin->disabled);
            catalogue_clear(catalogue);
            return error_errno(error, -ENOMEM, "plugins");
        }
    }
    return 0;
}

static void forget(struct plugin *plugin)
{
    free(plugin->name);
    free(plugin->disabled);
    json_decref(plugin->problems);
    json_decref(plugin->described);
    params_table_free(plugin->params);
    json_decref(plugin->exports);
    json_decref(plugin->clashes);
}

void catalogue_clear(struct catalogue *catalogue)
{
    for (uint32_t i = 0; i < catalogue_places(catalogue); i++)
        forget(&catalogue->plugins[i]);
    free(catalogue->plugins);
    *catalogue = (struct catalogue){0};
}

void catalogue_disable(struct catalogue *catalogue, uint32_t position, const char *reason)
{
    struct plugin *plugin = &catalogue->plugins[position];
    if (!plugin->disabled)
        plugin->disabled = strdup(reason);
}

const struct plugin *catalogue_find(const struct catalogue *catalogue, const char *name,
                                    uint32_t *position)
{
    const struct plugin *found = NULL;
    for (uint32_t i = 0; i < catalogue->count; i++) {
        const struct plugin *plugin = &catalogue->plugins[i];
        if (strcmp(plugin->name, name) != 0 || (found && plugin->disabled))
            continue; /* of two with one name, the one that works */
        found = plugin;
        *position = i;
        if (!plugin->disabled)
            break;
    }
    return found;
}

/* The description of a ghost says nothing: what its jobs were given is not looked at. */
static int add_ghost(struct catalogue *catalogue, const char *name)
{
    uint32_t places = catalogue_places(catalogue);
    if (!plugin_name_is(name))
        return -EINVAL;
    if (places == CATALOGUE_MAX)
        return -E2BIG;
    struct plugin *grown =
        reallocarray(catalogue->plugins, places + (size_t)1, sizeof(*catalogue->plugins));
    if (!grown)
        return -ENOMEM;
    catalogue->plugins = grown;
    struct plugin *ghost = &grown[places];
    *ghost = (struct plugin){
        .file = "", .name = strdup(name), .disabled = strdup("it is not configured any more")};
    if (!ghost->name || !ghost->disabled) {
        forget(ghost);
        return -ENOMEM;
    }
    catalogue->ghosts++;
    return 0;
}

int catalogue_find_or_ghost(struct catalogue *catalogue, const char *name, uint32_t *position)
{
    if (catalogue_find(catalogue, name, position))
        return 0;
    for (uint32_t i = catalogue->count; i < catalogue_places(catalogue); i++) {
        if (strcmp(catalogue->plugins[i].name, name) != 0)
            continue;
        *position = i;
        return 0;
    }
    int error = add_ghost(catalogue, name);
    if (!error)
        *position = catalogue_places(catalogue) - 1;
    return error;
}

/* Which rows are not for everybody: those that say so, without those that the configuration opens. */
static int read_restricted(const struct params_table *table, const json_t *unrestricted,
                           uint64_t *out, struct error *error)
{
    uint64_t restricted = 0;
    for (size_t i = 0; i < table->count; i++)
        restricted |= (uint64_t)table->rows[i].restricted << i;
    for (size_t i = 0; i < json_array_size(unrestricted); i++) {
        const char *name = json_string_value(json_array_get(unrestricted, i));
        size_t row = params_find(table, name);
        if (row == table->count || !table->rows[row].restricted)
            return error_set(error, -EINVAL, "unrestricted: it has no restricted parameter \"%s\"",
                             name);
        restricted &= ~(UINT64_C(1) << row);
    }
    *out = restricted;
    return 0;
}

/* Takes in one plugin's description. */
static int describe(struct plugin *plugin, json_t *described, struct error *error)
{
    const char *name, *version, *summary, *abi, *style_name;
    json_t *params, *settings;
    json_int_t limit = 0;
    if (json_unpack(described, "{s:s, s:s, s:s, s:s, s:s, s?I, s:o, s:o}", "name", &name, "version",
                    &version, "summary", &summary, "abi", &abi, "style", &style_name, "limit",
                    &limit, "params", &params, "settings", &settings) != 0)
        return error_set(error, -EINVAL, "its description is incomplete");
    if (!plugin_name_is(name))
        return error_set(error, -EINVAL, "its name is no name for a plugin");
    enum run_style style = run_style_from_name(style_name);
    if (style == RUN_STYLES)
        return error_set(error, -EINVAL, "its description names no run style");
    if (limit < 0 || limit > UINT32_MAX)
        return error_set(error, -EINVAL, "its limit is out of range");
    struct params_table *table;
    int code = params_table_from_json(params, &table, error);
    if (code)
        return code;
    uint64_t restricted = 0;
    code = read_restricted(table, plugin->unrestricted, &restricted, error);
    char *copy = code ? NULL : strdup(name);
    if (!copy) {
        params_table_free(table);
        return code ? code : error_errno(error, -ENOMEM, "plugin");
    }
    free(plugin->name);
    plugin->name = copy;
    plugin->described = json_incref(described);
    plugin->version = version;
    plugin->summary = summary;
    plugin->abi = abi;
    if (!plugin->limit)
        plugin->limit = (uint32_t)limit;
    plugin->style = style;
    plugin->params = table;
    plugin->restricted = restricted;
    return 0;
}

/* Takes a list of names out of a description; the first worker's is kept. What clashes depends on what else was
 * loaded before, so that it is no part of what all workers must agree on. */
static void take_names(json_t *described, const char *key, json_t **names)
{
    json_t *told = json_object_get(described, key);
    if (!*names && name_list_is(told, NAMES_MAX) && json_array_size(told) > 0)
        *names = json_incref(told);
    (void)json_object_del(described, key); /* none was told */
}

/* All of [{field, problem}, ...] in one text, for the caller to free; NULL: it is no such list, or there is no
 * memory. */
static char *join_problems(json_t *list)
{
    struct bytes out = {.data = NULL};
    size_t i;
    json_t *item;
    bool valid = json_array_size(list) > 0 && json_array_size(list) <= PROBLEMS_KEPT;
    json_array_foreach (list, i, item) {
        const char *parts[] = {i ? "; " : "", json_string_value(json_object_get(item, "field")),
                               ": ", json_string_value(json_object_get(item, "problem"))};
        for (size_t part = 0; valid && part < sizeof(parts) / sizeof(parts[0]); part++) {
            valid = parts[part] && strlen(parts[part]) < PROBLEMS_TEXT_SIZE;
            if (valid)
                bytes_put(&out, parts[part], strlen(parts[part]));
        }
    }
    bytes_put(&out, "", 1);
    if (valid && !out.failed)
        return (char *)out.data;
    bytes_free(&out);
    return NULL;
}

/* Takes in that the plugin's settings have several problems. False: that is not what is said of it. */
static bool take_problems(struct plugin *plugin, const json_t *described)
{
    json_t *list = json_object_get(described, "problems");
    char *text = join_problems(list);
    if (!text)
        return false;
    plugin->disabled = text;
    plugin->problems = json_incref(list);
    return true;
}

/* Why the plugin cannot be used, given what a worker says of it now; 0: it can. */
static int learn_one(const struct catalogue *catalogue, uint32_t position, json_t *described,
                     struct error *error)
{
    struct plugin *plugin = &catalogue->plugins[position];
    const json_t *failed = json_object_get(described, "error");
    if (failed)
        return error_set(error, -EINVAL, "%s",
                         json_is_string(failed) ? json_string_value(failed) : "cannot be loaded");
    take_names(described, "exports", &plugin->exports);
    take_names(described, "clashes", &plugin->clashes);
    if (plugin->described)
        return json_equal(plugin->described, described)
                   ? 0
                   : error_set(error, -EINVAL,
                               "the file has changed since awaitd started: restart awaitd");
    int code = describe(plugin, described, error);
    for (uint32_t i = 0; !code && i < catalogue->count; i++) {
        const struct plugin *other = &catalogue->plugins[i];
        if (other != plugin && other->described && !other->disabled &&
            !strcmp(other->name, plugin->name))
            code =
                error_set(error, -EEXIST, "the name %s is taken by %s", plugin->name, other->file);
    }
    return code;
}

int catalogue_learn(struct catalogue *catalogue, const json_t *ready,
                    void (*on_disabled)(void *context, const struct plugin *plugin), void *context,
                    struct error *error)
{
    const json_t *plugins = json_object_get(ready, "plugins");
    if (json_array_size(plugins) != catalogue->count)
        return error_set(error, -EINVAL, "it describes %zu plugins instead of %u",
                         json_array_size(plugins), catalogue->count);
    for (uint32_t i = 0; i < catalogue->count; i++) {
        struct plugin *plugin = &catalogue->plugins[i];
        struct error reason;
        json_t *described = json_array_get(plugins, i);
        if (plugin->disabled)
            continue;
        if (!take_problems(plugin, described)) {
            if (!learn_one(catalogue, i, described, &reason))
                continue;
            catalogue_disable(catalogue, i, reason.text);
        }
        on_disabled(context, plugin);
    }
    catalogue->known = true;
    return 0;
}
