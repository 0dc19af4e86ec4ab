/*
 * Reads a job entry. Relies on base/params for what a plugin takes, and on terms.h for the terms; never keeps a
 * JSON value but the names that it comes after.
 */
#include "supervisor/submit_entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/problems.h"
#include "supervisor/catalogue.h"
#include "wire/slice.h"

/* Integers of the protocol stay below 2^53, where every JSON reader has them exactly. */
#define COUNT_MAX ((INT64_C(1) << 53) - 1)

/* ---- Members of an entry ------------------------------------------------------------------- */

/* Whatever has become of it. */
static void read_stored_plugin(struct entry_reading *reading, const char *name)
{
    uint32_t position = 0;
    int error = catalogue_find_or_ghost(reading->ghosts, name, &position);
    reading->no_memory |= error == -ENOMEM;
    if (!error) {
        reading->plugin = &reading->ghosts->plugins[position];
        reading->entry.plugin = (uint16_t)position;
    } else if (error != -ENOMEM) {
        problems_add(reading->problems, entry_field(reading, "plugin"), "cannot be a plugin");
    }
}

static void read_plugin(struct entry_reading *reading, const json_t *value)
{
    const char *name = json_string_value(value);
    if (!name || strlen(name) != json_string_length(value)) {
        problems_add(reading->problems, entry_field(reading, "plugin"),
                     "must be the name of a plugin");
        return;
    }
    uint32_t position = 0;
    if (reading->ghosts) {
        read_stored_plugin(reading, name);
        return;
    }
    const struct plugin *plugin = catalogue_find(reading->catalogue, name, &position);
    if (!plugin) {
        problems_add(reading->problems, entry_field(reading, "plugin"), "there is no plugin %s",
                     name);
    } else if (plugin->disabled) {
        problems_add(reading->problems, entry_field(reading, "plugin"), "%s is disabled: %s", name,
                     plugin->disabled);
    } else {
        reading->plugin = plugin;
        reading->entry.plugin = (uint16_t)position;
    }
}

static void read_params(struct entry_reading *reading, const json_t *value)
{
    if (json_is_object(value))
        reading->params = value;
    else
        problems_add(reading->problems, entry_field(reading, "params"),
                     "must be an object of the plugin's parameters");
}

static void read_count(struct entry_reading *reading, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > COUNT_MAX)
        problems_add(reading->problems, entry_field(reading, "count"),
                     "must be a number of jobs, at least 1");
    else
        reading->count = json_integer_value(value);
}

static void read_items(struct entry_reading *reading, const json_t *value)
{
    if (!json_array_size(value)) {
        problems_add(reading->problems, entry_field(reading, "items"),
                     "must be a list of texts, not empty");
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *item = json_string_value(json_array_get(value, i));
        if (item && !memchr(item, '\0', json_string_length(json_array_get(value, i))))
            continue;
        char member[32];
        (void)snprintf(member, sizeof(member), "items[%zu]", i);
        problems_add(reading->problems, entry_field(reading, member), "must be a text without NUL");
        if (problems_full(reading->problems))
            return;
    }
    reading->items = value;
    reading->count = (json_int_t)json_array_size(value);
}

static void read_name(struct entry_reading *reading, const json_t *value)
{
    const char *name = json_string_value(value);
    if (!name || !*name || json_string_length(value) > SUBMISSION_TEXT_MAX ||
        strlen(name) != json_string_length(value)) {
        problems_add(reading->problems, entry_field(reading, "name"),
                     "must be a text of 1 to %d bytes without NUL", SUBMISSION_TEXT_MAX);
        return;
    }
    memcpy(reading->name, name, strlen(name) + 1);
    reading->entry.name = reading->name;
}

/* Of these, a member that is null counts as not given, as it does in params. */

static void read_timeout(struct entry_reading *reading, const json_t *value)
{
    struct entry_terms *terms = &reading->terms;
    if (!json_is_null(value) && terms_read_span(value, true, entry_field(reading, "timeout"),
                                                reading->problems, &terms->timeout_ns))
        terms->has_timeout = reading->has_terms = true;
}

