/*
 * Details as lines. Calls itself for each level of nesting, which the daemon bounds.
 */
#include "details_text.h"

#include <string.h>
#include "base/cleanup.h"
#include "text.h"

/* Bytes of a value that are shown: some lines of a terminal. All of it is in what --json prints. */
#define VALUE_SHOWN 300

/* The way to a value: the names of the objects around it. */
struct path {
    const struct path *around;
    const char *name;
};

static void put_path(const struct path *path, FILE *file)
{
    if (path->around) {
        put_path(path->around, file);
        (void)fputc('.', file); /* the stream remembers errors; main looks at the end */
    }
    text_put(file, path->name, strlen(path->name));
}

/* Cut between two characters. */
static void put_cut(const char *text, size_t size, FILE *file)
{
    size_t shown = size;
    if (size > VALUE_SHOWN) {
        shown = VALUE_SHOWN;
        while (shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
            shown--;
    }
    text_put(file, text, shown);
    if (shown < size)
        (void)fprintf(file, "... (%zu bytes)", size);
}

static void put_value(const json_t *value, FILE *file)
{
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        size_t size = json_string_length(value);
        put_cut(text, size > 0 && text[size - 1] == '\n' ? size - 1 : size, file);
        return;
    }
    AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (text)
        put_cut(text, strlen(text), file);
}

static void print(const json_t *object, const struct path *around, FILE *file)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)object, name, value) {
        struct path path = {.around = around, .name = name};
        if (json_object_size(value) > 0) {
            print(value, &path, file);
            continue;
        }
        (void)fputs("  ", file);
        put_path(&path, file);
        (void)fputs(": ", file);
        put_value(value, file);
        (void)fputc('\n', file);
    }
}

void details_text_print(const json_t *details, FILE *file)
{
    flockfile(file); /* lines of a private daemon's log may come in between, but not into a line */
    print(details, NULL, file);
    funlockfile(file);
}
