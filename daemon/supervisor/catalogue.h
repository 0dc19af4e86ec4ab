/*
 * What the supervisor knows of the plugins: it never loads one, workers tell it. A plugin's position
 * here is its number in messages and entries. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_CATALOGUE_H
#define AWAITD_SUPERVISOR_CATALOGUE_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include "base/params.h"
#include "base/rate.h"
#include "wire/run_style.h"

struct config;
struct error;

/* Positions fit into 16 bits, see struct entry. */
#define CATALOGUE_MAX 65535u

struct plugin {
    const char *file;           /* the configuration's */
    const json_t *unrestricted; /* the configuration's; NULL: nothing */
    char *name;                 /* its own; until it has told it, the file's name without ".so" */
    char *disabled;             /* why jobs of it are refused; NULL: they are not */
    json_t *problems;           /* the same apart, as of problems_json(); NULL: it is one story */
    bool off;                   /* disabled since the configuration says so */
    json_t *described;          /* what a worker said of it; NULL: nothing yet */
    const char *version, *summary, *abi; /* point into `described`; NULL: not told */
    enum run_style style;
    struct params_table *params; /* NULL until described */
    uint32_t limit;   /* of its jobs that run at once: the configuration's, else its own; 0: none */
    struct rate rate; /* at which its jobs are started, over all batches; zeroed: no limit */
    uint64_t timeout_ns; /* of a job for which neither it nor its batch says any; 0: not said */
    json_t *exports, *clashes; /* names, as its first worker found them; NULL: none, or not told */
    uint64_t restricted; /* bit i: row i of params is not for everybody, see struct aw_param */
};

struct catalogue {
    struct plugin
        *plugins; /* the configured ones, then the ghosts; may move when there is one more ghost */
    uint32_t count;  /* of those that are configured: all that workers know of */
    uint32_t ghosts; /* plugins of jobs that were accepted before, which are not there any more */
    bool known;      /* a worker has described the plugins */
};

/* Positions in use, those of ghosts among them. */
static inline uint32_t catalogue_places(const struct catalogue *catalogue)
{
    return catalogue->count + catalogue->ghosts;
}

/* A catalogue of the configured plugins, none of them described; the configuration must outlive it. */
int catalogue_init(struct catalogue *catalogue, const struct config *config, struct error *error);
void catalogue_clear(struct catalogue *catalogue);

/*
 * Takes in the READY of a worker: the first one fills the catalogue, later ones must say the same, or the
 * plugin is disabled. on_disabled is called for each plugin that is disabled now and was not before.
 * -EINVAL: it is no valid READY; *error says why.
 */
int catalogue_learn(struct catalogue *catalogue, const json_t *ready,
                    void (*on_disabled)(void *context, const struct plugin *plugin), void *context,
                    struct error *error);

/* Disables a plugin for good, for a reason in words. The first reason stays. */
void catalogue_disable(struct catalogue *catalogue, uint32_t position, const char *reason);

/* The plugin that jobs call by this name, and its position; NULL: none has it. Names of disabled ones are
 * found too, those of ghosts are not. */
const struct plugin *catalogue_find(const struct catalogue *catalogue, const char *name,
                                    uint32_t *position);
/* The same for a job that was accepted before: where no plugin has the name, a ghost gets it, which is disabled.
 * Positions of others stay. -EINVAL: it is no name for a plugin; -E2BIG: there are too many; -ENOMEM. */
int catalogue_find_or_ghost(struct catalogue *catalogue, const char *name, uint32_t *position);

#endif
