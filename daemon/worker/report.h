/*
 * What the worker tells the supervisor while it runs: results, how many jobs began, lines for the log.
 * Collected during a turn of the loop and sent at its end, or when there is much of it.
 */
#ifndef AWAITD_WORKER_REPORT_H
#define AWAITD_WORKER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include "base/bytes.h"
#include "base/log.h"
#include "wire/message.h"

struct aw_job;
struct aw_worker;
struct channel;

/* Zeroed, then report_init(). */
struct report {
    struct channel *channel;
    enum log_level level;
    struct bytes done; /* a DONE message being written, or nothing */
    struct message_done last;
    uint64_t started;    /* jobs that began and were not yet told */
    atomic_uint letters; /* lines from other threads on their way */
    atomic_uint dropped; /* lines that found too many on their way */
};

void report_init(struct report *report, struct channel *channel);
void report_clear(struct report *report);

/* One job's result. */
void report_result(struct report *report, const struct message_result *result);
/* Another job began. */
void report_started(struct report *report);
/* A line about a job, mended where it is not UTF-8; any thread. */
void report_job_line(struct aw_worker *worker, const struct aw_job *job, enum log_level level,
                     const char *text);
/* A line about the worker or a plugin. */
void report_line(struct report *report, enum log_level level, const char *plugin, const char *text);

/* Sends what was collected. Once in every turn of the loop, as its last part. */
void report_send(struct report *report);

#endif
