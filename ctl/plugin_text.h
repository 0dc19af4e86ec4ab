/*
 * A plugin explained to people: how it is used, what parameters it takes and what they mean.
 */
#ifndef AWAITCTL_PLUGIN_TEXT_H
#define AWAITCTL_PLUGIN_TEXT_H

#include <stddef.h>
#include <stdio.h>
#include <jansson.h>

/* Prints the answer to plugin.show, with sentences broken to this many columns; 0: not broken. */
void plugin_text_print(const json_t *plugin, unsigned columns, FILE *file);

/* The range of a parameter: "at least 0", "1 to 10", "at most 64KiB", or "". `param` is a row of the
 * table as the protocol tells it. Writes to `buffer` and returns it. */
const char *plugin_text_range(const json_t *param, char *buffer, size_t size);

#endif
