/*
 * Default paths, by the environment. Empty variables count as not set; so does a relative runtime
 * directory, as the XDG Base Directory Specification wants it.
 */
#include "base/paths.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* NULL: there is no such directory, or no memory. */
static char *runtime_socket(void)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char *path;
    if (!runtime || *runtime != '/' || !is_directory(runtime))
        return NULL;
    return asprintf(&path, "%s/awaitd.sock", runtime) < 0 ? NULL : path;
}

static char *choose(bool must_exist)
{
    const char *given = getenv("AWAITD_SOCKET");
    if (given && *given)
        return strdup(given);

    AUTO_FREE char *path = runtime_socket();
    if (path && (!must_exist || access(path, F_OK) == 0))
        return take_ptr(&path);
    return strdup("/run/awaitd.sock");
}

char *paths_default_socket(void)
{
    return choose(false);
}

char *paths_find_socket(void)
{
    return choose(true);
}
