/*
 * exec: runs a command. Any argv for callers who could run it without the daemon, and for everybody the
 * commands of the configuration; never by way of a shell. This file is the plugin's face: its parameters, and
 * what a job's parameters mean. The process itself is process.c's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <awaitd/plugin.h>
#include <awaitd/plugin_event.h>
#include "command.h"
#include "environment.h"
#include "outcome.h"
#include "process.h"

/* Jobs at once in all workers; reason: each holds a process and six descriptors, and a machine has some use
 * for more processes than cores, but not for thousands. */
#define JOBS_AT_ONCE 64
/* A number of seconds in the notation of parameters. */
#define SECONDS(number) SECONDS_(number)
#define SECONDS_(number) #number "s"
/* Bytes of a reason; aw_fail() cuts longer ones. */
#define REASON_BYTES 1024

/* ---- Parameters and settings ----------------------------------------------------------------------- */

struct params {
    struct aw_strings argv;
    const char *command;
    struct aw_json args;
    struct aw_strings env;
    bool clean_env;
    const char *cwd;
    const char *input;
    struct aw_strings ok_codes;
    struct aw_size stderr_limit;
    struct aw_duration grace;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, argv,
             .text = "The program and its arguments; a program without a slash is searched in PATH",
             .one_of = "what", .restricted = true),
    AW_PARAM(struct params, command, .text = "The name of a configured command", .one_of = "what"),
    AW_PARAM(struct params, args,
             .text =
                 "The configured command's placeholders: an object of texts and numbers, each of "
                 "which becomes one argument"),
    AW_PARAM(
        struct params, env,
        .text = "NAME=VALUE texts, laid over the daemon's environment; not for configured commands",
        .restricted = true),
    AW_PARAM(
        struct params, clean_env,
        .text =
            "Whether to leave out the daemon's environment but PATH; not for configured commands",
        .default_text = "false"),
    AW_PARAM(struct params, cwd,
             .text = "The directory to run in; that of the daemon unless given; not for configured "
                     "commands",
             .restricted = true),
    {.name = "stdin",
     .type = AW_TYPE_STRING,
     .offset = offsetof(struct params, input),
     .text = "What the command reads; nothing unless given"},
    AW_PARAM(struct params, ok_codes,
             .text = "The exit codes that are a success, and ranges such as 10-20; 0 unless given"),
    AW_PARAM(struct params, stderr_limit,
             .text = "How much of standard error to keep, from its beginning", .max = 16 << 20,
             .default_text = "64KiB"),
    AW_PARAM(struct params, grace,
             .text = "The time between TERM and KILL when the job is cancelled; not for configured "
                     "commands",
             .max = COMMAND_GRACE_MAX_S, .default_text = SECONDS(COMMAND_GRACE_S),
             .restricted = true),
    AW_PARAMS_END,
};

struct settings {
    struct aw_json commands;
};

static const struct aw_param settings[] = {
    AW_PARAM(struct settings, commands,
             .text = "The commands that jobs may run by name: groups with name, argv, env, cwd, "
                     "clean_env, stdin, dashes and grace; see awaitd-exec(7)"),
    AW_PARAMS_END,
};

/* What the plugin has in a worker. */
struct instance {
    struct commands commands;
    char **inherited; /* the environment of commands unless */
    char **clean;     /* it shall have nothing but PATH */
    struct processes processes;
};

/* ---- A job ---------------------------------------------------------------------------------------------- */

/* What is run for a job, until it runs. */
struct request {
    struct launch launch;
    double grace_s;
    char **argv; /* owned; of one's own or a configured command's */
    bool owns_texts;
    char **envp; /* owned; NULL: borrowed */
};

static void clear(struct request *request)
{
    if (request->owns_texts)
        command_free_argv(request->argv);
    else
        free(request->argv);
    free(request->envp);
}

static int read_argv(struct aw_job *job, const struct params *wanted, struct request *request)
{
    size_t count = wanted->argv.count;
    if (wanted->args.text)
        return aw_fail(job, "args: are for a configured command");
    if (count == 0 || !*wanted->argv.items[0])
        return aw_fail(job, "argv: must begin with a program");
    request->argv = calloc(count + 1, sizeof(*request->argv));
    if (!request->argv)
        return aw_fail(job, "out of memory");
    memcpy(request->argv, wanted->argv.items, count * sizeof(*request->argv));
    return AW_OK;
}

