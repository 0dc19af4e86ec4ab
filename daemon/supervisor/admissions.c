/*
 * The store answers in the order it was asked, so the list is a queue. An admission owns nothing of its batch: a batch
 * with one under way is not forgotten.
 */
#include "supervisor/admissions.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "supervisor/batches.h"
#include "supervisor/call.h"
#include "supervisor/client.h"
#include "supervisor/holds.h"
#include "supervisor/recovery.h"
#include "supervisor/scheduler.h"
#include "supervisor/store.h"
#include "supervisor/supervisor.h"
#include "supervisor/terms_text.h"
#include "wire/rpc.h"

/* What an admission whose batch is being read back counts for against its client, which may ask for as many as it wants;
 * reason: some 1000 bytes are kept for it. */
#define EXISTING_BYTES 1024

struct admission {
    TAILQ_ENTRY(admission) link;
    uint64_t ticket;
    struct batch *batch; /* NULL: it has been taken back */
    uint32_t first;
    uint32_t jobs;
    bool is_new, seals;
    struct client *client; /* NULL: nobody waits, or not any more */
    struct answer *answer; /* NULL: nobody, or it was a notification */
    json_t *id, *result;
    enum watch_events follow;
    /* Where another batch has the key: its number, and the key. */
    uint64_t existing;
    uid_t owner;
    char *key;
    struct fingerprint asked;
};

struct admission_hold {
    LIST_ENTRY(admission_hold) link;
    const struct batch *batch;
    struct client *client;
};

/* ---- Life ------------------------------------------------------------------------------------ */

void admissions_init(struct admissions *admissions)
{
    TAILQ_INIT(&admissions->list);
    TAILQ_INIT(&admissions->existing);
    LIST_INIT(&admissions->holds);
    admissions->jobs = 0;
}

static void free_admission(struct admission *admission)
{
    if (admission->client && admission->follow != WATCH_NONE)
        client_watchers(admission->client)->expected--;
    json_decref(admission->id);
    json_decref(admission->result);
    free(admission->key);
    free(admission);
}

void admissions_clear(struct admissions *admissions)
{
    struct admission *admission;
    while ((admission = TAILQ_FIRST(&admissions->list))) {
        TAILQ_REMOVE(&admissions->list, admission, link);
        free_admission(admission);
    }
    while ((admission = TAILQ_FIRST(&admissions->existing))) {
        TAILQ_REMOVE(&admissions->existing, admission, link);
        free_admission(admission);
    }
    struct admission_hold *hold;
    while ((hold = LIST_FIRST(&admissions->holds))) {
        LIST_REMOVE(hold, link);
        free(hold);
    }
}

static void forget_client(struct admission *admission)
{
    admission->client = NULL;
    admission->answer = NULL; /* the client's own, and gone with it */
}

