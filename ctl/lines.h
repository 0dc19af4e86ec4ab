/*
 * Reads a file line by line without ever waiting by itself, so that a slow writer can be waited for
 * together with a socket.
 */
#ifndef AWAITCTL_LINES_H
#define AWAITCTL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed but for fd and max = at the start of the file. */
struct lines {
    int fd;     /* not owned */
    size_t max; /* bytes of a line; longer ones are refused. 0: no limit */
    char *buffer;
    size_t start, looked_at, end, capacity;
    bool at_eof;
    uint64_t number; /* of the last line given out, from 1 */
};

/* The next line that was read, without its newline, not NUL-terminated; valid until the next call of
 * either function. 1: here it is; 0: the file is over; -EAGAIN: lines_fill() must read more;
 * -E2BIG: line number + 1 is too long. */
int lines_next(struct lines *lines, const char **line, size_t *size);

/* One read(2). 0, or a negative errno: -EINTR, -ENOMEM, and what reading said. */
int lines_fill(struct lines *lines);

/* Takes the blanks off both ends of a line; false: nothing is left, or a comment (#). */
bool lines_trim(const char **line, size_t *size);

/* The first `*size` bytes of the file that were read and not given out. */
const char *lines_peek(const struct lines *lines, size_t *size);

void lines_free(struct lines *lines);

#endif
