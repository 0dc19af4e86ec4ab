/*
 * The commands of the configuration: who may not choose a program may still choose among these, and fill
 * their placeholders. A placeholder is a whole argument, and what a job puts there becomes exactly one
 * argument, whatever is in it.
 */
#ifndef EXEC_COMMAND_H
#define EXEC_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <awaitd/plugin.h>

/* Seconds that a command has between TERM and KILL: unless told otherwise, and at most. Reason for the latter: a
 * command that is being cancelled still takes one of the places that there are (plugins.limit). */
#define COMMAND_GRACE_S 2
#define COMMAND_GRACE_MAX_S 60

struct command_argument {
    char *text;          /* the argument, or the placeholder's name */
    bool is_placeholder; /* filled by the job */
};

struct command {
    char *name;
    struct command_argument *arguments;
    size_t argument_count;
    char **env; /* NAME=VALUE */
    size_t env_count;
    char *cwd;        /* NULL: that of the daemon */
    bool clean_env;   /* nothing of the daemon's environment but PATH */
    bool takes_stdin; /* the job may give its standard input */
    double grace_s;   /* between TERM and KILL */
    bool dashes;      /* placeholders take values that begin with '-' */
};

struct commands {
    struct command *list;
    size_t count;
};

/* Reads the setting, a list of groups; one that is not given (no text) makes none. -EINVAL and -ENOMEM, told
 * in `reason` (cut at `size`) by the command's place, name and member; *out is untouched then. */
int commands_read(const struct aw_json *setting, struct commands *out, char *reason, size_t size);
/* Frees what commands_read() made; zeroed is fine. */
void commands_clear(struct commands *commands);

/* NULL: there is none of that name. */
const struct command *commands_find(const struct commands *commands, const char *name);

/* The command's arguments, with the job's values for the placeholders: an object of texts and numbers, or
 * nothing (no text). *argv is closed by NULL and for command_free_argv(). -EINVAL (values are missing, unknown
 * or refused) and -ENOMEM, told in `reason`; *argv is untouched then. */
int command_fill(const struct command *command, const struct aw_json *args, char ***argv,
                 char *reason, size_t size);
/* NULL is fine. */
void command_free_argv(char **argv);

#endif
