/*
 * The environments that commands get.
 */
#ifndef EXEC_ENVIRONMENT_H
#define EXEC_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the text is NAME=VALUE with a name. */
bool environment_is_entry(const char *text);

/* The environment of this process, without what systemd tells a service about itself; closed by NULL. The list is
 * for free(), its entries are the process's. NULL: out of memory. */
char **environment_inherited(void);

/* `base` with `count` entries laid over it, where later ones win; sorted by name, closed by NULL. What it points
 * to stays that of base and added; the list itself is for free(). NULL: out of memory. */
char **environment_with(char *const *base, const char *const *added, size_t count);

/* PATH as this process has it, or the usual directories, as the only entry; closed by NULL, all in one piece for
 * free(). NULL: out of memory. */
char **environment_clean(void);

#endif
