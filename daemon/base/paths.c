/*
 * Default paths, by the environment. Empty variables count as not set; so does a relative
 * directory of XDG, as the XDG Base Directory Specification wants it.
 */
#include "base/paths.h"

#include <errno.h>
#include <pwd.h>
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

/* The user's home; NULL: nobody knows. The view is valid until the environment or the user database is asked again. */
static const char *home(void)
{
    const char *given = getenv("HOME");
    if (given && *given == '/')
        return given;
    const struct passwd *user = getpwuid(geteuid());
    return user && user->pw_dir && *user->pw_dir == '/' ? user->pw_dir : NULL;
}

int paths_default_state(char **out, bool *make_parents)
{
    const char *service = getenv("STATE_DIRECTORY"), *state = getenv("XDG_STATE_HOME");
    char *path = NULL;
    bool of_user = false;

    if (service && *service == '/') {
        path = strndup(service, strcspn(service, ":")); /* more than one: the first is ours */
    } else if (geteuid() == 0) {
        path = strdup("/var/lib/awaitd");
    } else {
        bool given = state && *state == '/';
        const char *above = given ? state : home();
        of_user = true;
        if (!above)
            return -ENOENT;
        if (asprintf(&path, "%s/%sawaitd", above, given ? "" : ".local/state/") < 0)
            path = NULL;
    }
    if (!path)
        return -ENOMEM;
    *out = path;
    *make_parents = of_user;
    return 0;
}
