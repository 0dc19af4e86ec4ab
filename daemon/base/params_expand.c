/*
 * Placeholders in parameters, whatever plugin they are for but for one thing: what is given as text for a
 * JSON parameter is parsed first, so that what a placeholder stands for stays inside its text.
 */
#include "base/params.h"

#include <errno.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/params_types.h"
#include "base/template.h"

/* Whether this value of a JSON parameter is JSON as text; *out is then what it holds, a new reference. */
static bool is_json_text(const struct params_table *table, const char *name, const json_t *value,
                         json_t **out)
{
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return false;
    size_t i = params_find(table, name);
    return i < table->count && table->rows[i].type == AW_TYPE_JSON &&
           params_json_parse(json_string_value(value), out) == 0;
}

struct search {
    bool found, has_item;
};

static int search_text(json_t *text, void *context)
{
    struct search *search = context;
    search->found |= template_has_placeholder(json_string_value(text));
    search->has_item |= template_has_item(json_string_value(text));
    return 0;
}

bool params_has_placeholder(const struct params_table *table, const json_t *params,
                            const char **with_item)
{
    bool found = false;
    const char *first_with_item = NULL, *name;
    json_t *object =
        (json_t *)params; /* iterating changes nothing, but jansson does not say const */
    json_t *value;
    json_object_foreach (object, name, value) {
        struct search search = {0};
        json_t *parsed = NULL;
        (void)params_json_texts(is_json_text(table, name, value, &parsed) ? parsed : value,
                                search_text, &search);
        json_decref(parsed);
        found |= search.found;
        if (search.has_item && !first_with_item)
            first_with_item = name;
    }
    *with_item = first_with_item;
    return found;
}

struct expanding {
    const struct params_expansion *expansion;
    size_t size; /* bytes of what was expanded */
};

static int expand_text(json_t *value, void *context)
{
    struct expanding *expanding = context;
    const struct params_expansion *expansion = expanding->expansion;
    const char *text = json_string_value(value);
    if (!template_has_placeholder(text))
        return 0;
    expanding->size += template_expanded_size(text, expansion->index, expansion->item);
    if (expanding->size > PARAMS_EXPANDED_MAX)
        return -E2BIG;
    AUTO_FREE char *expanded = template_expand(text, expansion->index, expansion->item);
    return expanded && json_string_set(value, expanded) == 0 ? 0 : -ENOMEM;
}

int params_expand(const struct params_table *table, json_t *params,
                  const struct params_expansion *expansion)
{
    const char *name;
    json_t *value;
    struct expanding expanding = {.expansion = expansion};
    json_object_foreach (params, name, value) {
        json_t *parsed = NULL;
        if (is_json_text(table, name, value, &parsed)) {
            if (json_object_set_new(params, name, parsed) < 0)
                return -ENOMEM;
            value = parsed;
        }
        int result = params_json_texts(value, expand_text, &expanding);
        if (result != 0)
            return result;
    }
    return 0;
}
