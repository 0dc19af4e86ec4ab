/*
 * Options of the command line: one row each, from which they are read and their help is printed.
 * Long options may be written --name VALUE or --name=VALUE, in full; options and arguments may be
 * mixed; "--" ends the options.
 */
#ifndef AWAITCTL_OPTIONS_H
#define AWAITCTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ctl;
struct command;

/* A span of time that may be left out. */
struct option_span {
    bool given;
    double seconds; /* at least 0 */
};

enum option_type {
    OPTION_END = 0, /* closes a table */
    OPTION_FLAG,    /* bool; takes no value */
    OPTION_INTEGER, /* int64_t; 0 where not given */
    OPTION_TEXT,    /* const char *; NULL where not given */
    OPTION_SPAN,    /* struct option_span */
};

struct option_row {
    const char *name; /* without the dashes */
    char letter;      /* the short form; 0: none */
    enum option_type type;
    size_t offset;        /* of the field in the command's own struct */
    const char *argument; /* what its value is called in the help; NULL for flags */
    const char *text;     /* for the help: begins in lower case, no full stop */
    int64_t min;          /* for integers */
    bool once;            /* for texts: to give it twice is an error */
};

#define OPTION_TYPE_OF(value) \
    _Generic((value), \
        bool: OPTION_FLAG, \
        int64_t: OPTION_INTEGER, \
        const char *: OPTION_TEXT, \
        struct option_span: OPTION_SPAN)

/* A row for a field of the command's struct. */
#define OPTION(option_struct, field, ...) \
    { \
        .type = OPTION_TYPE_OF(((option_struct *)0)->field), \
        .offset = offsetof(option_struct, field), __VA_ARGS__ \
    }

#define OPTIONS_END \
    { \
        .type = OPTION_END \
    }

/*
 * Reads the options at the front or in the middle of arguments[0 .. *count - 1]: those of every
 * command into *ctl, the command's own into *out. Arguments that are none are moved to the front
 * and *count becomes their number; ctl->words how many of them stand in front of "--". A NULL `command`: stops at the first such argument, and the
 * function returns with everything from it on at the front. CTL_USAGE: *ctl tells.
 */
int options_read(struct ctl *ctl, const struct command *command, void *out, int *count,
                 char **arguments);

/* Prints a table of options with their texts; NULL: those of every command. */
void options_help(const struct option_row *rows, FILE *file);

#endif
