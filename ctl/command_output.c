/*
 * awaitctl output: what jobs have put out. One job's output is written as it is, byte for byte;
 * that of a batch in the order of its jobs, each line with the job's name in front.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "connection.h"
#include "ctl.h"
#include "output.h"
#include "target.h"
#include "text.h"
#include "wire/job_state.h"

/* *is_cut becomes true where the output is not complete. */
static int print(struct ctl *ctl, const struct target *target, const json_t *job, bool plain,
                 bool *is_cut)
{
    struct output output;
    char prefix[64];
    if (output_read(job, &output) < 0)
        return ctl_fail(ctl, CTL_NO_DAEMON, "the daemon sent an output that is no base64");
    (void)snprintf(prefix, sizeof(prefix), "%ju.%ju: ", (uintmax_t)target->batch,
                   (uintmax_t)target->job);
    if (plain)
        output_print(ctl, &output);
    else
        output_print_lines(&output, prefix);
    *is_cut |= output.truncated;
    if (output.truncated)
        output_tell_cut(ctl, target->batch, target->job);
    output_clear(&output);
    return CTL_OK;
}

/* ---- One job ------------------------------------------------------------------------------------- */

static int output_of_job(struct connection *connection, struct ctl *ctl,
                         const struct target *target)
{
    json_t *job;
    bool is_cut = false;
    int code = connection_call(connection, "job.show", target_params(target), &job);
    if (code)
        return code;
    const char *name = json_string_value(json_object_get(job, "state"));
    enum job_state state = job_state_from_name(name ? name : "");
    if (!ctl->json)
        code = print(ctl, target, job, true, &is_cut);
    if (code == CTL_OK && state != JOB_STATES && !job_state_is_final(state))
        ctl_say(ctl, "job %ju.%ju has not ended yet: it is %s", (uintmax_t)target->batch,
                (uintmax_t)target->job, job_state_name(state));
    json_decref(job);
    return code == CTL_OK && is_cut ? CTL_NOT_SUCCEEDED : code;
}

/* ---- A batch ------------------------------------------------------------------------------------- */

/* The outputs of the jobs that have ended come in the order in which these ended, by way of batch.watch, which tells
 * them all at once; asking job by job takes a hundred times as long. What comes before its turn is kept. */
struct batch_output {
    struct ctl *ctl;
    struct connection *connection;
    uint64_t batch;
    bool plain;           /* the batch has one job */
    uint64_t jobs, ended; /* when it was asked */
    uint64_t told;        /* jobs whose ends were told */
    json_t **kept;        /* by index: those told out of turn; owned, of `jobs` members */
    uint64_t next;        /* the first job that was not told */
    bool is_cut;          /* an output that was printed */
};

static int ask(struct batch_output *work)
{
    json_int_t id;
    struct incoming answer;
    json_t *params = json_pack("{s:I, s:s}", "batch", (json_int_t)work->batch, "events", "each");
    if (!params)
        return ctl_fail_memory(work->ctl);
    int code = connection_send(work->connection, "batch.watch", params, &id);
    if (code == CTL_OK)
        code = connection_answer(work->connection, id, NULL, NULL, &answer);
    if (code)
        return code;
    work->jobs = (uint64_t)json_integer_value(json_object_get(answer.body, "jobs"));
    work->ended = (uint64_t)json_integer_value(json_object_get(answer.body, "completed"));
    work->plain = work->jobs == 1;
    incoming_clear(&answer);
    work->kept = calloc(work->jobs + 1, sizeof(json_t *));
    return work->kept ? CTL_OK : ctl_fail_memory(work->ctl);
}

/* What is needed of a job for its turn; new reference. */
static json_t *shorten(json_t *job)
{
    return json_pack("{s:O*, s:O*, s:O*}", "output", json_object_get(job, "output"),
                     "output_base64", json_object_get(job, "output_base64"), "truncated",
                     json_object_get(job, "truncated"));
}

