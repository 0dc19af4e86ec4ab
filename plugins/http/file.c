/*
 * Files that jobs name, see file.h. Opened without waiting (a FIFO without a writer would hold the loop for
 * ever), and looked at before anything is read.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int problem_of(const char *what, const char *path, const char *text,
                      struct file_problem *problem)
{
    (void)snprintf(problem->text, sizeof(problem->text), "%s: %s: %s", what, path, text);
    return -1;
}

static const char *kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "is a directory";
    case S_IFIFO:
        return "is a FIFO, not a regular file";
    case S_IFSOCK:
        return "is a socket, not a regular file";
    default:
        return "is a device, not a regular file";
    }
}

int file_open(const char *what, const char *path, struct stat *out, struct file_problem *problem)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return problem_of(what, path,
                          errno == ENXIO ? "is a socket, not a regular file" : strerror(errno),
                          problem);
    if (fstat(fd, &status) != 0)
        (void)problem_of(what, path, strerror(errno), problem);
    else if (!S_ISREG(status.st_mode))
        (void)problem_of(what, path, kind_of(status.st_mode), problem);
    else {
        *out = status;
        return fd;
    }
    (void)close(fd); /* nothing was written */
    return -1;
}

int file_check(const char *what, const char *path, struct file_problem *problem)
{
    struct stat status;
    int fd = file_open(what, path, &status, problem);
    if (fd < 0)
        return -1;
    (void)close(fd); /* nothing was written */
    return 0;
}

/* Cuts the line in two at its first colon: a user's name has none (RFC 7617, 2). */
static int split(const char *path, char *text, char **user, char **password,
                 struct file_problem *problem)
{
    char *end = strchr(text, '\n');
    char *colon = strchr(text, ':');
    if (end && end[1] != '\0')
        return problem_of("credentials_file", path, "has more than one line", problem);
    if (end && end > text && end[-1] == '\r') /* an editor's of another system */
        end--;
    if (end)
        *end = '\0';
    if (!colon)
        return problem_of("credentials_file", path, "has no line user:password", problem);
    *colon = '\0';
    *user = text;
    *password = colon + 1;
    return 0;
}

int file_credentials(const char *path, char text[FILE_CREDENTIALS_BYTES], char **user,
                     char **password, struct file_problem *problem)
{
    struct stat status;
    int fd = file_open("credentials_file", path, &status, problem);
    if (fd < 0)
        return -1;
    int result = -1;
    ssize_t size = read(fd, text, FILE_CREDENTIALS_BYTES);
    if (status.st_mode & (S_IROTH | S_IWOTH))
        (void)problem_of("credentials_file", path,
                         "others may read or write it: take that away with chmod o-rwx", problem);
    else if (size < 0)
        (void)problem_of("credentials_file", path, strerror(errno), problem);
    else if (size == FILE_CREDENTIALS_BYTES || memchr(text, '\0', (size_t)size))
        (void)problem_of("credentials_file", path, "has no line user:password", problem);
    else {
        text[size] = '\0';
        result = split(path, text, user, password, problem);
    }
    (void)close(fd); /* nothing was written */
    return result;
}
