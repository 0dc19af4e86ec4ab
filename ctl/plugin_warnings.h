/*
 * What is not wrong with a plugin but may become so: names that meet others, parameters that let others do what
 * they may not. From nothing but what the daemon tells of it.
 */
#ifndef AWAITCTL_PLUGIN_WARNINGS_H
#define AWAITCTL_PLUGIN_WARNINGS_H

#include <stdio.h>
#include <jansson.h>

struct problems;

/* Looks at a plugin as plugin.show explains it, and adds what it finds. */
void plugin_warnings_find(const json_t *plugin, struct problems *out);
/* The one that matters to everybody who runs jobs of it: names that clash. */
void plugin_warnings_of_clashes(const json_t *plugin, struct problems *out);

/* Prints a line for each. */
void plugin_warnings_print(const struct problems *warnings, FILE *file);

#endif
