/*
 * Walks over the text of a configuration file in libconfig's own notation (scanner.l of libconfig
 * 1.5): comments, texts, names, numbers, @include. Everything is copied as it stands, except that
 * an integer past 32 bits gets the suffix L, which libconfig wants for it, and an @include becomes
 * the file's text. Understands nothing else: syntax is libconfig's business.
 */
#include "supervisor/config_source.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/problems.h"

/* One file being walked over. */
struct walk {
    struct config_source *source;
    struct problems *problems;
    const char *at, *end;
    uint32_t file, line; /* of `at` */
    unsigned depth;      /* 0: the main file */
    bool may_include;
    bool at_line_start; /* only blanks since the line began */
};

static int walk_file(struct config_source *source, const char *path, unsigned depth,
                     struct problems *problems, struct error *error);

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

/* Says that the text's last line, or the one that begins now, comes from file:line. */
static int begin_line(struct config_source *source, uint32_t file, uint32_t line)
{
    if (source->lines_count == source->lines_capacity) {
        size_t capacity = source->lines_capacity ? 2 * source->lines_capacity : 128;
        void *grown = reallocarray(source->lines, capacity, sizeof(*source->lines));
        if (!grown)
            return -ENOMEM;
        source->lines = grown;
        source->lines_capacity = capacity;
    }
    source->lines[source->lines_count++] = (struct config_source_line){file, line};
    return 0;
}

static void move_line(struct config_source *source, uint32_t file, uint32_t line)
{
    source->lines[source->lines_count - 1] = (struct config_source_line){file, line};
}

static int refuse_size(struct walk *walk)
{
    problems_add(walk->problems, walk->source->files[0], "is larger than %u MiB",
                 CONFIG_SOURCE_MAX >> 20);
    return -EINVAL;
}

/* Copies `size` bytes from where the walk is. */
static int copy(struct walk *walk, size_t size)
{
    struct config_source *source = walk->source;

    if (source->text.size + size > CONFIG_SOURCE_MAX)
        return refuse_size(walk);
    bytes_put(&source->text, walk->at, size);
    for (const char *stop = walk->at + size; walk->at < stop; walk->at++) {
        int result = *walk->at == '\n' ? begin_line(source, walk->file, ++walk->line) : 0;
        if (result < 0)
            return result;
        if (*walk->at == '\n')
            walk->at_line_start = true;
        else if (*walk->at != ' ' && *walk->at != '\t')
            walk->at_line_start = false;
    }
    return source->text.failed ? -ENOMEM : 0;
}

static void refuse(struct walk *walk, const char *text)
{
    char where[CONFIG_WHERE_MAX];

    (void)snprintf(where, sizeof(where), "%s:%u", walk->source->files[walk->file], walk->line);
    problems_add(walk->problems, where, "%s", text);
}

static int copy_line_comment(struct walk *walk)
{
    const char *stop = memchr(walk->at, '\n', (size_t)(walk->end - walk->at));

    return copy(walk, (size_t)((stop ? stop : walk->end) - walk->at));
}

static int copy_comment(struct walk *walk)
{
    const char *stop = memmem(walk->at + 2, (size_t)(walk->end - walk->at - 2), "*/", 2);

    if (!stop) {
        refuse(walk, "this comment has no end");
        return -EINVAL;
    }
    return copy(walk, (size_t)(stop + 2 - walk->at));
}

/* The closing quote of the text that begins here; NULL: there is none. */
static const char *text_end(const struct walk *walk, bool *has_nul)
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

static int copy_text(struct walk *walk)
{
    bool has_nul = false;
    const char *stop = text_end(walk, &has_nul);

    if (!stop) {
        refuse(walk, "this text has no closing quote");
        return -EINVAL;
    }
    if (has_nul)
        refuse(walk, "a text must not contain \\x00");
    return copy(walk, (size_t)(stop + 1 - walk->at));
}

