/*
 * The loop's side of the store: opens and closes it, and deals with the letters of the thread. An eventfd tells the
 * loop that there are some; they are opened oldest first. Never touches SQLite, and never waits but for the thread's
 * start and its end.
 */
#include "supervisor/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <event2/event.h>
#include "base/error.h"
#include "supervisor/store_parts.h"

/* ---- Letters of the thread ---------------------------------------------------------------------------------- */

void store_link_tell(struct store_link *link, struct store_letter *letter)
{
    (void)mailbox_post(link->to_loop, &letter->mail); /* has no bound and is never closed */
    if (!atomic_exchange(&link->mail_told, true))
        (void)eventfd_write(link->mail_fd, 1); /* cannot overflow: one per on_mail() */
}

static void open_mail(struct store *store)
{
    struct mail *mail = mailbox_try_take(store->link.to_loop);
    while (mail) {
        struct store_letter *letter = (struct store_letter *)mail;
        mail = mail->next;
        letter->open(store, letter);
    }
}

static void on_mail(evutil_socket_t fd, short what, void *context)
{
    struct store *store = context;
    eventfd_t count;
    (void)what;
    (void)eventfd_read(fd, &count); /* it was readable */
    atomic_store(&store->link.mail_told, false);
    open_mail(store);
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    store_post(context);
}

/* Tells of an admission that was decided. */
static void tell_admission(struct store *store, const struct store_report *report,
                           const struct store_record *record)
{
    struct error error = {0};
    if (record->admission.code == -EEXIST)
        (void)error_set(&error, -EEXIST, "batch %llu has this key",
                        (unsigned long long)record->admission.existing);
    else if (record->admission.code)
        error = report->error;
    store->callbacks.on_admitted(store->context, record->admission.ticket, record->admission.code,
                                 record->admission.existing, &error);
}

static void tell_report(struct store *store, struct store_report *report)
{
    struct store_record *record;
    bool was_full = store->full;
    store->full = report->full;
    store->things += report->things;
    store->commits += report->commit;
    if (report->full && !was_full)
        store->callbacks.on_full(store->context, true, &report->error);
    STAILQ_FOREACH (record, &report->admissions, link)
        tell_admission(store, report, record);
    if (report->committed > store->committed) {
        store->committed = report->committed;
        store->callbacks.on_committed(store->context, store->committed);
    }
    if (!report->full && was_full)
        store->callbacks.on_full(store->context, false, &report->error);
}

void store_on_report(void *receiver, struct store_letter *letter)
{
    struct store *store = receiver;
    struct store_report *report = (struct store_report *)letter;
    if (report->error.text[0])
        store->trouble = report->error;
    if (!store->closing)
        tell_report(store, report);
    store_records_free(&report->admissions);
    free(report);
}

void store_on_failure(void *receiver, struct store_letter *letter)
{
    struct store *store = receiver;
    struct store_failure *failure = (struct store_failure *)letter;
    store->trouble = failure->error;
    store->failed = !store->closing;
    if (store->failed)
        store->callbacks.on_failed(store->context, &failure->error, failure->corrupt);
    free(failure);
}

static void tell_answer(struct store_request *request)
{
    json_t *summaries = NULL;
    switch (request->kind) {
    case STORE_READ:
        request->read.reader.on_end(request->context, request->code, &request->error);
        break;
    case STORE_LIST:
        if (request->code == 0)
            summaries = json_incref(request->list.page.summaries);
        request->list.on_list(request->context, summaries, request->list.page.more,
                              &request->error);
        break;
    case STORE_COPY:
        request->copy.on_done(request->context, request->code, &request->error);
        break;
    }
}

void store_on_answer(void *receiver, struct store_letter *letter)
{
    struct store *store = receiver;
    struct store_request *request = (struct store_request *)letter;
    if (!store->closing) {
        bool unreadable = request->code == -EIO || request->code == -EBADMSG;
        if (unreadable && request->kind != STORE_COPY)
            store->callbacks.on_unreadable(store->context, &request->error);
        tell_answer(request);
    }
    store_request_free(request);
}

