/*
 * A queue of those who wait, and the batch that was read last, which is kept until they have been served.
 */
#include "supervisor/history.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include "supervisor/batches.h"
#include "supervisor/errands.h"
#include "supervisor/recovery.h"
#include "supervisor/supervisor.h"
#include "wire/rpc.h"

/* Somebody waits for a batch. */
struct visit {
    struct errand errand;
    TAILQ_ENTRY(visit) link; /* on history->waiting until the errand is done */
    struct history *history;
    uint64_t number; /* of the batch */
    bool found;      /* it is history->at_hand */
};

struct history {
    struct supervisor *supervisor;
    TAILQ_HEAD(, visit) waiting;
    uint64_t reading;      /* number of the batch that is being read; 0: none */
    struct batch *at_hand; /* read for those who have yet to be served; NULL: none */
    size_t unserved;       /* how many these are */
    uint64_t reads;
    bool closed;
};

/* ---- Reading --------------------------------------------------------------------------------- */

/* Everybody who waits for this batch may go on: it is there, or NULL, and `code` and `error` say why not. */
static void settle(struct history *history, uint64_t number, struct batch *batch, int code,
                   const struct error *error)
{
    struct visit *visit, *next;
    for (visit = TAILQ_FIRST(&history->waiting); visit; visit = next) {
        next = TAILQ_NEXT(visit, link);
        if (visit->number != number)
            continue;
        TAILQ_REMOVE(&history->waiting, visit, link);
        visit->found = batch != NULL;
        history->unserved += visit->found;
        visit->errand.code = code;
        if (error)
            visit->errand.error = *error;
        errand_done(&visit->errand);
    }
    if (history->unserved) {
        history->at_hand = batch;
        batch->wanted = true;
    }
}

static void read_next(struct history *history);

static void on_read(void *context, uint64_t number, struct batch *batch, const struct error *error)
{
    struct history *history = context;
    history->reading = 0;
    history->reads += batch != NULL;
    int code = batch ? 0 : error->text[0] ? RPC_INTERNAL_ERROR : RPC_NO_SUCH_THING;
    settle(history, number, batch, code, error);
    read_next(history);
}

static void begin_reading(struct history *history, uint64_t number)
{
    struct batch *batch = batches_find(&history->supervisor->batches, number);
    if (batch) { /* somebody else needed it, too */
        settle(history, number, batch, 0, NULL);
        return;
    }
    history->reading = number;
    if (recover_batch(history->supervisor, number, on_read, history) == 0)
        return;
    history->reading = 0;
    struct error error = {"out of memory"};
    settle(history, number, NULL, RPC_FULL, &error);
}

static void read_next(struct history *history)
{
    while (!history->closed && !history->reading && !history->at_hand) {
        struct visit *visit = TAILQ_FIRST(&history->waiting);
        if (!visit)
            return;
        begin_reading(history, visit->number);
    }
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static void over(struct errand *errand)
{
    struct visit *visit = (struct visit *)errand; /* it is its first member */
    struct history *history = visit->history;
    bool last = visit->found && --history->unserved == 0;
    if (!errand->done)
        TAILQ_REMOVE(&history->waiting, visit, link);
    free(visit);
    if (!last)
        return;
    history->at_hand->wanted = false;
    batches_let_go(&history->supervisor->batches, history->at_hand);
    history->at_hand = NULL;
    read_next(history);
}

int history_ask(struct history *history, struct client *client, uint64_t number,
                struct error *error)
{
    const struct errand *before = errand_of(client);
    if (before && before->over == over && ((const struct visit *)before)->number == number &&
        before->code) {
        *error = before->error;
        return before->code;
    }
    errands_served(client); /* it was for something else */
    struct visit *visit = calloc(1, sizeof(*visit));
    if (!visit) {
        (void)error_set(error, RPC_FULL, "out of memory");
        return RPC_FULL;
    }
    visit->errand.over = over;
    visit->errand.forgettable = true;
    visit->history = history;
    visit->number = number;
    TAILQ_INSERT_TAIL(&history->waiting, visit, link);
    errand_begin(&history->supervisor->errands, &visit->errand, client);
    read_next(history);
    if (!visit->errand.done)
        return 0;
    *error = visit->errand.error; /* it has failed at once */
    return visit->errand.code;
}

uint64_t history_reads(const struct history *history)
{
    return history->reads;
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct history *history_new(struct supervisor *supervisor)
{
    struct history *history = calloc(1, sizeof(*history));
    if (!history)
        return NULL;
    history->supervisor = supervisor;
    TAILQ_INIT(&history->waiting);
    return history;
}

void history_close(struct history *history)
{
    if (history)
        history->closed = true;
}

void history_free(struct history *history)
{
    free(history);
}
