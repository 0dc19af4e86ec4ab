/*
 * What the files of upload.h share: the upload itself, and how it asks the daemon.
 */
#ifndef AWAITCTL_UPLOAD_PARTS_H
#define AWAITCTL_UPLOAD_PARTS_H

#include <jansson.h>
#include "pieces.h"
#include "upload.h"

struct upload {
    struct ctl *ctl;
    struct connection *connection;
    struct upload_options options;
    struct follow *follow;
    char *params; /* owned; of batch.submit or batch.open, without jobs, as JSON */
    size_t envelope_bytes;
    size_t line_bytes; /* the daemon's limits; 0: not asked yet */
    unsigned depth;
    json_int_t batch; /* 0: not opened */
    uint64_t jobs;    /* that it has, after the last answer */
    bool unanswered;  /* it was asked for, and is not known */
    bool existing;    /* it is one that was there before, by its key */
    bool durable;
    bool untold;      /* the daemon was not told what the entries of the batch with this key are */
    bool asked_again; /* the daemon went away and is back, since this was last cleared */
    bool gave_up;     /* it is not */
    struct pieces pieces;
};

bool upload_has_key(const struct upload *upload);

/* Waits for one answer; with `print` it is printed where --json says so. */
int upload_await(struct upload *upload, json_int_t id, bool print, json_t **result);
/* The same for a small request, sent now; steals params. */
int upload_ask(struct upload *upload, const char *method, json_t *params, bool print,
               json_t **result);
/* The same for what may be carried out twice: asked again where the daemon went away before it answered. */
int upload_ask_surely(struct upload *upload, const char *method, json_t *params, bool print,
                      json_t **result);

/* Sends entries as one request; `params` is what comes before them. */
int upload_send_entries(struct upload *upload, struct piece *piece, const char *method,
                        const char *params);
/* The same to add them to the batch. */
int upload_send_piece(struct upload *upload, struct piece *piece);

/* Whether the loss of the daemon, which was the last failure, can be made good: there is no batch yet, or it outlives the
 * daemon. Not once it was tried in vain. */
bool upload_can_resume(const struct upload *upload);
/* Reconnects then, follows the batch again, and sends the messages of entries that were under way again which the daemon
 * did not take. */
int upload_resume(struct upload *upload);
/* When a request ended with *code: whether it is to be sent again, the daemon having come back; `harmless`: it may be
 * carried out twice. */
bool upload_shall_ask_again(struct upload *upload, int *code, bool harmless);

#endif
