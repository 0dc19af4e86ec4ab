/*
 * The plugin host, see host.h. A plugin is a constant in a shared object; the host believes nothing it
 * says until it was checked, and works on a copy of it in which older plugins look like new ones. What
 * it cannot check, such as a constructor that crashes, costs the worker: the supervisor knows which
 * plugin was being loaded.
 */

#include "worker/host.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/plugin_name.h"
#include "base/problems.h"
#include "worker/fiber.h"
#include "worker/run.h"
#include "worker/symbols.h"

/* The symbol that AW_PLUGIN() exports. */
#define SYMBOL "aw_plugin"
/* Rows of one table; reason: a table without its last row ends somewhere. */
#define ROWS_MAX 256
/* Limits that the plugin header names. */
#define PARAMS_MAX_BYTES (64u << 10)
#define STATE_MAX_BYTES (1u << 20)

#define STRINGIZE(value) #value
#define TO_TEXT(value) STRINGIZE(value)
#define OWN_VERSION TO_TEXT(AW_ABI_MAJOR) "." TO_TEXT(AW_ABI_MINOR)

/* ---- The ABI --------------------------------------------------------------------------------- */

static int check_version(const struct aw_abi *abi, struct error *error)
{
    if (abi->major != AW_ABI_MAJOR)
        return error_set(error, -EINVAL,
                         "was built for plugin ABI %u.%u, this awaitd has " OWN_VERSION
                         ": build it again with this awaitd's header",
                         abi->major, abi->minor);
    if (abi->minor > AW_ABI_MINOR)
        return error_set(error, -EINVAL,
                         "was built for plugin ABI %u.%u, newer than this awaitd's " OWN_VERSION
                         ": upgrade awaitd, or build the plugin with this awaitd's header",
                         abi->major, abi->minor);
    return 0;
}

/* Sizes may be smaller than this header's, as older headers' are, but hold what version 1.0 had first. */
static int check_sizes(const struct aw_abi *abi, struct error *error)
{
    size_t plugin_least = offsetof(struct aw_plugin, params);
    size_t param_least = offsetof(struct aw_param, text);
    if (abi->plugin_size > sizeof(struct aw_plugin) || abi->plugin_size < plugin_least ||
        abi->param_size > sizeof(struct aw_param) || abi->param_size < param_least ||
        abi->param_size % _Alignof(struct aw_param) != 0)
        return error_set(
            error, -EINVAL,
            "says plugin ABI %u.%u, but its tables have %u and %u bytes, where " OWN_VERSION
            " has %zu and %zu: build it again with this awaitd's header",
            abi->major, abi->minor, abi->plugin_size, abi->param_size, sizeof(struct aw_plugin),
            sizeof(struct aw_param));
    return 0;
}

static int check_abi(const struct aw_abi *abi, struct error *error)
{
    if (abi->magic != AW_ABI_MAGIC)
        return error_set(error, -EINVAL,
                         "is no awaitd plugin: its symbol '" SYMBOL
                         "' was not made by AW_PLUGIN()");
    int result = check_version(abi, error);
    return result ? result : check_sizes(abi, error);
}

