/*
 * Following a batch. Decides nothing about the batch itself: it goes on whatever happens here.
 */
#include "follow.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "connection.h"
#include "ctl.h"
#include "details_text.h"
#include "interrupt.h"
#include "output.h"
#include "process.h"
#include "reconnect.h"
#include "summary.h"
#include "terminal.h"
#include "text.h"

/* How many jobs that did not succeed get a line; enough to see a pattern, few enough to read. */
#define FAILURES_TOLD 10

static bool wants_bar(const struct ctl *ctl, const struct follow_options *options)
{
    bool prints_over_it = (options->lines || options->outputs) && isatty(STDOUT_FILENO);
    return !options->no_bar && !ctl->quiet && !ctl->json && !prints_over_it &&
           terminal_can_redraw(STDERR_FILENO);
}

const char *follow_events(const struct ctl *ctl, const struct follow_options *options)
{
    if (options->events)
        return options->events;
    bool each = ctl->json || options->lines || options->outputs || wants_bar(ctl, options);
    return each ? "each" : "failures";
}

/* How often the bar asks for what events do not tell: how many jobs wait, and were tried again. */
#define ASK_NS CLOCK_NS_PER_S

static bool is_time_to_ask(const struct follow *follow)
{
    return follow->progress.on && !follow->asked && clock_now_ns() - follow->asked_ns >= ASK_NS;
}

/* Where this stands in a JSON text, outside of strings: quotes inside are escaped, so the words cannot
 * come from a job's output. NULL: nowhere; should the daemon ever write blanks there, the text is parsed
 * instead. */
static const char *find_member(const char *text, size_t size, const char *member)
{
    return memmem(text, size, member, strlen(member));
}

/* Counts, or prints as received, jobs that succeeded, without parsing: there may be millions. */
static bool skim_event(void *context, const char *text, size_t size)
{
    struct follow *follow = context;
    /* A job's details may have any members, and are told last. */
    const char *details = find_member(text, size, "\"details\":");
    size_t own_size = details ? (size_t)(details - text) : size;
    if (!find_member(text, own_size, "\"method\":\"job.done\"") ||
        !find_member(text, own_size, "\"state\":\"succeeded\"") || is_time_to_ask(follow))
        return false;
    static const char member[] = "\"seq\":";
    const char *seq = find_member(text, own_size, member);
    if (!seq)
        return false;
    follow->next =
        strtoull(seq + sizeof(member) - 1, NULL, 10) + 1; /* ends at a comma at the latest */
    follow->progress.counts.ended++;
    if (follow->ctl->json) {
        (void)fwrite(text, 1, size, stdout); /* main looks at ferror */
        (void)putchar('\n');
    }
    progress_update(&follow->progress);
    return true;
}

void follow_init(struct follow *follow, struct ctl *ctl, struct connection *connection,
                 const struct follow_options *options)
{
    *follow =
        (struct follow){.ctl = ctl, .connection = connection, .options = *options, .status = -1};
    if (!options->process && (ctl->json || (!options->lines && !options->outputs)))
        connection_set_skimmer(connection, skim_event, follow);
}

void follow_begin(struct follow *follow, uint64_t batch, uint64_t jobs, bool durable)
{
    follow->batch = batch;
    follow->durable = durable;
    if (wants_bar(follow->ctl, &follow->options) && !follow->progress.on)
        progress_start(&follow->progress, jobs);
    follow->asked_ns = clock_now_ns(); /* what is over at once is not asked about */
    follow->progress.counts.jobs = jobs;
}

/* ---- One job ended ------------------------------------------------------------------------------- */

/* "after 0.50 s"; "after 3 attempts, the last of 0.50 s" where there was more than one. */
static void print_efforts(FILE *file, const json_t *job)
{
    const json_t *run = json_object_get(job, "run");
    json_int_t attempt = json_integer_value(json_object_get(job, "attempt"));
    char span[32];
    if (attempt > 0)
        (void)fprintf(file, " after %" JSON_INTEGER_FORMAT " attempts%s", attempt + 1,
                      json_is_number(run) ? ", the last of" : "");
    else if (json_is_number(run))
        (void)fputs(" after", file);
    if (json_is_number(run))
        (void)fprintf(file, " %s", text_seconds(json_number_value(run), span, sizeof(span)));
}

