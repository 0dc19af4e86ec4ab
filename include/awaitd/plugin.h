/*
 * awaitd/plugin.h: everything a job plugin may use.
 *
 * A plugin is a shared object that exports one constant, made with AW_PLUGIN(). It names a kind of
 * job, the parameters such a job takes and exactly one way to run it. Workers load it; the
 * supervisor never does. A plugin that crashes takes down its worker and the jobs that run there, also
 * those of other plugins: they end as crashed, and the worker is replaced. A plugin that holds the loop
 * holds up the jobs of its worker.
 *
 *     #include <awaitd/plugin.h>
 *
 *     struct params { struct aw_duration pause; };
 *
 *     static const struct aw_param params[] = {
 *         AW_PARAM(struct params, pause, .text = "How long to nap", .required = true, .max = 60),
 *         AW_PARAMS_END
 *     };
 *
 *     static int nap(struct aw_job *job, const void *data)
 *     {
 *         const struct params *given = data;
 *         int result = aw_sleep(job, given->pause.seconds);
 *         if (result == AW_OK)
 *             aw_outputf(job, "napped for %g s", given->pause.seconds);
 *         return result;
 *     }
 *
 *     AW_PLUGIN(.name = "nap", .version = "1", .summary = "Naps for a while",
 *               .params = params, .params_size = sizeof(struct params), .fiber = nap);
 *
 *     cc $(pkg-config --cflags awaitd) -shared -fPIC nap.c -o nap.so
 *
 * Threads. A worker has one loop thread and a pool of threads. Fiber and async code runs on the
 * loop thread, one job at a time, and must not block it; blocking code runs on a pool thread. A call
 * below may be made on the thread that runs the job's code, unless it says otherwise.
 *
 * Durations are seconds as double. Texts are UTF-8 and end with NUL unless a length is given.
 * All functions are safe to call with a cancelled job. A worker's standard output leads nowhere; its standard
 * error is the daemon's. Results go through aw_output(), remarks through aw_log().
 */
#ifndef AWAITD_PLUGIN_H
#define AWAITD_PLUGIN_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Parameters ---------------------------------------------------------------------------- */

/* A span of time, at least 0 unless the parameter's table says otherwise. Written as a number of
 * seconds or as text with a unit: 1.5, "250ms", "5min", "1h30min". */
struct aw_duration {
    double seconds;
};

/* An amount of memory or data. Written as a number of bytes or as text: 4096, "64KiB", "2MB". */
struct aw_size {
    uint64_t bytes;
};

/* A point in time on the wall clock, in seconds since 1970-01-01T00:00:00Z. Written as that number
 * or as RFC 3339 text: "2027-01-31T08:00:00Z". */
struct aw_time {
    double unix_seconds;
};

/* A list of texts. */
struct aw_strings {
    size_t count;
    const char *const *items;
};

/* Any JSON value, as compact UTF-8 text without NUL. Written as that value, or as text that holds it:
 * {"a": [1, 2]}, "{\"a\": [1, 2]}". Placeholders are replaced in the texts inside it, at any depth.
 * Since 1.1. */
struct aw_json {
    const char *text; /* NULL where neither given nor defaulted */
    size_t size;      /* bytes of it, without the NUL behind it */
};

/* What a parameter holds; derived from the C type of its field, see AW_PARAM. */
enum aw_type {
    AW_TYPE_END = 0, /* closes a table */
    AW_TYPE_BOOL,    /* bool */
    AW_TYPE_INTEGER, /* int64_t */
    AW_TYPE_NUMBER,  /* double, always finite */
    AW_TYPE_DURATION,
    AW_TYPE_SIZE,
    AW_TYPE_TIME,
    AW_TYPE_STRING, /* const char *, without NUL inside; NULL where neither given nor defaulted */
    AW_TYPE_STRINGS,
    AW_TYPE_JSON, /* since 1.1 */
};