/* Copies a table of rows of row_size bytes each. */
static int copy_rows(const struct aw_param *rows, size_t row_size, size_t struct_size,
                     const char *which, struct params_table *out, struct error *error)
{
    const char *at = (const char *)rows;
    size_t count = 0;
    while (rows && ((const struct aw_param *)(const void *)(at + count * row_size))->type)
        if (++count > ROWS_MAX)
            return error_set(error, -EINVAL, "%s: more than %d rows; is AW_PARAMS_END missing?",
                             which, ROWS_MAX);
    struct aw_param *copy = calloc(count + 1, sizeof(*copy));
    if (!copy)
        return error_set(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        memcpy(&copy[i], at + i * row_size, row_size);
    *out = (struct params_table){.rows = copy, .count = count, .struct_size = struct_size};
    int result = params_check_table(out, error);
    return result ? error_prefix(error, result, "%s", which) : 0;
}

/* ---- What the plugin says of itself ------------------------------------------------------------ */

static bool is_text(const char *text)
{
    return text && *text && parse_is_utf8(text, strlen(text));
}

static int choose_runner(const struct aw_plugin *table, const struct runner **out,
                         struct error *error)
{
    unsigned ways = !!table->fiber + !!table->async + !!table->blocking;
    if (ways != 1)
        return error_set(error, -EINVAL,
                         "has %s of .fiber, .async and .blocking, where exactly one runs a job",
                         ways == 0   ? "none"
                         : ways == 2 ? "two"
                                     : "three");
    if (table->cancel && !table->async)
        return error_set(error, -EINVAL, "has .cancel, which is for .async alone");
    *out = table->fiber ? &run_fiber : table->async ? &run_async : &run_blocking;
    return 0;
}

static int check_stack(const struct aw_plugin *table, struct error *error)
{
    if (table->stack_size == 0)
        return 0;
    if (!table->fiber)
        return error_set(error, -EINVAL, "has .stack_size, which is for .fiber alone");
    if (table->stack_size < FIBER_STACK_MIN || table->stack_size > FIBER_STACK_MAX)
        return error_set(error, -EINVAL, "stack_size: must be from %u to %u bytes", FIBER_STACK_MIN,
                         FIBER_STACK_MAX);
    return 0;
}

static int check_plugin(const struct aw_plugin *table, struct error *error)
{
    if (!plugin_name_is(table->name))
        return error_set(error, -EINVAL,
                         "name: must have 1 to %d of a-z, 0-9, '-' and '_', a letter first",
                         PLUGIN_NAME_MAX);
    if (!is_text(table->version))
        return error_set(error, -EINVAL, "version: must be given, in UTF-8");
    if (!is_text(table->summary))
        return error_set(error, -EINVAL, "summary: must be given, in UTF-8");
    if (table->params_size > PARAMS_MAX_BYTES || table->settings_size > PARAMS_MAX_BYTES)
        return error_set(error, -EINVAL, "params_size, settings_size: must be at most %u bytes",
                         PARAMS_MAX_BYTES);
    if (table->state_size > STATE_MAX_BYTES)
        return error_set(error, -EINVAL, "state_size: must be at most %u bytes", STATE_MAX_BYTES);
    return check_stack(table, error);
}

/* ---- Loading ----------------------------------------------------------------------------------- */

/* Opening a FIFO would wait for somebody to write into it. What cannot be looked at, dlopen() explains. */
static bool is_other_kind(const char *file)
{
    struct stat status;
    return stat(file, &status) == 0 && !S_ISREG(status.st_mode);
}

static const void *find_symbol(struct plugin *plugin, const char *file, struct error *error)
{
    if (is_other_kind(file)) {
        (void)error_set(error, -EINVAL, "is no regular file");
        return NULL;
    }
    void *object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        (void)error_set(error, -EINVAL, "cannot be loaded: %s", dlerror());
        return NULL;
    }
    const void *symbol = dlsym(object, SYMBOL);
    if (!symbol)
        (void)error_set(error, -EINVAL,
                        "is no awaitd plugin: it exports no symbol '" SYMBOL
                        "'; AW_PLUGIN() makes it");
    else /* where it fails, the names are not told, and all else is as it would be */
        (void)symbols_survey(object, SYMBOL, &plugin->exports, &plugin->clashes);
    return symbol;
}

static int copy_table(struct plugin *plugin, const void *symbol, struct error *error)
{
    struct aw_abi abi;
    memcpy(&abi, symbol, sizeof(abi));
    int result = check_abi(&abi, error);
    if (result)
        return result;
    memcpy(&plugin->table, symbol, abi.plugin_size);
    result = check_plugin(&plugin->table, error);
    if (result == 0)
        result = choose_runner(&plugin->table, &plugin->runner, error);
    if (result == 0)
        result = copy_rows(plugin->table.params, abi.param_size, plugin->table.params_size,
                           "params", &plugin->params, error);
    if (result == 0)
        result = copy_rows(plugin->table.settings, abi.param_size, plugin->table.settings_size,
                           "settings", &plugin->settings, error);
    return result;
}

static int check_unique(const struct host *host, const struct plugin *plugin, struct error *error)
{
    for (const struct plugin *other = host->plugins; other < plugin; other++)
        if (!other->problem && strcmp(other->table.name, plugin->table.name) == 0)
            return error_set(error, -EEXIST, "its name '%s' is taken by %s", plugin->table.name,
                             other->file);
    return 0;
}

/* [{field, problem}, ...], of which the last one counts the rest where there are too many; NULL: out of memory. */
static json_t *all_problems(const struct problems *problems)
{
    json_t *list = problems_json(problems);
    if (!list || problems->count <= PROBLEMS_KEPT)
        return list;
    json_t *rest =
        json_pack("{s:s, s:o}", "field", "settings", "problem",
                  json_sprintf("%zu more problems", problems->count - PROBLEMS_KEPT + 1));
    (void)json_array_set_new(list, PROBLEMS_KEPT - 1, rest); /* all are worth telling without it */
    return list;
}

static int fill_settings(struct plugin *plugin, const json_t *settings, struct error *error)
{
    size_t size = plugin->settings.struct_size;
    AUTO_FREE void *data = malloc(size ? size : 1);
    struct problems problems = {0};
    int result = -ENOMEM;
    if (data)
        result = params_fill(&plugin->settings, settings, NULL, "settings", data, &problems);
    if (result == -EINVAL) {
        problems_first(&problems, error->text, sizeof(error->text));
        plugin->problems = all_problems(&problems);
    } else if (result) {
        (void)error_set(error, result, "out of memory");
    } else {
        plugin->settings_data = take_ptr(&data);
    }
    problems_clear(&problems);
    return result;
}