static void read_retry(struct entry_reading *reading, const json_t *value)
{
    struct entry_terms *terms = &reading->terms;
    if (!json_is_null(value) &&
        terms_read_retry(value, entry_field(reading, "retry"), reading->problems, &terms->retry))
        terms->has_retry = reading->has_terms = true;
}

static void read_delay(struct entry_reading *reading, const json_t *value)
{
    if (!json_is_null(value) && terms_read_span(value, true, entry_field(reading, "delay"),
                                                reading->problems, &reading->terms.delay_ns))
        reading->has_terms = true;
}

static void read_names(struct entry_reading *reading, const char *member, const json_t *value,
                       json_t **names)
{
    if (json_is_null(value) ||
        !terms_read_names(value, entry_field(reading, member), reading->problems, names))
        return;
    reading->no_memory |= !*names;
    if (json_array_size(*names) > 0) {
        reading->has_terms = true;
        return;
    }
    json_decref(*names);
    *names = NULL;
}

static void read_after(struct entry_reading *reading, const json_t *value)
{
    read_names(reading, "after", value, &reading->after);
}

static void read_after_any(struct entry_reading *reading, const json_t *value)
{
    read_names(reading, "after_any", value, &reading->after_any);
}

static void read_base(struct entry_reading *reading, const json_t *value)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0 &&
        json_integer_value(value) <= UINT32_MAX)
        reading->entry.base = (uint32_t)json_integer_value(value);
    else
        problems_add(reading->problems, entry_field(reading, "base"), "must be the index of a job");
}

static void read_as_before(struct entry_reading *reading, const json_t *value)
{
    reading->as_before = json_is_true(value);
    if (!reading->as_before)
        problems_add(reading->problems, entry_field(reading, "as_before"), "must be true");
}

static const struct member {
    const char *name;
    void (*read)(struct entry_reading *reading, const json_t *value);
    bool stored; /* only entries that were accepted before have it */
} members[] = {
    {.name = "plugin", .read = read_plugin},
    {.name = "params", .read = read_params},
    {.name = "count", .read = read_count},
    {.name = "items", .read = read_items},
    {.name = "name", .read = read_name},
    {.name = "timeout", .read = read_timeout},
    {.name = "retry", .read = read_retry},
    {.name = "delay", .read = read_delay},
    {.name = "after", .read = read_after},
    {.name = "after_any", .read = read_after_any},
    {.name = "base", .read = read_base, .stored = true},
    {.name = "as_before", .read = read_as_before, .stored = true},
};

static void read_member(struct entry_reading *reading, const char *name, const json_t *value)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        if (!strcmp(members[i].name, name) && (!members[i].stored || reading->ghosts)) {
            members[i].read(reading, value);
            return;
        }
    }
    problems_add(
        reading->problems, entry_field(reading, name),
        "unknown; a job has plugin, params, name, count, items, timeout, retry, delay, after, "
        "after_any");
}

/* ---- The entry as a whole ------------------------------------------------------------------ */

/* Keeps the parameters as they were written; `text` is the entry's. */
static int keep_params(struct entry_reading *reading, struct bytes_view text)
{
    if (!json_object_size(reading->params))
        return 0;
    struct bytes_view params = slice_member(text, "params");
    if (!params.data) { /* its name was written with escapes */
        reading->dumped = json_dumps(reading->params, JSON_COMPACT);
        if (!reading->dumped)
            return -ENOMEM;
        params.data = (const uint8_t *)reading->dumped;
        params.size = strlen(reading->dumped);
    }
    reading->entry.params = (const char *)params.data;
    reading->entry.params_size = (uint32_t)params.size;
    return 0;
}

