/*
 * Reads options by their tables. Not getopt: it takes abbreviations, which break scripts when a
 * new option makes one ambiguous, and keeps its state in globals.
 */
#include "options.h"

#include <errno.h>
#include <string.h>
#include "base/parse.h"
#include "ctl.h"

static const struct option_row common_rows[] = {
    OPTION(struct ctl, socket, .name = "socket", .argument = "PATH",
           .text = "the daemon's control socket (default: $AWAITD_SOCKET, else the usual place)"),
    OPTION(struct ctl, json, .name = "json",
           .text = "print what the protocol said, one message per line"),
    OPTION(struct ctl, quiet, .name = "quiet", .letter = 'q',
           .text = "print nothing but data and errors"),
    OPTION(struct ctl, help, .name = "help", .letter = 'h', .text = "show this help"),
    OPTION(struct ctl, version, .name = "version", .letter = 'V',
           .text = "show the version of awaitctl"),
    OPTIONS_END,
};

/* An option as it stands on the command line. */
struct given {
    const char *name; /* what follows the dashes */
    size_t size;      /* of the name, in bytes */
    bool is_long;
    const char *value; /* the rest of the same argument; NULL: none there */
};

static const struct option_row *find_row(const struct option_row *rows, const struct given *given)
{
    for (; rows && rows->type != OPTION_END; rows++) {
        if (given->is_long ? strlen(rows->name) == given->size &&
                                 memcmp(rows->name, given->name, given->size) == 0
                           : rows->letter == given->name[0])
            return rows;
    }
    return NULL;
}

/* Writes a value into the field of its row. */
static int set_field(struct ctl *ctl, const struct option_row *row, const char *value, void *field)
{
    switch (row->type) {
    case OPTION_END:
        break;
    case OPTION_FLAG:
        *(bool *)field = true;
        break;
    case OPTION_TEXT:
        if (row->once && *(const char **)field)
            return ctl_fail(ctl, CTL_USAGE, "--%s: given twice", row->name);
        *(const char **)field = value;
        break;
    case OPTION_INTEGER: {
        int64_t number;
        if (parse_integer(value, &number) < 0)
            return ctl_fail(ctl, CTL_USAGE, "--%s: '%s' is not an integer", row->name, value);
        if (number < row->min)
            return ctl_fail(ctl, CTL_USAGE, "--%s: must be at least %jd", row->name,
                            (intmax_t)row->min);
        *(int64_t *)field = number;
        break;
    }
    case OPTION_SPAN: {
        struct option_span span = {.given = true};
        if (parse_span(value, &span.seconds) < 0)
            return ctl_fail(ctl, CTL_USAGE,
                            "--%s: '%s' is not a time span such as 1.5, 250ms or 1h30min",
                            row->name, value);
        if (span.seconds < 0)
            return ctl_fail(ctl, CTL_USAGE, "--%s: must be at least 0", row->name);
        *(struct option_span *)field = span;
        break;
    }
    }
    return CTL_OK;
}

/* What the option reader is at work on. */
struct reader {
    struct ctl *ctl;
    const struct option_row *rows; /* the command's; NULL: none */
    void *out;
    char **next, **end; /* arguments not yet looked at */
    const char *hint;   /* told with an unknown option */
};

/* Reads one option. *rest becomes the letters left in a run of short flags such as -qh, or NULL. */
static int read_option(struct reader *reader, const struct given *given, const char **rest)
{
    const char *dashes = given->is_long ? "--" : "-";
    int name_size = (int)given->size;
    const struct option_row *row = find_row(common_rows, given);
    char *base = (char *)reader->ctl;
    if (!row) {
        row = find_row(reader->rows, given);
        base = reader->out;
    }
    if (!row)
        return ctl_fail(reader->ctl, CTL_USAGE, "unknown option %s%.*s%s", dashes, name_size,
                        given->name, reader->hint);

    const char *value = given->value;
    if (row->type == OPTION_FLAG) {
        if (value && given->is_long)
            return ctl_fail(reader->ctl, CTL_USAGE, "--%s takes no value", row->name);
        *rest = value;
    } else if (!value) {
        if (reader->next == reader->end)
            return ctl_fail(reader->ctl, CTL_USAGE, "%s%.*s needs a value: %s", dashes, name_size,
                            given->name, row->argument);
        value = *reader->next++;
    }
    return set_field(reader->ctl, row, value, base + row->offset);
}

static int read_long(struct reader *reader, const char *text)
{
    const char *equals = strchr(text, '='), *rest = NULL;
    struct given given = {.name = text, .size = strlen(text), .is_long = true};
    if (equals) {
        given.size = (size_t)(equals - text);
        given.value = equals + 1;
    }
    return read_option(reader, &given, &rest);
}

static int read_short(struct reader *reader, const char *letters)
{
    while (letters) {
        struct given given = {.name = letters, .size = 1};
        given.value = letters[1] ? letters + 1 : NULL;
        letters = NULL;
        int code = read_option(reader, &given, &letters);
        if (code)
            return code;
    }
    return CTL_OK;
}

int options_read(struct ctl *ctl, const struct command *command, void *out, int *count,
                 char **arguments)
{
    struct reader reader = {
        .ctl = ctl,
        .rows = command ? command->options : NULL,
        .out = out,
        .next = arguments,
        .end = arguments + *count,
        .hint = "",
    };
    int kept = 0, words = -1;
    bool options_over = false;
    while (reader.next < reader.end) {
        char *argument = *reader.next++;
        int code = CTL_OK;
        if (options_over || argument[0] != '-' || argument[1] == '\0') {
            options_over |= !command;
            arguments[kept++] = argument;
            if (command && command->words_hint)
                reader.hint = command->words_hint;
        } else if (strcmp(argument, "--") == 0) {
            options_over = true;
            words = kept;
        } else if (argument[1] == '-') {
            code = read_long(&reader, argument + 2);
        } else {
            code = read_short(&reader, argument + 1);
        }
        if (code)
            return code;
    }
    *count = kept;
    ctl->words = words < 0 ? kept : words;
    return CTL_OK;
}

void options_help(const struct option_row *rows, FILE *file)
{
    for (const struct option_row *row = rows ? rows : common_rows; row->type != OPTION_END; row++) {
        char left[40];
        int size = row->letter ? snprintf(left, sizeof(left), "-%c, ", row->letter)
                               : snprintf(left, sizeof(left), "    ");
        (void)snprintf(left + size, sizeof(left) - (size_t)size, "--%s%s%s", row->name,
                       row->argument ? " " : "", row->argument ? row->argument : "");
        (void)fprintf(file, "  %-22s  %s\n", left, row->text);
    }
}