static int call_open(struct plugin *plugin, struct aw_worker *worker, struct error *error)
{
    char reason[256] = "";
    if (!plugin->table.open)
        return 0;
    int result = plugin->table.open(worker, plugin->settings_data, &plugin->instance, reason,
                                    sizeof(reason));
    if (result == AW_OK)
        return 0;
    reason[sizeof(reason) - 1] = '\0';
    return error_set(error, -EINVAL, "could not be opened: %s",
                     is_text(reason) ? reason : "the plugin gave no reason");
}

/* Frees what the place holds of a plugin, but its file and what is wrong with it. */
static void unload(struct plugin *plugin)
{
    if (plugin->settings_data)
        params_clear(&plugin->settings, plugin->settings_data);
    free(plugin->settings_data);
    free((void *)plugin->params.rows); /* made by copy_rows() */
    free((void *)plugin->settings.rows);
    json_decref(plugin->exports);
    json_decref(plugin->clashes);
    *plugin = (struct plugin){
        .file = plugin->file, .problem = plugin->problem, .problems = plugin->problems};
}

int host_load(struct host *host, size_t place, struct aw_worker *worker, const char *file,
              const json_t *settings)
{
    struct plugin *plugin = &host->plugins[place];
    struct error error = {0};
    host_disable(host, place, file, "being loaded");
    const void *symbol = find_symbol(plugin, file, &error);
    int result = symbol ? copy_table(plugin, symbol, &error) : -EINVAL;
    if (result == 0)
        result = check_unique(host, plugin, &error);
    if (result == 0)
        result = fill_settings(plugin, settings, &error);
    if (result == 0)
        result = call_open(plugin, worker, &error);
    if (result) {
        unload(plugin);
        host_disable(host, place, file, error.text);
        return result;
    }
    free(plugin->problem);
    plugin->problem = NULL;
    return 0;
}

void host_disable(struct host *host, size_t place, const char *file, const char *problem)
{
    struct plugin *plugin = &host->plugins[place];
    char *file_copy = strdup(file), *problem_copy = strdup(problem);
    if (!file_copy || !problem_copy)
        abort(); /* a worker that cannot even start is of no use to anybody */
    free(plugin->file);
    free(plugin->problem);
    plugin->file = file_copy;
    plugin->problem = problem_copy;
}

int host_init(struct host *host, size_t count)
{
    host->plugins = calloc(count ? count : 1, sizeof(*host->plugins));
    if (!host->plugins)
        return -ENOMEM;
    host->count = count;
    return 0;
}

void host_close(struct host *host)
{
    for (size_t i = 0; i < host->count; i++) {
        struct plugin *plugin = &host->plugins[i];
        if (!plugin->problem && plugin->table.close)
            plugin->table.close(plugin->instance);
        unload(plugin);
        free(plugin->file);
        free(plugin->problem);
        json_decref(plugin->problems);
    }
    free(host->plugins);
    *host = (struct host){0};
}

const struct plugin *host_plugin(const struct host *host, size_t place)
{
    return place < host->count && !host->plugins[place].problem ? &host->plugins[place] : NULL;
}

/* ---- The catalogue ------------------------------------------------------------------------------- */

static json_t *plugin_json(const struct plugin *plugin)
{
    if (plugin->problems)
        return json_pack("{s:O}", "problems", plugin->problems);
    if (plugin->problem)
        return json_pack("{s:s}", "error", plugin->problem);
    char abi[16];
    (void)snprintf(abi, sizeof(abi), "%u.%u", plugin->table.abi.major, plugin->table.abi.minor);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "name", plugin->table.name,
                     "version", plugin->table.version, "summary", plugin->table.summary, "abi", abi,
                     "style", run_style_name(plugin->runner->style), "limit",
                     (json_int_t)plugin->table.limit, "params", params_table_json(&plugin->params),
                     "settings", params_table_json(&plugin->settings));
}

/* What was found out about the plugin, beside what it says of itself. */
static json_t *described_json(const struct plugin *plugin)
{
    json_t *json = plugin_json(plugin);
    if (!json || plugin->problem || !plugin->clashes)
        return json;
    if (json_object_set(json, "exports", plugin->exports) == 0 &&
        json_object_set(json, "clashes", plugin->clashes) == 0)
        return json;
    json_decref(json);
    return NULL;
}

json_t *host_catalogue(const struct host *host)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < host->count; i++)
        if (json_array_append_new(list, described_json(&host->plugins[i]))) {
            json_decref(list);
            list = NULL;
        }
    return list ? json_pack("{s:o}", "plugins", list) : NULL;
}
