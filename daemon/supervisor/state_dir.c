/*
 * Works on the directory by its descriptor once it is open. What is made belongs to this user alone, whatever the
 * umask.
 */
#include "supervisor/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/error.h"
#include "base/trust.h"

static const char choose_another[] =
    "choose another state directory with daemon.state_dir or --state-dir";

static int make(const char *path, bool make_parents, struct error *error)
{
    AUTO_FREE char *parent = directory_of(path);
    if (!parent)
        return error_set(error, -ENOMEM, "out of memory");
    if (make_parents && access(parent, F_OK) != 0 && errno == ENOENT) {
        int code = make(parent, true, error);
        if (code)
            return code;
    }
    if (mkdir(path, 0700) != 0) {
        if (errno == EEXIST) /* somebody was faster */
            return 0;
        if (errno == ENOENT)
            return error_set(error, -ENOENT,
                             "cannot make the state directory %s: there is no %s; make that, or %s",
                             path, parent, choose_another);
        return error_set(error, -errno, "cannot make the state directory %s: %s; %s", path,
                         strerrordesc_np(errno), choose_another);
    }
    int code = chmod(path, 0700) == 0 ? directory_sync(parent) : -errno;
    return code ? error_errno(error, code, "cannot make the state directory %s", path) : 0;
}

int state_dir_open(const char *path, bool make_parents, int *out, struct error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        int code = make(path, make_parents, error);
        if (code)
            return code;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0)
        return error_set(error, -errno, "cannot use the state directory %s: %s; %s", path,
                         strerrordesc_np(errno), choose_another);
    *out = fd;
    return 0;
}

int state_dir_trust(const char *path, struct error *error)
{
    AUTO_FREE char *whole = NULL;
    struct error reason;
    if (geteuid() != 0)
        return 0;
    if (asprintf(&whole, "%s/" STATE_DIR_DATABASE, path) < 0) {
        whole = NULL;
        return error_set(error, -ENOMEM, "out of memory");
    }
    if (trust_check(whole, &reason) == 0)
        return 0;
    return error_set(error, -EPERM,
                     "%s; as root, awaitd keeps its state only where root alone can write: change "
                     "that, or %s",
                     reason.text, choose_another);
}

/* Who has the lock, as it says itself. */
static int refuse_busy(int lock, const char *path, struct error *error)
{
    char pid[32];
    ssize_t size = pread(lock, pid, sizeof(pid) - 1, 0);
    pid[size > 0 ? size : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    return error_set(error, -EBUSY,
                     "the state directory %s is in use by another awaitd%s%s; end that one, or %s",
                     path, *pid ? ", process " : "", pid, choose_another);
}

int state_dir_lock(int directory, const char *path, int *out, struct error *error)
{
    AUTO_CLOSE int lock = openat(directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (lock < 0)
        return error_set(error, -errno, "cannot write %s/lock: %s; %s", path,
                         strerrordesc_np(errno), choose_another);
    if (flock(lock, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? refuse_busy(lock, path, error)
                                    : error_errno(error, -errno, "cannot lock %s/lock", path);
    (void)fchmod(
        lock, 0600); /* whatever the umask; where it is another's we could open it all the same */
    /* For whoever is refused, and for people. That it cannot be written, as on a full disk, keeps nobody out. */
    char pid[32];
    int size = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) == 0)
        (void)!pwrite(lock, pid, (size_t)size, 0);
    *out = take_fd(&lock);
    return 0;
}

/* Of what is there, the directory itself or the one in which it is to be made. */
static int check_access(const char *path, const char *there, struct error *error)
{
    struct stat status;
    if (stat(there, &status) != 0 || (!S_ISDIR(status.st_mode) && (errno = ENOTDIR)) ||
        access(there, W_OK | X_OK) != 0) {
        bool itself = strcmp(path, there) == 0;
        return error_set(error, -errno, "the state directory %s%s%s: %s; %s", path,
                         itself ? "" : " is to be made in ", itself ? "" : there,
                         strerrordesc_np(errno), choose_another);
    }
    return 0;
}

int state_dir_check(const char *path, bool make_parents, struct error *error)
{
    AUTO_FREE char *there = strdup(path);
    for (int above = 0; there && access(there, F_OK) != 0 && errno == ENOENT; above++) {
        if (above > 0 && !make_parents)
            break;
        char *parent = directory_of(there);
        free(there);
        there = parent;
    }
    if (!there)
        return error_set(error, -ENOMEM, "out of memory");
    int code = check_access(path, there, error);
    return code ? code : state_dir_trust(path, error);
}
