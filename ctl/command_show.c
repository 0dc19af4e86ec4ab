/*
 * awaitctl show: what is known of a batch or of one of its jobs.
 */
#include <math.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/cleanup.h"
#include "connection.h"
#include "ctl.h"
#include "details_text.h"
#include "output.h"
#include "summary.h"
#include "target.h"
#include "text.h"

/* Output up to this many bytes, of one line, is shown; more is left to `awaitctl output`. */
#define OUTPUT_SHOWN 200

/* A labelled line; main looks at ferror, so below. */
static void print_label(const char *label)
{
    (void)printf("%-10s ", label);
}

static void print_text(const char *label, const char *text)
{
    if (!text)
        return;
    print_label(label);
    text_put(stdout, text, strlen(text));
    (void)putchar('\n');
}

static void print_seconds(const char *label, const json_t *seconds)
{
    char span[32];
    if (json_is_number(seconds))
        print_text(label, text_seconds(json_number_value(seconds), span, sizeof(span)));
}

/* ---- A batch ------------------------------------------------------------------------------------- */

static void print_owner(const json_t *owner)
{
    if (!json_is_integer(owner))
        return;
    const struct passwd *user = getpwuid((uid_t)json_integer_value(owner));
    print_label("owner");
    (void)printf("%" JSON_INTEGER_FORMAT, json_integer_value(owner));
    if (user) {
        (void)fputs(" (", stdout);
        text_put(stdout, user->pw_name, strlen(user->pw_name));
        (void)putchar(')');
    }
    (void)putchar('\n');
}

static void print_date(const char *label, const json_t *unix_seconds)
{
    char text[64];
    struct tm local;
    if (!json_is_number(unix_seconds))
        return;
    time_t when = (time_t)floor(json_number_value(unix_seconds));
    if (localtime_r(&when, &local) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &local))
        print_text(label, text);
}

static void print_integer(const char *label, const json_t *json)
{
    if (!json_is_integer(json) || json_integer_value(json) == 0)
        return;
    print_label(label);
    (void)printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(json));
}

/* "up to 3 times, after at most 1.00 s, 2.00 s, ... 1min" */
static void print_retry(const json_t *retry)
{
    char delay[32], max_delay[32];
    json_int_t max = json_integer_value(json_object_get(retry, "max"));
    if (max == 0)
        return;
    print_label("retry");
    (void)printf(
        "up to %" JSON_INTEGER_FORMAT " time%s, after at most %s, doubling up to %s\n", max,
        max == 1 ? "" : "s",
        text_seconds(json_number_value(json_object_get(retry, "delay")), delay, sizeof(delay)),
        text_seconds(json_number_value(json_object_get(retry, "max_delay")), max_delay,
                     sizeof(max_delay)));
}

static void print_deadline(const json_t *json)
{
    const json_t *in = json_object_get(json, "deadline_in");
    char deadline[32], left[32];
    const json_t *whole = json_object_get(json, "deadline");
    if (!json_is_number(whole))
        whole = in;
    if (!json_is_number(whole))
        return;
    print_label("deadline");
    (void)fputs(text_seconds(json_number_value(whole), deadline, sizeof(deadline)), stdout);
    if (json_is_number(in) && in != whole)
        (void)printf(", %s left", text_seconds(json_number_value(in), left, sizeof(left)));
    (void)putchar('\n');
}

static void print_durable(const json_t *durable)
{
    if (json_is_boolean(durable))
        print_text("durable", json_is_true(durable) ? "yes" : "no, lost when the daemon ends");
}

/* What was asked for beside the jobs, where it is not as usual. */
static void print_terms(const json_t *json)
{
    const char *on_failure = json_string_value(json_object_get(json, "on_failure"));
    print_text("key", json_string_value(json_object_get(json, "key")));
    print_integer("retry of", json_object_get(json, "retry_of"));
    print_integer("priority", json_object_get(json, "priority"));
    print_integer("limit", json_object_get(json, "limit"));
    print_text("rate", json_string_value(json_object_get(json, "rate")));
    print_seconds("timeout", json_object_get(json, "timeout"));
    print_deadline(json);
    print_retry(json_object_get(json, "retry"));
    if (on_failure && strcmp(on_failure, "continue") != 0)
        print_text("on failure", on_failure);
}

/* "10: 3 succeeded, 2 running, 5 queued" */
static void print_jobs(const json_t *json, const struct summary *summary)
{
    static const enum job_state unfinished[] = {JOB_RUNNING, JOB_QUEUED, JOB_WAITING};
    char counts[200];
    const char *comma = "";
    print_label("jobs");
    (void)printf("%ju", (uintmax_t)summary->jobs);
    for (int i = JOB_SUCCEEDED; i < JOB_STATES && !*comma; i++) {
        if (summary->ended[i] > 0) {
            (void)printf(": %s", summary_counts(summary, counts, sizeof(counts)));
            comma = ", ";
        }
    }
    for (size_t i = 0; i < sizeof(unfinished) / sizeof(unfinished[0]); i++) {
        const char *name = job_state_name(unfinished[i]);
        json_int_t count = json_integer_value(json_object_get(json, name));
        if (count > 0) {
            (void)printf("%s%" JSON_INTEGER_FORMAT " %s", *comma ? comma : ": ", count, name);
            comma = ", ";
        }
    }
    (void)printf("%s\n", json_is_false(json_object_get(json, "sealed")) ? ", more may come" : "");
}

