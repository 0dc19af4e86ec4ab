/*
 * A message of the daemon: the result of a request or its refusal, or an event. Each is a JSON-RPC object.
 */
#ifndef AWAITCTL_INCOMING_H
#define AWAITCTL_INCOMING_H

#include <stddef.h>
#include <jansson.h>

struct ctl;

enum incoming_kind {
    INCOMING_RESULT,
    INCOMING_ERROR,
    INCOMING_EVENT, /* a notification */
};

/* One message of the daemon; incoming_clear() releases it. */
struct incoming {
    enum incoming_kind kind;
    json_t *root;       /* owned */
    json_t *body;       /* borrowed: the result, error or params */
    json_int_t id;      /* of the request it answers; 0: none */
    const char *method; /* of an event */
    const char *text;   /* as received, without a newline; valid until the next is read */
    size_t size;
};

/* Reads a message. CTL_NO_DAEMON: it is none of the protocol; *ctl tells, and *out is untouched. The text is borrowed. */
int incoming_read(struct ctl *ctl, const char *text, size_t size, struct incoming *out);
void incoming_clear(struct incoming *incoming);
/* Prints it as received, on a line. */
void incoming_print(const struct incoming *incoming);

/* Makes the failure of an error answer and returns its exit code. */
int incoming_refusal(struct ctl *ctl, const struct incoming *error);

#endif
