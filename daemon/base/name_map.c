/*
 * A name map is glibc's red-black tree.
 */
#include "base/name_map.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct name {
    const char *text;
    uint32_t number;
};

static int compare(const void *a, const void *b)
{
    const struct name *one = a, *other = b;
    return strcmp(one->text, other->text);
}

static struct name *find(const struct name_map *map, const char *text)
{
    struct name key = {.text = text};
    struct name **found = tfind(&key, &map->root, compare);
    return found ? *found : NULL;
}

uint32_t name_map_find(const struct name_map *map, const char *text)
{
    const struct name *name = find(map, text);
    return name ? name->number : NAME_MAP_NONE;
}

int name_map_set(struct name_map *map, const char *text, uint32_t number)
{
    struct name *name = find(map, text);
    if (name) {
        name->number = number;
        return 0;
    }
    name = malloc(sizeof(*name));
    if (!name)
        return -ENOMEM;
    *name = (struct name){.text = text, .number = number};
    if (tsearch(name, &map->root, compare))
        return 0;
    free(name);
    return -ENOMEM;
}

void name_map_remove(struct name_map *map, const char *text)
{
    struct name *name = find(map, text);
    if (!name)
        return;
    (void)tdelete(name, &map->root, compare); /* it is there */
    free(name);
}

void name_map_clear(struct name_map *map)
{
    tdestroy(map->root, free);
    map->root = NULL;
}
