/*
 * The files of a configuration: reads them, walks over their text, and puts the text of an included file in place
 * of its @include. What is copied on the way, and how, is config_walk.c's business.
 */
#include "supervisor/config_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/problems.h"
#include "supervisor/config_walk.h"

static int walk_file(struct config_source *source, const char *path, unsigned depth,
                     struct problems *problems, struct error *error);

/* `name` as seen from the file that includes it, for the caller to free. */
static char *beside(const char *including, const char *name)
{
    const char *slash = strrchr(including, '/');
    char *path;

    if (name[0] == '/' || !slash)
        return strdup(name);
    if (asprintf(&path, "%.*s/%s", (int)(slash - including), including, name) < 0)
        return NULL;
    return path;
}

/* Puts the text of an included file in place of the directive, which ends at `stop`. */
static int include(struct config_walk *walk, const char *name, const char *stop)
{
    struct config_source *source = walk->source;
    AUTO_FREE char *path = beside(source->files[walk->file], name);
    struct error error;
    int result;

    if (!path)
        return -ENOMEM;
    if (!walk->may_include) {
        config_walk_refuse(walk, "@include is not possible here");
        return -EINVAL;
    }
    if (walk->depth + 1 >= CONFIG_SOURCE_DEPTH || source->files_count >= CONFIG_SOURCE_FILES) {
        config_walk_refuse(walk, "too many files include each other: is this a loop?");
        return -EINVAL;
    }
    error.text[0] = '\0';
    result = walk_file(source, path, walk->depth + 1, walk->problems, &error);
    if (error.text[0]) {
        config_walk_refuse(walk, error.text);
        return -EINVAL;
    }
    if (result < 0)
        return result;

    /* What stands behind the directive goes on a line of its own. */
    if (source->text.size == 0 || source->text.data[source->text.size - 1] == '\n') {
        config_walk_move_line(walk);
    } else {
        bytes_put(&source->text, "\n", 1);
        result = config_walk_begin_line(walk);
    }
    walk->at = stop;
    walk->at_line_start = false;
    return result;
}

static int step(struct config_walk *walk)
{
    AUTO_FREE char *name = NULL;
    const char *stop;
    int result = config_walk_include(walk, &name, &stop);

    if (result == -ENOENT)
        return config_walk_token(walk);
    return result ? result : include(walk, name, stop);
}

/* Walks over the text of the file that was added last. */
static int walk_text(struct config_walk *walk)
{
    struct config_source *source = walk->source;
    const char *nul = memchr(walk->at, '\0', (size_t)(walk->end - walk->at));
    int result;

    walk->file = (uint32_t)source->files_count - 1;
    walk->line = 1;
    walk->at_line_start = true;
    if (nul) {
        for (const char *at = walk->at; at < nul; at++)
            walk->line += *at == '\n';
        config_walk_refuse(walk, "there is a NUL byte in this line");
        return -EINVAL;
    }
    result = source->lines_count == 0 ? config_walk_begin_line(walk) : 0;
    if (result == 0)
        config_walk_move_line(walk);
    while (result == 0 && walk->at < walk->end)
        result = step(walk);
    return result;
}

static int add_file(struct config_source *source, const char *name)
{
    char **grown = reallocarray(source->files, source->files_count + 1, sizeof(*grown));

    if (!grown)
        return -ENOMEM;
    source->files = grown;
    grown[source->files_count] = strdup(name);
    if (!grown[source->files_count])
        return -ENOMEM;
    source->files_count++;
    return 0;
}

/* Reads at most `max` bytes and, to tell that there are more, one. */
static int read_file(const char *path, size_t max, struct bytes *out, struct error *error)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t count = 1;

    if (fd < 0)
        return error_errno(error, -errno, "cannot open %s", path);
    while (count > 0 && out->size <= max) {
        size_t want = max + 1 - out->size < 65536 ? max + 1 - out->size : 65536;
        uint8_t *room = bytes_reserve(out, want);
        if (!room)
            return error_set(error, -ENOMEM, "out of memory");
        do
            count = read(fd, room, want);
        while (count < 0 && errno == EINTR);
        if (count < 0)
            return error_errno(error, -errno, "cannot read %s", path);
        out->size += (size_t)count;
    }
    return 0;
}

static int walk_file(struct config_source *source, const char *path, unsigned depth,
                     struct problems *problems, struct error *error)
{
    struct bytes text = {0};
    struct config_walk walk = {
        .source = source, .problems = problems, .depth = depth, .may_include = true};
    int result = add_file(source, path);

    if (result == 0)
        result = read_file(path, CONFIG_SOURCE_MAX, &text, error);
    if (result == 0) {
        walk.at = (const char *)text.data;
        walk.end = walk.at + text.size;
        result = text.size > CONFIG_SOURCE_MAX ? config_walk_refuse_size(&walk) : walk_text(&walk);
    }
    bytes_free(&text);
    return result;
}

/* Ends the text: with a newline, without which libconfig takes a comment for a mistake, and a NUL. */
static int finish(struct config_source *source, int result, const struct problems *problems,
                  size_t problems_before)
{
    if (result < 0)
        return result;
    bytes_put(&source->text, "\n", 2);
    if (source->text.failed)
        return -ENOMEM;
    return problems->count > problems_before ? -EINVAL : 0;
}

int config_source_read(struct config_source *source, const char *path, struct problems *problems,
                       struct error *error)
{
    size_t before = problems->count;
    int result = walk_file(source, path, 0, problems, error);

    return finish(source, result, problems, before);
}

int config_source_from_text(struct config_source *source, const char *name, const char *text,
                            size_t size, struct problems *problems)
{
    size_t before = problems->count;
    struct config_walk walk = {
        .source = source, .problems = problems, .at = text, .end = text + size};
    int result = add_file(source, name);

    if (result == 0)
        result = walk_text(&walk);
    return finish(source, result, problems, before);
}

const char *config_source_where(const struct config_source *source, unsigned line, char *buffer)
{
    const struct config_source_line *at = &source->lines[0];

    if (line > 0)
        at = &source->lines[line <= source->lines_count ? line - 1 : source->lines_count - 1];
    (void)snprintf(buffer, CONFIG_WHERE_MAX, "%s:%u", source->files[at->file], at->line);
    return buffer;
}

void config_source_clear(struct config_source *source)
{
    bytes_free(&source->text);
    free(source->lines);
    for (size_t i = 0; i < source->files_count; i++)
        free(source->files[i]);
    free(source->files);
    *source = (struct config_source){0};
}