static int copy_name(struct walk *walk)
{
    const char *stop = walk->at;

    while (stop < walk->end && is_name(*stop))
        stop++;
    return copy(walk, (size_t)(stop - walk->at));
}

/* Copies an integer that ends at `stop`, its suffix L not counted. */
static int copy_integer(struct walk *walk, const char *stop, int base)
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
        refuse(walk, "this number does not fit in 64 bits");
    result = copy(walk, size);
    if (result == 0 && !marked && (value < INT_MIN || value > INT_MAX))
        bytes_put(&walk->source->text, "L", 1);
    return result;
}

/* A number, or a sign or point alone: libconfig will judge. */
static int copy_number(struct walk *walk)
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

/* The name of a file that an @include at `walk` names, for the caller to free, and where the
 * directive ends in *stop. NULL: this is no include, or there is no memory. */
static char *include_name(const struct walk *walk, const char **stop)
{
    static const char word[] = "@include";
    const char *at = walk->at, *close;

    if (!walk->at_line_start || (size_t)(walk->end - at) < sizeof(word) - 1 ||
        memcmp(at, word, sizeof(word) - 1) != 0)
        return NULL;
    for (at += sizeof(word) - 1; at < walk->end && (*at == ' ' || *at == '\t'); at++)
        ;
    if (at == walk->end || *at != '"')
        return NULL;
    at++;
    close = memchr(at, '"', (size_t)(walk->end - at));
    if (!close || memchr(at, '\n', (size_t)(close - at)))
        return NULL;
    *stop = close + 1;
    return strndup(at, (size_t)(close - at));
}

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
static int include(struct walk *walk, const char *name, const char *stop)
{
    struct config_source *source = walk->source;
    AUTO_FREE char *path = beside(source->files[walk->file], name);
    struct error error;
    int result;

    if (!path)
        return -ENOMEM;
    if (!walk->may_include) {
        refuse(walk, "@include is not possible here");
        return -EINVAL;
    }
    if (walk->depth + 1 >= CONFIG_SOURCE_DEPTH || source->files_count >= CONFIG_SOURCE_FILES) {
        refuse(walk, "too many files include each other: is this a loop?");
        return -EINVAL;
    }
    error.text[0] = '\0';
    result = walk_file(source, path, walk->depth + 1, walk->problems, &error);
    if (error.text[0]) {
        refuse(walk, error.text);
        return -EINVAL;
    }
    if (result < 0)
        return result;

    /* What stands behind the directive goes on a line of its own. */
    if (source->text.size == 0 || source->text.data[source->text.size - 1] == '\n') {
        move_line(source, walk->file, walk->line);
    } else {
        bytes_put(&source->text, "\n", 1);
        result = begin_line(source, walk->file, walk->line);
    }
    walk->at = stop;
    walk->at_line_start = false;
    return result;
}

static int step(struct walk *walk)
{
    const char *at = walk->at, *stop = NULL;
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
    if (*at == '@') {
        AUTO_FREE char *name = include_name(walk, &stop);
        if (name)
            return include(walk, name, stop);
    }
    return copy(walk, 1);
}

/* Walks over the text of the file that was added last. */
static int walk_text(struct walk *walk)
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
        refuse(walk, "there is a NUL byte in this line");
        return -EINVAL;
    }
    result = source->lines_count == 0 ? begin_line(source, walk->file, 1) : 0;
    if (result == 0)
        move_line(source, walk->file, 1);
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
    struct walk walk = {
        .source = source, .problems = problems, .depth = depth, .may_include = true};
    int result = add_file(source, path);

    if (result == 0)
        result = read_file(path, CONFIG_SOURCE_MAX, &text, error);
    if (result == 0) {
        walk.at = (const char *)text.data;
        walk.end = walk.at + text.size;
        result = text.size > CONFIG_SOURCE_MAX ? refuse_size(&walk) : walk_text(&walk);
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
    struct walk walk = {.source = source, .problems = problems, .at = text, .end = text + size};
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
