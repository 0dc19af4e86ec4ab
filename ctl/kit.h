/*
 * What `awaitctl plugin new` writes: the files of a plugin's own directory, which builds, tests and installs
 * itself. Their texts are those in ctl/kit/, compiled in.
 */
#ifndef AWAITCTL_KIT_H
#define AWAITCTL_KIT_H

#include "wire/run_style.h"

struct error;

/* What stands for @name@, @style@ and so on. */
struct kit_value {
    const char *name; /* without the @ */
    const char *text;
};

/* A text with the values in place of @NAME@; other uses of @ stay as they are. The last value's name is NULL.
 * For the caller to free. NULL: out of memory. */
char *kit_expand(const char *text, const struct kit_value *values);

/* Makes the directory and in it the files of a plugin of this name (see base/plugin_name.h) and style. -EEXIST
 * where something is there by that name; on any failure nothing stays, and *error tells. */
int kit_write(const char *directory, const char *name, enum run_style style, struct error *error);

#endif
