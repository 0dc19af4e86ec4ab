/*
 * Any bytes are decoded or refused; what is decoded can be written again, and reads the same then. The
 * input is a message; its payload is whatever follows the header.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/parse.h"
#include "wire/details.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A message that was read: written again, and a plain list of what it said. */
struct copy {
    struct bytes message, facts;
};

static void note(struct copy *copy, uint64_t value)
{
    bytes_put(&copy->facts, &value, sizeof(value));
}

static void note_view(struct copy *copy, struct bytes_view view)
{
    note(copy, view.size);
    bytes_put(&copy->facts, view.data, view.size);
}

static int copy_run(struct bytes_reader *payload, struct copy *copy)
{
    struct message_run run;
    if (message_run_read(payload, &run) != 0)
        return -1;
    note(copy, run.batch);
    note(copy, run.first);
    note(copy, run.jobs);
    uint64_t jobs = 0;
    size_t mark = message_run_begin(&copy->message, &run);
    while (payload->at < payload->end) {
        struct message_run_entry entry;
        if (message_run_next(payload, &entry) != 0)
            abort(); /* message_run_read() looked through them */
        note(copy, entry.count);
        note(copy, entry.plugin);
        note(copy, entry.attempt);
        note(copy, entry.base);
        note(copy, entry.expands);
        note_view(copy, entry.params);
        note_view(copy, entry.items);
        message_run_add(&copy->message, &entry);
        jobs += entry.count;
    }
    if (jobs != run.jobs)
        abort();
    message_end(&copy->message, mark);
    return 0;
}

static int copy_done(struct bytes_reader *payload, struct copy *copy)
{
    struct message_done read = {0}, written;
    size_t mark = message_done_begin(&copy->message, &written);
    while (payload->at < payload->end) {
        struct message_result result;
        if (message_done_next(payload, &read, &result) != 0)
            return -1;
        if (!job_state_is_final(result.state) || result.state >= JOB_STATES ||
            result.ended_ns < result.started_ns ||
            (result.reason.size > 0 && !parse_is_utf8(result.reason.data, result.reason.size)) ||
            (result.details.size > 0 && !details_are_valid(result.details)))
            abort();
        note(copy, result.batch);
        note(copy, result.job);
        note(copy, result.state);
        note(copy, result.truncated);
        note(copy, result.started_ns);
        note(copy, result.ended_ns);
        note_view(copy, result.reason);
        note_view(copy, result.output);
        note_view(copy, result.details);
        message_done_add(&copy->message, &written, &result);
    }
    message_end(&copy->message, mark);
    return 0;
}

static int copy_cancel(struct bytes_reader *payload, struct copy *copy)
{
    struct message_cancel cancel;
    if (message_cancel_read(payload, &cancel) != 0)
        return -1;
    note(copy, cancel.batch);
    note(copy, cancel.first);
    note(copy, cancel.count);
    message_cancel_put(&copy->message, &cancel);
    return 0;
}

static int copy_number(enum message_type type, struct bytes_reader *payload, struct copy *copy)
{
    uint64_t number;
    if (message_number_read(payload, &number) != 0)
        return -1;
    note(copy, number);
    message_number_put(&copy->message, type, number);
    return 0;
}

static int copy_log(struct bytes_reader *payload, struct copy *copy)
{
    struct message_log log;
    if (message_log_read(payload, &log) != 0)
        return -1;
    note(copy, log.level);
    note(copy, log.has_job);
    note(copy, log.batch);
    note(copy, log.job);
    note_view(copy, log.plugin);
    note_view(copy, log.text);
    message_log_put(&copy->message, &log);
    return 0;
}

/* Reads a message whose payload is all that follows the header. Negative: refused. */
static int read_message(const uint8_t *data, size_t size, struct copy *copy)
{
    struct message_header header;
    struct error error = {0};
    if (message_read_header(data, &header, &error) != 0) {
        if (!error.text[0])
            abort();
        return -1;
    }
    struct bytes_reader payload = {.at = data + MESSAGE_HEADER_SIZE, .end = data + size};
    switch (header.type) {
    case MESSAGE_RUN:
        return copy_run(&payload, copy);
    case MESSAGE_CANCEL:
        return copy_cancel(&payload, copy);
    case MESSAGE_LOADING:
    case MESSAGE_STARTED:
        return copy_number(header.type, &payload, copy);
    case MESSAGE_DONE:
        return copy_done(&payload, copy);
    case MESSAGE_LOG:
        return copy_log(&payload, copy);
    case MESSAGE_CONFIG:
    case MESSAGE_STOP:
    case MESSAGE_READY:
        break; /* JSON, or nothing */
    }
    return -1;
}

static void copy_free(struct copy *copy)
{
    bytes_free(&copy->message);
    bytes_free(&copy->facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct copy first = {0}, second = {0};
    if (size >= MESSAGE_HEADER_SIZE && read_message(data, size, &first) == 0) {
        if (read_message(first.message.data, first.message.size, &second) != 0 ||
            first.facts.size != second.facts.size ||
            (first.facts.size > 0 &&
             memcmp(first.facts.data, second.facts.data, first.facts.size) != 0))
            abort();
    }
    copy_free(&first);
    copy_free(&second);
    return 0;
}
