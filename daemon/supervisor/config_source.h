/*
 * The text of a configuration file, ready for libconfig: read whole, included files put in place, and
 * checked for what libconfig 1.5 takes without a word: integers that do not fit (it cuts them to 32
 * bits), comments and texts without an end, NUL bytes. Remembers which line came from where.
 */
#ifndef AWAITD_SUPERVISOR_CONFIG_SOURCE_H
#define AWAITD_SUPERVISOR_CONFIG_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"

struct problems;
struct error;

/* The most bytes of configuration, included files counted: a file this large is a mistake, such as
 * the name of a disk image. */
#define CONFIG_SOURCE_MAX (16u << 20)

/* How deep files may include each other, and how many there may be; a loop ends here. */
#define CONFIG_SOURCE_DEPTH 10
#define CONFIG_SOURCE_FILES 1000

/* "FILE:LINE" with the longest path. */
#define CONFIG_WHERE_MAX (4096 + 16)

struct config_source_line {
    uint32_t file; /* in `files` */
    uint32_t line; /* from 1 */
};

/* Zeroed = empty. */
struct config_source {
    struct bytes text; /* ends with a NUL, which is counted in its size */
    struct config_source_line *lines;
    size_t lines_count, lines_capacity;
    char **files; /* as they were named: the first is the main one */
    size_t files_count;
};

/*
 * Reads `path` and what it includes; a relative name is looked for beside the file that includes it.
 * 0; -EINVAL: problems were added; another negative errno: the file cannot be read, and *error tells.
 * The source is to be cleared in each case.
 */
int config_source_read(struct config_source *source, const char *path, struct problems *problems,
                       struct error *error);

/* The same from memory; `name` stands for the file. Includes are refused. */
int config_source_from_text(struct config_source *source, const char *name, const char *text,
                            size_t size, struct problems *problems);

/* Where a line of the text (from 1) came from, as "FILE:LINE". Writes CONFIG_WHERE_MAX bytes to `buffer`
 * and returns it. */
const char *config_source_where(const struct config_source *source, unsigned line, char *buffer);

void config_source_clear(struct config_source *source);

#endif
