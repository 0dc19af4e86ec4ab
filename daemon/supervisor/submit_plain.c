/*
 * Reads a job entry that has a plugin, parameters, a name and a count at most, all of them plain and right, in one
 * pass over its text. Whatever else it has, and whatever is wrong with it, is for submit_entry.c.
 */
#include "supervisor/submit_entry.h"

#include <string.h>
#include "base/json_plain.h"
#include "base/params.h"
#include "base/plugin_name.h"
#include "supervisor/catalogue.h"

static bool take_plugin(struct entry_reading *reading, struct json_plain *json)
{
    struct bytes_view text;
    if (!json_plain_text(json, &text) || text.size > PLUGIN_NAME_MAX)
        return false;
    char name[PLUGIN_NAME_MAX + 1];
    memcpy(name, text.data, text.size);
    name[text.size] = '\0';
    uint32_t position;
    reading->plugin = catalogue_find(reading->catalogue, name, &position);
    if (!reading->plugin || reading->plugin->disabled)
        return false;
    reading->entry.plugin = (uint16_t)position;
    return true;
}

/* Only behind the plugin, whose they are. */
static bool take_params(struct entry_reading *reading, struct json_plain *json)
{
    uint64_t given;
    json_plain_blanks(json);
    const uint8_t *start = json->at;
    if (!reading->plugin || !params_take_plain(reading->plugin->params, json, &given) ||
        (!reading->trusted && (given & reading->plugin->restricted)))
        return false;
    if (given) {
        reading->entry.params = (const char *)start;
        reading->entry.params_size = (uint32_t)(json->at - start);
    }
    return true;
}

static bool take_name(struct entry_reading *reading, struct json_plain *json)
{
    struct bytes_view text;
    if (!json_plain_text(json, &text) || text.size == 0 || text.size > SUBMISSION_TEXT_MAX ||
        memchr(text.data, '{', text.size) || memchr(text.data, '}', text.size))
        return false;
    memcpy(reading->name, text.data, text.size);
    reading->name[text.size] = '\0';
    reading->entry.name = reading->name;
    return true;
}

static bool take_count(struct entry_reading *reading, struct json_plain *json)
{
    struct json_plain_number number;
    if (!json_plain_number(json, &number) || number.low != number.high || number.low < 1)
        return false;
    reading->count = number.low;
    return true;
}

enum member { MEMBER_PLUGIN, MEMBER_PARAMS, MEMBER_NAME, MEMBER_COUNT, MEMBERS };
static const struct {
    const char *name;
    bool (*take)(struct entry_reading *reading, struct json_plain *json);
} members[MEMBERS] = {
    [MEMBER_PLUGIN] = {"plugin", take_plugin},
    [MEMBER_PARAMS] = {"params", take_params},
    [MEMBER_NAME] = {"name", take_name},
    [MEMBER_COUNT] = {"count", take_count},
};

/* Whether the plugin needs no parameters. */
static bool may_lack_params(const struct entry_reading *reading)
{
    static const uint8_t none[] = "{}";
    struct json_plain json = {.at = none, .end = none + 2};
    uint64_t given;
    return params_take_plain(reading->plugin->params, &json, &given);
}

/* A member; *given tells by bits which there were before. */
static bool take_member(struct entry_reading *reading, struct json_plain *json, unsigned *given)
{
    struct bytes_view name;
    if (!json_plain_text(json, &name) || !json_plain_take(json, ':'))
        return false;
    for (size_t i = 0; i < MEMBERS; i++) {
        if (strncmp(members[i].name, (const char *)name.data, name.size) != 0 ||
            members[i].name[name.size])
            continue;
        unsigned bit = 1u << i;
        if (*given & bit || !members[i].take(reading, json))
            return false;
        *given |= bit;
        return true;
    }
    return false;
}

bool entry_read_plain(struct entry_reading *reading, struct bytes_view text, uint32_t room)
{
    struct json_plain json = {.at = text.data, .end = text.data + text.size};
    unsigned given = 0;
    entry_begin(reading);
    if (!json_plain_take(&json, '{'))
        return false;
    do {
        if (!take_member(reading, &json, &given))
            return false;
    } while (json_plain_take(&json, ','));
    if (!json_plain_take(&json, '}') || json.at != json.end || !reading->plugin ||
        reading->count > room)
        return false;
    reading->entry.count = (uint32_t)reading->count;
    return given >> MEMBER_PARAMS & 1 || may_lack_params(reading);
}
