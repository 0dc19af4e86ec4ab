/*
 * Lists of names.
 */
#include "wire/name_list.h"

#include <stdio.h>

bool name_list_is(const json_t *names, size_t max)
{
    size_t i;
    json_t *name;
    if (!json_is_array(names) || json_array_size(names) > max)
        return false;
    json_array_foreach (names, i, name) {
        if (!json_is_string(name))
            return false;
    }
    return true;
}

bool name_list_tell(const json_t *names, char *buffer, size_t size)
{
    size_t count = json_array_size(names), used = 0;
    if (count == 0)
        return false;
    for (size_t i = 0; i < count && i < NAME_LIST_TOLD && used < size; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        used += (size_t)snprintf(buffer + used, size - used, "%s%s", i > 0 ? ", " : "",
                                 name ? name : "?");
    }
    if (count > NAME_LIST_TOLD && used < size)
        (void)snprintf(buffer + used, size - used, " and %zu more", count - NAME_LIST_TOLD);
    return true;
}
