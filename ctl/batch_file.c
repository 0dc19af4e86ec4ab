/*
 * A batch written as a libconfig file. Knows which settings there are; what they and an entry may hold is the
 * daemon's to check.
 */
#include "batch_file.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/config_json.h"
#include "base/error.h"
#include "ctl.h"
#include "terms.h"

struct batch_file {
    struct ctl *ctl;
    const char *label;
    config_t config;
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

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_setting(const char *name, size_t size)
{
    return (size == 4 && memcmp(name, "jobs", size) == 0) || terms_has(name, size);
}

/* Whether the text begins with a setting of a batch: "jobs =", "limit:". */
static bool begins_with_setting(const char *text, size_t size)
{
    size_t word = 0;
    while (word < size && is_word(text[word]))
        word++;
    size_t at = word;
    while (at < size && is_blank(text[at]))
        at++;
    return is_setting(text, word) && at < size && (text[at] == '=' || text[at] == ':');
}

bool batch_file_is(const char *path, const char *start, size_t size)
{
    while (size > 0 && is_blank(*start)) {
        start++;
        size--;
    }
    return ends_with(path, ".conf") || begins_with_setting(start, size);
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

/* Finds the jobs; refuses what is no setting of a batch. */
static int read_settings(struct batch_file *file)
{
    const config_setting_t *root = config_root_setting(&file->config);
    int count = config_setting_length(root);
    for (int i = 0; i < count; i++) {
        config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        const char *name = config_setting_name(setting);
        if (!is_setting(name, strlen(name)))
            return fail_at(file, setting,
                           "unknown; a batch has jobs, a name and terms, see awaitctl(1)");
        if (strcmp(name, "jobs") != 0)
            continue;
        file->jobs = setting;
        if (!config_setting_is_list(setting))
            return fail_at(file, setting, "must be a list: jobs = ( {...}, {...} );");
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

static int add_term(struct batch_file *file, config_setting_t *setting, struct terms *terms)
{
    const char *name = config_setting_name(setting);
    config_setting_t *at;
    struct error error;
    json_t *value = config_json(setting, &at, &error);
    if (!value)
        return fail_at(file, at, error.text);
    AUTO_FREE char *place = NULL;
    int code = CTL_OK;
    if (asprintf(&place, "%s:%u: %s", file->label, config_setting_source_line(setting), name) < 0)
        code = ctl_fail_memory(file->ctl);
    else
        code = terms_add(file->ctl, terms, name, value, place);
    json_decref(value);
    return code;
}

int batch_file_terms(struct batch_file *file, struct terms *terms)
{
    const config_setting_t *root = config_root_setting(&file->config);
    int count = config_setting_length(root), code = CTL_OK;
    for (int i = 0; i < count && code == CTL_OK; i++) {
        config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        if (setting != file->jobs)
            code = add_term(file, setting, terms);
    }
    return code;
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
