/*
 * Puts a configuration together: defaults, the file, the command line, and what the machine says (the
 * places of the socket and the state, the group, the files in plugin_dir). The parts are in config_source, config_read
 * and config_plugins.
 */
#include "supervisor/config.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/paths.h"
#include "base/problems.h"
#include "base/trust.h"
#include "supervisor/config_plugins.h"
#include "supervisor/config_read.h"
#include "supervisor/config_source.h"
#include "supervisor/options.h"
#include "supervisor/state_dir.h"

/* A configuration being loaded. */
struct loading {
    struct config *config;
    struct config_source source; /* empty: no file */
    unsigned *lines;             /* by option: the line of the source that sets it; 0: none does */
    struct problems *problems;
};

/* Where the file sets an option, in `buffer` of CONFIG_WHERE_MAX bytes. NULL: it does not. */
static const char *where_set(const struct loading *loading, const char *group, const char *name,
                             char *buffer)
{
    unsigned line = loading->lines[options_index(options_find(group, name))];

    return line ? config_source_where(&loading->source, line, buffer) : NULL;
}

/* A path that may be relative, as in a shell, made absolute; an empty one stays. NULL: out of memory. */
static char *make_absolute(const char *path)
{
    AUTO_FREE char *directory = *path && *path != '/' ? getcwd(NULL, 0) : NULL;
    char *absolute;

    if (!directory)
        return strdup(path);
    return asprintf(&absolute, "%s/%s", directory, path) < 0 ? NULL : absolute;
}

/* Sets the option daemon.`name` from a path that may be relative; `field` is where it was given. */
static int set_path(struct loading *loading, const char *name, const char *path, const char *field)
{
    AUTO_FREE char *absolute = make_absolute(path);
    struct option_value value = {.kind = OPTION_VALUE_TEXT, .text = absolute};
    struct error error;
    int result;

    if (!absolute)
        return -ENOMEM;
    result = options_assign(options_find("daemon", name), &value, loading->config, &error);
    if (result == -EINVAL)
        problems_add(loading->problems, field, "the %s %s",
                     strcmp(name, "socket") == 0 ? "control socket" : "state directory",
                     error.text);
    return result;
}

static int note_where(const char *where, char **out)
{
    *out = strdup(where);
    return *out ? 0 : -ENOMEM;
}

static int choose_socket(struct loading *loading, const struct config_overrides *overrides)
{
    AUTO_FREE char *fallback = NULL;
    char where[CONFIG_WHERE_MAX];
    int result;

    if (overrides && overrides->socket) {
        result = set_path(loading, "socket", overrides->socket, "--socket");
        return result ? result : note_where("--socket", &loading->config->socket_where);
    }
    if (loading->config->daemon.socket)
        return note_where(where_set(loading, "daemon", "socket", where),
                          &loading->config->socket_where);
    fallback = paths_default_socket();
    return fallback ? set_path(loading, "socket", fallback,
                               getenv("AWAITD_SOCKET") ? "$AWAITD_SOCKET" : "daemon.socket")
                    : -ENOMEM;
}

static int choose_state_dir(struct loading *loading, const struct config_overrides *overrides)
{
    struct config *config = loading->config;
    AUTO_FREE char *fallback = NULL;
    char where[CONFIG_WHERE_MAX];
    int result;

    if (overrides && overrides->state_dir) {
        result = set_path(loading, "state_dir", overrides->state_dir, "--state-dir");
        return result ? result : note_where("--state-dir", &config->state_dir_where);
    }
    if (config->daemon.state_dir)
        return note_where(where_set(loading, "daemon", "state_dir", where),
                          &config->state_dir_where);
    if (!config->store.enabled) /* what is not used cannot be wrong */
        return 0;
    result = paths_default_state(&fallback, &config->state_dir_parents);
    if (result == -ENOENT)
        problems_add(loading->problems, "daemon.state_dir",
                     "must be given, or --state-dir: this user has no home directory");
    if (result)
        return result == -ENOENT ? -EINVAL : result;
    return set_path(loading, "state_dir", fallback,
                    getenv("STATE_DIRECTORY") ? "$STATE_DIRECTORY" : "daemon.state_dir");
}

void config_check_socket(const struct config *config, struct problems *problems)
{
    const char *path = config->daemon.socket;
    size_t length = (size_t)(strrchr(path, '/') - path); /* it is absolute */
    AUTO_FREE char *directory = strndup(path, length ? length : 1);
    struct stat status;

    if (!directory || !config->socket_where)
        return;
    if (stat(directory, &status) != 0)
        problems_add(problems, config->socket_where, "the directory of the control socket: %s: %s",
                     directory, strerror(errno));
    else if (!S_ISDIR(status.st_mode))
        problems_add(problems, config->socket_where,
                     "the directory of the control socket: %s is none", directory);
}

void config_check_state_dir(const struct config *config, struct problems *problems)
{
    struct error error;

    if (config->store.enabled &&
        state_dir_check(config->daemon.state_dir, config->state_dir_parents, &error) != 0)
        problems_add(problems,
                     config->state_dir_where ? config->state_dir_where : "daemon.state_dir", "%s",
                     error.text);
}