static void print_batch(const json_t *json)
{
    struct summary summary;
    char factor[32], speedup[40];
    summary_read(json, &summary);
    print_label("batch");
    (void)printf("%ju\n", (uintmax_t)summary.batch);
    print_text("name", summary.name);
    print_text("state", summary.state);
    print_jobs(json, &summary);
    print_integer("retries", json_object_get(json, "retries"));
    print_terms(json);
    print_owner(json_object_get(json, "owner"));
    print_date("submitted", json_object_get(json, "submitted"));
    print_date("ended", json_object_get(json, "ended"));
    print_durable(json_object_get(json, "durable"));
    print_seconds("wall", json_object_get(json, "wall"));
    print_seconds("work", json_object_get(json, "work"));
    (void)snprintf(speedup, sizeof(speedup), "%sx", /* cut: cannot be */
                   summary_speedup(summary.speedup, factor, sizeof(factor)));
    if (summary.speedup > 0)
        print_text("speed-up", speedup);
}

/* ---- A job --------------------------------------------------------------------------------------- */

static void print_output_line(const json_t *json, const struct target *target)
{
    struct output output;
    char size[48];
    if (output_read(json, &output) < 0 || (output.size == 0 && !output.truncated))
        return;
    bool is_short = output.size <= OUTPUT_SHOWN && !output.decoded &&
                    !memchr(output.data, '\n', output.size > 0 ? output.size - 1 : 0);
    print_label("output");
    if (is_short) {
        text_put(stdout, output.data,
                 output.size - (output.size > 0 && output.data[output.size - 1] == '\n'));
        (void)putchar('\n');
    } else {
        (void)printf("%s%s, shown by: awaitctl output %ju.%ju\n",
                     text_count(output.size, "byte", "bytes", size, sizeof(size)),
                     output.truncated ? " (cut at the daemon's limit)" : "",
                     (uintmax_t)target->batch, (uintmax_t)target->job);
    }
    output_clear(&output);
}

/* "fetch, parse": names of jobs. */
static void print_names(const char *label, const json_t *names)
{
    size_t i;
    json_t *name;
    if (json_array_size(names) == 0)
        return;
    print_label(label);
    json_array_foreach (names, i, name) {
        (void)fputs(i > 0 ? ", " : "", stdout);
        text_put(stdout, json_string_value(name), json_string_length(name));
    }
    (void)putchar('\n');
}

/* The job's own terms and its batch's, and what it waits for. */
static void print_job_terms(const json_t *json)
{
    print_seconds("timeout", json_object_get(json, "timeout"));
    print_retry(json_object_get(json, "retry"));
    print_seconds("delay", json_object_get(json, "delay"));
    print_names("after", json_object_get(json, "after"));
    print_names("after any", json_object_get(json, "after_any"));
    print_names("waits for", json_object_get(json, "waits_for"));
    print_date("until", json_object_get(json, "waits_until"));
}

static void print_job(const json_t *json, const struct target *target)
{
    const json_t *params = json_object_get(json, "params");
    /* 15 digits: 0.1 stays 0.1 */
    AUTO_FREE char *params_text =
        json_dumps(params, JSON_PRESERVE_ORDER | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    const json_t *attempt = json_object_get(json, "attempt");
    print_label("job");
    (void)printf("%ju.%ju\n", (uintmax_t)target->batch, (uintmax_t)target->job);
    print_text("name", json_string_value(json_object_get(json, "name")));
    print_text("plugin", json_string_value(json_object_get(json, "plugin")));
    if (json_object_size(params) > 0)
        print_text("params", params_text);
    print_text("state", json_string_value(json_object_get(json, "state")));
    print_text("reason", json_string_value(json_object_get(json, "reason")));
    if (json_integer_value(attempt) > 0) {
        print_label("attempts");
        (void)printf("%" JSON_INTEGER_FORMAT " before\n", json_integer_value(attempt));
    }
    print_job_terms(json);
    print_seconds("queued for", json_object_get(json, "queued"));
    print_seconds("ran for", json_object_get(json, "run"));
    print_output_line(json, target);
    const json_t *details = json_object_get(json, "details");
    if (json_object_size(details) > 0) {
        (void)puts("details");
        details_text_print(details, stdout);
    }
}

static int run(struct ctl *ctl, const void *options, int count, char **arguments)
{
    (void)options;
    (void)count;
    struct target target;
    json_t *result;
    int code = target_read(ctl, arguments[0], &target);
    if (code == CTL_OK)
        code = connection_once(ctl, target.has_job ? "job.show" : "batch.show",
                               target_params(&target), &result);
    if (code)
        return code;
    if (!ctl->json && target.has_job)
        print_job(result, &target);
    else if (!ctl->json)
        print_batch(result);
    json_decref(result);
    return CTL_OK;
}

const struct command command_show = {
    .name = "show",
    .usage = "BATCH | BATCH.JOB",
    .summary = "show a batch, or one of its jobs",
    .examples = "  awaitctl show 42\n"
                "  awaitctl show 42.7\n"
                "  awaitctl --json show 42.7 | jq -r .result.reason\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
