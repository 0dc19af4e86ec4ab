/*
 * The thread of the store, the only one that has the database. It writes what has come, all of it in one transaction,
 * and between transactions takes a step of each thing else there is to do: reading for a request, copying,
 * housekeeping. It sleeps when there is neither; while the disk is full it tries again once a second.
 */
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/store_copy.h"
#include "supervisor/store_log.h"
#include "supervisor/store_parts.h"
#include "supervisor/store_read.h"
#include "supervisor/store_tidy.h"
#include "supervisor/store_write.h"

/* How long to wait until what found the disk full is tried again. */
#define FULL_SPAN_S 1.0
/* Lists of parts that the loop has not dealt with, at most; reason: memory stays bounded, and one is filled while it
 * deals with the other. */
#define PARTS_OUT 2

struct thread {
    struct store_link *link;
    struct store_db *db;
    struct store_writer *writer;
    struct store_read *read;
    struct store_tidy *tidy;
    struct store_failure *failure; /* made in time, for when there is no memory */
    bool failed;                   /* it was told */
    bool news;                     /* something came since it was last tried to write */
    uint64_t retry_ns;             /* when to try again, while the disk is full */
    uint64_t tidy_ns;              /* when housekeeping is due */
    struct store_requests reads;   /* and lists; one after the other */
    struct store_requests copies;  /* likewise */
    unsigned parts_out;
};

/* Nothing can be written any more. Takes the words from thread->failure. */
static void fail(struct thread *thread, enum store_trouble trouble)
{
    struct store_failure *failure = thread->failure;
    thread->failure = NULL;
    thread->failed = true;
    thread->db->failed = true;
    failure->letter.open = store_on_failure;
    failure->corrupt = trouble == STORE_CORRUPT;
    store_link_tell(thread->link, &failure->letter);
}

/* Likewise of what a request has come upon, if it is that: what else the database tells may be wrong, too. Then the
 * request stays where it is, untold. */
static bool is_corrupt(struct thread *thread, int code, const struct error *error)
{
    if (code != -EUCLEAN)
        return false;
    thread->failure->error = *error;
    fail(thread, STORE_CORRUPT);
    return true;
}

/* ---- Letters of the loop ------------------------------------------------------------------------------------ */

void store_thread_take_parcel(void *receiver, struct store_letter *letter)
{
    struct thread *thread = receiver;
    store_writer_add(thread->writer, (struct store_parcel *)letter);
    thread->news = true;
}

void store_thread_take_request(void *receiver, struct store_letter *letter)
{
    struct thread *thread = receiver;
    struct store_request *request = (struct store_request *)letter;
    if (request->kind == STORE_COPY)
        STAILQ_INSERT_TAIL(&thread->copies, request, link);
    else
        STAILQ_INSERT_TAIL(&thread->reads, request, link);
}

void store_thread_take_parts(void *receiver, struct store_letter *letter)
{
    struct thread *thread = receiver;
    thread->parts_out--;
    store_parts_free((struct store_parts *)letter);
}

static void open_mail(struct thread *thread, struct mail *mail)
{
    while (mail) {
        struct store_letter *letter = (struct store_letter *)mail;
        mail = mail->next;
        letter->open(thread, letter);
    }
}

/* ---- Writing ------------------------------------------------------------------------------------------------ */

/* For store_figures(). */
static void measure(struct thread *thread)
{
    atomic_store(&thread->link->bytes, store_log_bytes(thread->db));
}

static void tell_report(struct thread *thread, struct store_report *report, bool was_full)
{
    bool news = report->committed || report->full != was_full || !STAILQ_EMPTY(&report->admissions);
    report->letter.open = store_on_report;
    if (news)
        store_link_tell(thread->link, &report->letter);
    else
        free(report);
}

/* What follows from a commit, once it has been told. */
static void on_written(struct thread *thread)
{
    uint64_t tidy_ns = store_tidy_news(thread->tidy);
    measure(thread);
    if (tidy_ns < thread->tidy_ns)
        thread->tidy_ns = tidy_ns;
}

