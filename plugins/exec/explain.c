/*
 * Why a program could not be started, see explain.h.
 */
#include "explain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Looks for the program where posix_spawnp() did, and describes the first file of that name. */
static bool find_file(const char *program, int cwd_fd, struct stat *out)
{
    char path[PATH_MAX];
    int at = cwd_fd >= 0 ? cwd_fd : AT_FDCWD;
    if (strchr(program, '/'))
        return fstatat(at, program, out, 0) == 0;
    const char *next = getenv("PATH");
    while (next) {
        int size = (int)strcspn(next, ":");
        int length =
            snprintf(path, sizeof(path), "%.*s/%s", size ? size : 1, size ? next : ".", program);
        if (length > 0 && (size_t)length < sizeof(path) && fstatat(at, path, out, 0) == 0)
            return true;
        next = next[size] ? next + size + 1 : NULL;
    }
    return false;
}

static const char *words(const char *program, int cwd_fd, int error)
{
    struct stat file;
    bool found = find_file(program, cwd_fd, &file);
    if (found && S_ISDIR(file.st_mode))
        return "is a directory";
    switch (error) {
    case ENOENT:
        return found ? "its interpreter does not exist" : "no such command";
    case ENOTDIR:
        return "no such command";
    case EACCES: /* also when a directory of PATH may not be read, and the program is in none of them */
        if (!found && !strchr(program, '/'))
            return "no such command";
        return found && !(file.st_mode & 0111) ? "is not executable" : "permission denied";
    case ENOEXEC:
        return "is no program, and has no #! line that names one";
    case E2BIG:
        return "its arguments and environment are too long";
    case ETXTBSY:
        return "is being written";
    case EAGAIN:
        return "too many processes";
    default:
        return strerror(error);
    }
}

void explain_spawn(const char *program, int cwd_fd, int error, char *reason, size_t size)
{
    (void)snprintf(reason, size, "%s: %s", program, words(program, cwd_fd, error));
}
