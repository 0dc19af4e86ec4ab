/*
 * The plugin files of a configuration: names made absolute, plugin_dir searched.
 */
#ifndef AWAITD_SUPERVISOR_CONFIG_PLUGINS_H
#define AWAITD_SUPERVISOR_CONFIG_PLUGINS_H

#include <stdbool.h>
#include <sys/types.h>

struct config;
struct problems;

/*
 * Makes the `file` of each plugin absolute, from plugin_dir, and adds every *.so found there that is not
 * in the list. `where` is what to name when plugin_dir cannot be read; NULL: it is the built-in one,
 * which may be missing. 0; -EINVAL: problems were added; -ENOMEM.
 */
int config_plugins_find(struct config *config, const char *where, struct problems *problems);

#endif
