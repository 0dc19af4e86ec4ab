/*
 * awaitctl output: what jobs have put out. One job's output is written as it is, byte for byte;
 * that of a batch in the order of its jobs, each line with the job's name in front.
 */
#include <inttypes.h>
#include <stdio.h>
#include "connection.h"
#include "ctl.h"
#include "output.h"
#include "target.h"
#include "text.h"
#include "wire/job_state.h"

/* Jobs whose names are asked for at once, the most that the daemon gives. */
#define PAGE 1000
/* Requests for outputs under way at once: hides the round trip, and their text fits any socket. */
#define UNDER_WAY 64

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

struct batch_output {
    struct ctl *ctl;
    struct connection *connection;
    uint64_t batch;
    bool plain;          /* the batch has one job */
    uint64_t unfinished; /* jobs */
    bool is_cut;         /* an output that was printed */
};

/* Whether a job of job.list has ended. */
static bool has_ended(const json_t *job)
{
    const char *name = json_string_value(json_object_get(job, "state"));
    enum job_state state = job_state_from_name(name ? name : "");
    return state != JOB_STATES && job_state_is_final(state);
}

static struct target target_of(const struct batch_output *work, const json_t *job)
{
    return (struct target){
        .batch = work->batch,
        .has_job = true,
        .job = (uint64_t)json_integer_value(json_object_get(job, "job")),
    };
}

/* Waits for the answer to one job.show and prints it. */
static int print_answer(struct batch_output *work, json_int_t id, const json_t *listed)
{
    struct target target = target_of(work, listed);
    struct incoming answer;
    int code = connection_answer(work->connection, id, NULL, NULL, &answer);
    if (code)
        return code;
    if (work->ctl->json)
        incoming_print(&answer);
    else
        code = print(work->ctl, &target, answer.body, work->plain, &work->is_cut);
    incoming_clear(&answer);
    return code;
}

/* Asks for the jobs of a page from *next on, as many as may be under way, and prints the answers. */
static int print_some(struct batch_output *work, const json_t *jobs, size_t *next)
{
    json_int_t ids[UNDER_WAY];
    const json_t *asked[UNDER_WAY];
    size_t count = 0;
    int code = CTL_OK;
    for (; *next < json_array_size(jobs) && count < UNDER_WAY && code == CTL_OK; ++*next) {
        const json_t *job = json_array_get(jobs, *next);
        if (!has_ended(job)) {
            work->unfinished++;
            continue;
        }
        struct target target = target_of(work, job);
        asked[count] = job;
        code = connection_send(work->connection, "job.show", target_params(&target), &ids[count]);
        count++;
    }
    for (size_t i = 0; i < count && code == CTL_OK; i++)
        code = print_answer(work, ids[i], asked[i]);
    return code;
}

/* Asks for a page of jobs; *cursor becomes where the next begins, NULL at the end. */
static int next_page(struct batch_output *work, json_t **cursor, json_t **jobs)
{
    json_t *params = json_pack("{s:I, s:i, s:O*}", "batch", (json_int_t)work->batch, "limit", PAGE,
                               "cursor", *cursor);
    json_int_t id;
    struct incoming answer;
    int code = connection_send(work->connection, "job.list", params, &id);
    if (code == CTL_OK)
        code = connection_answer(work->connection, id, NULL, NULL, &answer);
    if (code)
        return code;
    json_decref(*cursor);
    *cursor = json_incref(json_object_get(answer.body, "cursor"));
    *jobs = json_incref(json_object_get(answer.body, "jobs"));
    incoming_clear(&answer);
    return CTL_OK;
}

static int output_of_batch(struct connection *connection, struct ctl *ctl, uint64_t batch)
{
    struct batch_output work = {.ctl = ctl, .connection = connection, .batch = batch};
    json_t *cursor = NULL, *jobs;
    int code;
    bool is_first = true;
    do {
        code = next_page(&work, &cursor, &jobs);
        if (code)
            break;
        work.plain = is_first && !cursor && json_array_size(jobs) == 1;
        is_first = false;
        for (size_t next = 0; code == CTL_OK && next < json_array_size(jobs);)
            code = print_some(&work, jobs, &next);
        json_decref(jobs);
    } while (code == CTL_OK && cursor);
    json_decref(cursor);
    char counted[48];
    if (code == CTL_OK && work.unfinished > 0)
        ctl_say(ctl, "%s not ended yet",
                text_count(work.unfinished, "job has", "jobs have", counted, sizeof(counted)));
    return code == CTL_OK && work.is_cut ? CTL_NOT_SUCCEEDED : code;
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
