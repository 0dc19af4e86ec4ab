/*
 * Recording, on the loop thread: what the turn of the loop records is put into a parcel, which goes to the thread at
 * the end of the turn, or at once when it has become large. Results are the many: those of one batch that
 * follow one another in a parcel are gathered as one text while they come. All else is copied.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include "supervisor/completions.h"
#include "supervisor/result_text.h"
#include "supervisor/store_parts.h"

/* Bytes past which a parcel goes at once; reason: the thread begins to write it while more is recorded. */
#define PARCEL_BYTES (256u << 10)
/* Bytes of the jobs of a piece at most; reason: SQLite takes 1,000,000,000 bytes in a row, and failing there would
 * take the daemon down. */
#define JOBS_BYTES_MAX (512u << 20)

/* ---- Parcels ------------------------------------------------------------------------------------------------ */

void store_post(struct store *store)
{
    struct store_parcel *parcel = store->outbox.parcel;
    if (!parcel)
        return;
    store->outbox.parcel = NULL;
    store->outbox.results = (struct store_gathering){0};
    parcel->last_ticket = store->outbox.latest;
    parcel->last_number = store->outbox.last_number;
    store->outbox.last_number = 0;
    (void)mailbox_post(store->link.to_thread, &parcel->letter.mail); /* has no bound, is open */
}

/* The parcel of this turn; NULL: out of memory. */
static struct store_parcel *parcel_of(struct store *store)
{
    /* A timer that is due is served after the sockets had their turn, unlike event_active(). */
    static const struct timeval now = {0};
    if (store->outbox.parcel)
        return store->outbox.parcel;
    struct store_parcel *parcel = calloc(1, sizeof(*parcel));
    if (!parcel)
        return NULL;
    parcel->letter.open = store_thread_take_parcel;
    STAILQ_INIT(&parcel->records);
    if (!evtimer_pending(store->on_turn, NULL) && evtimer_add(store->on_turn, &now)) {
        free(parcel);
        return NULL;
    }
    store->outbox.parcel = parcel;
    return parcel;
}

/* A record of this kind, with room for texts. It is not yet in the parcel. NULL: out of memory. */
static struct store_record *record_new(struct store *store, enum store_kind kind, uint64_t batch,
                                       size_t texts)
{
    struct store_record *record = parcel_of(store) ? malloc(sizeof(*record) + texts) : NULL;
    if (!record)
        return NULL;
    memset(record, 0, sizeof(*record));
    record->kind = kind;
    record->batch = batch;
    return record;
}

/* Something that takes so many bytes is now in a record of the parcel: it has a ticket. */
static void count(struct store *store, struct store_record *record, size_t bytes)
{
    record->things++;
    store->outbox.parcel->bytes += bytes;
    store->outbox.latest++;
    if (store->outbox.parcel->bytes >= PARCEL_BYTES)
        store_post(store);
}

static void add(struct store *store, struct store_record *record, size_t texts)
{
    STAILQ_INSERT_TAIL(&store->outbox.parcel->records, record, link);
    count(store, record, sizeof(*record) + texts);
}

/* ---- Admissions --------------------------------------------------------------------------------------------- */

static void copy_batch(struct store_record *record, const struct store_batch *batch, char **at)
{
    struct store_batch *copy = &record->admission.batch;
    *copy = *batch;
    copy->name = store_text_put(at, batch->name);
    copy->key = store_text_put(at, batch->key);
    copy->terms = store_text_put(at, batch->terms);
    copy->stopped = store_text_put(at, batch->stopped);
    if (batch->asked) {
        record->admission.asked = *batch->asked;
        copy->asked = &record->admission.asked;
    }
    record->admission.is_new = true;
}

/* The pieces themselves come first in the record's texts, since texts need no alignment. */
static void copy_pieces(struct store_record *record, const struct store_piece *pieces,
                        uint32_t pieces_count, char **at)
{
    _Static_assert(offsetof(struct store_record, texts) % _Alignof(struct store_piece) == 0,
                   "pieces may stand where texts do");
    struct store_piece *copies = (struct store_piece *)*at;
    *at += pieces_count * sizeof(*copies);
    for (uint32_t i = 0; i < pieces_count; i++) {
        size_t size = pieces[i].jobs.size;
        copies[i] = pieces[i];
        copies[i].jobs.data = memcpy(*at, pieces[i].jobs.data, size);
        *at += size;
    }
    record->admission.pieces = copies;
    record->admission.pieces_count = pieces_count;
}

