/*
 * The table of options. A new option is a member of struct config and a row here; nothing else lists options.
 * What reads and writes by the rows is in options_assign.c.
 */
#include "supervisor/options.h"

#include <string.h>
#include <sys/un.h>
#include "supervisor/config.h"

#define KIB 1024.0
#define MIB (1024.0 * KIB)
#define GIB (1024.0 * MIB)
#define TIB (1024.0 * GIB)

/* Jobs are counted in the hundreds of millions at most: each costs a few dozen bytes. */
#define JOBS_MAX 1e9

/* The longest path of a Unix socket, without its NUL: sizeof sun_path is the kernel's limit. */
#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* The longest path of the state directory. SQLite takes paths of 512 bytes (MAX_PATHNAME of its os_unix.c), those of
 * the files in the directory included. */
#define STATE_PATH_MAX 480

/* The offset of a member, compiled only if the member has the type that the row's option_type needs. */
#define MEMBER(path, c_type) \
    .offset = _Generic(((struct config *)0)->path, c_type : offsetof(struct config, path))
#define INTEGER(path) .type = OPTION_INTEGER, MEMBER(path, int64_t)
#define SPAN(path) .type = OPTION_SPAN, MEMBER(path, double)
#define SIZE(path) .type = OPTION_SIZE, MEMBER(path, int64_t)
#define TEXT(path) .type = OPTION_TEXT, MEMBER(path, char *)
#define PATH(path) .type = OPTION_PATH, MEMBER(path, char *)
#define LEVEL(path) .type = OPTION_LEVEL, MEMBER(path, enum log_level)
#define BOOLEAN(path) .type = OPTION_BOOLEAN, MEMBER(path, bool)

