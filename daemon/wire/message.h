/*
 * What supervisor and workers say to each other, as bytes. A message is a header of 8 bytes
 * (payload length, version, type; little-endian) and a payload of variable-length integers, lengths
 * and bytes, see base/bytes.h; rare and roomy payloads are JSON. Both ends are the same binary, yet
 * every message is checked as if it came from outside: a worker runs code of others.
 *
 *     supervisor -> worker                 worker -> supervisor
 *     CONFIG   plugins, sizes, threads     LOADING  about to dlopen plugin i
 *     RUN      jobs of one batch           READY    catalogue of plugins
 *     CANCEL   jobs of one batch           STARTED  n jobs began: there is room for n more
 *     STOP     finish and exit             DONE     results
 *                                          LOG      a line for the log
 *
 * Encoders append a whole message to a struct bytes; decoders read a payload. Decoders return 0 or
 * -EBADMSG, and then nothing they wrote may be used. Views point into the payload.
 */
#ifndef AWAITD_WIRE_MESSAGE_H
#define AWAITD_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"
#include "wire/job_state.h"

/* Raised when a message changes; the ends of one connection always have the same, since a worker is the
 * supervisor's own binary, but an upgrade under a running daemon must be noticed. */
#define MESSAGE_VERSION 3
#define MESSAGE_HEADER_SIZE 8
/* Bytes of one payload; reason: a template of 1 MiB with slices of items fits many times over, and so do
 * the largest output and details of a job, 32 MiB each, with the results before them. */
#define MESSAGE_PAYLOAD_MAX (96u << 20)

enum message_type {
    MESSAGE_CONFIG = 1,
    MESSAGE_RUN,
    MESSAGE_CANCEL,
    MESSAGE_STOP,
    MESSAGE_LOADING = 64,
    MESSAGE_READY,
    MESSAGE_STARTED,
    MESSAGE_DONE,
    MESSAGE_LOG,
};

struct message_header {
    uint32_t payload_size;
    enum message_type type;
};

struct error;

/* Reads MESSAGE_HEADER_SIZE bytes. -EPROTO: another version; -EBADMSG: an unknown type, or a payload
 * beyond MESSAGE_PAYLOAD_MAX; the words are in *error. */
int message_read_header(const uint8_t *data, struct message_header *out, struct error *error);

/* A message whose payload is the given bytes: CONFIG and READY (JSON text), STOP (none). Here and
 * below, a payload beyond MESSAGE_PAYLOAD_MAX sets out->failed, as running out of memory does. */
void message_put(struct bytes *out, enum message_type type, const void *payload, size_t size);

/* RUN. One message carries jobs of one batch with consecutive indexes: a first index and entries,
 * each of which stands for `count` jobs. Begin, add entries, end. */
struct message_run {
    uint64_t batch;
    uint64_t first; /* index in the batch of the first entry's first job */
    uint64_t jobs;  /* all entries' counts together */
};
struct message_run_entry {
    uint64_t count;           /* jobs; at least 1 */
    uint64_t plugin;          /* its position in the worker's CONFIG list, from 0 */
    uint64_t attempt;         /* how often these jobs were tried before */
    uint64_t base;            /* {index} of the first of them: its position within its entry */
    uint64_t timeout_ns;      /* of each job, from its start on; 0: none */
    bool expands;             /* params have placeholders */
    struct bytes_view params; /* a JSON object, or empty for none */
    struct bytes_view items;  /* `count` lengths and texts, one per job; empty: no {item} */
};
/* Begins a RUN in `out`; until message_end() nothing else may be appended to `out` or be done with
 * it. Returns a mark for message_end(). */
size_t message_run_begin(struct bytes *out, const struct message_run *run);
void message_run_add(struct bytes *out, const struct message_run_entry *entry);
/* Writes the length of the message that began at `mark`. */
void message_end(struct bytes *out, size_t mark);
/* Reads the start of a payload and looks through its entries: they are well-formed and their counts
 * add up to `jobs`. Then reads entry by entry until the reader is at its end. */
int message_run_read(struct bytes_reader *payload, struct message_run *out);
int message_run_next(struct bytes_reader *payload, struct message_run_entry *out);

/* CANCEL. Jobs first .. first+count-1 of the batch. */
struct message_cancel {
    uint64_t batch, first, count;
    bool out_of_time; /* the batch's deadline has passed: they end as timed_out, not as cancelled */
};
void message_cancel_put(struct bytes *out, const struct message_cancel *cancel);
int message_cancel_read(struct bytes_reader *payload, struct message_cancel *out);

/* LOADING and STARTED: one number. */
void message_number_put(struct bytes *out, enum message_type type, uint64_t number);
int message_number_read(struct bytes_reader *payload, uint64_t *out);

/* DONE. Results of jobs of any batches, in the order they ended. Times are on the monotonic clock. Begin,
 * add, end as with RUN. */
struct message_result {
    uint64_t batch, job;
    enum job_state state;          /* a final one */
    bool truncated;                /* output was cut at the limit */
    uint64_t started_ns, ended_ns; /* it did not end before it started */
    struct bytes_view reason;      /* UTF-8; empty for JOB_SUCCEEDED */
    struct bytes_view output;
    struct bytes_view details; /* as details_read() of wire/details.h writes them; or empty */
};
/* What the last result of the message said. Each is written as what changed since then: that makes a
 * result of the typical million some 8 bytes, and not 25. All zero before the first one. */
struct message_done {
    uint64_t batch, job, started_ns, ended_ns;
};
/* Zeroes *done. */
size_t message_done_begin(struct bytes *out, struct message_done *done);
void message_done_add(struct bytes *out, struct message_done *done,
                      const struct message_result *result);
/* Reads result by result until the reader is at its end. The caller zeroes *done before the first. */
int message_done_next(struct bytes_reader *payload, struct message_done *done,
                      struct message_result *out);

/* LOG. */
struct message_log {
    uint64_t level; /* enum log_level of base/log.h */
    uint64_t batch, job;
    bool has_job; /* the line speaks of one job */
    struct bytes_view plugin, text;
};
void message_log_put(struct bytes *out, const struct message_log *log);
int message_log_read(struct bytes_reader *payload, struct message_log *out);

#endif
