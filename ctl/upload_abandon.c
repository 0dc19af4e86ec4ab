/*
 * What becomes of a batch whose submission failed.
 */
#include <math.h>
#include <stdio.h>
#include "connection.h"
#include "ctl.h"
#include "interrupt.h"
#include "reconnect.h"
#include "upload_parts.h"

/* Waits for a daemon that is to come back with the batch. */
static int await_daemon(struct upload *upload)
{
    if (!upload->durable || upload->gave_up || !reconnect_can_help(upload->ctl, upload->connection))
        return CTL_OK;
    return reconnect(upload->ctl, upload->connection, 0, INFINITY);
}

/* On a connection of its own: the other may be closed, or in the middle of a message. */
static int cancel(struct upload *upload)
{
    json_t *params = json_pack("{s:I}", "batch", upload->batch);
    if (!params)
        return ctl_fail_memory(upload->ctl);
    struct connection *connection = NULL;
    int code = await_daemon(upload);
    if (code == CTL_OK)
        code = connection_open(upload->ctl, &connection);
    if (code) {
        json_decref(params);
        return code;
    }
    json_int_t id;
    struct incoming answer;
    code = connection_send(connection, "batch.cancel", params, &id);
    if (code == CTL_OK)
        code = connection_answer(connection, id, NULL, NULL, &answer);
    if (code == CTL_OK)
        incoming_clear(&answer);
    connection_close(connection);
    return code;
}

/* What is to be said where nobody knows whether there is a batch. */
static void tell_unanswered(struct upload *upload, int code)
{
    struct ctl *ctl = upload->ctl;
    struct error why = ctl->error;
    if (code == CTL_INTERRUPTED)
        (void)ctl_fail(ctl, code,
                       "interrupted before the daemon answered; `awaitctl list` tells whether "
                       "it took the batch");
    else if (code == CTL_NO_DAEMON && upload_has_key(upload))
        (void)ctl_fail(ctl, code,
                       "%.300s; whether it took the batch is not known: submit it again with the "
                       "same --key",
                       why.text);
    else if (code == CTL_NO_DAEMON)
        (void)ctl_fail(ctl, code,
                       "%.200s before it answered: whether it took the batch is not known "
                       "(`awaitctl list` tells); with a --key it could have been asked again",
                       why.text);
}

/* What is to be said where the batch is incomplete, and whether it could be cancelled is not known, or it could not: for
 * the reason told last, of which `failure` is the code. */
static void tell_incomplete(struct upload *upload, int code, int failure)
{
    struct ctl *ctl = upload->ctl;
    struct error why = ctl->error;
    char advice[120] = "";
    if (failure == CTL_INTERRUPTED)
        (void)snprintf(advice, sizeof(advice),
                       "; if it is open still: `awaitctl cancel %" JSON_INTEGER_FORMAT "`",
                       upload->batch);
    else if (failure == CTL_NO_DAEMON && !upload->durable)
        (void)snprintf(advice, sizeof(advice),
                       "; it is not durable, so it is gone with the daemon");
    else if (failure == CTL_NO_DAEMON)
        (void)snprintf(advice, sizeof(advice),
                       "; once the daemon is back: `awaitctl cancel %" JSON_INTEGER_FORMAT "`",
                       upload->batch);
    (void)ctl_fail(ctl, code,
                   "batch %" JSON_INTEGER_FORMAT
                   " is incomplete and could not be cancelled: %.300s%s",
                   upload->batch, why.text, advice);
}

void upload_abandon(struct upload *upload, int code)
{
    struct ctl *ctl = upload->ctl;
    if (!upload->batch || upload->existing) {
        if (upload->unanswered)
            tell_unanswered(upload, code);
        return;
    }
    ctl_tell_failure(ctl);
    interrupt_clear();
    int failure = cancel(upload);
    if (failure)
        tell_incomplete(upload, code, failure);
    else
        (void)ctl_fail(ctl, code, "batch %" JSON_INTEGER_FORMAT " was cancelled", upload->batch);
}
