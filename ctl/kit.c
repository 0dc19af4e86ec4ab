/*
 * Writes a plugin's directory. The directory is made first, which fails where there is one: from then on
 * everything in it is ours, and is taken back when something goes wrong.
 */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "kit_texts.h"

/* How many texts a file is put together from, at most. */
#define PARTS 2

static const char *const style_texts[] = {
    [RUN_ASYNC] = kit_async_c,
    [RUN_FIBER] = kit_fiber_c,
    [RUN_BLOCKING] = kit_blocking_c,
};
_Static_assert(sizeof(style_texts) / sizeof(style_texts[0]) == RUN_STYLES,
               "each style has its text");

struct file {
    const char *name; /* with placeholders, like the texts */
    const char *parts[PARTS];
    bool has_style; /* the style's text follows, behind a blank line */
};

static const struct file files[] = {
    {.name = "@name@.c", .parts = {kit_head_c, kit_params_c}, .has_style = true},
    {.name = "Makefile", .parts = {kit_makefile}},
    {.name = "test.sh", .parts = {kit_test_sh}},
    {.name = "README.md", .parts = {kit_readme_md}},
    {.name = ".gitignore", .parts = {kit_gitignore}},
};
#define FILES (sizeof(files) / sizeof(files[0]))

/* ---- Texts --------------------------------------------------------------------------------------- */

/* The value whose placeholder begins at `at`, and the placeholder's size; NULL: none does. */
static const char *find_value(const char *at, const struct kit_value *values, size_t *size)
{
    for (; values->name; values++) {
        size_t length = strlen(values->name);
        if (strncmp(at + 1, values->name, length) == 0 && at[1 + length] == '@') {
            *size = length + 2;
            return values->text;
        }
    }
    return NULL;
}

static void expand(struct bytes *out, const char *text, const struct kit_value *values)
{
    while (*text) {
        size_t size = strcspn(text, "@");
        bytes_put(out, text, size);
        text += size;
        const char *value = *text ? find_value(text, values, &size) : NULL;
        if (value) {
            bytes_put(out, value, strlen(value));
            text += size;
        } else if (*text) {
            bytes_put(out, text++, 1);
        }
    }
}

/* What was gathered, as a text of its own. */
static char *finish(struct bytes *out)
{
    bytes_put(out, "", 1);
    if (out->failed) {
        bytes_free(out);
        return NULL;
    }
    return (char *)out->data;
}

char *kit_expand(const char *text, const struct kit_value *values)
{
    struct bytes out = {.data = NULL};
    expand(&out, text, values);
    return finish(&out);
}

static char *file_text(const struct file *file, enum run_style style,
                       const struct kit_value *values)
{
    struct bytes out = {.data = NULL};
    for (size_t i = 0; i < PARTS && file->parts[i]; i++)
        expand(&out, file->parts[i], values);
    if (file->has_style) {
        bytes_put(&out, "\n", 1);
        expand(&out, style_texts[style], values);
    }
    return finish(&out);
}

/* ---- Files --------------------------------------------------------------------------------------- */

static int write_file(int directory, const char *name, const char *text, struct error *error)
{
    AUTO_CLOSE int fd =
        openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_errno(error, -errno, "cannot make %s", name);
    for (size_t left = strlen(text); left > 0;) {
        ssize_t size = write(fd, text, left);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_errno(error, -errno, "cannot write %s", name);
        text += size;
        left -= (size_t)size;
    }
    /* Some filesystems tell here that they are full. */
    return close(take_fd(&fd)) == 0 ? 0 : error_errno(error, -errno, "cannot write %s", name);
}

static int write_files(int directory, enum run_style style, const struct kit_value *values,
                       struct error *error)
{
    for (size_t i = 0; i < FILES; i++) {
        AUTO_FREE char *name = kit_expand(files[i].name, values);
        AUTO_FREE char *text = name ? file_text(&files[i], style, values) : NULL;
        if (!text)
            return error_set(error, -ENOMEM, "out of memory");
        int result = write_file(directory, name, text, error);
        if (result)
            return result;
    }
    return 0;
}

/* Takes back what was written; what is not there yet is no failure. */
static void remove_files(int directory, const struct kit_value *values)
{
    for (size_t i = 0; i < FILES; i++) {
        AUTO_FREE char *name = kit_expand(files[i].name, values);
        if (name)
            (void)unlinkat(directory, name, 0);
    }
}

int kit_write(const char *directory, const char *name, enum run_style style, struct error *error)
{
    const struct kit_value values[] = {
        {.name = "name", .text = name},
        {.name = "style", .text = run_style_name(style)},
        {.name = NULL},
    };
    if (mkdir(directory, 0777) != 0) {
        int code = -errno;
        return code == -EEXIST ? error_set(error, code, "%s is there already", directory)
                               : error_errno(error, code, "cannot make %s", directory);
    }
    AUTO_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = fd < 0 ? error_errno(error, -errno, "cannot open %s", directory)
                        : write_files(fd, style, values, error);
    if (result) {
        if (fd >= 0)
            remove_files(fd, values);
        (void)rmdir(directory); /* what others put into it meanwhile stays */
    }
    return result;
}