/* Keeps the items in the batch's memory, in the form in which they go to workers. */
static int keep_items(struct entry_reading *reading)
{
    if (!reading->items)
        return 0;
    struct arena *texts = &reading->batch->texts;
    uint32_t count = reading->entry.count;
    uint32_t *offsets = arena_take(texts, (count + (size_t)1) * sizeof(*offsets), sizeof(*offsets));
    struct entry_items *items = arena_take(texts, sizeof(*items), _Alignof(struct entry_items));
    struct bytes encoded = {0};
    for (uint32_t i = 0; i < count && offsets; i++) {
        const json_t *item = json_array_get(reading->items, i);
        offsets[i] = (uint32_t)encoded.size; /* fits: a message is smaller than 4 GiB */
        bytes_put_view(&encoded, json_string_value(item), json_string_length(item));
    }
    uint8_t *data = arena_take(texts, encoded.size, 1);
    if (!offsets || !items || !data || encoded.failed) {
        bytes_free(&encoded);
        return -ENOMEM;
    }
    offsets[count] = (uint32_t)encoded.size;
    memcpy(data, encoded.data, encoded.size);
    bytes_free(&encoded);
    *items = (struct entry_items){.data = data, .offsets = offsets};
    reading->entry.items = items;
    return 0;
}

static int keep_names(struct arena *texts, const json_t *names, const char **out)
{
    if (!names)
        return 0;
    AUTO_FREE char *text = json_dumps(names, JSON_COMPACT);
    size_t size = text ? strlen(text) + 1 : 0;
    char *copy = text ? arena_take(texts, size, 1) : NULL;
    if (!copy)
        return -ENOMEM;
    memcpy(copy, text, size);
    *out = copy;
    return 0;
}

/* Most entries have none, and pay nothing for it. */
static int keep_terms(struct entry_reading *reading)
{
    if (!reading->has_terms)
        return 0;
    struct arena *texts = &reading->batch->texts;
    struct entry_terms *terms = arena_take(texts, sizeof(*terms), _Alignof(struct entry_terms));
    int error = terms ? keep_names(texts, reading->after, &reading->terms.after) : -ENOMEM;
    if (!error)
        error = keep_names(texts, reading->after_any, &reading->terms.after_any);
    if (error)
        return error;
    *terms = reading->terms;
    reading->entry.terms = terms;
    return 0;
}

void entry_clear(struct entry_reading *reading)
{
    free(reading->dumped);
    json_decref(reading->after);
    json_decref(reading->after_any);
    reading->dumped = NULL;
    reading->after = reading->after_any = NULL;
}

void entry_begin(struct entry_reading *reading)
{
    entry_clear(reading);
    reading->entry = (struct entry){0};
    reading->terms = (struct entry_terms){0};
    reading->has_terms = reading->no_memory = reading->as_before = false;
    reading->count = 1;
    reading->params = reading->items = NULL;
    reading->plugin = NULL;
}

/* There is an entry before, and this one says nothing of what it shares with it. */
static void take_as_before(struct entry_reading *reading)
{
    const struct batch *batch = reading->batch;
    if (!batch->entries_count || reading->plugin || reading->params || reading->entry.name ||
        reading->has_terms) {
        problems_add(reading->problems, entry_field(reading, "as_before"), "cannot be so");
        return;
    }
    const struct entry *before = &batch->entries[batch->entries_count - 1];
    if (!before->items != !reading->items)
        problems_add(reading->problems, entry_field(reading, "items"), "must be as before");
    reading->entry.plugin = before->plugin;
    reading->entry.expands = before->expands;
    reading->entry.terms = before->terms;
}

static int read_members(struct entry_reading *reading, const json_t *object, uint32_t room)
{
    const char *name;
    json_t *value;
    size_t before = reading->problems->count;
    json_object_foreach ((json_t *)object, name, value)
        read_member(reading, name, value);
    if (reading->problems->count > before)
        return -EINVAL;
    if (reading->no_memory)
        return -ENOMEM;
    if (reading->count > room)
        return -E2BIG;
    reading->entry.count = (uint32_t)reading->count;
    if (reading->as_before)
        take_as_before(reading);
    else
        entry_check_whole(reading, object);
    return reading->problems->count > before ? -EINVAL : 0;
}

int entry_read(struct entry_reading *reading, const json_t *object, struct bytes_view text,
               uint32_t room)
{
    entry_begin(reading);
    int error = read_members(reading, object, room);
    if (error || reading->as_before)
        return error ? error : keep_items(reading);
    error = keep_params(reading, text);
    if (!error)
        error = entry_check_params(reading);
    if (!error)
        error = keep_items(reading);
    if (!error)
        error = keep_terms(reading);
    return error;
}
