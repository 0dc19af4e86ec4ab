/*
 * The supervisor: what hangs together in one process. Everything its state consists of hangs from struct
 * supervisor, which supervisor_main() owns; methods and the stop read it.
 */
#ifndef AWAITD_SUPERVISOR_SUPERVISOR_H
#define AWAITD_SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include "supervisor/admissions.h"
#include "supervisor/answers.h"
#include "supervisor/batches.h"
#include "supervisor/catalogue.h"
#include "supervisor/errands.h"
#include "supervisor/record.h"
#include "supervisor/stats.h"

struct config;
struct control;
struct error;
struct history;
struct holds;
struct log;
struct pool;
struct scheduler;
struct store;
struct watchers;

struct supervisor {
    const struct config *config;
    struct log *log;
    struct event_base *base;
    struct catalogue catalogue;
    struct batches batches;
    struct stats stats;
    struct pool *pool;
    struct scheduler *scheduler;
    struct watchers *watchers;
    struct holds *holds;
    struct store *store;              /* NULL: nothing outlives the daemon */
    LIST_HEAD(, recovery) recoveries; /* what is being read of it, see recovery.h */
    struct errands errands;           /* what clients wait for it to do, */
    struct history *history;          /* and among that, which batches they wait for */
    struct numbers numbers;           /* what it has reserved, */
    struct marks marks;               /* what the store has been told and not yet committed, */
    struct admissions admissions;     /* what it has been asked to take, */
    struct answers answers;           /* and who is to be told when it has */
    bool recovering;                  /* it is being read; nobody is served yet */
    struct control *control;          /* NULL until the plugins are known */
    struct event *on_term, *on_int, *on_hup;
    struct event *stop_timer;
    int listen_fd;   /* until control takes it over */
    int listen_lock; /* of the socket's path, which is ours to remove; -1: it is not */
    int stopping;    /* how urgently, see stop.h */
    bool draining;   /* no new batches are taken */
    uint64_t started_ns;
    uint64_t completed;   /* jobs that have ended since the start */
    struct batch *latest; /* the batch that a result was found for last */
    int exit_code;
};

/* The exit code when the configuration, or what the store is kept in, has to be mended first: EX_CONFIG of sysexits.h,
 * which service managers know. */
#define SUPERVISOR_EXIT_CONFIG 78

/* The daemon cannot keep its word: it ends at once, with these words in the log. */
void supervisor_give_up(struct supervisor *supervisor, const char *words);

/* Runs the daemon until it has stopped, with its configuration; listen_fd is a socket passed by systemd, or
 * -1. Returns the exit code; when it could not start, the words are in the log and in *error, which is
 * untouched otherwise. */
int supervisor_main(const struct config *config, struct log *log, int listen_fd,
                    struct error *error);

#endif