void admissions_drop(struct admissions *admissions, const struct client *client)
{
    struct admission *admission;
    TAILQ_FOREACH (admission, &admissions->list, link) {
        if (admission->client == client)
            forget_client(admission);
    }
    TAILQ_FOREACH (admission, &admissions->existing, link) {
        if (admission->client == client)
            forget_client(admission);
    }
    struct admission_hold *hold, *next;
    for (hold = LIST_FIRST(&admissions->holds); hold; hold = next) {
        next = LIST_NEXT(hold, link);
        if (hold->client != client)
            continue;
        LIST_REMOVE(hold, link);
        free(hold);
    }
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* The batch's latest pieces; those that brought nothing are left out. */
static uint32_t list_pieces(const struct admission_what *what, struct store_piece *out)
{
    const struct batch *batch = what->batch;
    uint32_t count = 0;
    for (uint32_t i = 0; i < what->pieces; i++) {
        if (!what->texts[i].size)
            continue;
        uint32_t number = batch->pieces_count - what->pieces + i;
        uint32_t first = batch_piece_first(batch, number);
        out[count++] = (struct store_piece){.number = number,
                                            .first = first,
                                            .accepted_ns = batch_accepted_ns(batch, first),
                                            .jobs = what->texts[i]};
    }
    return count;
}

static int tell_store(struct supervisor *supervisor, const struct admission_what *what,
                      struct bytes *terms, uint64_t *ticket)
{
    const struct batch *batch = what->batch;
    terms_text_write(terms, &batch->terms);
    bytes_put(terms, "", 1);
    struct store_piece *pieces = calloc(what->pieces + (size_t)1, sizeof(*pieces));
    if (terms->failed || !pieces) {
        free(pieces);
        return -ENOMEM;
    }
    struct store_batch stored = {
        .number = batch->number,
        .owner = batch->owner,
        .name = batch->name,
        .key = batch->key,
        .asked = what->asked,
        .retry_of = batch->retry_of,
        .configured = batch->configured,
        .terms = (const char *)terms->data,
        .submitted_s = batch->submitted_s,
        .submitted_ns = batch->submitted_ns,
    };
    struct store_admission admission = {
        .number = batch->number,
        .batch = what->is_new ? &stored : NULL,
        .pieces = pieces,
        .pieces_count = list_pieces(what, pieces),
        .seal = what->seals,
    };
    int error = store_admit(supervisor->store, &admission, ticket);
    free(pieces);
    return error;
}

int admission_begin(struct supervisor *supervisor, const struct admission_what *what)
{
    struct batch *batch = what->batch;
    assert(!batch->admitting && batch->durable);
    struct admission *admission = calloc(1, sizeof(*admission));
    if (!admission)
        return -ENOMEM;
    *admission = (struct admission){.batch = batch,
                                    .first = what->first,
                                    .jobs = batch->jobs - batch->admitted_jobs,
                                    .is_new = what->is_new,
                                    .seals = what->seals,
                                    .owner = batch->owner};
    if (what->asked)
        admission->asked = *what->asked;
    struct bytes terms = {.data = NULL};
    int error = tell_store(supervisor, what, &terms, &admission->ticket);
    bytes_free(&terms);
    if (error) {
        free_admission(admission);
        return error;
    }
    batch->ticket = admission->ticket;
    batch->admitting = true;
    batch->unborn = what->is_new;
    supervisor->admissions.jobs += admission->jobs;
    TAILQ_INSERT_TAIL(&supervisor->admissions.list, admission, link);
    return 0;
}

void admission_expect(struct supervisor *supervisor, struct batch *batch, struct client *client,
                      const json_t *id, json_t *result, enum watch_events follow)
{
    struct admission *admission;
    TAILQ_FOREACH_REVERSE(admission, &supervisor->admissions.list, admissions_list, link)
    {
        if (admission->batch == batch)
            break;
    }
    assert(admission); /* it has just begun */
    admission->client = client;
    admission->id = id ? json_deep_copy(id) : NULL;
    admission->result = result;
    admission->follow = follow;
    client_watchers(client)->expected += follow != WATCH_NONE;
    client_answers(client)->keyed |= batch->key != NULL;
    /* That of a notification is empty: requests behind it wait for what it does. */
    admission->answer = answers_expect(client);
    bool no_memory = !result || !admission->answer || (id && !admission->id);
    if (no_memory) /* it notices by the end of the connection */
        client_abandon(client);
}

int admission_hold(struct supervisor *supervisor, struct batch *batch, struct client *client)
{
    struct admission_hold *hold = calloc(1, sizeof(*hold));
    if (!hold)
        return -ENOMEM;
    hold->batch = batch;
    hold->client = client;
    LIST_INSERT_HEAD(&supervisor->admissions.holds, hold, link);
    client_hold_shortly(client);
    return 0;
}

static void release_holds(struct supervisor *supervisor, const struct batch *batch)
{
    struct admission_hold *hold, *next;
    for (hold = LIST_FIRST(&supervisor->admissions.holds); hold; hold = next) {
        next = LIST_NEXT(hold, link);
        if (hold->batch != batch)
            continue;
        LIST_REMOVE(hold, link);
        client_release(hold->client);
        free(hold);
    }
}

/* ---- Answering ------------------------------------------------------------------------------- */

/* NULL: there was no memory. */
static void give(struct admission *admission, char *text, size_t size)
{
    struct answer *answer = take_ptr(&admission->answer);
    if (answer && !admission->id)
        answer_give(answer, "", 0);
    else if (answer && text)
        answer_give(answer, text, size);
    else if (answer)
        client_abandon(admission->client);
    free(text);
}

static void answer_error(struct admission *admission, int code, const char *words,
                         const struct problems *problems)
{
    size_t size = 0;
    char *text = admission->id ? rpc_error(admission->id, code, words, problems, &size) : NULL;
    give(admission, text, size);
}

static void answer(struct supervisor *supervisor, struct admission *admission, struct batch *batch)
{
    size_t size = 0;
    struct client *client = admission->client;
    char *text = NULL;
    if (admission->id)
        text = rpc_result(admission->id, take_ptr(&admission->result), &size);
    give(admission, text, size);
    if (client && admission->follow != WATCH_NONE &&
        watchers_watch(supervisor->watchers, client, batch, admission->follow, 0) != 0)
        client_abandon(client); /* out of memory: it attaches again */
}

/* ---- What the store says --------------------------------------------------------------------- */

static void admit(struct supervisor *supervisor, struct admission *admission)
{
    struct batch *batch = admission->batch;
    struct scheduler *scheduler = supervisor->scheduler;
    if (supervisor->stopping) /* it goes on with the next start */
        scheduler_part(batch);
    if (admission->is_new && scheduler_begin(scheduler, batch) != 0) {
        supervisor_give_up(supervisor, "out of memory for a batch that was promised");
        return;
    }
    if (batch->jobs > batch->admitted_jobs) {
        stats_accepted(&supervisor->stats, batch, admission->first);
        if (scheduler_submit(scheduler, batch, admission->first) != 0) {
            supervisor_give_up(supervisor, "out of memory for jobs that were promised");
            return;
        }
    }
    answer(supervisor, admission, batch);
    if (admission->seals)
        scheduler_seal(scheduler, batch);
}

static void take_back(struct supervisor *supervisor, struct admission *admission)
{
    struct batch *batch = take_ptr(&admission->batch);
    if (admission->is_new) {
        scheduler_forget(supervisor->scheduler, batch);
        batches_undo_add(&supervisor->batches, batch);
    } else {
        scheduler_take_back(supervisor->scheduler, batch, admission->first);
    }
}

/* The batch whose number the store told is in memory, or NULL. It is the one that has the key, whoever has taken that
 * meanwhile, in memory: one that the store will refuse, or that is not stored. */
static void answer_existing(struct supervisor *supervisor, struct admission *admission,
                            struct batch *batch, const struct error *error)
{
    if (!batch || !batch->asked) { /* deleted in between, or not readable */
        bool unreadable = error && error->text[0];
        answer_error(admission, unreadable ? RPC_INTERNAL_ERROR : RPC_NOT_READY,
                     unreadable ? error->text : "the batch with this key has just gone: ask again",
                     NULL);
        return;
    }
    if (!fingerprint_is_same(&admission->asked, batch->asked)) {
        struct problems problems = {0};
        problems_add(&problems, "key", "was used for another batch (%llu)",
                     (unsigned long long)batch->number);
        answer_error(admission, RPC_INVALID_PARAMS, "invalid params", &problems);
        problems_clear(&problems);
        return;
    }
    struct error full;
    if (admission->client && admission->follow != WATCH_NONE &&
        !call_may_keep(supervisor, batch, &full)) {
        answer_error(admission, RPC_FULL, full.text, NULL);
        return;
    }
    json_decref(admission->result);
    admission->result = call_batch_result(batch, true);
    answer(supervisor, admission, batch);
}

/* Where the batch came back while somebody else had its key, it gets that now, lest the store is asked each time. */
static void give_key(struct supervisor *supervisor, const struct admission *admission,
                     struct batch *batch)
{
    struct batches *batches = &supervisor->batches;
    if (batch && !batch->key && batch->asked && admission->key &&
        !keys_find(&batches->keys, admission->owner, admission->key))
        (void)batches_set_key(batches, batch, admission->key); /* without memory: asked again */
}

static void on_existing(void *context, uint64_t number, struct batch *batch,
                        const struct error *error)
{
    struct supervisor *supervisor = context;
    struct admission *admission;
    TAILQ_FOREACH (admission, &supervisor->admissions.existing, link) {
        if (admission->existing == number)
            break;
    }
    if (!admission)
        return;
    TAILQ_REMOVE(&supervisor->admissions.existing, admission, link);
    give_key(supervisor, admission, batch);
    answer_existing(supervisor, admission, batch, error);
    free_admission(admission);
}

/* Another batch has its key, one that is not in memory. */
static void find_existing(struct supervisor *supervisor, struct admission *admission)
{
    struct batch *batch = batches_find(&supervisor->batches, admission->existing);
    if (batch) {
        give_key(supervisor, admission, batch);
        answer_existing(supervisor, admission, batch, NULL);
    } else if (recover_batch(supervisor, admission->existing, on_existing, supervisor) == 0) {
        TAILQ_INSERT_TAIL(&supervisor->admissions.existing, admission, link);
        if (admission->answer)
            answer_charge(admission->answer, EXISTING_BYTES);
        return;
    } else {
        answer_error(admission, RPC_FULL, "out of memory", NULL);
    }
    free_admission(admission);
}

void admission_over(struct supervisor *supervisor, uint64_t ticket, int code, uint64_t existing,
                    const struct error *error)
{
    struct admission *admission = TAILQ_FIRST(&supervisor->admissions.list);
    assert(admission && admission->ticket == ticket);
    TAILQ_REMOVE(&supervisor->admissions.list, admission, link);
    supervisor->admissions.jobs -= admission->jobs;
    struct batch *batch = admission->batch;
    batch->admitting = batch->unborn = false;
    admission->existing = existing;
    if (code == -EEXIST)
        admission->key = strdup(batch->key); /* NULL, without memory, is found by nobody */
    release_holds(supervisor, batch);
    if (!code) {
        admit(supervisor, admission);
    } else {
        take_back(supervisor, admission);
        holds_wake(supervisor->holds);
    }
    if (code == -EEXIST) {
        find_existing(supervisor, admission);
        return;
    }
    if (code) {
        if (!admission->client)
            log_write(supervisor->log, LOG_LEVEL_ERROR, "a batch is refused: %s", error->text);
        answer_error(admission, RPC_FULL, error->text, NULL);
    }
    free_admission(admission);
}
