/*
 * The intake, see intake.h. The parameters of an entry are parsed once, however many jobs it
 * stands for; where they have no placeholders they are filled once, too, and serve the next entries as
 * well where those say the same: parsing costs more than all the rest of a job's beginning.
 */

#include "worker/intake.h"

#include <errno.h>
#include <string.h>
#include <jansson.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/params.h"
#include "wire/channel.h"
#include "wire/message.h"
#include "worker/entry.h"
#include "worker/host.h"
#include "worker/job.h"
#include "worker/worker.h"

/* Where in a message the intake is. */
struct intake {
    struct aw_worker *worker;
    struct message_run run;
    uint64_t taken;    /* jobs of it that were begun or refused */
    struct slab *slab; /* of the next job; NULL: a new one is to be made */
    uint32_t at;       /* the next job in it */

    /* Of the entry at hand. */
    const struct plugin *plugin;
    struct message_run_entry entry;
    struct entry *filled; /* the last entry without placeholders, referenced; NULL: none yet */
    struct bytes_view filled_from;
    struct bytes item; /* a job's text, with the NUL that the message lacks */
    struct error error;
    uint64_t told_ns; /* when the supervisor was told last how far the worker has come */
};

/* A job that begins holds the loop for as long as its plugin wants, and a message has many. The supervisor must hear in
 * between which ones have begun, or it takes the worker for one that is stuck. */
#define TELL_NS (CLOCK_NS_PER_S / 100)

static void tell_progress(struct intake *intake, const struct aw_job *job)
{
    if (job->started_ns - intake->told_ns < TELL_NS)
        return;
    if (intake->told_ns) {
        report_send(&intake->worker->report);
        (void)channel_flush(intake->worker->channel); /* a failure follows from the loop */
    }
    intake->told_ns = job->started_ns;
}

static struct aw_job *next_job(struct intake *intake)
{
    uint64_t left = intake->run.jobs - intake->taken;
    if (!intake->slab) {
        intake->slab =
            slab_new(intake->worker, intake->run.batch, intake->run.first + intake->taken,
                     left < SLAB_JOBS_MAX ? (uint32_t)left : SLAB_JOBS_MAX);
        intake->at = 0;
        if (!intake->slab)
            return NULL;
    }
    struct aw_job *job = &intake->slab->jobs[intake->at++];
    if (intake->at == intake->slab->count)
        intake->slab = NULL;
    intake->taken++;
    return job;
}

static int refuse_all(struct intake *intake, const char *reason)
{
    for (uint64_t i = 0; i < intake->entry.count; i++) {
        struct aw_job *job = next_job(intake);
        if (!job)
            return -ENOMEM;
        job_refuse(job, reason);
    }
    return 0;
}

/* 0 and *out, NULL where there is no text; or -EINVAL, and the reason is in intake->error. */
static int parse_params(struct intake *intake, json_t **out)
{
    struct bytes_view text = intake->entry.params;
    json_error_t error;
    *out = NULL;
    if (text.size == 0)
        return 0;
    *out = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    return *out ? 0 : error_set(&intake->error, -EINVAL, "params: %s", error.text);
}

/* Whether the last entry can serve for this one. */
static bool is_filled(const struct intake *intake)
{
    const struct entry *filled = intake->filled;
    struct bytes_view from = intake->filled_from, text = intake->entry.params;
    return filled && filled->plugin == intake->plugin && filled->attempt == intake->entry.attempt &&
           filled->timeout_ns == intake->entry.timeout_ns && from.size == text.size &&
           (text.size == 0 || memcmp(from.data, text.data, text.size) == 0);
}

static int fill(struct intake *intake)
{
    json_t *params;
    int result = parse_params(intake, &params);
    if (result)
        return result;
    entry_release(intake->filled);
    intake->filled = entry_new(intake->plugin, &intake->entry, params, NULL, &intake->error);
    intake->filled_from = intake->entry.params;
    json_decref(params);
    return intake->filled ? 0 : -EINVAL;
}

/* All jobs of the entry have the same parameters. */
static int run_alike(struct intake *intake)
{
    if (!is_filled(intake) && fill(intake))
        return refuse_all(intake, intake->error.text);
    for (uint64_t i = 0; i < intake->entry.count; i++) {
        struct aw_job *job = next_job(intake);
        if (!job)
            return -ENOMEM;
        job_begin(job, entry_reference(intake->filled));
        tell_progress(intake, job);
    }
    return 0;
}

/* The next item as text; NULL: the entry has none, or (and result is set) there is no memory. */
static const char *next_item(struct intake *intake, struct bytes_reader *items, int *result)
{
    if (intake->entry.items.size == 0)
        return NULL;
    struct bytes_view view = bytes_get_view(items);
    bytes_clear(&intake->item);
    bytes_put(&intake->item, view.data, view.size);
    bytes_put(&intake->item, "", 1);
    if (intake->item.failed) {
        *result = -ENOMEM;
        return NULL;
    }
    return (const char *)intake->item.data;
}

/* Each job has its own parameters. */
static int run_each(struct intake *intake, const json_t *params)
{
    struct bytes_reader items = bytes_reader_of(intake->entry.items);
    int result = 0;
    for (uint64_t i = 0; i < intake->entry.count; i++) {
        struct params_expansion expansion = {.index = intake->entry.base + i};
        expansion.item = next_item(intake, &items, &result);
        struct aw_job *job = result ? NULL : next_job(intake);
        if (!job)
            return -ENOMEM;
        struct entry *entry =
            entry_new(intake->plugin, &intake->entry, params, &expansion, &intake->error);
        if (entry) {
            job_begin(job, entry);
            tell_progress(intake, job);
        } else {
            job_refuse(job, intake->error.text);
        }
    }
    return 0;
}

static int run_expanded(struct intake *intake)
{
    json_t *params;
    if (parse_params(intake, &params))
        return refuse_all(intake, intake->error.text);
    int result = run_each(intake, params);
    json_decref(params);
    return result;
}

/* Why the entry's jobs cannot run; NULL: they can, and intake->plugin is set. */
static const char *obstacle(struct intake *intake)
{
    struct host *host = &intake->worker->host;
    size_t place = intake->entry.plugin;
    if (intake->worker->stopping)
        return "the worker is about to stop";
    intake->plugin = host_plugin(host, place);
    if (intake->plugin)
        return NULL;
    (void)error_set(&intake->error, 0, "plugin %s is not loaded in this worker: %s",
                    place < host->count ? host->plugins[place].file : "?",
                    place < host->count ? host->plugins[place].problem : "there is no such plugin");
    return intake->error.text;
}

static int run_entry(struct intake *intake)
{
    const char *reason = obstacle(intake);
    if (reason)
        return refuse_all(intake, reason);
    return intake->entry.expands ? run_expanded(intake) : run_alike(intake);
}

int intake_run(struct aw_worker *worker, struct bytes_reader *payload)
{
    struct intake intake = {.worker = worker};
    int result = message_run_read(payload, &intake.run);
    while (result == 0 && payload->at < payload->end) {
        result = message_run_next(payload, &intake.entry);
        if (result == 0)
            result = run_entry(&intake);
    }
    entry_release(intake.filled);
    bytes_free(&intake.item);
    return result;
}
