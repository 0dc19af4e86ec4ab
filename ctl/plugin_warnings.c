/*
 * Each warning is a function that looks for one thing, and says what to do about it.
 */
#include "plugin_warnings.h"

#include <stdbool.h>
#include <string.h>
#include "base/problems.h"
#include "text.h"
#include "wire/name_list.h"

static const char *string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Look-ups of such a name find the worker's, so that the plugin calls what it did not mean to. */
void plugin_warnings_of_clashes(const json_t *plugin, struct problems *out)
{
    char names[PROBLEMS_TEXT_SIZE / 2];
    if (name_list_tell(json_object_get(plugin, "clashes"), names, sizeof(names)))
        problems_add(out, "symbols",
                     "the worker has its own: %s. Calls within the plugin reach those, not yours: "
                     "make yours "
                     "static, or compile with -fvisibility=hidden",
                     names);
}

static void find_exports(const json_t *plugin, struct problems *out)
{
    char names[PROBLEMS_TEXT_SIZE / 2];
    if (name_list_tell(json_object_get(plugin, "exports"), names, sizeof(names)))
        problems_add(
            out, "symbols",
            "exported besides aw_plugin: %s. Names of a later awaitd, or of a library it uses, may "
            "meet them: make them static, or compile with -fvisibility=hidden",
            names);
}

/* A plugin that cannot be loaded goes by its file's name. */
static void find_other_name(const json_t *plugin, struct problems *out)
{
    const char *name = string(plugin, "name"), *file = string(plugin, "file");
    const char *slash = file ? strrchr(file, '/') : NULL;
    if (!name || !slash)
        return;
    size_t size = strlen(name);
    if (strncmp(slash + 1, name, size) != 0 || strcmp(slash + 1 + size, ".so") != 0)
        problems_add(out, "file", "is %s, while the plugin is called %s: people look for %s.so",
                     slash + 1, name, name);
}

/* Whether one of the name's words, which underscores part, says that it leads to files or programs. Not "command": it
 * may well be one of those that the settings name. */
static bool leads_outside(const char *name)
{
    static const char *const words[] = {"argv",   "dir",  "directory", "file",
                                        "folder", "path", "program",   "script"};
    while (*name) {
        size_t size = strcspn(name, "_");
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            if (strlen(words[i]) == size && strncmp(name, words[i], size) == 0)
                return true;
        }
        name += size + (name[size] == '_');
    }
    return false;
}

static void find_unrestricted(const json_t *plugin, struct problems *out)
{
    size_t i;
    json_t *param;
    json_array_foreach (json_object_get(plugin, "params"), i, param) {
        const char *name = string(param, "name"), *type = string(param, "type");
        if (!name || !type || !strstr(type, "string") || !leads_outside(name) ||
            json_is_true(json_object_get(param, "restricted")))
            continue;
        problems_add(
            out, name,
            "everybody who may submit jobs may give it. If it makes the daemon read files or run "
            "programs, say .restricted = true");
    }
}

void plugin_warnings_find(const json_t *plugin, struct problems *out)
{
    plugin_warnings_of_clashes(plugin, out);
    find_exports(plugin, out);
    find_other_name(plugin, out);
    find_unrestricted(plugin, out);
}

void plugin_warnings_print(const struct problems *warnings, FILE *file)
{
    for (size_t i = 0; i < warnings->count && i < PROBLEMS_KEPT; i++) {
        const struct problem *warning = &warnings->kept[i];
        (void)fputs("Warning: ", file); /* whoever prints looks at ferror */
        text_put(file, warning->field, strlen(warning->field));
        (void)fputs(": ", file);
        text_put(file, warning->text, strlen(warning->text));
        (void)fputc('\n', file);
    }
}
