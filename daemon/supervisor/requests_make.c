/*
 * What every new batch goes through: the daemon takes new ones, nobody has its key, it gets its number and terms, and
 * when its entries are there, the store is asked to take them, or the scheduler takes them at once.
 *
 * Never looks at jobs. What was made and not entered is taken back by whoever made it.
 */
#include "base/error.h"
#include "base/problems.h"
#include "supervisor/config.h"
#include "supervisor/fingerprint.h"
#include "supervisor/requests_parts.h"
#include "supervisor/scheduler.h"
#include "supervisor/supervisor.h"
#include "wire/rpc.h"

int request_refuse(struct error *error, int code, const char *text)
{
    (void)error_set(error, code, "%s", text);
    return code;
}

int request_full(struct error *error, const char *what, int64_t limit, const char *option)
{
    (void)error_set(error, RPC_FULL, "full: there may be at most %lld %s (%s)", (long long)limit,
                    what, option);
    return RPC_FULL;
}

/* Whether new batches are taken at all. */
static int check_open(const struct supervisor *supervisor, struct error *error)
{
    if (supervisor->stopping)
        return request_refuse(error, RPC_NOT_READY, "the daemon is stopping");
    if (supervisor->draining)
        return request_refuse(error, RPC_NOT_READY, "the daemon is draining");
    int64_t limit = supervisor->config->limits.batches;
    const struct batches *batches = &supervisor->batches;
    if ((int64_t)(batches->count - batches->finished_count) >= limit)
        return request_full(error, "unfinished batches", limit, "limits.batches");
    return 0;
}

int request_make(struct supervisor *supervisor, const struct request_making *making,
                 struct batch **out, struct error *error)
{
    int code = check_open(supervisor, error);
    if (code)
        return code;
    struct batches *batches = &supervisor->batches;
    struct batch *batch = batches_add(batches, making->name, making->owner);
    if (!batch)
        return request_refuse(error, RPC_FULL, "out of memory");
    batch->terms = *making->terms;
    batch->durable = making->durable;
    batch->configured = making->configured;
    bool is_asked = making->configured || making->key;
    if ((is_asked && batch_note_asked(batch, making->asked) != 0) ||
        (making->key && batches_set_key(batches, batch, making->key) != 0)) {
        batches_undo_add(batches, batch);
        return request_refuse(error, RPC_FULL, "out of memory");
    }
    *out = batch;
    return 0;
}

void request_unmake(struct supervisor *supervisor, struct batch *batch)
{
    scheduler_forget(supervisor->scheduler, batch);
    batches_undo_add(&supervisor->batches, batch);
}

int request_find_existing(struct supervisor *supervisor, uid_t owner, const char *text,
                          const struct fingerprint *asked, struct batch **out,
                          struct problems *problems, struct error *error)
{
    const struct key *key = text ? keys_find(&supervisor->batches.keys, owner, text) : NULL;
    *out = key ? key->batch : NULL;
    if (!key || fingerprint_is_same(asked, key->batch->asked))
        return 0;
    problems_add(problems, "key", "was used for another batch (%llu)",
                 (unsigned long long)key->batch->number);
    return request_refuse(error, RPC_INVALID_PARAMS, "invalid params");
}

int request_enter(struct supervisor *supervisor, const struct admission_what *what)
{
    struct batch *batch = what->batch;
    if (batch->durable)
        return admission_begin(supervisor, what);
    int error = what->is_new ? scheduler_begin(supervisor->scheduler, batch) : 0;
    if (!error && what->pieces)
        error = scheduler_submit(supervisor->scheduler, batch, what->first);
    if (error)
        return error;
    if (what->pieces)
        stats_accepted(&supervisor->stats, batch, what->first);
    if (what->seals)
        scheduler_seal(supervisor->scheduler, batch);
    return 0;
}
