/*
 * Finds the files of plugins. Loads nothing: whether a file exists and is
 * a plugin is found out by a worker, which may crash over it.
 */
#include "supervisor/config_plugins.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/cleanup.h"
#include "base/problems.h"
#include "supervisor/config.h"

static bool is_same_file(const char *a, const char *b)
{
    struct stat a_stat, b_stat;

    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &a_stat) == 0 && stat(b, &b_stat) == 0 && a_stat.st_dev == b_stat.st_dev &&
           a_stat.st_ino == b_stat.st_ino;
}

static const struct config_plugin *find_plugin(const struct config *config, size_t count,
                                               const char *file)
{
    for (size_t i = 0; i < count; i++)
        if (is_same_file(config->plugins[i].file, file))
            return &config->plugins[i];
    return NULL;
}

/* Makes the files of the list absolute; a file may be listed once. */
static int resolve_listed(struct config *config, struct problems *problems)
{
    int result = 0;

    for (size_t i = 0; i < config->plugins_count; i++) {
        struct config_plugin *plugin = &config->plugins[i];
        const struct config_plugin *other;
        char *path;

        if (plugin->file[0] != '/') {
            if (asprintf(&path, "%s/%s", config->daemon.plugin_dir, plugin->file) < 0)
                return -ENOMEM;
            free(plugin->file);
            plugin->file = path;
        }
        other = find_plugin(config, i, plugin->file);
        if (other) {
            problems_add(problems, plugin->where, "%s is listed before, at %s", plugin->file,
                         other->where);
            result = -EINVAL;
        }
    }
    return result;
}

static int is_plugin_name(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);

    return entry->d_name[0] != '.' && size > 3 && strcmp(entry->d_name + size - 3, ".so") == 0;
}

/* Not alphasort(), whose order depends on the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_found(struct config *config, const char *name)
{
    AUTO_FREE char *path = NULL;
    struct config_plugin *grown;

    if (asprintf(&path, "%s/%s", config->daemon.plugin_dir, name) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    if (find_plugin(config, config->plugins_count, path))
        return 0;
    grown = reallocarray(config->plugins, config->plugins_count + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    config->plugins = grown;
    grown[config->plugins_count++] = (struct config_plugin){.file = take_ptr(&path)};
    return 0;
}

static int search_dir(struct config *config, const char *where, struct problems *problems)
{
    struct dirent **names;
    int count = scandir(config->daemon.plugin_dir, &names, is_plugin_name, compare_names);
    int result = 0;

    if (count < 0 && errno == ENOENT && !where)
        return 0;
    if (count < 0) {
        problems_add(problems, where ? where : "daemon.plugin_dir", "cannot read %s: %s",
                     config->daemon.plugin_dir, strerror(errno));
        return -EINVAL;
    }
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = add_found(config, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    return result;
}

int config_plugins_find(struct config *config, const char *where, struct problems *problems)
{
    int listed = resolve_listed(config, problems);
    int found = listed == -ENOMEM ? -ENOMEM : search_dir(config, where, problems);

    return listed < 0 ? listed : found;
}
