/*
 * Following a batch: takes its events, prints what was asked for, draws the progress bar, and ends
 * with the summary. What run, submit and watch have in common.
 */
#ifndef AWAITCTL_FOLLOW_H
#define AWAITCTL_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include "progress.h"

struct ctl;
struct connection;
struct incoming;

/* What to print. With --json only the messages themselves are. */
struct follow_options {
    bool lines;   /* a line on standard output for each job that ends */
    bool outputs; /* each job's output on standard output */
    bool plain; /* the one job's output is the data: no prefix, and the summary on standard error */
    /* The one job stands for a process, see process.h: what it printed is printed, its exit status is the exit
     * code, and nothing is said besides, unless it failed otherwise. */
    bool process;
    bool details; /* where `plain`: the job's details in words, on standard error */
    bool no_bar;
    const char *events; /* which to ask for; NULL: those that are needed for the above */
    bool ends_with_us;  /* the daemon does: when we are interrupted, so are the jobs */
};

struct follow {
    struct ctl *ctl;
    struct connection *connection;
    struct follow_options options;
    uint64_t batch; /* 0: not yet known */
    bool durable;   /* it outlives the daemon */
    uint64_t next;  /* the completion to go on with, if the daemon goes away */
    struct progress progress;
    json_int_t asked; /* the request for the bar's counts that is under way; 0: none */
    uint64_t asked_ns;
    uint64_t not_succeeded; /* jobs */
    uint64_t told;          /* of them, with a line of their own on standard error */
    bool is_cut;            /* output that was printed is not complete */
    bool done;
    int status; /* of the process; -1: not known */
    int code;   /* once done: the exit code */
};

/* Which events to ask for: "each", "failures" or "summary" (which comes in any case). */
const char *follow_events(const struct ctl *ctl, const struct follow_options *options);

/* Sets it up; `connection` and `ctl` must outlive it. */
void follow_init(struct follow *follow, struct ctl *ctl, struct connection *connection,
                 const struct follow_options *options);
/* The batch is known, and how many jobs it has; 0: not yet. */
void follow_begin(struct follow *follow, uint64_t batch, uint64_t jobs, bool durable);

/* One event; a connection_event_handler. */
int follow_on_event(void *context, const struct incoming *event);

/* The failure of being interrupted while a batch goes on: tells how to attach again. */
int follow_interrupted(struct ctl *ctl, uint64_t batch);

/* When the daemon went away: waits until it is back, and goes on behind the last event, as if it never had been. Where
 * the batch did not outlive it, or nobody wants to wait, the failure stays as it was. */
int follow_resume(struct follow *follow);

/* Reads events until the batch is done, also over a restart of the daemon; returns the exit code. ^C and a daemon that
 * is gone are told with how to attach again. */
int follow_run(struct follow *follow);

#endif
