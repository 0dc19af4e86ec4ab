/*
 * Cancelling ranges of jobs, a bounded number of them in each turn of the loop.
 */
#ifndef AWAITD_WORKER_CANCEL_H
#define AWAITD_WORKER_CANCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct aw_worker;
struct message_cancel;

/* Ranges not yet gone through, oldest first. */
TAILQ_HEAD(cancel_list, cancel);
struct cancels {
    struct cancel_list list;
};

void cancels_init(struct cancels *cancels);
void cancels_clear(struct cancels *cancels);

/* Will cancel the jobs of the range that are here now; those that come later are not meant. -ENOMEM. */
int cancels_add(struct aw_worker *worker, const struct message_cancel *range);
/* Looks at up to about `limit` jobs. true: there is more to do, and the loop must not sleep. */
bool cancels_step(struct aw_worker *worker, size_t limit);

#endif
