/*
 * The rule for names of plugins.
 */
#include "base/plugin_name.h"

#include <string.h>

bool plugin_name_is(const char *name)
{
    if (!name || *name < 'a' || *name > 'z')
        return false;
    size_t length = strlen(name);
    return length <= PLUGIN_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == length;
}
