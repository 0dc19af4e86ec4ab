/*
 * Everything is copied as it stands, except that an integer past 32 bits gets the suffix L, which libconfig wants
 * for it. What libconfig would take without a word is refused: comments and texts without an end, numbers past 64
 * bits. With each newline it is noted where the next line comes from.
 */
#include "supervisor/config_walk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/problems.h"
#include "supervisor/config_source.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

static bool is_name(char c)
{
    return is_name_start(c) || is_digit(c) || c == '-' || c == '_';
}

void config_walk_move_line(const struct config_walk *walk)
{
    struct config_source *source = walk->source;

    source->lines[source->lines_count - 1] = (struct config_source_line){walk->file, walk->line};
}

int config_walk_begin_line(const struct config_walk *walk)
{
    struct config_source *source = walk->source;

    if (source->lines_count == source->lines_capacity) {
        size_t capacity = source->lines_capacity ? 2 * source->lines_capacity : 128;
        void *grown = reallocarray(source->lines, capacity, sizeof(*source->lines));
        if (!grown)
            return -ENOMEM;
        source->lines = grown;
        source->lines_capacity = capacity;
    }
    source->lines_count++;
    config_walk_move_line(walk);
    return 0;
}

int config_walk_refuse_size(struct config_walk *walk)
{
    problems_add(walk->problems, walk->source->files[0], "is larger than %u MiB",
                 CONFIG_SOURCE_MAX >> 20);
    return -EINVAL;
}

/* Copies `size` bytes from where the walk is. */
static int copy(struct config_walk *walk, size_t size)
{
    struct config_source *source = walk->source;

    if (source->text.size + size > CONFIG_SOURCE_MAX)
        return config_walk_refuse_size(walk);
    bytes_put(&source->text, walk->at, size);
    for (const char *stop = walk->at + size; walk->at < stop; walk->at++) {
        bool ends_line = *walk->at == '\n';
        walk->line += ends_line;
        int result = ends_line ? config_walk_begin_line(walk) : 0;
        if (result < 0)
            return result;
        if (ends_line)
            walk->at_line_start = true;
        else if (*walk->at != ' ' && *walk->at != '\t')
            walk->at_line_start = false;
    }
    return source->text.failed ? -ENOMEM : 0;
}

void config_walk_refuse(struct config_walk *walk, const char *text)
{
    char where[CONFIG_WHERE_MAX];

    (void)snprintf(where, sizeof(where), "%s:%u", walk->source->files[walk->file], walk->line);
    problems_add(walk->problems, where, "%s", text);
}

static int copy_line_comment(struct config_walk *walk)
{
    const char *stop = memchr(walk->at, '\n', (size_t)(walk->end - walk->at));

    return copy(walk, (size_t)((stop ? stop : walk->end) - walk->at));
}

static int copy_comment(struct config_walk *walk)
{
    const char *stop = memmem(walk->at + 2, (size_t)(walk->end - walk->at - 2), "*/", 2);

    if (!stop) {
        config_walk_refuse(walk, "this comment has no end");
        return -EINVAL;
    }
    return copy(walk, (size_t)(stop + 2 - walk->at));
}

/* The closing quote of the text that begins here; NULL: there is none. */
static const char *text_end(const struct config_walk *walk, bool *has_nul)
{
    for (const char *at = walk->at + 1; at < walk->end; at++) {
        if (*at == '"')
            return at;
        if (*at != '\\' || at + 1 == walk->end)
            continue;
        at++;
        if ((*at == 'x' || *at == 'X') && walk->end - at > 2 && at[1] == '0' && at[2] == '0')
            *has_nul = true;
    }
    return NULL;
}

static int copy_text(struct config_walk *walk)
{
    bool has_nul = false;
    const char *stop = text_end(walk, &has_nul);

    if (!stop) {
        config_walk_refuse(walk, "this text has no closing quote");
        return -EINVAL;
    }
    if (has_nul)
        config_walk_refuse(walk, "a text must not contain \\x00");
    return copy(walk, (size_t)(stop + 1 - walk->at));
}

static int copy_name(struct config_walk *walk)
{
    const char *stop = walk->at;

    while (stop < walk->end && is_name(*stop))
        stop++;
    return copy(walk, (size_t)(stop - walk->at));
}

/* Copies an integer that ends at `stop`, its suffix L not counted. */
static int copy_integer(struct config_walk *walk, const char *stop, int base)
{
    char digits[70];
    size_t size = (size_t)(stop - walk->at);
    bool marked = stop < walk->end && *stop == 'L';
    long long value;
    int result;

    (void)snprintf(digits, sizeof(digits), "%.*s", (int)(size < 69 ? size : 69), walk->at);
    errno = 0;
    value = strtoll(digits, NULL, base);
    if (errno == ERANGE || size >= sizeof(digits))
        config_walk_refuse(walk, "this number does not fit in 64 bits");
    result = copy(walk, size);
    if (result == 0 && !marked && (value < INT_MIN || value > INT_MAX))
        bytes_put(&walk->source->text, "L", 1);
    return result;
}

/* A number, or a sign or point alone: libconfig will judge. */
static int copy_number(struct config_walk *walk)
{
    const char *at = walk->at, *digits;

    if (walk->end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        for (at += 2; at < walk->end && strchr("0123456789abcdefABCDEF", *at); at++)
            ;
        return copy_integer(walk, at, 16);
    }
    if (*at == '-' || *at == '+')
        at++;
    for (digits = at; at < walk->end && is_digit(*at); at++)
        ;
    if (at > digits && (at == walk->end || !strchr(".eE", *at)))
        return copy_integer(walk, at, 10);

    while (at < walk->end && (is_digit(*at) || *at == '.'))
        at++;
    if (at < walk->end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < walk->end && (*at == '-' || *at == '+'))
            at++;
        while (at < walk->end && is_digit(*at))
            at++;
    }
    return copy(walk, at > walk->at ? (size_t)(at - walk->at) : 1);
}

int config_walk_token(struct config_walk *walk)
{
    const char *at = walk->at;
    char next = at + 1 < walk->end ? at[1] : '\0';

    if (*at == '#' || (*at == '/' && next == '/'))
        return copy_line_comment(walk);
    if (*at == '/' && next == '*')
        return copy_comment(walk);
    if (*at == '"')
        return copy_text(walk);
    if (is_name_start(*at))
        return copy_name(walk);
    if (is_digit(*at) || *at == '.' || *at == '-' || *at == '+')
        return copy_number(walk);
    return copy(walk, 1);
}

int config_walk_include(const struct config_walk *walk, char **name, const char **stop)
{
    static const char word[] = "@include";
    const char *at = walk->at, *close;

    if (!walk->at_line_start || (size_t)(walk->end - at) < sizeof(word) - 1 ||
        memcmp(at, word, sizeof(word) - 1) != 0)
        return -ENOENT;
    for (at += sizeof(word) - 1; at < walk->end && (*at == ' ' || *at == '\t'); at++)
        ;
    if (at == walk->end || *at != '"')
        return -ENOENT;
    at++;
    close = memchr(at, '"', (size_t)(walk->end - at));
    if (!close || memchr(at, '\n', (size_t)(close - at)))
        return -ENOENT;
    char *copy = strndup(at, (size_t)(close - at));
    if (!copy)
        return -ENOMEM;
    *name = copy;
    *stop = close + 1;
    return 0;
}
