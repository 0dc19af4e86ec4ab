/*
 * Files that jobs name: bodies, certificates, credentials. Only regular files, so that nothing waits on a pipe
 * or a device. Loop thread; reading them may wait for a disk.
 */
#ifndef AWAITD_HTTP_FILE_H
#define AWAITD_HTTP_FILE_H

#include <stddef.h>
#include <sys/stat.h>

/* Bytes that a credentials file has at most, its newline and a NUL included: far more than names and passwords
 * have. */
#define FILE_CREDENTIALS_BYTES 4096

/* What is wrong, for people. */
struct file_problem {
    char text[512];
};

/* Opens the file that the parameter `what` names. Returns its descriptor, for close(), and *out; -1 and the
 * problem where it cannot be read or is no regular file. */
int file_open(const char *what, const char *path, struct stat *out, struct file_problem *problem);

/* 0 where a library may open the file by its name: it is there, readable and regular; -1 and the problem. */
int file_check(const char *what, const char *path, struct file_problem *problem);

/* Reads a file with one line, user:password, that others may not read. On success 0; *user and *password point
 * into `text`, which the caller wipes when done. */
int file_credentials(const char *path, char text[FILE_CREDENTIALS_BYTES], char **user,
                     char **password, struct file_problem *problem);

#endif
