/*
 * libconfig's values as JSON, for what a reader only hands on: a plugin's settings, a batch.
 */
#ifndef AWAITD_BASE_CONFIG_JSON_H
#define AWAITD_BASE_CONFIG_JSON_H

#include <jansson.h>
#include <libconfig.h>

struct error;

/* How deep groups and lists may be nested, as in a request by default. */
#define CONFIG_JSON_DEPTH 64

/*
 * A group as an object, a list or array as an array, a scalar as itself. New reference. NULL: the
 * story is in *error and *at is the setting that it is about: a text that is not UTF-8, a number
 * that is not finite, groups nested too deep, or no memory.
 */
json_t *config_json(config_setting_t *setting, config_setting_t **at, struct error *error);

#endif