/*
 * One row of a parameter table. The same row checks a job when it is submitted, fills the plugin's
 * struct when it runs, explains itself in `awaitctl plugins NAME`, and documents the plugin.
 */
struct aw_param {
    const char *name;
    enum aw_type type;
    size_t offset; /* of the field in the plugin's own struct, in bytes */

    const char *text; /* one sentence for people; required */
    const char *unit; /* what a number counts, such as "requests"; for people; may be NULL */

    /* Limits, both inclusive, in the type's base unit: seconds, bytes, or the number itself. They
     * hold for numbers, durations, sizes and times; use AW_UNLIMITED for an open end. Both 0: no limits,
     * except that a duration is then at least 0. */
    double min, max;

    /* The value where the job gives none, as text in the notation of the command line ("250ms"). NULL:
     * the field stays zero (strings NULL, lists empty). */
    const char *default_text;

    bool required; /* the job must give it; it has no default then, and no one_of */

    /* Of all the parameters with the same one_of, a job must give exactly one; none of them has a
     * default. NULL: no such rule. */
    const char *one_of;

    /* Only for callers who could do the same without the daemon: root, the daemon's own user, and the
     * configuration. For what reads files, runs programs, or reaches what the caller may not. The configuration can
     * open it to everybody (plugins.unrestricted, see awaitd.conf(5)). Means nothing in settings. Since 1.1. */
    bool restricted;
};

#define AW_UNLIMITED HUGE_VAL

#ifndef __cplusplus /* C++ has no _Generic: there, rows name their type themselves */
/* The enum aw_type of a C type; does not compile for a type that no parameter can have. */
#define AW_TYPE_OF(value) \
    _Generic((value), \
        bool: AW_TYPE_BOOL, \
        int64_t: AW_TYPE_INTEGER, \
        double: AW_TYPE_NUMBER, \
        struct aw_duration: AW_TYPE_DURATION, \
        struct aw_size: AW_TYPE_SIZE, \
        struct aw_time: AW_TYPE_TIME, \
        const char *: AW_TYPE_STRING, \
        struct aw_strings: AW_TYPE_STRINGS, \
        struct aw_json: AW_TYPE_JSON)

/* A row for one field of the plugin's struct, called as the field is. Further members as in struct
 * aw_param: AW_PARAM(struct params, tries, .text = "How often", .min = 1, .max = 10). */
#define AW_PARAM(params_struct, field, ...) \
    { \
        .name = #field, .type = AW_TYPE_OF(((params_struct *)0)->field), \
        .offset = offsetof(params_struct, field), __VA_ARGS__ \
    }
#endif

/* The last row of every table. */
#define AW_PARAMS_END \
    { \
        .name = NULL, .type = AW_TYPE_END \
    }

/* ---- The plugin ---------------------------------------------------------------------------- */

/* A job that is being run. Opaque; made by the worker before the plugin's code is called, gone when
 * the job has ended: after the run function of a fiber or blocking job returned, after aw_finish()
 * for an async one. */
struct aw_job;

/* The worker that loaded the plugin. Opaque; alive from before open() until after close(). */
struct aw_worker;

/* How a call or a job came out. */
enum aw_result {
    AW_OK = 0,
    AW_FAILED = -1,    /* the job failed; aw_fail() says why */
    AW_CANCELLED = -2, /* the job was cancelled or is out of time: clean up and return this */
    AW_TIMED_OUT = -3, /* aw_wait_fd(), aw_on_fd(): the call's own time is up; the job goes on */
};

/* What to wait for on a file descriptor, or what it is ready for; bits. Errors and hang-ups count as
 * ready for whatever was asked: the next read or write tells which. */
enum aw_ready {
    AW_READABLE = 1,
    AW_WRITABLE = 2,
};

/* The version of this header. A worker loads plugins built with its own major version and with its
 * own or an older minor one. Minor versions only add: functions, and members at the end of struct
 * aw_plugin and struct aw_param. */
