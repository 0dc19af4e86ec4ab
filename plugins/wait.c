/*
 * wait: does nothing for a while. For delays between other jobs, for trying things out, and for
 * measuring the daemon itself. Async, so that a million of them fit in a worker.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <awaitd/plugin.h>

struct params {
    struct aw_duration seconds;
    struct aw_time until;
};

static const struct aw_param params[] = {
    AW_PARAM(struct params, seconds,
             .text =
                 "How long to wait, from the moment the job starts: a number of seconds, or text "
                 "with a unit such as \"250ms\"",
             .max = AW_UNLIMITED, .one_of = "length"),
    AW_PARAM(struct params, until,
             .text =
                 "When to end, by the wall clock as it is when the job starts: RFC 3339 text such "
                 "as \"2027-01-31T08:00:00Z\", or seconds since 1970; a time gone by ends at once",
             .max = AW_UNLIMITED, .one_of = "length"),
    AW_PARAMS_END,
};

/* Seconds from now until a point in time. */
static double seconds_until(struct aw_time point)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return point.unix_seconds - (double)now.tv_sec - (double)now.tv_nsec / 1e9;
}

static void output_until(struct aw_job *job, struct aw_time point)
{
    char text[64];
    time_t seconds = (time_t)point.unix_seconds;
    struct tm parts;
    if (gmtime_r(&seconds, &parts) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts))
        aw_outputf(job, "slept until %s", text);
}

/* The output of the span waited for last. Batches wait for the same span by the million, and writing a
 * number costs more than all the rest of a job's end. */
struct spoken {
    double seconds;
    int size;
    char text[48];
};

static void output_span(struct aw_job *job, struct aw_duration span)
{
    struct spoken *last = aw_instance(job);
    if (last->size == 0 || last->seconds != span.seconds) {
        last->size = snprintf(last->text, sizeof(last->text), "slept for %g", span.seconds);
        last->seconds = span.seconds;
    }
    aw_output(job, last->text, (size_t)last->size);
}

static void on_time(struct aw_job *job)
{
    const struct params *wanted = aw_params(job);
    if (wanted->until.unix_seconds > 0)
        output_until(job, wanted->until);
    else
        output_span(job, wanted->seconds);
    aw_finish(job, AW_OK);
}

static int start(struct aw_job *job, const void *data)
{
    const struct params *wanted = data;
    bool by_clock = wanted->until.unix_seconds > 0; /* 0: it was not given, or is long gone */
    double seconds = by_clock ? seconds_until(wanted->until) : wanted->seconds.seconds;
    if (seconds > 0)
        aw_after(job, seconds, on_time);
    else
        on_time(job);
    return AW_OK;
}

static int prepare(struct aw_worker *worker, const void *settings, void **instance, char *reason,
                   size_t reason_size)
{
    (void)worker, (void)settings;
    *instance = calloc(1, sizeof(struct spoken));
    if (*instance)
        return AW_OK;
    (void)snprintf(reason, reason_size, "out of memory"); /* fits */
    return AW_FAILED;
}

AW_PLUGIN(.name = "wait", .version = PACKAGE_VERSION,
          .summary = "Waits for a span of time, or until a point in time", .params = params,
          .params_size = sizeof(struct params), .open = prepare, .close = free, .async = start);
