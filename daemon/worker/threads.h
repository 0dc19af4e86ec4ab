/*
 * The pool of threads for code that blocks, and the way back: letters that any thread posts and
 * the loop delivers. Threads are started when there is work and none is idle, and then kept.
 */
#ifndef AWAITD_WORKER_THREADS_H
#define AWAITD_WORKER_THREADS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/mailbox.h"

struct error;
struct event_base;
struct threads;

/* Something for the loop thread; embedded in what it is about. */
struct letter {
    struct mail mail;
    void (*deliver)(struct letter *letter); /* on the loop thread; the letter is the callee's */
};

/* A piece of work; embedded in what it belongs to, and alive until done() is called. */
struct task {
    struct letter letter;
    void (*work)(struct task *task); /* on a thread of the pool */
    void (*done)(struct task *task); /* on the loop thread, after work() returned */

    /* The pool's. */
    struct threads *threads;
    struct task *next;
    struct thread *thread; /* that works on it */
    bool interrupted;
};

/* A pool of up to `count` threads. NULL: the reason is in *error. Loop thread, as all that follows
 * unless it says otherwise. */
struct threads *threads_new(struct event_base *base, unsigned count, struct error *error);
/* Ends the threads; every task must be done. Letters that were not delivered are delivered. NULL is
 * fine. */
void threads_free(struct threads *threads);

/* Queues the task; the first free thread works on it. -EAGAIN: there is no thread, and none can be
 * started. */
int threads_run(struct threads *threads, struct task *task, void (*work)(struct task *task),
                void (*done)(struct task *task));

/* Ends the task's threads_wait(), and every later one at once. Nothing else happens to the task. */
void threads_interrupt(struct threads *threads, struct task *task);

/* Waits until fd (-1: none) is ready for one of `events` (bits as for poll(2)) or the deadline passes
 * (UINT64_MAX: never). Returns what it is ready for; 0: the time is over; -EINTR: interrupted; or
 * another negative errno. Within work(), on its thread. */
int threads_wait(struct task *task, int fd, short events, uint64_t deadline_ns);

/* Has the letter delivered on the loop thread; any thread. */
void threads_post(struct threads *threads, struct letter *letter);

#endif
