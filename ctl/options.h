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
#include <jansson.h>

struct ctl;
struct command;

/* A span of time that may be left out. */
struct option_span {
    bool given;
    double seconds; /* at least 0 */
};

/* An integer that may be left out, where 0 is a value as any other. */
struct option_number {
    bool given;
    int64_t value;
};

/* A rate such as "10/min burst 3", read by rate_parse(). */
struct option_rate {
    const char *text; /* as it was given; NULL: not given */
};

enum option_type {
    OPTION_END = 0, /* closes a table */
    OPTION_FLAG,    /* bool; takes no value */
    OPTION_INTEGER, /* int64_t; 0 where not given */
    OPTION_TEXT,    /* const char *; NULL where not given */
    OPTION_SPAN,    /* struct option_span */
    OPTION_NUMBER,  /* struct option_number */
    OPTION_RATE,    /* struct option_rate */
    OPTION_ROWS,    /* no option: a struct of options that several commands have */
};

struct option_row {
    const char *name; /* without the dashes */
    char letter;      /* the short form; 0: none */
    enum option_type type;
    size_t offset;        /* of the field in the command's own struct */
    const char *argument; /* what its value is called in the help; NULL for flags */
    const char *text;     /* for the help: begins in lower case, no full stop */
    int64_t min;          /* for integers and numbers */
    bool once;            /* for texts: to give it twice is an error */
    /* The member of the protocol's params that it becomes: "limit", "retry.max"; NULL: none. */
    const char *member;
    bool clears;                   /* for flags: the member becomes false */
    const struct option_row *rows; /* of OPTION_ROWS, the struct's own table */
};

#define OPTION_TYPE_OF(value) \
    _Generic((value), \
        bool: OPTION_FLAG, \
        int64_t: OPTION_INTEGER, \
        const char *: OPTION_TEXT, \
        struct option_span: OPTION_SPAN, \
        struct option_number: OPTION_NUMBER, \
        struct option_rate: OPTION_RATE)

/* A row for a field of the command's struct. */
#define OPTION(option_struct, field, ...) \
    { \
        .type = OPTION_TYPE_OF(((option_struct *)0)->field), \
        .offset = offsetof(option_struct, field), __VA_ARGS__ \
    }

/* The rows of a field that is itself a struct of options, with a table of its own. */
#define OPTION_ROWS_OF(option_struct, field, table) \
    { \
        .type = OPTION_ROWS, .offset = offsetof(option_struct, field), .rows = (table) \
    }

#define OPTIONS_END \
    { \
        .type = OPTION_END \
    }

/*
 * Reads the options at the front or in the middle of arguments[0 .. *count - 1]: those of every
 * command into *ctl, the command's own into *out. Arguments that are none are moved to the front
 * and *count becomes their number; ctl->words how many of them stand in front of "--". A NULL `command`: stops at
 * the first such argument, and the function returns with everything from it on at the front. CTL_USAGE: *ctl
 * tells.
 */
int options_read(struct ctl *ctl, const struct command *command, void *out, int *count,
                 char **arguments);

/* Calls `visit` with each option that was given and is a member of the protocol, and its value as JSON (owned by
 * the call; NULL: out of memory, or a text that is not UTF-8). Ends with the first code other than CTL_OK, and
 * returns it. */
typedef int option_visitor(void *context, const struct option_row *row, json_t *value);
int options_visit_members(const struct option_row *rows, const void *options, option_visitor *visit,
                          void *context);

/* Prints a table of options with their texts; NULL: those of every command. */
void options_help(const struct option_row *rows, FILE *file);

#endif
