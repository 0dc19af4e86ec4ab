/*
 * An answer stands in its client's list, and while it waits for a ticket in the list of those.
 */
#include "supervisor/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/client.h"

struct answer {
    TAILQ_ENTRY(answer) link, ticket_link;
    struct client *client;
    uint64_t ticket; /* 0: it waits for none */
    char *text;      /* NULL: not known yet */
    size_t size;
    size_t charge; /* see answer_charge() */
    bool ready;
};

void answers_init(struct answers *answers)
{
    TAILQ_INIT(&answers->list);
}

void answers_clear(struct answers *answers)
{
    TAILQ_INIT(&answers->list);
}

/* What it adds to the bytes that wait. One without a text stands for something that has a limit of its own, or is charged
 * for. */
static size_t waiting_bytes(const struct answer *answer)
{
    return answer->charge + (answer->text ? sizeof(*answer) + answer->size : 0);
}

static void drop(struct answer *answer)
{
    struct client_answers *own = client_answers(answer->client);
    TAILQ_REMOVE(&own->list, answer, link);
    own->bytes -= waiting_bytes(answer);
    own->tickets -= answer->ticket > 0;
    free(answer->text);
    free(answer);
}

/* Sends what is ready and has nothing before it; `sent`: one has just been. */
static void send_ready(struct client *client, bool sent)
{
    struct client_answers *own = client_answers(client);
    struct answer *first;
    while ((first = TAILQ_FIRST(&own->list)) && first->ready) {
        client_send(client, first->text, first->size);
        drop(first);
        sent = true;
    }
    if (!first) {
        if (own->awaited)
            client_release(client);
        own->awaited = own->keyed = false;
    }
    if (sent || !first)
        client_answers_changed(client);
}

struct answer *answers_expect(struct client *client)
{
    struct answer *answer = calloc(1, sizeof(*answer));
    if (!answer)
        return NULL;
    answer->client = client;
    TAILQ_INSERT_TAIL(&client_answers(client)->list, answer, link);
    return answer;
}

void answer_charge(struct answer *answer, size_t bytes)
{
    answer->charge += bytes;
    client_answers(answer->client)->bytes += bytes;
}

static int set_text(struct answer *answer, const char *text, size_t size)
{
    answer->text = malloc(size + 1); /* never of 0 bytes */
    if (!answer->text)
        return -ENOMEM;
    memcpy(answer->text, text, size);
    answer->size = size;
    client_answers(answer->client)->bytes += sizeof(*answer) + size;
    return 0;
}

void answer_give(struct answer *answer, const char *text, size_t size)
{
    struct client *client = answer->client;
    bool is_first = answer == TAILQ_FIRST(&client_answers(client)->list);
    if (is_first) {
        client_send(client, text, size); /* without a copy */
        drop(answer);
    } else if (set_text(answer, text, size) == 0) {
        answer->ready = true;
    } else {
        client_abandon(client);
        drop(answer);
    }
    send_ready(client, is_first);
}

int answers_send(struct client *client, const char *text, size_t size)
{
    if (TAILQ_EMPTY(&client_answers(client)->list)) {
        client_send(client, text, size);
        return 0;
    }
    struct answer *place = answers_expect(client);
    if (!place)
        return -ENOMEM;
    answer_give(place, text, size);
    return 0;
}

int answers_hold(struct answers *answers, struct client *client, uint64_t ticket, const char *text,
                 size_t size)
{
    struct answer *answer = answers_expect(client);
    if (!answer)
        return -ENOMEM;
    if (set_text(answer, text, size) != 0) {
        drop(answer);
        return -ENOMEM;
    }
    answer->ticket = ticket;
    client_answers(client)->tickets++;
    struct answer *before = TAILQ_LAST(&answers->list, answers_list);
    while (before && before->ticket > ticket)
        before = TAILQ_PREV(before, answers_list, ticket_link);
    if (before)
        TAILQ_INSERT_AFTER(&answers->list, before, answer, ticket_link);
    else
        TAILQ_INSERT_HEAD(&answers->list, answer, ticket_link);
    return 0;
}

void answers_committed(struct answers *answers, uint64_t ticket)
{
    struct answer *answer;
    while ((answer = TAILQ_FIRST(&answers->list)) && answer->ticket <= ticket) {
        TAILQ_REMOVE(&answers->list, answer, ticket_link);
        answer->ready = true;
        send_ready(answer->client, false);
    }
}

void answers_await(struct client *client)
{
    client_answers(client)->awaited = true;
    client_hold_shortly(client);
}

void answers_drop(struct answers *answers, struct client *client)
{
    struct answer *answer;
    while ((answer = TAILQ_FIRST(&client_answers(client)->list))) {
        if (answer->ticket && !answer->ready)
            TAILQ_REMOVE(&answers->list, answer, ticket_link);
        drop(answer);
    }
}