#define AW_ABI_MAJOR 1
#define AW_ABI_MINOR 1

/* "awtd", in the first bytes of every plugin's constant, to tell it from anything else. */
#define AW_ABI_MAGIC 0x64747761u

/* Filled in by AW_PLUGIN. Its own layout never changes. */
struct aw_abi {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t plugin_size; /* sizeof(struct aw_plugin) when the plugin was compiled, in bytes */
    uint32_t param_size;  /* sizeof(struct aw_param), likewise */
};

/*
 * A plugin. Constant, and alive as long as its worker. Exactly one of fiber, async and blocking is
 * set.
 */
struct aw_plugin {
    struct aw_abi abi;

    /* What jobs call it: 1 to 32 of a-z, 0-9, '-' and '_', a letter first. */
    const char *name;
    const char *version; /* the plugin's own, for people; required */
    const char *summary; /* one sentence, for people; required */

    const struct aw_param *params; /* closed by AW_PARAMS_END; NULL: takes none */
    size_t params_size;            /* of the struct the rows point into, in bytes; at most 64 KiB */

    /* The same for the plugin's own `settings` group in the configuration. */
    const struct aw_param *settings;
    size_t settings_size;

    /* Called once in each worker, on the loop thread, before any job; may block for a moment.
     * `settings` stays valid until after close. *instance is given to jobs by aw_instance(). Returns AW_OK,
     * or AW_FAILED after writing the reason into `reason` (reason_size bytes, NUL included): the
     * plugin is then disabled and the reason shown. NULL: nothing to prepare. */
    int (*open)(struct aw_worker *worker, const void *settings, void **instance, char *reason,
                size_t reason_size);
    /* Called once when the worker ends in order, after the last job. May be NULL. */
    void (*close)(void *instance);

    /* Runs the job straight through on a stack of its own, on the loop thread. Awaits with aw_sleep(),
     * aw_wait_fd() and aw_blocking(), and must not block otherwise. Returns how the job came out. */
    int (*fiber)(struct aw_job *job, const void *params);

    /* Starts the job and returns at once: AW_OK when under way (aw_finish() will follow, or has been
     * called already), AW_FAILED when it could not be started (no aw_finish() then). The smallest
     * style: a million of them fit in a worker. */
    int (*async)(struct aw_job *job, const void *params);

    /* Runs the job on a thread of the worker's pool and may block. Should look at aw_cancelled() now
     * and then. Returns how the job came out. */
    int (*blocking)(struct aw_job *job, const void *params);

    /* Async only: the job was cancelled or is out of time. Must see to it that aw_finish() is called
     * soon; may call it itself. NULL: the worker drops the job's timer and fd and finishes it. */
    void (*cancel)(struct aw_job *job);

    size_t
        state_size; /* bytes of zeroed memory that each job gets, see aw_state(); at most 1 MiB */
    size_t stack_size; /* fiber only: bytes of stack; 0: the worker's default (256 KiB) */

    /* How many jobs of the plugin run at the same time, in all workers together, unless the configuration says
     * otherwise (plugins.limit); the others stay queued. For what each running job holds, such as a
     * connection or a process. 0: as many as the workers have room for. Since 1.1. */
    uint32_t limit;
};

/* Defines and exports the plugin: AW_PLUGIN(.name = "nap", ...); once per shared object. */
#define AW_PLUGIN(...) \
    extern __attribute__((visibility("default"))) const struct aw_plugin aw_plugin; \
    const struct aw_plugin aw_plugin = {.abi = {.magic = AW_ABI_MAGIC, \
                                                .major = AW_ABI_MAJOR, \
                                                .minor = AW_ABI_MINOR, \
                                                .plugin_size = sizeof(struct aw_plugin), \
                                                .param_size = sizeof(struct aw_param)}, \
                                        __VA_ARGS__}

/* ---- What a job may ask and say ------------------------------------------------------------ */