/* Chooses the environment that `added` is laid over, and lays it over. */
static int make_environment(struct aw_job *job, bool clean, const char *const *added, size_t count,
                            struct request *request)
{
    const struct instance *instance = aw_instance(job);
    char *const *base = clean ? instance->clean : instance->inherited;
    request->launch.envp = base;
    if (count == 0)
        return AW_OK;
    request->envp = environment_with(base, added, count);
    request->launch.envp = request->envp;
    return request->envp ? AW_OK : aw_fail(job, "out of memory");
}

static int read_free(struct aw_job *job, const struct params *wanted, struct request *request)
{
    int result = read_argv(job, wanted, request);
    for (size_t i = 0; result == AW_OK && i < wanted->env.count; i++)
        if (!environment_is_entry(wanted->env.items[i]))
            result = aw_fail(job, "env[%zu]: must be NAME=VALUE", i);
    if (result == AW_OK)
        result =
            make_environment(job, wanted->clean_env, wanted->env.items, wanted->env.count, request);
    request->launch.cwd = wanted->cwd;
    request->grace_s = wanted->grace.seconds;
    return result;
}

/* A configured command is run as the administrator wrote it: its callers may not even be able to choose an
 * environment, in which much could be done with it. */
static int read_configured(struct aw_job *job, const struct params *wanted, struct request *request)
{
    const struct instance *instance = aw_instance(job);
    char reason[REASON_BYTES];
    const struct command *command = commands_find(&instance->commands, wanted->command);
    if (!command)
        return aw_fail(job, "command: there is no '%s' in the configuration", wanted->command);
    bool has_grace = wanted->grace.seconds != COMMAND_GRACE_S; /* given, and another */
    if (wanted->env.count > 0 || wanted->clean_env || wanted->cwd || has_grace)
        return aw_fail(job, "env, clean_env, cwd, grace: a configured command brings its own");
    if (wanted->input && !command->takes_stdin)
        return aw_fail(job, "stdin: the command '%s' takes none", wanted->command);
    if (command_fill(command, &wanted->args, &request->argv, reason, sizeof(reason)))
        return aw_fail(job, "%s", reason);
    request->owns_texts = true;
    request->launch.cwd = command->cwd;
    request->grace_s = command->grace_s;
    return make_environment(job, command->clean_env, (const char *const *)command->env,
                            command->env_count, request);
}

static int start(struct aw_job *job, const void *data)
{
    struct instance *instance = aw_instance(job);
    const struct params *wanted = data;
    struct request request = {.launch.wants_stdin = wanted->input != NULL};
    struct process_options options = {.input = wanted->input,
                                      .errors_limit = (size_t)wanted->stderr_limit.bytes,
                                      .ok_codes = &wanted->ok_codes};
    char reason[REASON_BYTES];
    if (!outcome_codes_valid(&wanted->ok_codes, reason, sizeof(reason)))
        return aw_fail(job, "%s", reason);
    int result =
        wanted->command ? read_configured(job, wanted, &request) : read_free(job, wanted, &request);
    request.launch.argv = request.argv;
    options.grace_s = request.grace_s;
    if (result == AW_OK)
        result = process_start(job, &instance->processes, &request.launch, &options);
    clear(&request);
    return result;
}

/* ---- The worker's beginning and end --------------------------------------------------------------------- */

static void leave(void *data)
{
    struct instance *instance = data;
    launcher_close(&instance->processes.launcher);
    commands_clear(&instance->commands);
    free(instance->inherited);
    free(instance->clean);
    free(instance);
}

static int prepare(struct aw_worker *worker, const void *data, void **out, char *reason,
                   size_t reason_size)
{
    const struct settings *given = data;
    struct commands commands;
    if (commands_read(&given->commands, &commands, reason, reason_size))
        return AW_FAILED;
    struct instance *instance = calloc(1, sizeof(*instance));
    char **inherited = environment_inherited(), **clean = environment_clean();
    if (!instance || !inherited || !clean || launcher_open(&instance->processes.launcher)) {
        (void)snprintf(reason, reason_size, "out of memory, or of file descriptors"); /* fits */
        commands_clear(&commands);
        free(inherited);
        free(clean);
        free(instance);
        return AW_FAILED;
    }
    instance->commands = commands;
    instance->inherited = inherited;
    instance->clean = clean;
    instance->processes.base = aw_event_base(worker);
    *out = instance;
    return AW_OK;
}

AW_PLUGIN(.name = "exec", .version = PACKAGE_VERSION,
          .summary = "Runs a command and captures what it writes", .params = params,
          .params_size = sizeof(struct params), .settings = settings,
          .settings_size = sizeof(struct settings), .open = prepare, .close = leave, .async = start,
          .cancel = process_cancel, .state_size = sizeof(struct process), .limit = JOBS_AT_ONCE);
