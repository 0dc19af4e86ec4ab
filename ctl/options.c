/*
 * Reads options by their tables. Not getopt: it takes abbreviations, which break scripts when a
 * new option makes one ambiguous, and keeps its state in globals.
 */
#include "options.h"

#include <errno.h>
#include <string.h>
#include "base/parse.h"
#include "base/rate.h"
#include "ctl.h"

static const struct option_row common_rows[] = {
    OPTION(struct ctl, socket, .name = "socket", .argument = "PATH",
           .text = "the daemon's control socket (default: $AWAITD_SOCKET, else the usual place)"),
    OPTION(struct ctl, json, .name = "json",
           .text = "print what the protocol said, one message per line"),
    OPTION(struct ctl, quiet, .name = "quiet", .letter = 'q',
           .text = "print nothing but data and errors"),
    OPTION(struct ctl, reconnect, .name = "reconnect", .argument = "SPAN",
           .text = "try again that long when the daemon went away (default: 30; 0: not at all)"),
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

static bool is_row(const struct option_row *row, const struct given *given)
{
    if (given->is_long)
        return strlen(row->name) == given->size && memcmp(row->name, given->name, given->size) == 0;
    return row->letter == given->name[0];
}

/* Finds the option's row; *base, the struct that the rows are about, becomes the one that this row is about. */
static const struct option_row *find_row(const struct option_row *rows, const struct given *given,
                                         char **base)
{
    for (; rows && rows->type != OPTION_END; rows++) {
        char *inner = *base + rows->offset;
        const struct option_row *row = rows;
        if (rows->type == OPTION_ROWS ? !(row = find_row(rows->rows, given, &inner))
                                      : !is_row(rows, given))
            continue;
        if (rows->type == OPTION_ROWS)
            *base = inner;
        return row;
    }
    return NULL;
}

static int read_integer(struct ctl *ctl, const struct option_row *row, const char *value,
                        int64_t *out)
{
    int64_t number;
    if (parse_integer(value, &number) < 0)
        return ctl_fail(ctl, CTL_USAGE, "--%s: '%s' is not an integer", row->name, value);
    if (number < row->min)
        return ctl_fail(ctl, CTL_USAGE, "--%s: must be at least %jd", row->name,
                        (intmax_t)row->min);
    *out = number;
    return CTL_OK;
}

static int read_span(struct ctl *ctl, const struct option_row *row, const char *value,
                     struct option_span *out)
{
    double seconds;
    if (parse_span(value, &seconds) < 0)
        return ctl_fail(ctl, CTL_USAGE,
                        "--%s: '%s' is not a time span such as 1.5, 250ms or 1h30min", row->name,
                        value);
    if (seconds < 0)
        return ctl_fail(ctl, CTL_USAGE, "--%s: must be at least 0", row->name);
    *out = (struct option_span){.given = true, .seconds = seconds};
    return CTL_OK;
}

/* A rate that is one, but too fast or too slow, is left to the daemon, which knows what is. */
static int read_rate(struct ctl *ctl, const struct option_row *row, const char *value,
                     struct option_rate *out)
{
    struct rate rate;
    if (rate_parse(value, &rate) == -EINVAL)
        return ctl_fail(ctl, CTL_USAGE,
                        "--%s: '%s' is not a rate such as 100/s, 10/min or '2/h burst 20'",
                        row->name, value);
    out->text = value;
    return CTL_OK;
}

/* Writes a value into the field of its row. */
static int set_field(struct ctl *ctl, const struct option_row *row, const char *value, void *field)
{
    switch (row->type) {
    case OPTION_END:
    case OPTION_ROWS:
        break;
    case OPTION_FLAG:
        *(bool *)field = true;
        break;
    case OPTION_TEXT:
        if (row->once && *(const char **)field)
            return ctl_fail(ctl, CTL_USAGE, "--%s: given twice", row->name);
        *(const char **)field = value;
        break;
    case OPTION_INTEGER:
        return read_integer(ctl, row, value, field);
    case OPTION_NUMBER: {
        struct option_number *number = field;
        number->given = true;
        return read_integer(ctl, row, value, &number->value);
    }
    case OPTION_SPAN:
        return read_span(ctl, row, value, field);
    case OPTION_RATE:
        return read_rate(ctl, row, value, field);
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
    char *base = (char *)reader->ctl;
    const struct option_row *row = find_row(common_rows, given, &base);
    if (!row) {
        base = reader->out;
        row = find_row(reader->rows, given, &base);
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

/* The value of an option that was given, as JSON. False: it was not given. */
static bool value_of(const struct option_row *row, const void *field, json_t **out)
{
    switch (row->type) {
    case OPTION_END:
    case OPTION_ROWS:
        return false;
    case OPTION_FLAG:
        *out = json_boolean(!row->clears);
        return *(const bool *)field;
    case OPTION_INTEGER:
        *out = json_integer(*(const int64_t *)field);
        return *(const int64_t *)field != 0;
    case OPTION_NUMBER:
        *out = json_integer(((const struct option_number *)field)->value);
        return ((const struct option_number *)field)->given;
    case OPTION_SPAN:
        *out = json_real(((const struct option_span *)field)->seconds);
        return ((const struct option_span *)field)->given;
    case OPTION_TEXT:
        *out = json_string(*(const char *const *)field);
        return *(const char *const *)field != NULL;
    case OPTION_RATE:
        *out = json_string(((const struct option_rate *)field)->text);
        return ((const struct option_rate *)field)->text != NULL;
    }
    return false;
}

int options_visit_members(const struct option_row *rows, const void *options, option_visitor *visit,
                          void *context)
{
    int code = CTL_OK;
    for (const struct option_row *row = rows; row->type != OPTION_END && code == CTL_OK; row++) {
        const char *field = (const char *)options + row->offset;
        json_t *value = NULL;
        if (row->type == OPTION_ROWS)
            code = options_visit_members(row->rows, field, visit, context);
        else if (row->member && value_of(row, field, &value))
            code = visit(context, row, value);
        json_decref(value);
    }
    return code;
}

/* Columns of the options in the help; longer ones push their text to the right. */
#define HELP_COLUMNS 23

void options_help(const struct option_row *rows, FILE *file)
{
    for (const struct option_row *row = rows ? rows : common_rows; row->type != OPTION_END; row++) {
        if (row->type == OPTION_ROWS) {
            options_help(row->rows, file);
            continue;
        }
        char left[48];
        int size = row->letter ? snprintf(left, sizeof(left), "-%c, ", row->letter)
                               : snprintf(left, sizeof(left), "    ");
        (void)snprintf(left + size, sizeof(left) - (size_t)size, "--%s%s%s", row->name,
                       row->argument ? " " : "", row->argument ? row->argument : "");
        (void)fprintf(file, "  %-*s %s\n", HELP_COLUMNS, left, row->text);
    }
}
