/*
 * The plugins of a worker: loads them, refuses in words those that do not fit, and tells the supervisor
 * what there is. Loop thread only.
 */
#ifndef AWAITD_WORKER_HOST_H
#define AWAITD_WORKER_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <awaitd/plugin.h>
#include "base/params.h"

struct runner;

struct plugin {
    char *file;    /* absolute path */
    char *problem; /* why it is not loaded; NULL: it is */
    json_t *
        problems; /* what is wrong with its settings, see problems_json(); NULL: nothing, or something else is */

    /* The rest is set where it is loaded. */
    struct aw_plugin table; /* members that are newer than the plugin are zero */
    const struct runner *runner;
    struct params_table params, settings; /* rows likewise; owned */
    void *settings_data;                  /* filled */
    void *instance;
    json_t *exports, *clashes; /* names, see symbols.h; owned; NULL: not known */
};

/* Zeroed = empty. */
struct host {
    struct plugin *plugins;
    size_t count;
};

/* Makes places for `count` plugins, none of them loaded. -ENOMEM. */
int host_init(struct host *host, size_t count);
/* Closes all plugins and frees what there is of them; leaves the objects themselves mapped. */
void host_close(struct host *host);

/* Loads the file, checks it, and calls its open() with the settings (NULL: none given). 0, or a negative
 * errno, after which the place's `problem` has the reason. `file` is copied. */
int host_load(struct host *host, size_t place, struct aw_worker *worker, const char *file,
              const json_t *settings);
/* Notes why a plugin is not loaded. `file` is copied. */
void host_disable(struct host *host, size_t place, const char *file, const char *problem);

/* The plugin at a place; NULL: there is none, or it is not loaded. */
const struct plugin *host_plugin(const struct host *host, size_t place);

/* The catalogue for READY: {"plugins": [...]}. New reference; NULL: out of memory. */
json_t *host_catalogue(const struct host *host);

#endif
