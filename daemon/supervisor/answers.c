/*
 * A list by ticket. New answers nearly always belong at its end.
 */
#include "supervisor/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/client.h"

struct held_answer {
    TAILQ_ENTRY(held_answer) link;
    struct client *client;
    uint64_t ticket;
    size_t size;
    char text[];
};

void answers_init(struct answers *answers)
{
    TAILQ_INIT(&answers->list);
}

static void drop(struct answers *answers, struct held_answer *answer)
{
    TAILQ_REMOVE(&answers->list, answer, link);
    free(answer);
}

void answers_clear(struct answers *answers)
{
    while (!TAILQ_EMPTY(&answers->list))
        drop(answers, TAILQ_FIRST(&answers->list));
}

int answers_hold(struct answers *answers, struct client *client, uint64_t ticket, const char *text,
                 size_t size)
{
    struct held_answer *answer = malloc(sizeof(*answer) + size);
    if (!answer)
        return -ENOMEM;
    *answer = (struct held_answer){.client = client, .ticket = ticket, .size = size};
    memcpy(answer->text, text, size);
    struct held_answer *before = TAILQ_LAST(&answers->list, answers_list);
    while (before && before->ticket > ticket)
        before = TAILQ_PREV(before, answers_list, link);
    if (before)
        TAILQ_INSERT_AFTER(&answers->list, before, answer, link);
    else
        TAILQ_INSERT_HEAD(&answers->list, answer, link);
    client_owe(client);
    return 0;
}

void answers_committed(struct answers *answers, uint64_t ticket)
{
    struct held_answer *answer;
    while ((answer = TAILQ_FIRST(&answers->list)) && answer->ticket <= ticket) {
        client_send(answer->client, answer->text, answer->size);
        client_paid(answer->client);
        drop(answers, answer);
    }
}

void answers_drop(struct answers *answers, const struct client *client)
{
    struct held_answer *answer, *next;
    for (answer = TAILQ_FIRST(&answers->list); answer; answer = next) {
        next = TAILQ_NEXT(answer, link);
        if (answer->client == client)
            drop(answers, answer);
    }
}
