/*
 * Answers that wait for the store: what they say must have been committed before anybody is told. They are sent in
 * the order of their tickets. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_ANSWERS_H
#define AWAITD_SUPERVISOR_ANSWERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct client;

struct answers {
    TAILQ_HEAD(answers_list, held_answer) list; /* by ticket */
};

void answers_init(struct answers *answers);
/* Drops all. */
void answers_clear(struct answers *answers);

/* Sends the text to the client when what the ticket stands for is committed; copies. -ENOMEM. */
int answers_hold(struct answers *answers, struct client *client, uint64_t ticket, const char *text,
                 size_t size);

/* Everything up to this ticket is. */
void answers_committed(struct answers *answers, uint64_t ticket);

/* The client is gone. */
void answers_drop(struct answers *answers, const struct client *client);

#endif
