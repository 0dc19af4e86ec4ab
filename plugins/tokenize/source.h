/*
 * Where the text comes from: a text in memory, or a file, or a chunk of one. Gives out the bytes from the
 * chunk's first to its last, in pieces of any size.
 *
 * A chunk is given by where it begins and ends, at any bytes, and has the lines that begin in it: the line that a
 * chunk's end cuts belongs to it whole, and the chunk behind has what comes after. So the chunks of a file that
 * was cut anywhere have each line exactly once. (Hadoop splits its text input the same way.) A file without
 * newlines is one line, which belongs to the first chunk.
 *
 * A file is read by pread(2), never mapped: one that is cut short meanwhile is an error then, not a SIGBUS.
 */
#ifndef TOKENIZE_SOURCE_H
#define TOKENIZE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "failure.h"

struct source {
    int fd;              /* -1: a text */
    const uint8_t *text; /* borrowed */
    uint64_t
        size; /* bytes of all there is, as of when it was opened: what is appended later is not read */
    uint64_t at;    /* the next byte to read */
    uint64_t end;   /* lines that begin before it are the chunk's */
    uint64_t bytes; /* given out so far */
    bool skipping;  /* the line at `at` began before the chunk */
    bool ended;     /* all was given out */
};

/* All of a text, which must stay. */
void source_text(struct source *source, const char *text, size_t size);

/* All of a regular file. -errno with the failure: it cannot be opened or is something else, such as a directory or a
 * FIFO, which it does not wait for. */
int source_file(struct source *source, const char *path, struct failure *failure);

/* Only the lines that begin in the bytes [begin, end). Before the first read. What lies past the file's end is as if
 * it were not asked for. */
void source_narrow(struct source *source, uint64_t begin, uint64_t end);

/* Only the part `index` of `parts` parts of about the same size, 0 <= index < parts <= 1,000,000. */
void source_part(struct source *source, uint64_t index, uint64_t parts);

/* Reads up to `room` bytes, at least one; *got may be 0 before the end: then call again. Look at `ended` afterwards.
 * -errno with the failure: a read failed, or the file has become shorter. */
int source_read(struct source *source, uint8_t *buffer, size_t room, size_t *got,
                struct failure *failure);

/* Closes the file. */
void source_close(struct source *source);

#endif
