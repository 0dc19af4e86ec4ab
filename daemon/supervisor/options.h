/*
 * The options of the configuration file: one table, of which a row is everything there is to know
 * of an option. It fills the defaults, checks what the file says, writes it into struct config, and
 * is printed as etc/awaitd.conf and as the OPTIONS of awaitd.conf(5). Knows no file format.
 */
#ifndef AWAITD_SUPERVISOR_OPTIONS_H
#define AWAITD_SUPERVISOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct error;

enum option_type {
    OPTION_INTEGER, /* int64_t */
    OPTION_SPAN,    /* double, in seconds; the file may say "250ms" */
    OPTION_SIZE,    /* int64_t, in bytes; the file may say "64KiB" */
    OPTION_TEXT,    /* char *; empty is NULL */
    OPTION_PATH,    /* the same, absolute */
    OPTION_LEVEL,   /* enum log_level, by name */
    OPTION_BOOLEAN, /* bool */
};

struct option {
    const char *group, *name;
    enum option_type type;
    size_t offset; /* in struct config, in bytes */

    /* In the notation of the file, without quotes. NULL: decided when the daemon starts, as
     * `text` tells; the member stays NULL. */
    const char *fallback;
    const char *example; /* what the manual shows where fallback is NULL */

    double min, max;  /* both allowed; in seconds, bytes, numbers, or bytes of text */
    const char *unit; /* what a number counts; NULL where the type says it */
    const char *text; /* one or two sentences: what it is, and why the default is what it is */
};

/* What a file says, before an option makes sense of it. */
struct option_value {
    enum {
        OPTION_VALUE_INTEGER,
        OPTION_VALUE_NUMBER,
        OPTION_VALUE_TEXT,
        OPTION_VALUE_BOOLEAN,
        OPTION_VALUE_OTHER,
    } kind;
    int64_t integer;
    double number;
    const char *text;
    bool boolean;
};

/* How many rows there are; a row's number is its place among them. */
size_t options_count(void);
/* The rows in the order of the manual; NULL past the last one. */
const struct option *options_at(size_t index);
size_t options_index(const struct option *option);
/* NULL: there is no such option. */
const struct option *options_find(const char *group, const char *name);
bool options_has_group(const char *group);

/* Gives every option of a zeroed config its default. 0 or -ENOMEM. */
int options_set_defaults(struct config *config);

/* Writes the value into its member. -EINVAL: the story is what the option must be, such as "must be from
 * 8 to 1024, not 5"; the member is untouched. */
int options_assign(const struct option *option, const struct option_value *value,
                   struct config *config, struct error *error);

/* Frees the texts. */
void options_clear(struct config *config);

/* Whether a value of this option is written in quotes. */
bool options_is_quoted(const struct option *option);
/* The allowed values in words: "0 to 1024 processes", "\"4KiB\" to \"64MiB\"". Empty where anything
 * goes. Writes to `buffer` and returns it. */
const char *options_show_range(const struct option *option, char *buffer, size_t size);

#endif
