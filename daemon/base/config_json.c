/*
 * Converts settings of libconfig to JSON, by recursion of bounded depth. Knows no option and no file;
 * relies on libconfig for the uniqueness of names.
 */
#include "base/config_json.h"

#include <errno.h>
#include <math.h>
#include "base/error.h"

static json_t *convert(config_setting_t *setting, unsigned depth, config_setting_t **at,
                       struct error *error);

static json_t *convert_group(config_setting_t *group, unsigned depth, config_setting_t **at,
                             struct error *error)
{
    json_t *object = json_object();
    int count = config_setting_length(group);

    for (int i = 0; object && i < count; i++) {
        config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        json_t *value = convert(member, depth, at, error);
        if (!value || json_object_set_new(object, config_setting_name(member), value) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *convert_list(config_setting_t *list, unsigned depth, config_setting_t **at,
                            struct error *error)
{
    json_t *array = json_array();
    int count = config_setting_length(list);

    for (int i = 0; array && i < count; i++) {
        json_t *value = convert(config_setting_get_elem(list, (unsigned)i), depth, at, error);
        if (!value || json_array_append_new(array, value) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *convert_scalar(config_setting_t *setting, struct error *error)
{
    json_t *value;

    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
        return json_integer(config_setting_get_int(setting));
    case CONFIG_TYPE_INT64:
        return json_integer(config_setting_get_int64(setting));
    case CONFIG_TYPE_FLOAT:
        if (!isfinite(config_setting_get_float(setting)))
            (void)error_set(error, -EINVAL, "this number is too large");
        return json_real(config_setting_get_float(setting));
    case CONFIG_TYPE_BOOL:
        return json_boolean(config_setting_get_bool(setting));
    case CONFIG_TYPE_STRING:
        value = json_string(config_setting_get_string(setting));
        if (!value)
            (void)error_set(error, -EINVAL, "this text is not UTF-8");
        return value;
    default:
        (void)error_set(error, -EINVAL, "this has a type unknown to awaitd");
        return NULL;
    }
}

static json_t *convert(config_setting_t *setting, unsigned depth, config_setting_t **at,
                       struct error *error)
{
    *at = setting;
    if (depth == 0) {
        (void)error_set(error, -EINVAL, "groups and lists are nested deeper than %d levels",
                        CONFIG_JSON_DEPTH);
        return NULL;
    }
    if (config_setting_is_group(setting))
        return convert_group(setting, depth - 1, at, error);
    if (config_setting_is_aggregate(setting))
        return convert_list(setting, depth - 1, at, error);
    return convert_scalar(setting, error);
}

json_t *config_json(config_setting_t *setting, config_setting_t **at, struct error *error)
{
    /* What fails without a story of its own fails for want of memory. */
    (void)error_set(error, -ENOMEM, "out of memory");
    return convert(setting, CONFIG_JSON_DEPTH, at, error);
}