static void tell_part(const struct store_request *request, const struct store_part *part)
{
    const struct store_reader *reader = &request->read.reader;
    switch (part->stage) {
    case STORE_STAGE_BATCH:
        reader->on_batch(request->context, &part->batch.batch);
        break;
    case STORE_STAGE_PIECES:
        reader->on_piece(request->context, &part->piece);
        break;
    case STORE_STAGE_JOBS:
        reader->on_job(request->context, &part->job);
        break;
    case STORE_STAGE_RESULTS:
        reader->on_results(request->context, part->results.first, part->results.text);
        break;
    case STORE_STAGES:
        break;
    }
}

void store_on_parts(void *receiver, struct store_letter *letter)
{
    struct store *store = receiver;
    struct store_parts *parts = (struct store_parts *)letter;
    struct store_request *request = parts->request;
    struct store_part *part;
    bool last = parts->last;
    if (!store->closing) {
        STAILQ_FOREACH (part, &parts->list, link)
            tell_part(request, part);
    }
    if (last)
        store_on_answer(store, &request->letter);
    parts->letter.open = store_thread_take_parts;
    if (last || !mailbox_post(store->link.to_thread, &parts->letter.mail))
        store_parts_free(parts); /* or the thread is to end */
}

/* ---- Opening and closing ------------------------------------------------------------------------------------ */

static int open_link(struct store *store, struct event_base *base)
{
    struct store_link *link = &store->link;
    link->mail_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (link->mail_fd < 0)
        return -errno;
    link->to_thread = mailbox_new(SIZE_MAX); /* what was promised cannot be refused */
    link->to_loop = mailbox_new(SIZE_MAX);   /* likewise; a few for each letter to the thread */
    store->on_mail = event_new(base, link->mail_fd, EV_READ | EV_PERSIST, on_mail, store);
    store->on_turn = evtimer_new(base, on_turn, store);
    if (!link->to_thread || !link->to_loop || !store->on_mail || !store->on_turn ||
        event_add(store->on_mail, NULL))
        return -ENOMEM;
    return 0;
}

static void release(struct store *store)
{
    if (store->on_mail)
        event_free(store->on_mail);
    if (store->on_turn)
        event_free(store->on_turn);
    mailbox_free(store->link.to_thread);
    mailbox_free(store->link.to_loop);
    if (store->link.mail_fd >= 0)
        (void)close(store->link.mail_fd); /* only numbers were written to it */
    free(store);
}

/* Signals are the loop thread's business; the new thread inherits a mask that holds all of them. */
static int start_thread(struct store *store, struct store_start *start)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&store->thread, NULL, store_thread_main, start);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result == 0)
        (void)pthread_setname_np(store->thread, "store"); /* for ps and gdb */
    return -result;
}

/* Starts the thread and waits until it has opened the database, or could not. */
static int open_database(struct store *store, const struct store_options *options,
                         struct error *error)
{
    struct store_start start = {.link = &store->link, .options = options};
    int result = start_thread(store, &start);
    if (result)
        return error_errno(error, result, "cannot start the store's thread");
    (void)mailbox_take(store->link.to_loop); /* start.opened */
    store->first_number = start.opened.last_number;
    if (start.opened.code == 0)
        return 0;
    (void)pthread_join(store->thread, NULL); /* it was created, and nobody else joins */
    return error_set(error, start.opened.code, "%s", start.opened.error.text);
}

int store_open(struct event_base *base, const struct store_options *options,
               const struct store_callbacks *callbacks, void *context, struct store **out,
               struct error *error)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store)
        return error_errno(error, -ENOMEM, "cannot open the store");
    store->callbacks = *callbacks;
    store->context = context;
    int result = open_link(store, base);
    if (result)
        (void)error_errno(error, result, "cannot open the store");
    else
        result = open_database(store, options, error);
    if (result) {
        release(store);
        return result;
    }
    *out = store;
    return 0;
}

