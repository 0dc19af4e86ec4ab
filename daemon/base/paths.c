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

static bool is_directory(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

char *paths_default_socket(void)
{
    const char *given = getenv("AWAITD_SOCKET");
    if (given && *given)
        return strdup(given);

    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime && *runtime == '/' && is_directory(runtime)) {
        char *path;
        return asprintf(&path, "%s/awaitd.sock", runtime) < 0 ? NULL : path;
    }
    return strdup("/run/awaitd.sock");
}
