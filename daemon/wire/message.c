/*
 * Encoders and decoders of the messages between supervisor and workers. Encoders trust their caller;
 * decoders trust nobody and check all that the header promises, so that what follows them need not.
 * Neither keeps anything but the buffer that is written to.
 */
#include "wire/message.h"

#include <errno.h>
#include "base/error.h"
#include "base/log.h"
#include "base/parse.h"
#include "wire/details.h"

/* ---- Header: payload length (4 bytes), version (2), type (2), little-endian ---------------- */

static uint32_t get_little(const uint8_t *data, unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = size; i-- > 0;)
        value = value << 8 | data[i];
    return value;
}

static void put_little(uint8_t *data, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++, value >>= 8)
        data[i] = (uint8_t)value;
}

static bool is_type(uint32_t type)
{
    return (type >= MESSAGE_CONFIG && type <= MESSAGE_STOP) ||
           (type >= MESSAGE_LOADING && type <= MESSAGE_LOG);
}

int message_read_header(const uint8_t *data, struct message_header *out, struct error *error)
{
    uint32_t size = get_little(data, 4), version = get_little(data + 4, 2);
    uint32_t type = get_little(data + 6, 2);

    if (version != MESSAGE_VERSION)
        return error_set(error, -EPROTO,
                         "the other end speaks version %u of the worker messages, this one %d; "
                         "if awaitd was upgraded while it ran, restart it",
                         version, MESSAGE_VERSION);
    if (!is_type(type))
        return error_set(error, -EBADMSG, "a message of unknown type %u", type);
    if (size > MESSAGE_PAYLOAD_MAX)
        return error_set(error, -EBADMSG, "a message of %u bytes, where %u are the most", size,
                         MESSAGE_PAYLOAD_MAX);
    *out = (struct message_header){.payload_size = size, .type = (enum message_type)type};
    return 0;
}

/* Begins a message; its length is written by message_end(). */
static size_t begin(struct bytes *out, enum message_type type)
{
    size_t mark = out->size;
    uint8_t header[MESSAGE_HEADER_SIZE] = {0};
    put_little(header + 4, 2, MESSAGE_VERSION);
    put_little(header + 6, 2, (uint32_t)type);
    bytes_put(out, header, sizeof(header));
    return mark;
}

void message_end(struct bytes *out, size_t mark)
{
    if (out->failed)
        return;
    size_t size = out->size - mark - MESSAGE_HEADER_SIZE;
    if (size > MESSAGE_PAYLOAD_MAX)
        out->failed = true;
    else
        put_little(out->data + mark, 4, (uint32_t)size);
}

void message_put(struct bytes *out, enum message_type type, const void *payload, size_t size)
{
    size_t mark = begin(out, type);
    bytes_put(out, payload, size);
    message_end(out, mark);
}

static bool at_end(const struct bytes_reader *reader)
{
    return reader->at == reader->end;
}

/* What a decoder returns that must have read all there was. */
static int whole(const struct bytes_reader *reader)
{
    return reader->failed || !at_end(reader) ? -EBADMSG : 0;
}

static bool sum_fits(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return !__builtin_add_overflow(a, b, &sum);
}

/* ---- RUN ------------------------------------------------------------------------------------
 * batch, first, jobs; then per entry: flags, plugin, those numbers that the flags name, in the order
 * of the flags, params, items. */

enum run_flag {
    RUN_EXPANDS = 1,
    RUN_HAS_COUNT = 2,    /* otherwise it is 1, */
    RUN_HAS_ATTEMPT = 4,  /* 0, */
    RUN_HAS_BASE = 8,     /* 0, */
    RUN_HAS_TIMEOUT = 16, /* 0, */
    RUN_HAS_ITEMS = 32,   /* and there are none */
    RUN_FLAGS = 63,
};

size_t message_run_begin(struct bytes *out, const struct message_run *run)
{
    size_t mark = begin(out, MESSAGE_RUN);
    bytes_put_varint(out, run->batch);
    bytes_put_varint(out, run->first);
    bytes_put_varint(out, run->jobs);
    return mark;
}

void message_run_add(struct bytes *out, const struct message_run_entry *entry)
{
    unsigned flags = (entry->expands ? RUN_EXPANDS : 0) | (entry->count != 1 ? RUN_HAS_COUNT : 0) |
                     (entry->attempt != 0 ? RUN_HAS_ATTEMPT : 0) |
                     (entry->base != 0 ? RUN_HAS_BASE : 0) |
                     (entry->timeout_ns != 0 ? RUN_HAS_TIMEOUT : 0) |
                     (entry->items.size != 0 ? RUN_HAS_ITEMS : 0);
    bytes_put_varint(out, flags);
    bytes_put_varint(out, entry->plugin);
    if (flags & RUN_HAS_COUNT)
        bytes_put_varint(out, entry->count);
    if (flags & RUN_HAS_ATTEMPT)
        bytes_put_varint(out, entry->attempt);
    if (flags & RUN_HAS_BASE)
        bytes_put_varint(out, entry->base);
    if (flags & RUN_HAS_TIMEOUT)
        bytes_put_varint(out, entry->timeout_ns);
    bytes_put_view(out, entry->params.data, entry->params.size);
    if (flags & RUN_HAS_ITEMS)
        bytes_put_view(out, entry->items.data, entry->items.size);
}