uint64_t store_close(struct store *store, struct error *error)
{
    if (!store)
        return 0;
    store_post(store);
    store->closing = true;
    atomic_store(&store->link.closing, true);
    mailbox_close(store->link.to_thread);
    (void)pthread_join(store->thread, NULL); /* as above */
    open_mail(store);                        /* which frees it */
    uint64_t unwritten = store->failed ? 0 : store->link.unwritten;
    if (unwritten)
        (void)error_set(error, -EIO, "%s", store->trouble.text);
    release(store);
    return unwritten;
}

/* ---- Requests ----------------------------------------------------------------------------------------------- */

static struct store_request *request_new(enum store_request_kind kind, size_t texts, void *context)
{
    struct store_request *request = calloc(1, sizeof(*request) + texts);
    if (!request)
        return NULL;
    request->letter.open = store_thread_take_request;
    request->kind = kind;
    request->context = context;
    return request;
}

static void send_request(struct store *store, struct store_request *request)
{
    store_post(store); /* what was recorded before is there */
    (void)mailbox_post(store->link.to_thread, &request->letter.mail); /* has no bound, is open */
}

static int read_batches(struct store *store, struct store_cursor cursor,
                        const struct store_reader *reader, void *context)
{
    struct store_request *request = request_new(STORE_READ, 0, context);
    if (!request)
        return -ENOMEM;
    request->read.reader = *reader;
    request->read.cursor = cursor;
    send_request(store, request);
    return 0;
}

int store_read_batch(struct store *store, uint64_t number, const struct store_reader *reader,
                     void *context)
{
    return read_batches(store, (struct store_cursor){.number = number}, reader, context);
}

int store_read_unfinished(struct store *store, const struct store_reader *reader, void *context)
{
    return read_batches(store, (struct store_cursor){.unfinished = true}, reader, context);
}

int store_list(struct store *store, const struct store_filter *filter,
               void (*on_list)(void *context, json_t *summaries, bool more,
                               const struct error *error),
               void *context)
{
    size_t texts = store_text_size(filter->state) + store_text_size(filter->plugin) +
                   store_text_size(filter->name);
    struct store_request *request = request_new(STORE_LIST, texts, context);
    json_t *summaries = json_array();
    if (!request || !summaries) {
        free(request);
        json_decref(summaries);
        return -ENOMEM;
    }
    char *at = request->texts;
    request->list.filter = *filter;
    request->list.filter.state = store_text_put(&at, filter->state);
    request->list.filter.plugin = store_text_put(&at, filter->plugin);
    request->list.filter.name = store_text_put(&at, filter->name);
    request->list.on_list = on_list;
    request->list.page = (struct store_page){.summaries = summaries, .below = filter->below};
    send_request(store, request);
    return 0;
}

int store_backup(struct store *store, const char *file,
                 void (*on_done)(void *context, int code, const struct error *error), void *context)
{
    struct store_request *request = request_new(STORE_COPY, store_text_size(file), context);
    if (!request)
        return -ENOMEM;
    char *at = request->texts;
    request->copy.file = store_text_put(&at, file);
    request->copy.on_done = on_done;
    send_request(store, request);
    return 0;
}

/* ---- Figures ------------------------------------------------------------------------------------------------ */

uint64_t store_last_number(const struct store *store)
{
    return store->first_number;
}

uint64_t store_latest(const struct store *store)
{
    return store->outbox.latest;
}

uint64_t store_committed(const struct store *store)
{
    return store->committed;
}

struct store_figures store_figures(const struct store *store)
{
    return (struct store_figures){
        .bytes = atomic_load(&store->link.bytes),
        .commits = store->commits,
        .waiting = store->outbox.latest - store->things,
        .full = store->full,
    };
}
