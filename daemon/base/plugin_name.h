/*
 * The rule for names of plugins, as include/awaitd/plugin.h tells it to their authors.
 */
#ifndef AWAITD_BASE_PLUGIN_NAME_H
#define AWAITD_BASE_PLUGIN_NAME_H

#include <stdbool.h>

/* Bytes of a name; reason: it stands in every line of the log and in tables for people. */
#define PLUGIN_NAME_MAX 32

/* Whether it is one: 1 to PLUGIN_NAME_MAX of a-z, 0-9, '-' and '_', a letter first. NULL is none. Such a
 * name is written into the protocol and the log as it is. */
bool plugin_name_is(const char *name);

#endif