/* The batch's number, the job's index in it (from 0), and how often it was tried before (from 0). */
uint64_t aw_batch(const struct aw_job *job);
uint64_t aw_index(const struct aw_job *job);
unsigned aw_attempt(const struct aw_job *job);

/* The job's parameters, as given to the run function; alive until the job ends. */
const void *aw_params(const struct aw_job *job);
/* The plugin's state_size bytes of this job; NULL where that is 0. Freed by the worker. */
void *aw_state(struct aw_job *job);
/* What the plugin's open() made; NULL without one. */
void *aw_instance(const struct aw_job *job);

/* Whether the job should end: it was cancelled, is out of time, or the daemon stops and
 * waits for it no longer. Any thread. */
bool aw_cancelled(const struct aw_job *job);

/* Appends to the job's output; copies. Past the limit on output per job (1 MiB by default) the rest
 * is dropped and the result says that it was truncated. */
void aw_output(struct aw_job *job, const void *data, size_t size);
void aw_outputf(struct aw_job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells facts about the job for programs to read, beside its output: a JSON object in UTF-8, such as
 * {"status": 200}, at most as large as an output may be. Clients get it as the job's `details`. Copies; the last
 * call counts. AW_FAILED: it is no JSON object, or too large; the log says which, and what was told before
 * stays. Since 1.1. */
int aw_details(struct aw_job *job, const char *json);

/* Says in words why the job fails, and returns AW_FAILED: return aw_fail(job, "exit %d", code). The
 * last call counts; texts past 1 KiB are cut. */
int aw_fail(struct aw_job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes a line to the daemon's log, with the job's number and the plugin's name. Not for results. */
enum aw_log_level { AW_LOG_ERROR, AW_LOG_WARNING, AW_LOG_INFO, AW_LOG_DEBUG };
void aw_log(struct aw_job *job, enum aw_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- Awaiting: fiber and blocking jobs ------------------------------------------------------ */

/* Waits. AW_OK when the time is over, AW_CANCELLED as soon as the job is cancelled. Negative and NaN
 * count as 0. */
int aw_sleep(struct aw_job *job, double seconds);

/* Waits until fd is ready for one of `events` (bits of enum aw_ready) and returns what it is ready
 * for, as bits > 0; AW_TIMED_OUT after timeout_s (negative: never); AW_CANCELLED; AW_FAILED, with the
 * reason set, when the descriptor cannot be waited for. */
int aw_wait_fd(struct aw_job *job, int fd, unsigned events, double timeout_s);

/* Runs function(argument) on a thread of the worker's pool and waits for it, even when the job is
 * cancelled meanwhile: what `argument` points to may live on the fiber's stack. Returns what the
 * function returned. In a blocking job it is called directly. */
int aw_blocking(struct aw_job *job, int (*function)(void *argument), void *argument);

/* ---- Async jobs: loop thread only ----------------------------------------------------------- */

/* Calls on_time(job) once, `seconds` from now (negative and NaN count as 0). A job has one timer:
 * another call moves it. It is dropped when the job ends. */
void aw_after(struct aw_job *job, double seconds, void (*on_time)(struct aw_job *job));

/* Calls on_ready(job, ready) once, when fd is ready for one of `events`, or after timeout_s (negative:
 * never) with AW_TIMED_OUT. A job watches one descriptor this way: another call replaces it; fd -1
 * ends it. It is dropped when the job ends. End it before closing the descriptor: whoever gets the same
 * number next might wait in vain. AW_FAILED, with the reason set: cannot be watched. For more than
 * one descriptor see awaitd/plugin_event.h. */
int aw_on_fd(struct aw_job *job, int fd, unsigned events, double timeout_s,
             void (*on_ready)(struct aw_job *job, int ready));

/* Ends the job with AW_OK, AW_FAILED or AW_CANCELLED. Once per job; the job is gone afterwards. */
void aw_finish(struct aw_job *job, enum aw_result result);

#ifdef __cplusplus
}
#endif
#endif