static int print_next(struct batch_output *work, const json_t *job)
{
    struct target target = {.batch = work->batch, .has_job = true, .job = work->next++};
    return print(work->ctl, &target, job, work->plain, &work->is_cut);
}

static int print_kept(struct batch_output *work)
{
    uint64_t index = work->next;
    int code = print_next(work, work->kept[index]);
    json_decref(work->kept[index]);
    work->kept[index] = NULL;
    return code;
}

/* One job has ended: prints it, and those that waited for it; or keeps it. */
static int take_job(struct batch_output *work, json_t *job)
{
    uint64_t index = (uint64_t)json_integer_value(json_object_get(job, "job"));
    if (index >= work->jobs || index < work->next)
        return ctl_fail(work->ctl, CTL_NO_DAEMON, "the daemon told of a job that it cannot");
    if (index > work->next) {
        json_decref(work->kept[index]);
        work->kept[index] = shorten(job);
        return work->kept[index] ? CTL_OK : ctl_fail_memory(work->ctl);
    }
    int code = print_next(work, job);
    while (code == CTL_OK && work->kept[work->next])
        code = print_kept(work);
    return code;
}

/* Prints what waits for jobs that have not ended. */
static int print_rest(struct batch_output *work)
{
    int code = CTL_OK;
    while (work->next < work->jobs && code == CTL_OK) {
        if (work->kept[work->next])
            code = print_kept(work);
        else
            work->next++;
    }
    return code;
}

static int take_event(struct batch_output *work, const struct incoming *event)
{
    if (event->kind != INCOMING_EVENT || strcmp(event->method, "job.done") != 0)
        return CTL_OK;
    work->told++;
    if (!work->ctl->json)
        return take_job(work, event->body);
    incoming_print(event);
    return CTL_OK;
}

static int print_batch(struct batch_output *work)
{
    char counted[48];
    int code = ask(work);
    while (code == CTL_OK && work->told < work->ended) {
        struct incoming incoming;
        code = connection_read(work->connection, -1, &incoming);
        if (code)
            break;
        code = take_event(work, &incoming);
        incoming_clear(&incoming);
    }
    if (code == CTL_OK)
        code = print_rest(work);
    if (code == CTL_OK && work->ended < work->jobs)
        ctl_say(
            work->ctl, "%s not ended yet",
            text_count(work->jobs - work->ended, "job has", "jobs have", counted, sizeof(counted)));
    return code == CTL_OK && work->is_cut ? CTL_NOT_SUCCEEDED : code;
}

static int output_of_batch(struct connection *connection, struct ctl *ctl, uint64_t batch)
{
    struct batch_output work = {.ctl = ctl, .connection = connection, .batch = batch};
    int code = print_batch(&work);
    for (uint64_t i = 0; work.kept && i < work.jobs; i++)
        json_decref(work.kept[i]);
    free(work.kept);
    return code;
}

static int run(struct ctl *ctl, const void *options, int count, char **arguments)
{
    (void)options;
    (void)count;
    struct target target;
    struct connection *connection;
    int code = target_read(ctl, arguments[0], &target);
    if (code == CTL_OK)
        code = connection_open(ctl, &connection);
    if (code)
        return code;
    code = target.has_job ? output_of_job(connection, ctl, &target)
                          : output_of_batch(connection, ctl, target.batch);
    connection_close(connection);
    return code;
}

const struct command command_output = {
    .name = "output",
    .usage = "BATCH | BATCH.JOB",
    .summary = "print the output of a job, or of all jobs of a batch",
    .text =
        "One job's output is written byte for byte, up to the daemon's limit; that it was cut is\n"
        "told, and the exit status is 1. Of a batch with several jobs, each line has the job's\n"
        "number in front: \"42.7: \".\n",
    .examples = "  awaitctl output 42.7 >page.html\n"
                "  awaitctl output 42 | sort\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