/* "1.3 (name) failed after 0.50 s: reason", as far as there are these. */
static void print_job_line(FILE *file, const json_t *job, uint64_t batch)
{
    const json_t *name = json_object_get(job, "name");
    const char *state = json_string_value(json_object_get(job, "state"));
    const char *reason = json_string_value(json_object_get(job, "reason"));
    (void)fprintf(file, "%ju.%" JSON_INTEGER_FORMAT " ", (uintmax_t)batch,
                  json_integer_value(json_object_get(job, "job")));
    if (json_is_string(name)) {
        (void)fputc('(', file);
        text_put(file, json_string_value(name), json_string_length(name));
        (void)fputs(") ", file);
    }
    for (; state && *state; state++)
        (void)fputc(*state == '_' ? ' ' : *state, file);
    print_efforts(file, job);
    if (reason && *reason) {
        (void)fputs(": ", file);
        text_put(file, reason, strlen(reason));
    }
    (void)fputc('\n', file);
}

static void tell_failure(struct follow *follow, const json_t *job)
{
    if (follow->options.lines || follow->told >= FAILURES_TOLD)
        return;
    follow->told++;
    bool color = terminal_has_color(STDERR_FILENO);
    progress_hide(&follow->progress);
    ctl_flush(follow->ctl);
    if (color)
        (void)fputs("\033[31m", stderr);
    print_job_line(stderr, job, follow->batch);
    if (color)
        (void)fputs("\033[m", stderr);
}

static int print_output(struct follow *follow, const json_t *job)
{
    struct output output;
    if (follow->options.process)
        return process_print(follow->ctl, job);
    if (output_read(job, &output) < 0)
        return ctl_fail(follow->ctl, CTL_NO_DAEMON, "the daemon sent an output that is no base64");
    if (output.size > 0)
        progress_hide(&follow->progress);
    if (follow->options.plain) {
        output_print(follow->ctl, &output);
    } else {
        char prefix[64];
        (void)snprintf(prefix, sizeof(prefix), "%ju.%" JSON_INTEGER_FORMAT ": ",
                       (uintmax_t)follow->batch, json_integer_value(json_object_get(job, "job")));
        output_print_lines(&output, prefix);
    }
    if (output.truncated) {
        follow->is_cut = true;
        output_tell_cut(follow->ctl, follow->batch,
                        (uint64_t)json_integer_value(json_object_get(job, "job")));
    }
    output_clear(&output);
    return CTL_OK;
}

static void print_details(struct ctl *ctl, const json_t *job)
{
    ctl_flush(ctl); /* in this order */
    details_text_print(json_object_get(job, "details"), stderr);
}

static bool is_state(const char *name, enum job_state state)
{
    return name && strcmp(name, job_state_name(state)) == 0;
}

/* Whether the exit status of the process says all: the command failed, and told why itself. */
static bool is_told_by_status(const struct follow *follow, const char *state)
{
    return follow->status >= 0 && is_state(state, JOB_FAILED);
}

static int on_job_done(struct follow *follow, const json_t *job)
{
    const char *state = json_string_value(json_object_get(job, "state"));
    bool succeeded = is_state(state, JOB_SUCCEEDED);
    int code = CTL_OK;
    follow->next = (uint64_t)json_integer_value(json_object_get(job, "seq")) + 1;
    follow->progress.counts.ended++;
    if (!succeeded) {
        follow->not_succeeded++;
        follow->progress.counts.not_succeeded++;
    }
    if (follow->options.process) {
        follow->status = is_state(state, JOB_TIMED_OUT) ? CTL_TIMED_OUT : process_status(job);
        follow->is_cut = json_is_true(json_object_get(job, "truncated"));
    }
    if (follow->ctl->json)
        return CTL_OK;

    if (follow->options.lines) {
        progress_hide(&follow->progress);
        print_job_line(stdout, job, follow->batch);
    }
    if (follow->options.outputs)
        code = print_output(follow, job);
    if (follow->options.plain && follow->options.details && !follow->options.process)
        print_details(follow->ctl, job);
    if (!succeeded && !is_told_by_status(follow, state))
        tell_failure(follow, job);
    progress_update(&follow->progress);
    return code;
}

/* ---- The batch is done --------------------------------------------------------------------------- */

static void on_batch_done(struct follow *follow, const json_t *json)
{
    struct summary summary;
    summary_read(json, &summary);
    follow->done = true;
    follow->code = follow->status >= 0           ? follow->status
                   : summary_succeeded(&summary) ? CTL_OK
                                                 : CTL_NOT_SUCCEEDED;
    if (follow->code == CTL_OK && follow->is_cut)
        follow->code = CTL_NOT_SUCCEEDED;
    progress_hide(&follow->progress);
    if (follow->ctl->json || follow->options.process)
        return;

    if (follow->told > 0 && follow->not_succeeded > follow->told)
        (void)fprintf(stderr,
                      "and %ju more; see them all with: awaitctl watch %ju --events failures\n",
                      (uintmax_t)(follow->not_succeeded - follow->told), (uintmax_t)follow->batch);
    char line[400];
    (void)summary_line(&summary, line, sizeof(line));
    if (follow->options.plain)
        ctl_say(follow->ctl, "%s", line);
    else
        (void)puts(line); /* main looks at ferror */
}

