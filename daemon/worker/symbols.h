/*
 * The names that a loaded plugin exports. A name that the process has already, from awaitd itself or from a
 * library it uses, clashes: the dynamic linker looks there first, so that the plugin calls a function, or changes
 * a variable, that is not its own.
 */
#ifndef AWAITD_WORKER_SYMBOLS_H
#define AWAITD_WORKER_SYMBOLS_H

#include <jansson.h>

/* Names that are told of each kind; reason: enough to see whose they are, and READY stays small. */
#define SYMBOLS_TOLD 100

/* Looks at an object as of dlopen(3), and makes two sorted arrays: what it exports besides `own`, and which of that
 * clashes, or would, were it not for how it was linked. New references. -ENOMEM; -EINVAL: the object has no table of
 * names that this reads. */
int symbols_survey(void *object, const char *own, json_t **exports, json_t **clashes);

#endif
