/*
 * Reports, see report.h. Results are written straight into one DONE message per turn. Lines of jobs are
 * bounded, on their way from other threads to the loop and on their way to the supervisor: a plugin
 * that floods the log loses lines, which are counted.
 */

#include "worker/report.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "wire/channel.h"
#include "worker/host.h"
#include "worker/job.h"
#include "worker/threads.h"
#include "worker/worker.h"

/* Bytes of results after which a DONE message is sent though the turn goes on; reason: memory stays small
 * and messages far from their limit. */
#define DONE_BYTES (256u << 10)
/* Lines of other threads on their way to the loop. */
#define LETTERS_MAX 1000
/* Bytes that may wait for the supervisor before lines of jobs are dropped; results always fit. */
#define BACKLOG_BYTES (8u << 20)
/* Bytes of a line. */
#define LINE_BYTES 1024

void report_init(struct report *report, struct channel *channel)
{
    report->channel = channel;
    report->level = LOG_LEVEL_INFO;
}

void report_clear(struct report *report)
{
    bytes_free(&report->done);
}

static void send_done(struct report *report)
{
    message_end(&report->done, 0);
    struct bytes *out = channel_out(report->channel);
    if (report->done.failed)
        out->failed = true; /* a lost result is a broken channel */
    bytes_put(out, report->done.data, report->done.size);
    bytes_clear(&report->done);
    if (report->done.capacity > 2 * DONE_BYTES)
        bytes_free(&report->done);
}

void report_result(struct report *report, const struct message_result *result)
{
    if (report->done.size == 0)
        (void)message_done_begin(&report->done, &report->last); /* the mark is 0 */
    message_done_add(&report->done, &report->last, result);
    if (report->done.size >= DONE_BYTES || report->done.failed) {
        send_done(report);
        channel_send(report->channel);
    }
}

void report_started(struct report *report)
{
    report->started++;
}

/* ---- The log ----------------------------------------------------------------------------------- */

void report_line(struct report *report, enum log_level level, const char *plugin, const char *text)
{
    struct message_log log = {.level = level,
                              .plugin = {(const uint8_t *)plugin, strlen(plugin)},
                              .text = {(const uint8_t *)text, strlen(text)}};
    message_log_put(channel_out(report->channel), &log);
}

struct line {
    struct letter letter;
    struct report *report;
    struct message_log log;
    char text[];
};

static void put_line(struct report *report, struct message_log *log, const char *text)
{
    if (channel_unsent(report->channel) > BACKLOG_BYTES) {
        report->dropped++;
        return;
    }
    log->text = (struct bytes_view){(const uint8_t *)text, strlen(text)};
    message_log_put(channel_out(report->channel), log);
}

static void on_line(struct letter *letter)
{
    struct line *line = (struct line *)letter;
    put_line(line->report, &line->log, line->text);
    line->report->letters--;
    free(line);
}

static void post_line(struct aw_worker *worker, const struct message_log *log, const char *text)
{
    struct report *report = &worker->report;
    struct line *line = NULL;
    size_t size = strlen(text) + 1;
    if (atomic_fetch_add(&report->letters, 1) < LETTERS_MAX)
        line = malloc(sizeof(*line) + size);
    if (!line) {
        report->letters--;
        report->dropped++;
        return;
    }
    *line = (struct line){.letter.deliver = on_line, .report = report, .log = *log};
    memcpy(line->text, text, size);
    threads_post(worker->threads, &line->letter);
}

void report_job_line(struct aw_worker *worker, const struct aw_job *job, enum log_level level,
                     const char *text)
{
    if (level > worker->report.level)
        return;
    char mended[LINE_BYTES + 1];
    (void)utf8_copy(mended, sizeof(mended), text); /* its length is of no interest */
    utf8_mend(mended);

    const struct plugin *plugin = job_plugin(job);
    const char *name = plugin ? plugin->table.name : "";
    struct message_log log = {.level = level,
                              .batch = job->slab->batch,
                              .job = job_index(job),
                              .has_job = true,
                              .plugin = {(const uint8_t *)name, strlen(name)}};
    if (pthread_equal(pthread_self(), worker->loop_thread))
        put_line(&worker->report, &log, mended);
    else
        post_line(worker, &log, mended);
}

static void tell_dropped(struct report *report)
{
    unsigned dropped = atomic_exchange(&report->dropped, 0);
    char text[80];
    (void)snprintf(text, sizeof(text), "%u lines of jobs were dropped, they came too fast",
                   dropped);
    report_line(report, LOG_LEVEL_WARNING, "", text);
}

/* ---- The end of a turn --------------------------------------------------------------------------- */

void report_send(struct report *report)
{
    if (report->started) {
        message_number_put(channel_out(report->channel), MESSAGE_STARTED, report->started);
        report->started = 0;
    }
    if (report->done.size)
        send_done(report);
    if (report->dropped && channel_unsent(report->channel) < BACKLOG_BYTES / 2)
        tell_dropped(report);
    if (channel_unsent(report->channel))
        channel_send(report->channel);
}
