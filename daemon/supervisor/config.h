/*
 * The daemon's configuration: read once from a libconfig file, checked by the options table
 * (options.h), then constant. A reload makes a new one.
 */
#ifndef AWAITD_SUPERVISOR_CONFIG_H
#define AWAITD_SUPERVISOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include "base/log.h"
#include "base/problems.h"
#include "base/rate.h"
#include "supervisor/submission.h"

struct error;

/* One entry of the `plugins` list, or one file found in plugin_dir. */
struct config_plugin {
    char *file;           /* absolute path */
    json_t *settings;     /* object; NULL: none given */
    json_t *lines;        /* {setting: "FILE:LINE"}, as they were given; NULL: none were */
    json_t *unrestricted; /* restricted parameters that are for everybody; NULL: none given */
    int64_t limit;        /* of its jobs that run at once; 0: the plugin's own */
    struct rate rate;     /* at which its jobs are started; zeroed: as fast as they can */
    uint64_t timeout_ns;  /* of a job that has none of its own or its batch's; 0: not said */
    bool off;             /* is not to be loaded */
    char *where;          /* "FILE:LINE" of its entry, for messages; NULL: found in plugin_dir */
};

/* Frees its members. */
void config_plugin_clear(struct config_plugin *plugin);

/* When a batch of the `batches` list is to run. */
enum config_when { CONFIG_AT_START };

struct config_batch {
    struct submission submission;
    json_t *jobs; /* as for batch.submit */
    enum config_when when;
    char *where; /* "FILE:LINE", for messages */
};

/* Frees its members. */
void config_batch_clear(struct config_batch *batch);

struct config {
    struct {
        int64_t workers;       /* processes; 0: as many as there are cores */
        char *socket;          /* path of the control socket */
        char *state_dir;       /* of the store; NULL: nobody knows one, and the store is off */
        char *group;           /* that may use the socket; NULL: the daemon's own */
        char *plugin_dir;      /* every *.so in it is a plugin */
        double grace_s;        /* how long running jobs may take to end when the daemon stops */
        double load_timeout_s; /* how long loading one plugin may take */
        double job_grace_s;    /* how long a job may take to end when it is told to */
    } daemon;
    struct {
        double timeout_s; /* of a job for which nobody says otherwise; 0: none */
    } defaults;
    struct {
        enum log_level level;
        int64_t rate;  /* lines of jobs and plugins a second; 0: no limit */
        int64_t burst; /* of those lines that may come at once */
    } log;
    struct {
        bool enabled;
        double keep_s; /* how long finished batches are kept; 0: for ever */
        int64_t bytes; /* size past which the oldest finished ones go early; 0: any */
    } store;
    struct {
        int64_t line_bytes;      /* of one request */
        int64_t depth;           /* of one request */
        int64_t batch_jobs;      /* jobs in one batch */
        int64_t queued_jobs;     /* jobs accepted and not yet ended, of all batches */
        int64_t batches;         /* unfinished batches */
        int64_t clients;         /* connections */
        int64_t user_clients;    /* connections of one user */
        int64_t client_watchers; /* of one client */
        int64_t output_bytes;    /* output of one job */
        int64_t history_bytes;   /* memory for finished batches */
        int64_t results_bytes;   /* memory for results of unfinished batches */
        int64_t running;         /* jobs at once in all; 0: no limit */
        int64_t running_async;   /* jobs at once in one worker, by run style */
        int64_t running_fibers;
        int64_t running_blocking; /* = threads of one worker's pool; 0: twice the cores */
        int64_t fiber_stack_bytes;
    } limits;
    struct config_plugin *plugins; /* the list's, then those found in plugin_dir, by name */
    size_t plugins_count;
    struct config_batch *batches;
    size_t batches_count;
    char *socket_where;    /* where the socket's path was given; NULL: nowhere, it is the default */
    char *state_dir_where; /* likewise of the state directory */
    bool state_dir_parents;   /* what is missing above the state directory may be made, too */
    struct problems warnings; /* what is no reason not to start, but should not be so */
};

/* What the command line says over the file. NULL members: nothing. */
struct config_overrides {
    const char *socket, *state_dir;
};

/*
 * Reads `path` (NULL: all defaults). Every finding goes to `problems` as FILE:LINE, so that one run
 * shows them all. 0 and *out; -EINVAL: there were problems; -ENOENT and the like with *error: the
 * file cannot be read.
 */
int config_load(const char *path, const struct config_overrides *overrides, struct config **out,
                struct problems *problems, struct error *error);
void config_free(struct config *config);

/* What `awaitd -t` tells of the socket: that there is no directory for it. A default one is left out: who starts
 * the daemon may make it. */
void config_check_socket(const struct config *config, struct problems *problems);
/* The same of the state directory, a default one included: that it could not be used. Makes nothing, locks nothing. */
void config_check_state_dir(const struct config *config, struct problems *problems);

#endif
