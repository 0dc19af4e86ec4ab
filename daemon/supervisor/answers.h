/*
 * Answers that come later, because what they say must have been committed before anybody is told. Those of one client are
 * sent in the order of its requests, whatever becomes ready first. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_ANSWERS_H
#define AWAITD_SUPERVISOR_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct answer;
struct client;

/* Those that wait for a ticket of the store. */
struct answers {
    TAILQ_HEAD(answers_list, answer) list; /* by ticket */
};

/* Those of one client, in the order of its requests; a part of the client. */
struct client_answers {
    TAILQ_HEAD(, answer) list;
    size_t bytes;     /* memory of those whose text waits for others before it, or for a ticket */
    unsigned tickets; /* of them, those that wait for one */
    bool awaited;     /* the client is held until there are none */
    bool
        keyed; /* one of them may come long after its batch was asked for: it has a key, which another may have */
};

void answers_init(struct answers *answers);
/* The daemon ends: forgets which tickets are waited for. Clients drop their own. */
void answers_clear(struct answers *answers);

/* A place for an answer that will be given by answer_give(), or never: its client may go before. NULL: out of
 * memory. */
struct answer *answers_expect(struct client *client);
/* While it waits, so much memory is kept for it that no other limit counts: it counts as bytes to be sent. */
void answer_charge(struct answer *answer, size_t bytes);
/* Sends it, once those before it have been; copies. The answer is gone then. Without memory the client is abandoned. */
void answer_give(struct answer *answer, const char *text, size_t size);

/* Sends the text at once, but not before the answers to earlier requests; copies. -ENOMEM. */
int answers_send(struct client *client, const char *text, size_t size);
/* Sends the text, which may be empty, when what the ticket stands for is committed; copies. -ENOMEM. */
int answers_hold(struct answers *answers, struct client *client, uint64_t ticket, const char *text,
                 size_t size);
/* Everything up to this ticket is. */
void answers_committed(struct answers *answers, uint64_t ticket);

/* Holds the client, whose request is being carried out, until it has got all its answers; then it is carried out again. */
void answers_await(struct client *client);

/* The client is gone. */
void answers_drop(struct answers *answers, struct client *client);

#endif
