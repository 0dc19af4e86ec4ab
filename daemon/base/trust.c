/*
 * Goes along a path as the kernel would, link by link, and looks at who may change each part of it.
 */
#include "base/trust.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/error.h"

/* Links that may lead to each other; the kernel's own limit. */
#define LINKS_MAX 40

static int trust_path(const char *path, unsigned links, struct error *error);

/* Whether only root can write what has this status. In a directory above the last one, everybody may
 * be let in where the sticky bit keeps what is root's there from the others, as in /tmp. */
static int trust_status(const char *path, const struct stat *status, bool above,
                        struct error *error)
{
    if (status->st_uid != 0)
        return error_set(error, -EINVAL, "%s belongs to user %u and not to root", path,
                         status->st_uid);
    if (S_ISLNK(status->st_mode) || (above && (status->st_mode & S_ISVTX)))
        return 0;
    if (status->st_mode & S_IWOTH)
        return error_set(error, -EINVAL, "%s can be written by everybody", path);
    if ((status->st_mode & S_IWGRP) && status->st_gid != 0)
        return error_set(error, -EINVAL, "%s can be written by group %u", path, status->st_gid);
    return 0;
}

/* The same for where the link at `path` leads; `rest` follows it in the path that is looked at. */
static int trust_target(const char *path, const char *rest, unsigned links, struct error *error)
{
    char target[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    AUTO_FREE char *whole = NULL;

    if (size < 0)
        return error_set(error, -EINVAL, "%s: %s", path, strerror(errno));
    if (links == 0)
        return error_set(error, -EINVAL, "%s: too many links", path);
    target[size] = '\0';
    int length = (int)(strrchr(path, '/') + 1 - path);
    if (asprintf(&whole, "%.*s%s%s", target[0] == '/' ? 0 : length, path, target, rest) < 0) {
        whole = NULL;
        return error_set(error, -ENOMEM, "out of memory");
    }
    return trust_path(whole, links - 1, error);
}

/* Goes down an absolute path: once a directory is trusted, only root can change what is in it. */
static int trust_path(const char *path, unsigned links, struct error *error)
{
    const char *last = strrchr(path, '/');

    for (const char *end = path;; end = strchrnul(end + 1, '/')) {
        AUTO_FREE char *part = strndup(path, end > path ? (size_t)(end - path) : 1);
        struct stat status;
        int result;
        if (!part)
            return error_set(error, -ENOMEM, "out of memory");
        if (lstat(part, &status) < 0)
            return errno == ENOENT ? 0 : error_set(error, -EINVAL, "%s: %s", part, strerror(errno));
        result = trust_status(part, &status, end < last, error);
        if (result)
            return result;
        if (S_ISLNK(status.st_mode))
            return trust_target(part, end, links, error);
        if (!*end)
            return 0;
    }
}

int trust_check(const char *path, struct error *error)
{
    return trust_path(path, LINKS_MAX, error);
}
