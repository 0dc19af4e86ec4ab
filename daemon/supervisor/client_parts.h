/*
 * What the files of client.h share:
 *
 *     client.c         its life, the socket's events, sending
 *     client_serve.c   requests: found in the input and carried out, some at a time
 *     client_hangup.c  noticing that nobody is there any more
 */
#ifndef AWAITD_SUPERVISOR_CLIENT_PARTS_H
#define AWAITD_SUPERVISOR_CLIENT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "supervisor/answers.h"
#include "supervisor/client.h"
#include "wire/frame.h"

struct evbuffer;
struct event;

struct client {
    struct client_callbacks callbacks;
    void *context;
    uid_t uid;
    int fd;
    struct evbuffer *input, *output;
    struct event *readable; /* pending while there is nothing to serve in the input */
    struct event *writable; /* pending while there is output */
    struct frame_scanner scanner;
    size_t scanned;       /* bytes of the input that the scanner has seen */
    size_t complete;      /* bytes of the request in front that is being served; 0: none is */
    struct event *again;  /* a turn for what is still in the input */
    struct event *hangup; /* NULL until the other side has ended */
    int hangup_fd;        /* what it watches; -1: none */
    int fd_end;           /* see struct client_limits */
    struct client_watchers watchers;
    struct errand *errand;
    struct client_answers answers;
    bool held;    /* the request in front cannot be served yet, */
    bool shortly; /* which will not take long */
    bool ended;   /* no more input will come */
    bool gone;    /* nobody is there to read answers either */
    bool closing; /* serve no more; close when everything has been sent */
};

/* Serves requests in the input for as long as others can wait, and sees to it that it goes on: by reading, by another
 * turn, or by closing. May free the client. */
void client_serve(struct client *client);

/* Reads nothing until client_read_on(). */
void client_stop_reading(struct client *client);
void client_read_on(struct client *client);
/* client_serve() is called later in this turn of the loop. */
void client_take_turn(struct client *client);
/* Whether so much waits to be sent, or for what has to be sent before it, that requests wait too. That ends in
 * on_writable, or with client_answers_changed(). */
bool client_owes_much(const struct client *client);
/* Nobody will read what is sent. */
void client_set_gone(struct client *client);
/* Closes the connection, which frees the client, if nothing more can come of it, and says so. There is no complete request
 * left in the input. */
bool client_close_if_over(struct client *client);

/* Whether the other side is gone, and not only silent. */
bool client_hung_up(const struct client *client);
/* Notices when the other side is gone, while nothing is read. */
void client_watch_hangup(struct client *client);
void client_unwatch_hangup(struct client *client);

#endif