/* Bytes of copies. -E2BIG: SQLite would not take it. */
static int measure(const struct store_admission *admission, size_t *out)
{
    const struct store_batch *batch = admission->batch;
    size_t texts = admission->pieces_count * sizeof(struct store_piece);
    for (uint32_t i = 0; i < admission->pieces_count; i++) {
        if (admission->pieces[i].jobs.size > JOBS_BYTES_MAX)
            return -E2BIG;
        texts += admission->pieces[i].jobs.size;
    }
    if (batch)
        texts += store_text_size(batch->name) + store_text_size(batch->key) +
                 store_text_size(batch->terms) + store_text_size(batch->stopped);
    *out = texts;
    return 0;
}

int store_admit(struct store *store, const struct store_admission *admission, uint64_t *ticket)
{
    size_t texts;
    int result = measure(admission, &texts);
    if (result)
        return result;
    struct store_record *record = record_new(store, STORE_ADMISSION, admission->number, texts);
    if (!record)
        return -ENOMEM;
    char *at = record->texts;
    copy_pieces(record, admission->pieces, admission->pieces_count, &at);
    if (admission->batch)
        copy_batch(record, admission->batch, &at);
    record->admission.seal = admission->seal;
    record->admission.ticket = *ticket = store->outbox.latest + 1;
    add(store, record, texts);
    return 0;
}

int store_number(struct store *store, uint64_t last_number)
{
    struct store_parcel *parcel = parcel_of(store);
    if (!parcel)
        return -ENOMEM;
    parcel->numbers++;
    store->outbox.last_number = last_number;
    store->outbox.latest++;
    return 0;
}

/* ---- Results ------------------------------------------------------------------------------------------------ */

/* Appends to the text, or leaves it as it is. */
static int write_result(struct bytes *text, const struct completion *completion, unsigned attempt)
{
    size_t before = text->size;
    result_text_write(text, completion, attempt);
    if (!text->failed)
        return 0;
    text->size = before;
    text->failed = false;
    return -ENOMEM;
}

int store_result(struct store *store, uint64_t batch, uint32_t seq,
                 const struct completion *completion, unsigned attempt)
{
    struct store_outbox *outbox = &store->outbox;
    struct store_record *record = store_gathering_find(&outbox->results, batch, seq);
    bool is_new = !record;
    if (is_new)
        record = record_new(store, STORE_RESULTS, batch, 0);
    if (!record)
        return -ENOMEM;
    size_t before = record->results.text.size;
    if (write_result(&record->results.text, completion, attempt)) {
        if (is_new)
            store_record_free(record);
        return -ENOMEM;
    }
    record->results.count++;
    if (is_new) {
        record->results.first = seq;
        store_gathering_note(&outbox->results, record);
        add(store, record, record->results.text.size);
    } else {
        count(store, record, record->results.text.size - before);
    }
    return 0;
}

/* ---- What else happens to batches --------------------------------------------------------------------------- */

int store_job(struct store *store, uint64_t batch, const struct store_job *job)
{
    struct store_record *record = record_new(store, STORE_JOB, batch, 0);
    if (!record)
        return -ENOMEM;
    record->job = *job;
    add(store, record, 0);
    return 0;
}

int store_seal(struct store *store, uint64_t batch)
{
    struct store_record *record = record_new(store, STORE_SEAL, batch, 0);
    if (!record)
        return -ENOMEM;
    add(store, record, 0);
    return 0;
}

int store_pause(struct store *store, uint64_t batch, bool paused)
{
    struct store_record *record = record_new(store, STORE_PAUSE, batch, 0);
    if (!record)
        return -ENOMEM;
    record->paused = paused;
    add(store, record, 0);
    return 0;
}

int store_stop(struct store *store, uint64_t batch, const struct store_stop *stop)
{
    size_t texts = store_text_size(stop->reason);
    struct store_record *record = record_new(store, STORE_STOP, batch, texts);
    if (!record)
        return -ENOMEM;
    char *at = record->texts;
    record->stop = *stop;
    record->stop.reason = store_text_put(&at, stop->reason);
    add(store, record, texts);
    return 0;
}

int store_finish(struct store *store, const struct store_finish *finish)
{
    size_t texts = store_text_size(finish->state) + store_text_size(finish->plugins);
    struct store_record *record = record_new(store, STORE_FINISH, finish->batch, texts);
    if (!record)
        return -ENOMEM;
    char *at = record->texts;
    record->end.finish = *finish;
    record->end.finish.state = store_text_put(&at, finish->state);
    record->end.finish.plugins = store_text_put(&at, finish->plugins);
    memcpy(record->end.in_state, finish->in_state, sizeof(record->end.in_state));
    record->end.finish.in_state = record->end.in_state;
    add(store, record, texts);
    return 0;
}
