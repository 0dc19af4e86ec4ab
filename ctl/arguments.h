/*
 * The arguments of `run`: parameters as KEY=VALUE, and items. Knows nothing of what a
 * plugin takes; the daemon checks that.
 */
#ifndef AWAITCTL_ARGUMENTS_H
#define AWAITCTL_ARGUMENTS_H

#include <stdbool.h>
#include <jansson.h>
#include "base/error.h"

/*
 * Parameters as a JSON object: KEY=VALUE gives a string (the daemon turns it into what the plugin's
 * table says), a KEY given more than once a list of strings, KEY:=JSON the JSON value. New reference in
 * *out. -EINVAL: *error names the argument; -ENOMEM.
 */
int arguments_params(int count, char *const *arguments, json_t **out, struct error *error);

/*
 * Adds a command and its arguments to parameters, as the list `argv`. With `literal`, braces are doubled, so
 * that the daemon takes none of them for a placeholder. -EINVAL: there is an argv already, or a word is not
 * UTF-8; -ENOMEM.
 */
int arguments_argv(int count, char *const *words, bool literal, json_t *params,
                   struct error *error);

/* "A,B,C" as an array of strings, empty ones included. -EINVAL, -ENOMEM. */
int arguments_items(const char *text, json_t **out, struct error *error);

/* A file's lines as an array of strings, empty ones left out; "-" is standard input. -EINVAL: a line is
 * not UTF-8 or holds NUL, or there are none; -E2BIG: a line fits no request; -ENOMEM; or what reading said. */
int arguments_items_file(const char *path, json_t **out, struct error *error);

#endif