/* Whether the items are `count` lengths and texts. */
static bool are_items(struct bytes_view items, uint64_t count)
{
    struct bytes_reader reader = bytes_reader_of(items);
    for (; count > 0 && !reader.failed && !at_end(&reader); count--)
        (void)bytes_get_view(&reader); /* only its being there counts */
    return count == 0 && whole(&reader) == 0;
}

int message_run_next(struct bytes_reader *payload, struct message_run_entry *out)
{
    uint64_t flags = bytes_get_varint_max(payload, RUN_FLAGS);
    *out = (struct message_run_entry){
        .count = 1, .plugin = bytes_get_varint(payload), .expands = flags & RUN_EXPANDS};
    if (flags & RUN_HAS_COUNT)
        out->count = bytes_get_varint(payload);
    if (flags & RUN_HAS_ATTEMPT)
        out->attempt = bytes_get_varint(payload);
    if (flags & RUN_HAS_BASE)
        out->base = bytes_get_varint(payload);
    if (flags & RUN_HAS_TIMEOUT)
        out->timeout_ns = bytes_get_varint(payload);
    out->params = bytes_get_view(payload);
    if (flags & RUN_HAS_ITEMS)
        out->items = bytes_get_view(payload);
    if (payload->failed || out->count == 0 || !sum_fits(out->base, out->count))
        return -EBADMSG;
    if (flags & RUN_HAS_ITEMS && !are_items(out->items, out->count))
        return -EBADMSG;
    return 0;
}

/* Whether the entries are sound and stand for `jobs` jobs; takes the reader by value, so it stays. */
static bool entries_add_up(struct bytes_reader payload, uint64_t jobs)
{
    while (!at_end(&payload)) {
        struct message_run_entry entry;
        if (message_run_next(&payload, &entry) != 0 || entry.count > jobs)
            return false;
        jobs -= entry.count;
    }
    return jobs == 0;
}

int message_run_read(struct bytes_reader *payload, struct message_run *out)
{
    out->batch = bytes_get_varint(payload);
    out->first = bytes_get_varint(payload);
    out->jobs = bytes_get_varint(payload);
    if (payload->failed || !sum_fits(out->first, out->jobs))
        return -EBADMSG;
    return entries_add_up(*payload, out->jobs) ? 0 : -EBADMSG;
}

/* ---- CANCEL, LOADING, STARTED --------------------------------------------------------------- */

void message_cancel_put(struct bytes *out, const struct message_cancel *cancel)
{
    size_t mark = begin(out, MESSAGE_CANCEL);
    bytes_put_varint(out, cancel->batch);
    bytes_put_varint(out, cancel->first);
    bytes_put_varint(out, cancel->count);
    bytes_put_varint(out, cancel->out_of_time);
    message_end(out, mark);
}

int message_cancel_read(struct bytes_reader *payload, struct message_cancel *out)
{
    out->batch = bytes_get_varint(payload);
    out->first = bytes_get_varint(payload);
    out->count = bytes_get_varint(payload);
    out->out_of_time = bytes_get_varint_max(payload, 1);
    return sum_fits(out->first, out->count) ? whole(payload) : -EBADMSG;
}

void message_number_put(struct bytes *out, enum message_type type, uint64_t number)
{
    size_t mark = begin(out, type);
    bytes_put_varint(out, number);
    message_end(out, mark);
}

int message_number_read(struct bytes_reader *payload, uint64_t *out)
{
    *out = bytes_get_varint(payload);
    return whole(payload);
}

/* ---- DONE -----------------------------------------------------------------------------------
 * Per result: one byte of state (low 3 bits, counted from the first final one) and flags; the batch, if
 * it is another one than before; how job, started_ns and ended_ns differ from the result before; reason,
 * output and details, if any. */

enum done_flag {
    DONE_STATE = 7, /* the bits of the state */
    DONE_TRUNCATED = 8,
    DONE_HAS_BATCH = 16,
    DONE_HAS_REASON = 32,
    DONE_HAS_OUTPUT = 64,
    DONE_HAS_DETAILS = 128,
};
_Static_assert(JOB_STATES - JOB_SUCCEEDED <= DONE_STATE + 1, "states fit the bits they are given");

