/*
 * Whether the parts of an entry go together, and with what its plugin takes. Relies on base/params for the latter.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/params.h"
#include "base/problems.h"
#include "base/template.h"
#include "supervisor/catalogue.h"
#include "supervisor/submission.h"
#include "supervisor/submit_entry.h"

/* Bytes of texts that are expanded to check one request; reason: half a megabyte of parameters with a hundred
 * thousand items would hold the loop for minutes, these hold it for some 50 ms. */
#define EXPANDED_MAX ((uint64_t)64 << 20)

const char *entry_field(struct entry_reading *reading, const char *member)
{
    (void)snprintf(reading->field + reading->prefix, sizeof(reading->field) - reading->prefix,
                   "%.63s", member);
    return reading->field;
}

static const char *item_of(const struct entry_reading *reading, uint32_t index)
{
    return json_string_value(json_array_get(reading->items, index));
}

/* Whether the names of all the entry's jobs are short enough. */
static bool names_fit(const struct entry_reading *reading)
{
    const struct entry *entry = &reading->entry;
    /* Without {item}, none is longer than the last. */
    for (uint32_t i = template_has_item(entry->name) ? 0 : entry->count - 1; i < entry->count;
         i++) {
        if (template_expanded_size(entry->name, i, item_of(reading, i)) > SUBMISSION_TEXT_MAX + 1)
            return false;
    }
    return true;
}

static void check_name(struct entry_reading *reading)
{
    if (!reading->entry.name)
        return;
    if (!reading->items && template_has_item(reading->entry.name))
        problems_add(reading->problems, entry_field(reading, "name"),
                     "has {item}, but the job has no items");
    else if (!reading->ghosts && !names_fit(reading))
        problems_add(reading->problems, entry_field(reading, "name"),
                     "must have at most %d bytes once its placeholders are replaced",
                     SUBMISSION_TEXT_MAX);
}

void entry_check_whole(struct entry_reading *reading, const json_t *object)
{
    if (!json_object_get(object, "plugin"))
        problems_add(reading->problems, entry_field(reading, "plugin"), "is required");
    if (json_object_get(object, "count") && json_object_get(object, "items"))
        problems_add(reading->problems, entry_field(reading, "count"),
                     "give either count or items");
    check_name(reading);
}

static int fill(struct entry_reading *reading, const struct params_expansion *expansion)
{
    return params_fill(reading->plugin->params, reading->params, expansion,
                       entry_field(reading, "params"), NULL, reading->problems);
}

/* Accounts for the expansion of the parameters with an item; false: it would be too much. */
static bool may_expand(struct entry_reading *reading, const char *item)
{
    static const size_t placeholder = sizeof("{item}") - 1;
    uint64_t size = reading->entry.params_size;
    reading->expanded += size + size / placeholder * strlen(item);
    return reading->expanded <= EXPANDED_MAX;
}

/*
 * Checks the parameters of an entry whose texts have placeholders: for each item, as long as that is no
 * great work; or, for a count, for the first and the last index. What passes here and fails later
 * (the worker checks each job again) fails that job alone.
 */
static int check_expansions(struct entry_reading *reading)
{
    struct params_expansion expansion = {0};
    if (!reading->items) {
        int error = fill(reading, &expansion);
        expansion.index = reading->entry.count - 1;
        return error || !expansion.index ? error : fill(reading, &expansion);
    }
    int error = 0;
    for (uint32_t i = 0; i < reading->entry.count && !problems_full(reading->problems); i++) {
        expansion.index = i;
        expansion.item = item_of(reading, i);
        if (!may_expand(reading, expansion.item))
            break;
        int code = fill(reading, &expansion);
        if (code)
            error = code;
    }
    return error;
}

/* -EPERM: the caller gives a parameter that is not for everybody. */
static int check_restricted(struct entry_reading *reading)
{
    const struct plugin *plugin = reading->plugin;
    int error = 0;
    const char *name;
    json_t *value;
    if (reading->trusted || !plugin->restricted)
        return 0;
    json_object_foreach ((json_t *)reading->params, name, value) {
        size_t row = params_find(plugin->params, name);
        if (row == plugin->params->count || !(plugin->restricted >> row & 1) || json_is_null(value))
            continue;
        char member[64];
        (void)snprintf(member, sizeof(member), "params.%s", name);
        problems_add(reading->problems, entry_field(reading, member),
                     "is only for root and the daemon's own user; awaitd.conf may open it with "
                     "unrestricted");
        error = -EPERM;
    }
    return error;
}

/* What is not there any more, or never came up, has told nothing of its parameters. */
static const struct params_table *table_of(const struct entry_reading *reading)
{
    static const struct params_table nothing;
    return reading->plugin->params ? reading->plugin->params : &nothing;
}

static int check_values(struct entry_reading *reading)
{
    const char *with_item = NULL;
    if (reading->params)
        reading->entry.expands =
            params_has_placeholder(table_of(reading), reading->params, &with_item);
    if (with_item && !reading->items) {
        char member[64];
        (void)snprintf(member, sizeof(member), "params.%s", with_item);
        problems_add(reading->problems, entry_field(reading, member),
                     "has {item}, but the job has no items");
        return -EINVAL;
    }
    if (reading->ghosts)
        return 0;
    return reading->entry.expands ? check_expansions(reading) : fill(reading, NULL);
}

int entry_check_params(struct entry_reading *reading)
{
    int refused = check_restricted(reading);
    int error = check_values(reading);
    return refused && (!error || error == -EINVAL) ? refused : error;
}
