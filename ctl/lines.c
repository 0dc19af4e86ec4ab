/*
 * Reads a file line by line. The last line may lack its newline.
 */
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes read at once: what a pipe holds. */
#define READ_BYTES ((size_t)64 << 10)

int lines_next(struct lines *lines, const char **line, size_t *size)
{
    size_t left = lines->end - lines->looked_at;
    char *newline = left > 0 ? memchr(lines->buffer + lines->looked_at, '\n', left) : NULL;
    size_t line_end = newline ? (size_t)(newline - lines->buffer) : lines->end;
    if (lines->max > 0 && line_end - lines->start > lines->max)
        return -E2BIG;
    if (!newline && !lines->at_eof) {
        lines->looked_at = lines->end;
        return -EAGAIN;
    }
    if (!newline && line_end == lines->start)
        return 0;
    *line = lines->buffer + lines->start;
    *size = line_end - lines->start;
    lines->start = lines->looked_at = newline ? line_end + 1 : line_end;
    lines->number++;
    return 1;
}

int lines_fill(struct lines *lines)
{
    if (lines->start > 0) {
        memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
        lines->looked_at -= lines->start;
        lines->end -= lines->start;
        lines->start = 0;
    }
    if (lines->capacity - lines->end < READ_BYTES) {
        size_t capacity = lines->capacity * 2 + READ_BYTES;
        char *buffer = realloc(lines->buffer, capacity);
        if (!buffer)
            return -ENOMEM;
        lines->buffer = buffer;
        lines->capacity = capacity;
    }
    ssize_t size = read(lines->fd, lines->buffer + lines->end, lines->capacity - lines->end);
    if (size < 0)
        return -errno;
    lines->end += (size_t)size;
    lines->at_eof = size == 0;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

bool lines_trim(const char **line, size_t *size)
{
    while (*size > 0 && is_blank(**line)) {
        (*line)++;
        (*size)--;
    }
    while (*size > 0 && is_blank((*line)[*size - 1]))
        (*size)--;
    return *size > 0 && **line != '#';
}

const char *lines_peek(const struct lines *lines, size_t *size)
{
    *size = lines->end - lines->start;
    return lines->buffer ? lines->buffer + lines->start : "";
}

void lines_free(struct lines *lines)
{
    free(lines->buffer);
    lines->buffer = NULL;
}
