/*
 * Reads what is said of a batch: types and ranges by a table like those of plugins, the rest by terms.h.
 */
#include "supervisor/submission.h"

#include <errno.h>
#include <string.h>
#include "base/params.h"
#include "base/problems.h"
#include "supervisor/turns.h"

static const struct aw_param rows[] = {
    AW_PARAM(struct submission, name, .text = "A name for people"),
    AW_PARAM(struct submission, key, .text = "The client's own name, which nothing else may have"),
    AW_PARAM(struct submission, durable, .text = "Whether it outlives the daemon",
             .default_text = "true"),
    AW_PARAM(struct submission, priority, .text = "The higher first", .min = TURNS_PRIORITY_MIN,
             .max = TURNS_PRIORITY_MAX),
    AW_PARAM(struct submission, limit, .text = "Jobs that run at once", .min = 1,
             .max = SUBMISSION_LIMIT_MAX),
    AW_PARAM(struct submission, rate, .text = "At which jobs are started"),
    AW_PARAM(struct submission, timeout, .text = "Of each job", .max = TERMS_SPAN_MAX_S),
    AW_PARAM(struct submission, deadline, .text = "Of all jobs", .max = TERMS_SPAN_MAX_S),
    AW_PARAM(struct submission, retry, .text = "How often jobs are tried again"),
    AW_PARAM(struct submission, on_failure, .text = "What becomes of the other jobs"),
    AW_PARAMS_END,
};
static const struct params_table table = {.rows = rows,
                                          .count = sizeof(rows) / sizeof(*rows) - 1,
                                          .struct_size = sizeof(struct submission)};

bool submission_check_text(const char *text, const char *field, struct problems *problems)
{
    if (!text || (*text && strlen(text) <= SUBMISSION_TEXT_MAX))
        return true;
    problems_add(problems, field, "must have 1 to %d bytes", SUBMISSION_TEXT_MAX);
    return false;
}

/* A span that says something where it is given. */
static uint64_t read_span(const json_t *params, const char *field, struct aw_duration span,
                          struct problems *problems)
{
    const json_t *given = json_object_get(params, field);
    if (given && !json_is_null(given) && span.seconds == 0)
        problems_add(problems, field, "must be more than 0");
    return terms_span_ns(span.seconds);
}

static void read_retry(const struct aw_json *given, struct problems *problems, struct retry *out)
{
    if (!given->text)
        return;
    json_t *json = json_loadb(given->text, given->size, JSON_DECODE_ANY, NULL);
    (void)terms_read_retry(json, "retry", problems, out); /* what is wrong is in the problems */
    json_decref(json);
}

static void read_terms(const json_t *params, struct submission *submission,
                       struct problems *problems)
{
    struct batch_terms *terms = &submission->terms;
    terms->priority = (int)submission->priority;
    terms->limit = (uint32_t)submission->limit;
    terms->timeout_ns = read_span(params, "timeout", submission->timeout, problems);
    terms->deadline_ns = read_span(params, "deadline", submission->deadline, problems);
    read_retry(&submission->retry, problems, &terms->retry);
    /* What is wrong with these is in the problems, too. */
    if (submission->rate)
        (void)terms_read_rate(submission->rate, "rate", problems, &terms->rate);
    if (submission->on_failure)
        (void)terms_read_on_failure(submission->on_failure, "on_failure", problems,
                                    &terms->on_failure);
}

int submission_read(const json_t *params, struct submission *out, struct problems *problems)
{
    size_t before = problems->count;
    int error = params_fill(&table, params, NULL, "", out, problems);
    if (error)
        return error;
    const json_t *durable = json_object_get(params, "durable");
    out->insists = out->durable && durable && !json_is_null(durable);
    (void)submission_check_text(out->name, "name", problems); /* the problems tell */
    (void)submission_check_text(out->key, "key", problems);
    read_terms(params, out, problems);
    if (problems->count == before)
        return 0;
    submission_clear(out);
    return -EINVAL;
}

void submission_clear(struct submission *submission)
{
    params_clear(&table, submission);
}

bool submission_has(const char *name)
{
    return params_find(&table, name) < table.count;
}
