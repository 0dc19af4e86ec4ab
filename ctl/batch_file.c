/*
 * A batch written as a libconfig file. Knows the file's own two settings; what an entry may hold is
 * the daemon's to check.
 */
#include "batch_file.h"

#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include "base/config_json.h"
#include "base/error.h"
#include "ctl.h"

struct batch_file {
    struct ctl *ctl;
    const char *label;
    config_t config;
    const char *name;       /* into config; NULL: none */
    config_setting_t *jobs; /* into config */
};

/* ---- Which kind of file -------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* Not strchr(), for which a NUL is in every text. */
static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Whether the text begins with this setting: "jobs =", "jobs:". */
static bool begins_with_setting(const char *text, size_t size, const char *name)
{
    size_t at = strlen(name);
    if (size < at || memcmp(text, name, at) != 0)
        return false;
    while (at < size && is_blank(text[at]))
        at++;
    return at < size && (text[at] == '=' || text[at] == ':');
}

bool batch_file_is(const char *path, const char *start, size_t size)
{
    while (size > 0 && is_blank(*start)) {
        start++;
        size--;
    }
    return ends_with(path, ".conf") || begins_with_setting(start, size, "jobs") ||
           begins_with_setting(start, size, "name");
}

static int fail_at(const struct batch_file *file, const config_setting_t *setting,
                   const char *problem)
{
    const char *name = config_setting_name(setting);
    return ctl_fail(file->ctl, CTL_REFUSED, "%s:%u: %s%s%s", file->label,
                    config_setting_source_line(setting), name ? name : "", name ? ": " : "",
                    problem);
}

/* ---- The file ------------------------------------------------------------------------------------ */

/* Finds the two settings there are. */
static int read_settings(struct batch_file *file)
{
    const config_setting_t *root = config_root_setting(&file->config);
    int count = config_setting_length(root);
    for (int i = 0; i < count; i++) {
        config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        const char *name = config_setting_name(setting);
        if (strcmp(name, "name") == 0) {
            file->name = config_setting_get_string(setting);
            if (!file->name)
                return fail_at(file, setting, "must be a string");
        } else if (strcmp(name, "jobs") == 0) {
            file->jobs = setting;
            if (!config_setting_is_list(setting))
                return fail_at(file, setting, "must be a list: jobs = ( {...}, {...} );");
        } else {
            return fail_at(file, setting, "unknown; a batch has name and jobs");
        }
    }
    if (!file->jobs)
        return ctl_fail(file->ctl, CTL_REFUSED, "%s: there is no list of jobs in it", file->label);
    return CTL_OK;
}

int batch_file_read(struct ctl *ctl, const char *text, const char *label, struct batch_file **out)
{
    struct batch_file *file = calloc(1, sizeof(*file));
    if (!file)
        return ctl_fail_memory(ctl);
    file->ctl = ctl;
    file->label = label;
    config_init(&file->config);
    int code;
    if (config_read_string(&file->config, text) == CONFIG_TRUE)
        code = read_settings(file);
    else
        code = ctl_fail(ctl, CTL_REFUSED, "%s:%d: %s", label, config_error_line(&file->config),
                        config_error_text(&file->config));
    if (code)
        batch_file_free(file);
    else
        *out = file;
    return code;
}

void batch_file_free(struct batch_file *file)
{
    if (!file)
        return;
    config_destroy(&file->config);
    free(file);
}

const char *batch_file_name(const struct batch_file *file)
{
    return file->name;
}

size_t batch_file_count(const struct batch_file *file)
{
    return (size_t)config_setting_length(file->jobs);
}

int batch_file_entry(struct batch_file *file, size_t index, json_t **out, uint64_t *line)
{
    config_setting_t *setting = config_setting_get_elem(file->jobs, (unsigned)index), *at;
    if (!config_setting_is_group(setting))
        return fail_at(file, setting, "an entry of jobs must be a group: { plugin = ...; }");
    *line = config_setting_source_line(setting);
    struct error error;
    json_t *entry = config_json(setting, &at, &error);
    if (!entry)
        return fail_at(file, at, error.text);
    *out = entry;
    return CTL_OK;
}