/* Writes the first of what waits. */
static void write_step(struct thread *thread)
{
    bool was_full = store_writer_is_full(thread->writer);
    struct store_report *report = calloc(1, sizeof(*report));
    thread->news = false;
    if (!report) {
        (void)error_set(&thread->failure->error, -ENOMEM, "out of memory");
        fail(thread, STORE_FAILED);
        return;
    }
    enum store_trouble trouble = store_writer_step(thread->writer, report, &thread->failure->error);
    thread->retry_ns = trouble == STORE_FULL ? clock_after_ns(clock_now_ns(), FULL_SPAN_S) : 0;
    if (trouble == STORE_FAILED || trouble == STORE_CORRUPT) {
        store_records_free(&report->admissions);
        free(report);
        fail(thread, trouble);
        return;
    }
    bool commit = report->commit;
    tell_report(thread, report, was_full); /* takes it */
    if (commit)
        on_written(thread);
}

static bool can_write(const struct thread *thread, uint64_t now_ns)
{
    return store_writer_waits(thread->writer) &&
           (!store_writer_is_full(thread->writer) || thread->news || now_ns >= thread->retry_ns);
}

/* ---- Requests ----------------------------------------------------------------------------------------------- */

/* A batch is being read, and the loop may hold parts of it. */
static bool is_reading(const struct thread *thread)
{
    const struct store_request *request = STAILQ_FIRST(&thread->reads);
    return request && request->kind == STORE_READ && request->read.begun;
}

static bool can_read(const struct thread *thread)
{
    const struct store_request *request = STAILQ_FIRST(&thread->reads);
    return request && (request->kind == STORE_LIST || thread->parts_out < PARTS_OUT);
}

/* Sends the first request back with what has become of it. */
static void answer(struct thread *thread, struct store_requests *requests, int code)
{
    struct store_request *request = STAILQ_FIRST(requests);
    STAILQ_REMOVE_HEAD(requests, link);
    request->code = code;
    request->letter.open = store_on_answer;
    store_link_tell(thread->link, &request->letter);
}

/* Reads some parts of a batch and hands them to the loop; with the last of them the request. */
static void read_step(struct thread *thread, struct store_request *request)
{
    struct store_parts *parts = calloc(1, sizeof(*parts));
    if (!parts) {
        answer(thread, &thread->reads, error_set(&request->error, -ENOMEM, "out of memory"));
        return;
    }
    parts->letter.open = store_on_parts;
    parts->request = request;
    STAILQ_INIT(&parts->list);
    request->read.begun = true;
    int result = store_read_parts(thread->read, &request->read.cursor, parts, &request->error);
    if (is_corrupt(thread, result, &request->error)) {
        store_parts_free(parts);
        return;
    }
    if (result < 0) {
        request->code = result;
        store_parts_clear(parts); /* one of them may make no sense */
    }
    parts->last = result != 0;
    if (parts->last)
        STAILQ_REMOVE_HEAD(&thread->reads, link);
    else
        thread->parts_out++;
    store_link_tell(thread->link, &parts->letter);
}

static void list_step(struct thread *thread, struct store_request *request)
{
    int result =
        store_list_query(thread->db, &request->list.filter, &request->list.page, &request->error);
    if (result != 0 && !is_corrupt(thread, result, &request->error))
        answer(thread, &thread->reads, result < 0 ? result : 0);
}

static void request_step(struct thread *thread)
{
    struct store_request *request = STAILQ_FIRST(&thread->reads);
    if (request->kind == STORE_LIST)
        list_step(thread, request);
    else
        read_step(thread, request);
}

static void copy_step(struct thread *thread)
{
    struct store_request *request = STAILQ_FIRST(&thread->copies);
    int result = 0;
    if (!request->copy.copy)
        result =
            store_copy_begin(thread->db, request->copy.file, &request->copy.copy, &request->error);
    if (result == 0)
        result = store_copy_step(request->copy.copy, &request->error);
    if (result == 0)
        return;
    store_copy_end(request->copy.copy);
    request->copy.copy = NULL;
    answer(thread, &thread->copies, result < 0 ? result : 0);
}

static void tidy_step(struct thread *thread)
{
    enum store_trouble trouble =
        store_tidy_step(thread->tidy, &thread->tidy_ns, &thread->failure->error);
    measure(thread);
    if (trouble == STORE_FAILED || trouble == STORE_CORRUPT)
        fail(thread, trouble);
}