int follow_on_event(void *context, const struct incoming *event)
{
    struct follow *follow = context;
    if (follow->ctl->json)
        incoming_print(event);
    if (strcmp(event->method, "job.done") == 0)
        return on_job_done(follow, event->body);
    if (strcmp(event->method, "batch.done") == 0)
        on_batch_done(follow, event->body);
    return CTL_OK;
}

/* ---- Until the end ------------------------------------------------------------------------------- */

static int ask(struct follow *follow)
{
    json_t *params = json_pack("{s:I}", "batch", (json_int_t)follow->batch);
    if (!params)
        return ctl_fail_memory(follow->ctl);
    follow->asked_ns = clock_now_ns();
    return connection_send(follow->connection, "batch.show", params, &follow->asked);
}

/* What the bar asked for, or a refusal of it, which does not matter. */
static void take_counts(struct follow *follow, const json_t *batch)
{
    struct progress_counts *counts = &follow->progress.counts;
    follow->asked = 0;
    counts->waiting = (uint64_t)json_integer_value(json_object_get(batch, "waiting"));
    counts->retries = (uint64_t)json_integer_value(json_object_get(batch, "retries"));
    counts->paused = json_is_true(json_object_get(batch, "paused"));
    progress_update(&follow->progress);
}

static int follow_next(struct follow *follow)
{
    struct incoming incoming;
    int code = is_time_to_ask(follow) ? ask(follow) : CTL_OK;
    if (code)
        return code;
    code = connection_read(follow->connection, progress_wait_ms(&follow->progress), &incoming);
    if (code == CTL_TIMED_OUT) {
        progress_update(&follow->progress);
        return CTL_OK;
    }
    if (code)
        return code;
    if (incoming.kind == INCOMING_EVENT)
        code = follow_on_event(follow, &incoming);
    else if (follow->asked && incoming.id == follow->asked)
        take_counts(follow, incoming.body);
    else if (incoming.kind == INCOMING_ERROR)
        code = incoming_refusal(follow->ctl, &incoming);
    incoming_clear(&incoming);
    return code;
}

/* ---- When the daemon went away ------------------------------------------------------------------- */

static bool can_resume(const struct follow *follow)
{
    return follow->durable && reconnect_can_help(follow->ctl, follow->connection);
}

/* The answer is not printed: with --json, too, all is to look as if there had been one daemon all the time. */
static int watch_again(struct follow *follow)
{
    json_int_t id;
    struct incoming answer;
    json_t *params =
        json_pack("{s:I, s:s, s:I}", "batch", (json_int_t)follow->batch, "events",
                  follow_events(follow->ctl, &follow->options), "from", (json_int_t)follow->next);
    if (!params)
        return ctl_fail_memory(follow->ctl);
    int code = connection_send(follow->connection, "batch.watch", params, &id);
    if (code == CTL_OK)
        code = connection_answer(follow->connection, id, follow_on_event, follow, &answer);
    if (code == CTL_OK)
        incoming_clear(&answer);
    return code;
}

int follow_resume(struct follow *follow)
{
    int code = CTL_NO_DAEMON;
    progress_hide(&follow->progress);
    follow->asked = 0;
    while (code == CTL_NO_DAEMON && can_resume(follow)) {
        code = reconnect(follow->ctl, follow->connection, follow->batch, INFINITY);
        if (code)
            return code;
        code = watch_again(follow);
    }
    return code;
}

int follow_interrupted(struct ctl *ctl, uint64_t batch)
{
    return ctl_fail(ctl, CTL_INTERRUPTED,
                    "batch %ju goes on; attach again with: awaitctl watch %ju", (uintmax_t)batch,
                    (uintmax_t)batch);
}

int follow_run(struct follow *follow)
{
    struct ctl *ctl = follow->ctl;
    bool has_tried = false;
    int code = CTL_OK;
    interrupt_catch();
    while (code == CTL_OK && !follow->done) {
        code = follow_next(follow);
        if (code == CTL_NO_DAEMON && can_resume(follow)) {
            has_tried = true;
            code = follow_resume(follow);
        }
    }
    progress_hide(&follow->progress);
    if (code == CTL_INTERRUPTED && !follow->options.ends_with_us)
        return follow_interrupted(ctl, follow->batch);
    if (code == CTL_NO_DAEMON && !has_tried) {
        struct error why = ctl->error;
        return ctl_fail(ctl, CTL_NO_DAEMON, "%.300s, and batch %ju was not done", why.text,
                        (uintmax_t)follow->batch);
    }
    return code ? code : follow->code;
}
