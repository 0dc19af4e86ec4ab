/*
 * Reads texts, files and chunks of files; see source.h.
 */

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void source_text(struct source *source, const char *text, size_t size)
{
    *source = (struct source){.fd = -1, .text = (const uint8_t *)text, .size = size, .end = size};
    source->ended = size == 0;
}

static const char *kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a FIFO";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a device";
    }
}

/* Files that the kernel makes up as they are read are regular and of 0 bytes. What is appended to an empty file after
 * a look at it is no such thing: then the file has a size. */
static bool has_no_size(int fd)
{
    struct stat about;
    uint8_t byte;
    return pread(fd, &byte, 1, 0) == 1 && fstat(fd, &about) == 0 && about.st_size == 0;
}

/* Without O_NONBLOCK, opening a FIFO waits for a writer. It means nothing for regular files. */
int source_file(struct source *source, const char *path, struct failure *failure)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return failure_set(failure, -errno, "cannot open %s: %s", path, strerror(errno));
    int result = 0;
    if (fstat(fd, &about))
        result = failure_set(failure, -errno, "cannot read %s: %s", path, strerror(errno));
    else if (!S_ISREG(about.st_mode))
        result = failure_set(failure, -EINVAL, "cannot read %s: it is %s, not a regular file", path,
                             kind_of(about.st_mode));
    else if (about.st_size == 0 && has_no_size(fd))
        result =
            failure_set(failure, -EINVAL,
                        "cannot read %s: it has text, but no size, as files of /proc do", path);
    if (result) {
        (void)close(fd); /* nothing was written */
        return result;
    }
    uint64_t size = (uint64_t)about.st_size;
    *source = (struct source){.fd = fd, .size = size, .end = size, .ended = size == 0};
    return 0;
}

void source_narrow(struct source *source, uint64_t begin, uint64_t end)
{
    source->end = end < source->size ? end : source->size;
    source->ended = begin >= source->end;
    source->skipping = begin > 0;
    /* A line begins at the chunk's first byte when the byte before it is a newline. */
    source->at = begin > 0 ? begin - 1 : 0;
}

/* Where part `index` begins, without an overflow: index, parts <= 1,000,000. */
static uint64_t part_begin(uint64_t size, uint64_t index, uint64_t parts)
{
    return size / parts * index + size % parts * index / parts;
}

void source_part(struct source *source, uint64_t index, uint64_t parts)
{
    source_narrow(source, part_begin(source->size, index, parts),
                  part_begin(source->size, index + 1, parts));
}

/* Reads at source->at, which stays. */
static int read_some(struct source *source, uint8_t *buffer, size_t room, size_t *got,
                     struct failure *failure)
{
    uint64_t left = source->size - source->at;
    size_t wanted = left < room ? (size_t)left : room;
    if (source->fd < 0) {
        memcpy(buffer, source->text + source->at, wanted);
        *got = wanted;
        return 0;
    }
    ssize_t count;
    do
        count = pread(source->fd, buffer, wanted, (off_t)source->at);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return failure_set(failure, -errno, "cannot read at byte %" PRIu64 ": %s", source->at,
                           strerror(errno));
    if (count == 0)
        return failure_set(failure, -EIO,
                           "the file has become shorter while it was read: it ends at byte %" PRIu64
                           ", of %" PRIu64,
                           source->at, source->size);
    *got = (size_t)count;
    return 0;
}

/* Goes on behind the newline that ends the line of the chunk before, if it is among the bytes just read. A newline
 * that is the chunk's last byte begins the next chunk's first line. */
static void skip(struct source *source, const uint8_t *buffer, size_t got)
{
    const uint8_t *newline = memchr(buffer, '\n', got);
    source->skipping = newline == NULL;
    source->at += newline ? (size_t)(newline - buffer) + 1 : got;
    source->ended = source->at >= source->end;
}

/* How many of the bytes are the chunk's: up to the newline that ends the line in which the chunk ends. */
static size_t own(struct source *source, const uint8_t *buffer, size_t got)
{
    uint64_t last = source->end - 1; /* a newline there or later ends the last line */
    if (source->at + got > last) {
        size_t from = last > source->at ? (size_t)(last - source->at) : 0;
        const uint8_t *newline = memchr(buffer + from, '\n', got - from);
        if (newline) {
            source->ended = true;
            return (size_t)(newline - buffer) + 1;
        }
    }
    source->ended = source->at + got == source->size;
    return got;
}

int source_read(struct source *source, uint8_t *buffer, size_t room, size_t *got,
                struct failure *failure)
{
    size_t count = 0;
    if (source->ended) {
        *got = 0;
        return 0;
    }
    int result = read_some(source, buffer, room, &count, failure);
    if (result)
        return result;
    if (source->skipping) {
        skip(source, buffer, count);
        *got = 0;
        return 0;
    }
    count = own(source, buffer, count);
    source->at += count;
    source->bytes += count;
    *got = count;
    return 0;
}

void source_close(struct source *source)
{
    if (source->fd >= 0)
        (void)close(source->fd); /* nothing was written */
    source->fd = -1;
}