/* What is configured to outlive the daemon can. */
static int check_durable(const struct loading *loading)
{
    const struct config *config = loading->config;
    int result = 0;

    for (size_t i = 0; i < config->batches_count && !config->store.enabled; i++) {
        if (!config->batches[i].submission.insists)
            continue;
        problems_add(loading->problems, config->batches[i].where,
                     "a batch cannot be durable where store.enabled is false");
        result = -EINVAL;
    }
    return result;
}

static int check_group(const struct loading *loading)
{
    const char *group = loading->config->daemon.group;
    char where[CONFIG_WHERE_MAX];

    if (!group || getgrnam(group))
        return 0;
    problems_add(loading->problems, where_set(loading, "daemon", "group", where),
                 "daemon.group: there is no group \"%s\"", group);
    return -EINVAL;
}

/* As root, no file is loaded that others could have written. */
static int check_trust(const struct loading *loading)
{
    const struct config *config = loading->config;
    int result = 0;

    for (size_t i = 0; i < config->plugins_count && geteuid() == 0; i++) {
        const struct config_plugin *plugin = &config->plugins[i];
        struct error error;
        if (plugin->off || trust_check(plugin->file, &error) == 0)
            continue;
        problems_add(loading->problems, plugin->where ? plugin->where : plugin->file,
                     "%s; as root, awaitd loads only what root alone can write", error.text);
        result = -EINVAL;
    }
    return result;
}

/* As root, the daemon does what the file says: who can write it can run commands. It may be a test's or a
 * sandbox's, and so is no reason not to start. */
static int warn_of_writers(const struct loading *loading)
{
    for (size_t i = 0; i < loading->source.files_count && geteuid() == 0; i++) {
        const char *file = loading->source.files[i];
        AUTO_FREE char *path = make_absolute(file);
        struct error error;
        if (!path)
            return -ENOMEM;
        if (trust_check(path, &error) != 0)
            problems_add(&loading->config->warnings, file,
                         "%s; awaitd runs as root and does what this file says, so that root alone "
                         "should be able to change it",
                         error.text);
    }
    return 0;
}

/* A misspelt file would leave a plugin on that is meant to be off. */
static int warn_of_missing(const struct loading *loading)
{
    struct config *config = loading->config;

    for (size_t i = 0; i < config->plugins_count; i++)
        if (config->plugins[i].off && access(config->plugins[i].file, F_OK) != 0)
            problems_add(&config->warnings, config->plugins[i].where,
                         "there is no %s, so that nothing is switched off",
                         config->plugins[i].file);
    return 0;
}

static int complete(struct loading *loading, const struct config_overrides *overrides)
{
    char buffer[CONFIG_WHERE_MAX];
    const char *where = where_set(loading, "daemon", "plugin_dir", buffer);
    const int results[] = {
        choose_socket(loading, overrides),
        choose_state_dir(loading, overrides),
        check_durable(loading),
        check_group(loading),
        config_plugins_find(loading->config, where, loading->problems),
        check_trust(loading),
        warn_of_writers(loading),
        warn_of_missing(loading),
    };

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        if (results[i] < 0)
            return results[i];
    return 0;
}

static int load(struct loading *loading, const char *path, const struct config_overrides *overrides,
                struct error *error)
{
    int result = options_set_defaults(loading->config);
    int read = 0;

    if (result == 0 && path) {
        result = config_source_read(&loading->source, path, loading->problems, error);
        if (result == 0)
            read = config_read_source(&loading->source, loading->config, loading->lines,
                                      loading->problems);
    }
    if (result == 0)
        result = complete(loading, overrides);
    return read < 0 ? read : result;
}

int config_load(const char *path, const struct config_overrides *overrides, struct config **out,
                struct problems *problems, struct error *error)
{
    struct loading loading = {.problems = problems};
    int result = -ENOMEM;

    loading.config = calloc(1, sizeof(*loading.config));
    loading.lines = calloc(options_count(), sizeof(*loading.lines));
    if (loading.config && loading.lines)
        result = load(&loading, path, overrides, error);
    if (result == -ENOMEM)
        (void)error_set(error, result, "out of memory");
    if (result == 0)
        *out = take_ptr(&loading.config);
    config_free(loading.config);
    config_source_clear(&loading.source);
    free(loading.lines);
    return result;
}

void config_plugin_clear(struct config_plugin *plugin)
{
    free(plugin->file);
    free(plugin->where);
    json_decref(plugin->settings);
    json_decref(plugin->lines);
    json_decref(plugin->unrestricted);
    *plugin = (struct config_plugin){0};
}

void config_batch_clear(struct config_batch *batch)
{
    submission_clear(&batch->submission);
    json_decref(batch->jobs);
    free(batch->where);
    *batch = (struct config_batch){0};
}

void config_free(struct config *config)
{
    if (!config)
        return;
    options_clear(config);
    for (size_t i = 0; i < config->plugins_count; i++)
        config_plugin_clear(&config->plugins[i]);
    free(config->plugins);
    for (size_t i = 0; i < config->batches_count; i++)
        config_batch_clear(&config->batches[i]);
    free(config->batches);
    free(config->socket_where);
    free(config->state_dir_where);
    problems_clear(&config->warnings);
    free(config);
}
