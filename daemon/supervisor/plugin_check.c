/*
 * A pool of one worker, for as long as it takes to describe the plugins.
 */
#include "supervisor/plugin_check.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/problems.h"
#include "supervisor/batch.h"
#include "supervisor/catalogue.h"
#include "supervisor/config.h"
#include "supervisor/pool.h"
#include "supervisor/submit.h"

struct check {
    struct event_base *base;
    const struct catalogue *catalogue;
};

static void on_end(void *context)
{
    struct check *check = context;
    (void)event_base_loopbreak(check->base); /* fails for no base of ours */
}

static void on_change(void *context)
{
    struct check *check = context;
    if (check->catalogue->known)
        on_end(check);
}

static void on_room(void *context)
{
    (void)context;
}

static int on_result(void *context, uint32_t worker, const struct message_result *result)
{
    (void)context, (void)worker, (void)result;
    return -EPROTO; /* it was given no jobs */
}

static void on_lost(void *context, uint32_t worker, const char *end, bool replaced)
{
    (void)context, (void)worker, (void)end, (void)replaced; /* the pool starts another one */
}

static const struct pool_callbacks callbacks = {
    .on_change = on_change,
    .on_room = on_room,
    .on_result = on_result,
    .on_lost = on_lost,
    .on_hopeless = on_end,
    .on_stopped = on_end,
};

/* Lets a worker load the plugins; what it says, or its death, ends up in the catalogue. It ends: each worker
 * that does not come up disables a plugin, or brings the pool nearer to giving up. */
static int load(struct config *config, struct catalogue *catalogue, struct error *error)
{
    struct event_base *base = event_base_new();
    if (!base)
        return error_errno(error, -ENOMEM, "cannot check the plugins");
    struct check check = {.base = base, .catalogue = catalogue};
    struct pool *pool = NULL;
    int64_t workers = config->daemon.workers;
    config->daemon.workers = 1;
    int code = pool_new(base, config, catalogue, NULL, &callbacks, &check, &pool, error);
    config->daemon.workers = workers;
    if (!code && event_base_dispatch(base) < 0)
        code = error_set(error, -EIO, "cannot check the plugins: the event loop failed");
    if (!code && !catalogue->known)
        code = error_set(error, -EIO, "cannot check the plugins: no worker comes up");
    pool_free(pool);
    event_base_free(base);
    return code;
}

/* Where a setting stands, by a problem's field such as "settings.hosts[2]"; NULL: it is not in the file. */
static const char *where_setting(const json_t *lines, const char *field)
{
    static const char prefix[] = "settings.";
    size_t length = sizeof(prefix) - 1;
    if (strncmp(field, prefix, length) != 0)
        return NULL;
    AUTO_FREE char *name = strndup(field + length, strcspn(field + length, ".["));
    return name ? json_string_value(json_object_get(lines, name)) : NULL;
}

static void report_settings(const struct config_plugin *configured, const struct plugin *plugin,
                            struct problems *problems)
{
    size_t i;
    json_t *item;
    json_array_foreach (plugin->problems, i, item) {
        const char *field = json_string_value(json_object_get(item, "field"));
        const char *where = where_setting(configured->lines, field);
        if (!where)
            where = configured->where ? configured->where : plugin->file;
        problems_add(problems, where, "plugin %s: %s: %s", plugin->name, field,
                     json_string_value(json_object_get(item, "problem")));
    }
}

static void report_plugins(const struct config *config, const struct catalogue *catalogue,
                           struct problems *problems)
{
    for (uint32_t i = 0; i < catalogue->count; i++) {
        const struct plugin *plugin = &catalogue->plugins[i];
        const char *where = config->plugins[i].where;
        if (plugin->problems)
            report_settings(&config->plugins[i], plugin, problems);
        else if (plugin->disabled && !plugin->off)
            problems_add(problems, where ? where : plugin->file, "plugin %s: %s", plugin->name,
                         plugin->disabled);
    }
}

static int check_batch(const struct config *config, const struct config_batch *configured,
                       const struct catalogue *catalogue, struct problems *problems)
{
    struct batch *batch = batch_new(1, NULL, 0);
    if (!batch)
        return -ENOMEM;
    struct problems found = {0};
    int code = submit_json(batch, configured->jobs, catalogue, true,
                           (uint32_t)config->limits.batch_jobs, &found, NULL);
    for (size_t i = 0; i < found.count && i < PROBLEMS_KEPT; i++)
        problems_add(problems, configured->where, "%s: %s", found.kept[i].field,
                     found.kept[i].text);
    if (code == -E2BIG)
        problems_add(problems, configured->where, "more jobs than limits.batch_jobs (%lld)",
                     (long long)config->limits.batch_jobs);
    problems_clear(&found);
    batch_free(batch);
    return code == -ENOMEM ? code : 0;
}

static void report_warnings(const struct config *config, struct problems *problems)
{
    const struct problems *warnings = &config->warnings;
    for (size_t i = 0; i < warnings->count && i < PROBLEMS_KEPT; i++)
        problems_add(problems, warnings->kept[i].field, "%s", warnings->kept[i].text);
}

int plugin_check(struct config *config, struct problems *problems, struct error *error)
{
    struct catalogue catalogue;
    int code = catalogue_init(&catalogue, config, error);
    if (code)
        return code;
    report_warnings(config, problems);
    config_check_socket(config, problems);
    config_check_state_dir(config, problems);
    code = load(config, &catalogue, error);
    if (!code)
        report_plugins(config, &catalogue, problems);
    for (size_t i = 0; !code && i < config->batches_count; i++) {
        code = check_batch(config, &config->batches[i], &catalogue, problems);
        if (code)
            error_errno(error, code, "%s", config->batches[i].where);
    }
    catalogue_clear(&catalogue);
    return code;
}