static const struct option options[] = {
    {.group = "daemon",
     .name = "workers",
     INTEGER(daemon.workers),
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .unit = "processes",
     .text = "How many worker processes run the jobs; 0: as many as there are cores."},
    {.group = "daemon",
     .name = "socket",
     PATH(daemon.socket),
     .example = "/run/awaitd.sock",
     .min = 1,
     .max = SOCKET_PATH_MAX,
     .text =
         "The control socket. Unless told, $AWAITD_SOCKET, else awaitd.sock in "
         "$XDG_RUNTIME_DIR, else /run/awaitd.sock. The socket that systemd passes comes first."},
    {.group = "daemon",
     .name = "state_dir",
     PATH(daemon.state_dir),
     .example = "/var/lib/awaitd",
     .min = 1,
     .max = STATE_PATH_MAX,
     .text = "The directory of the store, which keeps batches over a restart. Unless told, the one "
             "that "
             "systemd passes, else /var/lib/awaitd for root, else awaitd in $XDG_STATE_HOME or "
             "~/.local/state."},
    {.group = "daemon",
     .name = "group",
     TEXT(daemon.group),
     .fallback = "",
     .min = 0,
     .max = 256,
     .text = "The group whose members may use the control socket, by name; \"\": the daemon's own. "
             "Not for a socket that systemd passes."},
    {.group = "daemon",
     .name = "plugin_dir",
     PATH(daemon.plugin_dir),
     .fallback = AW_PLUGINDIR,
     .min = 1,
     .max = 4095,
     .text = "Every *.so file in this directory is loaded as a plugin."},
    {.group = "daemon",
     .name = "grace",
     SPAN(daemon.grace_s),
     .fallback = "10s",
     .min = 0,
     .max = 3600,
     .text = "How long running jobs may take to end when the daemon stops; those that take longer "
             "are killed."},
    {.group = "daemon",
     .name = "load_timeout",
     SPAN(daemon.load_timeout_s),
     .fallback = "10s",
     .min = 0.1,
     .max = 3600,
     .text =
         "How long a worker may take to load and open one plugin; a plugin that takes longer is "
         "disabled. The default is far more than any needs that waits for nobody."},
    {.group = "daemon",
     .name = "job_grace",
     SPAN(daemon.job_grace_s),
     .fallback = "5s",
     .min = 0,
     .max = 3600,
     .text = "How long a job may take to end once it is cancelled or its time is up. Past that its "
             "worker is replaced, and the other jobs there run again."},

    {.group = "defaults",
     .name = "timeout",
     SPAN(defaults.timeout_s),
     .fallback = "0s",
     .min = 0,
     .max = TERMS_SPAN_MAX_S,
     .text = "How long a job may run where neither it, nor its batch, nor its plugin's entry below "
             "says otherwise; 0: as long as it takes."},

    {.group = "log",
     .name = "level",
     LEVEL(log.level),
     .fallback = "info",
     .text = "What is logged: this level and those before it."},
    {.group = "log",
     .name = "rate",
     INTEGER(log.rate),
     .fallback = "1000",
     .min = 0,
     .max = 1e9,
     .unit = "lines a second",
     .text = "Lines about single jobs and lines that plugins write; those held back are counted in "
             "a line of their own; 0: no limit. The default keeps a million short jobs from "
             "filling the journal."},
    {.group = "log",
     .name = "burst",
     INTEGER(log.burst),
     .fallback = "1000",
     .min = 1,
     .max = 1e9,
     .unit = "lines",
     .text = "Lines of these kinds that may come at once, over the rate."},

    {.group = "store",
     .name = "enabled",
     BOOLEAN(store.enabled),
     .fallback = "true",
     .text = "Whether batches are kept in daemon.state_dir, so that they go on after a restart. "
             "Without it they end with the daemon."},
    {.group = "store",
     .name = "keep",
     SPAN(store.keep_s),
     .fallback = "7d",
     .min = 0,
     .max = TERMS_SPAN_MAX_S,
     .text = "How long a batch is kept after it has ended; 0: for ever."},
    {.group = "store",
     .name = "bytes",
     SIZE(store.bytes),
     .fallback = "4GiB",
     .min = 0,
     .max = 16 * TIB,
     .text = "The size of the store past which the batches that ended first go before their time; "
             "0: any. A million short jobs take some 40 MB."},

    {.group = "limits",
     .name = "line_bytes",
     SIZE(limits.line_bytes),
     .fallback = "1MiB",
     .min = 4 * KIB,
     .max = 32 * MIB,
     .text = "The longest request. A batch of more jobs than fit is sent in pieces (batch.add), or "
             "as one "
             "entry that stands for many."},
    {.group = "limits",
     .name = "depth",
     INTEGER(limits.depth),
     .fallback = "64",
     .min = 8,
     .max = 1024,
     .unit = "levels",
     .text = "How deep objects and arrays of a request may be nested; a batch needs 6."},
    {.group = "limits",
     .name = "batch_jobs",
     INTEGER(limits.batch_jobs),
     .fallback = "10000000",
     .min = 1,
     .max = JOBS_MAX,
     .unit = "jobs",
     .text = "The jobs of one batch. A job takes a few dozen bytes, so the default stays below "
             "1 GiB."},
    {.group = "limits",
     .name = "queued_jobs",
     INTEGER(limits.queued_jobs),
     .fallback = "20000000",
     .min = 1,
     .max = JOBS_MAX,
     .unit = "jobs",
     .text = "The jobs of all batches that were accepted and have not ended: two of the largest "
             "batches by default."},
    {.group = "limits",
     .name = "batches",
     INTEGER(limits.batches),
     .fallback = "100000",
     .min = 1,
     .max = 1e7,
     .unit = "batches",
     .text = "The batches that have not ended."},
    {.group = "limits",
     .name = "clients",
     INTEGER(limits.clients),
     .fallback = "4096",
     .min = 1,
     .max = 1e6,
     .unit = "connections",
     .text = "Connections to the control socket; each needs a file descriptor."},
    {.group = "limits",
     .name = "user_clients",
     INTEGER(limits.user_clients),
     .fallback = "4096",
     .min = 1,
     .max = 1e6,
     .unit = "connections",
     .text = "Connections of one user. Lower it below limits.clients where users do not trust each "
             "other."},
    {.group = "limits",
     .name = "client_watchers",
     INTEGER(limits.client_watchers),
     .fallback = "1024",
     .min = 1,
     .max = 1e6,
     .unit = "watchers",
     .text =
         "What one connection may wait for or watch at once: batch.wait, batch.watch and follow."},
    {.group = "limits",
     .name = "output_bytes",
     SIZE(limits.output_bytes),
     .fallback = "1MiB",
     .min = 0,
     .max = 32 * MIB,
     .text = "The output of one job that is kept; the rest is dropped and the result says so. The "
             "details of a job are at most as large."},
    {.group = "limits",
     .name = "history_bytes",
     SIZE(limits.history_bytes),
     .fallback = "256MiB",
     .min = 0,
     .max = 1 * TIB,
     .text = "Memory for batches that have ended; the oldest are forgotten first."},
    {.group = "limits",
     .name = "results_bytes",
     SIZE(limits.results_bytes),
     .fallback = "1GiB",
     .min = 1 * MIB,
     .max = 1 * TIB,
     .text = "Memory for the results of batches that have not ended yet. Beyond it the output and "
             "details of jobs are dropped and their results say so."},
    {.group = "limits",
     .name = "running",
     INTEGER(limits.running),
     .fallback = "0",
     .min = 0,
     .max = JOBS_MAX,
     .unit = "jobs",
     .text = "Jobs that run at once, in all workers and of all plugins together; 0: as many as the "
             "following let."},
    {.group = "limits",
     .name = "running_async",
     INTEGER(limits.running_async),
     .fallback = "1000000",
     .min = 1,
     .max = 1e8,
     .unit = "jobs",
     .text = "Async jobs at once in one worker. They are small: a million fit."},
    {.group = "limits",
     .name = "running_fibers",
     INTEGER(limits.running_fibers),
     .fallback = "10000",
     .min = 1,
     .max = 1e6,
     .unit = "jobs",
     .text = "Fiber jobs at once in one worker. Each has a stack and two or three memory mappings, "
             "of which Linux gives a process 65530 (vm.max_map_count)."},
    {.group = "limits",
     .name = "running_blocking",
     INTEGER(limits.running_blocking),
     .fallback = "0",
     .min = 0,
     .max = 4096,
     .unit = "jobs",
     .text =
         "Blocking jobs at once in one worker, each on a thread; 0: twice the number of cores."},
    {.group = "limits",
     .name = "fiber_stack_bytes",
     SIZE(limits.fiber_stack_bytes),
     .fallback = "256KiB",
     .min = 16 * KIB,
     .max = 64 * MIB,
     .text = "The stack of a fiber, for plugins that do not ask for a size of their own. Only what "
             "is touched takes memory."},
};

#define OPTIONS_COUNT (sizeof(options) / sizeof(options[0]))

/* Every member before the lists has a row: each takes 8 bytes where pointers do. */
_Static_assert(sizeof(void *) != 8 || OPTIONS_COUNT == offsetof(struct config, plugins) / 8,
               "each option of struct config has its row");

size_t options_count(void)
{
    return OPTIONS_COUNT;
}

const struct option *options_at(size_t index)
{
    return index < OPTIONS_COUNT ? &options[index] : NULL;
}

size_t options_index(const struct option *option)
{
    return (size_t)(option - options);
}

const struct option *options_find(const char *group, const char *name)
{
    for (size_t i = 0; i < OPTIONS_COUNT; i++)
        if (strcmp(options[i].group, group) == 0 && strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

bool options_has_group(const char *group)
{
    for (size_t i = 0; i < OPTIONS_COUNT; i++)
        if (strcmp(options[i].group, group) == 0)
            return true;
    return false;
}