/* A difference modulo 2^64, with the sign in the lowest bit so that small ones either way are short. */
static void put_difference(struct bytes *out, uint64_t from, uint64_t to)
{
    uint64_t up = to - from;
    bytes_put_varint(out, up >> 63 ? ~(up << 1) : up << 1);
}

static uint64_t get_difference(struct bytes_reader *payload, uint64_t from)
{
    uint64_t folded = bytes_get_varint(payload);
    return from + (folded & 1 ? ~(folded >> 1) : folded >> 1);
}

size_t message_done_begin(struct bytes *out, struct message_done *done)
{
    *done = (struct message_done){0};
    return begin(out, MESSAGE_DONE);
}

void message_done_add(struct bytes *out, struct message_done *done,
                      const struct message_result *result)
{
    unsigned flags = (unsigned)(result->state - JOB_SUCCEEDED) |
                     (result->truncated ? DONE_TRUNCATED : 0) |
                     (result->batch != done->batch ? DONE_HAS_BATCH : 0) |
                     (result->reason.size != 0 ? DONE_HAS_REASON : 0) |
                     (result->output.size != 0 ? DONE_HAS_OUTPUT : 0) |
                     (result->details.size != 0 ? DONE_HAS_DETAILS : 0);
    uint8_t byte = (uint8_t)flags;
    bytes_put(out, &byte, 1);
    if (flags & DONE_HAS_BATCH)
        bytes_put_varint(out, result->batch);
    put_difference(out, done->job, result->job);
    put_difference(out, done->started_ns, result->started_ns);
    put_difference(out, done->ended_ns, result->ended_ns);
    if (flags & DONE_HAS_REASON)
        bytes_put_view(out, result->reason.data, result->reason.size);
    if (flags & DONE_HAS_OUTPUT)
        bytes_put_view(out, result->output.data, result->output.size);
    if (flags & DONE_HAS_DETAILS)
        bytes_put_view(out, result->details.data, result->details.size);
    *done = (struct message_done){.batch = result->batch,
                                  .job = result->job,
                                  .started_ns = result->started_ns,
                                  .ended_ns = result->ended_ns};
}

static bool is_result(const struct message_result *result)
{
    if (result->state >= JOB_STATES)
        return false;
    if (result->ended_ns < result->started_ns)
        return false;
    if (result->details.size > 0 && !details_are_valid(result->details))
        return false;
    if (result->reason.size == 0)
        return true;
    return result->state != JOB_SUCCEEDED &&
           parse_is_utf8(result->reason.data, result->reason.size);
}

int message_done_next(struct bytes_reader *payload, struct message_done *done,
                      struct message_result *out)
{
    if (at_end(payload))
        return -EBADMSG;
    unsigned flags = *payload->at++;
    *out = (struct message_result){.state = (enum job_state)(JOB_SUCCEEDED + (flags & DONE_STATE)),
                                   .truncated = flags & DONE_TRUNCATED};
    out->batch = flags & DONE_HAS_BATCH ? bytes_get_varint(payload) : done->batch;
    out->job = get_difference(payload, done->job);
    out->started_ns = get_difference(payload, done->started_ns);
    out->ended_ns = get_difference(payload, done->ended_ns);
    if (flags & DONE_HAS_REASON)
        out->reason = bytes_get_view(payload);
    if (flags & DONE_HAS_OUTPUT)
        out->output = bytes_get_view(payload);
    if (flags & DONE_HAS_DETAILS)
        out->details = bytes_get_view(payload);
    if (payload->failed || !is_result(out))
        return -EBADMSG;
    *done = (struct message_done){.batch = out->batch,
                                  .job = out->job,
                                  .started_ns = out->started_ns,
                                  .ended_ns = out->ended_ns};
    return 0;
}

/* ---- LOG: level, whether there is a job, batch and job (0 without), plugin, text ------------- */

void message_log_put(struct bytes *out, const struct message_log *log)
{
    size_t mark = begin(out, MESSAGE_LOG);
    bytes_put_varint(out, log->level);
    bytes_put_varint(out, log->has_job ? 1 : 0);
    bytes_put_varint(out, log->batch);
    bytes_put_varint(out, log->job);
    bytes_put_view(out, log->plugin.data, log->plugin.size);
    bytes_put_view(out, log->text.data, log->text.size);
    message_end(out, mark);
}

int message_log_read(struct bytes_reader *payload, struct message_log *out)
{
    out->level = bytes_get_varint_max(payload, LOG_LEVEL_DEBUG);
    out->has_job = bytes_get_varint_max(payload, 1) != 0;
    out->batch = bytes_get_varint(payload);
    out->job = bytes_get_varint(payload);
    out->plugin = bytes_get_view(payload);
    out->text = bytes_get_view(payload);
    return whole(payload);
}
