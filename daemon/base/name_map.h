/*
 * Numbers by name, in a balanced tree: names come from outside, and no choice of them makes it slow.
 */
#ifndef AWAITD_BASE_NAME_MAP_H
#define AWAITD_BASE_NAME_MAP_H

#include <stdint.h>

/* Not a number that a name can have. */
#define NAME_MAP_NONE UINT32_MAX

/* Zeroed = empty. */
struct name_map {
    void *root;
};

/* NAME_MAP_NONE: no such name. */
uint32_t name_map_find(const struct name_map *map, const char *name);

/* Gives the name this number, instead of one that it may have; the text is not copied and must stay. -ENOMEM:
 * nothing changed, and never where the name has a number already. */
int name_map_set(struct name_map *map, const char *name, uint32_t number);

/* The name is forgotten, if it was known. */
void name_map_remove(struct name_map *map, const char *name);

void name_map_clear(struct name_map *map);

#endif