static void log_step(struct thread *thread)
{
    enum store_trouble trouble = store_log_keep(thread->db, &thread->failure->error);
    if (trouble == STORE_FAILED || trouble == STORE_CORRUPT)
        fail(thread, trouble);
}

/* ---- The thread --------------------------------------------------------------------------------------------- */

/* Whether there is something to do at once. */
static bool is_busy(const struct thread *thread, uint64_t now_ns)
{
    return can_write(thread, now_ns) || can_read(thread) || !STAILQ_EMPTY(&thread->copies) ||
           (now_ns >= thread->tidy_ns && !is_reading(thread));
}

/* When there will be. */
static uint64_t wake_ns(const struct thread *thread)
{
    uint64_t wake_ns = is_reading(thread) ? UINT64_MAX : thread->tidy_ns;
    if (store_writer_waits(thread->writer) && thread->retry_ns < wake_ns)
        wake_ns = thread->retry_ns;
    return wake_ns;
}

/* One round: a transaction, and a step of each thing else. */
static void work(struct thread *thread)
{
    uint64_t now_ns = clock_now_ns();
    if (can_write(thread, now_ns))
        write_step(thread);
    if (!thread->failed && can_read(thread))
        request_step(thread);
    if (!thread->failed && !STAILQ_EMPTY(&thread->copies))
        copy_step(thread);
    if (!thread->failed && now_ns >= thread->tidy_ns && !is_reading(thread))
        tidy_step(thread);
    if (!thread->failed)
        log_step(thread);
}

/* Writes what is left, as far as there is room. */
static void write_rest(struct thread *thread)
{
    thread->news = true;
    while (!thread->failed && can_write(thread, 0))
        write_step(thread);
}

static void run(struct thread *thread)
{
    while (!thread->failed) {
        /* Looked at first: what was posted before it was set is in the mailbox by then. */
        bool closing = atomic_load(&thread->link->closing);
        struct mail *mail = is_busy(thread, clock_now_ns())
                                ? mailbox_try_take(thread->link->to_thread)
                                : mailbox_take_until(thread->link->to_thread, wake_ns(thread));
        open_mail(thread, mail);
        if (closing) {
            write_rest(thread);
            return;
        }
        work(thread);
    }
    /* Nothing is done any more, but somebody has to take the mail. */
    struct mail *mail;
    while ((mail = mailbox_take(thread->link->to_thread)))
        open_mail(thread, mail);
}

static void release_requests(struct store_requests *requests)
{
    struct store_request *request;
    while ((request = STAILQ_FIRST(requests))) {
        STAILQ_REMOVE_HEAD(requests, link);
        store_request_free(request);
    }
}

static void release(struct thread *thread)
{
    release_requests(&thread->reads);
    release_requests(&thread->copies);
    store_tidy_free(thread->tidy);
    store_read_free(thread->read);
    store_writer_free(thread->writer);
    store_db_close(thread->db);
    free(thread->failure);
}

static int open_all(struct thread *thread, const struct store_options *options, struct error *error)
{
    thread->failure = calloc(1, sizeof(*thread->failure));
    if (!thread->failure)
        return error_set(error, -ENOMEM, "no memory for the store");
    int result = store_db_open(options, &thread->db, error);
    if (result)
        return result;
    thread->writer = store_writer_new(thread->db, error);
    thread->read = thread->writer ? store_read_new(thread->db, error) : NULL;
    thread->tidy =
        thread->read ? store_tidy_new(thread->db, options->keep_s, options->bytes, error) : NULL;
    return thread->tidy ? 0 : -EIO;
}

void *store_thread_main(void *argument)
{
    struct store_start *start = argument;
    struct thread thread = {.link = start->link};
    STAILQ_INIT(&thread.reads);
    STAILQ_INIT(&thread.copies);
    int result = open_all(&thread, start->options, &start->opened.error);
    start->opened.code = result;
    start->opened.last_number = thread.db ? thread.db->last_number : 0;
    if (result == 0)
        measure(&thread);
    /* It waits for this very letter, and *start is gone then. */
    (void)mailbox_post(thread.link->to_loop, &start->opened.letter.mail);
    if (result == 0) {
        run(&thread);
        thread.link->unwritten = store_writer_unwritten(thread.writer);
    }
    release(&thread);
    return NULL;
}
