/*
 * What all of awaitctl shares: the exit codes, what the command line said to every command, the
 * failure that ends the program, and the shape of a command.
 *
 * Every failure in awaitctl ends the program, so functions here return the exit code (0: fine) in
 * place of an errno, and leave the story in the struct ctl; main alone prints it.
 */
#ifndef AWAITCTL_CTL_H
#define AWAITCTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include "base/error.h"
#include "options.h"

enum ctl_exit {
    CTL_OK = 0,
    CTL_NOT_SUCCEEDED = 1, /* a job did not succeed; output could not be written, or was cut */
    CTL_USAGE = 2,
    CTL_NO_DAEMON = 3, /* nobody answers, or the daemon went away */
    CTL_NO_SUCH_THING = 4,
    CTL_REFUSED = 5,
    CTL_NOT_ALLOWED = 6,
    CTL_TIMED_OUT = 124,   /* as timeout(1) */
    CTL_INTERRUPTED = 130, /* as a shell reports SIGINT */
};

struct command;

struct ctl {
    /* The options that every command takes. */
    const char *socket; /* NULL: the default one */
    bool json;          /* print what the protocol said, a line each */
    bool quiet;         /* nothing but data and errors */
    struct option_span
        reconnect; /* how long to try again when the daemon went away, see reconnect.h */
    bool help, version;
    int words; /* arguments of the command in front of "--"; without one, all */

    int output_errno; /* why standard output could not be written; 0: it could, or nobody knows */

    bool wants_hint; /* the command line itself is wrong: say where the help is */

    const struct command *command; /* being run; NULL before it is known */

    /* The failure. */
    struct error error; /* empty: none, or it was told already */
    json_t *problems;   /* owned; [{field, problem}], told in place of the error text; or NULL */
};

/* One command: a constant in the file that carries it out. */
struct command {
    const char *name;     /* one word, or two: "plugin new" */
    const char *usage;    /* what follows the name: "BATCH [OPTION...]" */
    const char *summary;  /* one line */
    const char *text;     /* more for -h: paragraphs, each ending with a newline; may be NULL */
    const char *examples; /* for -h: lines that begin with "  awaitctl " */

    const struct option_row *options; /* its own, closed by OPTIONS_END; NULL: none */
    size_t options_size;              /* of the struct the rows point into */
    int min_arguments, max_arguments; /* besides the options; max -1: any number */

    /* Told behind the failure where an option that follows an argument is unknown, or a word is not what it should
     * be: it may be meant for what the command runs. Begins with "; "; NULL: nothing. */
    const char *words_hint;

    /* Carries it out and returns the exit code. */
    int (*run)(struct ctl *ctl, const void *options, int count, char **arguments);
};

extern const struct command command_run, command_submit, command_wait, command_watch, command_list,
    command_show, command_output, command_cancel, command_retry, command_pause, command_resume,
    command_plugins, command_plugin_check, command_plugin_new, command_plugin_try, command_status,
    command_stats, command_backup, command_drain, command_ping, command_version;

/* Writes the failure and returns `code`: return ctl_fail(ctl, CTL_USAGE, "..."). */
int ctl_fail(struct ctl *ctl, enum ctl_exit code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The failure of having no memory. */
int ctl_fail_memory(struct ctl *ctl);

/* Words for people: a line on standard error, unless -q. */
void ctl_say(struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What goes wrong without ending the program: the same with -q, too, and "awaitctl: " in front. */
void ctl_warn(struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes bytes to standard output; and what is buffered of it, before something is written to standard
 * error. Failures show at the end of the program: ferror(stdout), and ctl->output_errno. */
void ctl_write(struct ctl *ctl, const void *data, size_t size);
void ctl_flush(struct ctl *ctl);

/* Tells the failure, if any, on standard error, each problem on its own line, and forgets it. */
void ctl_tell_failure(struct ctl *ctl);

#endif
