/*
 * From what is written to terms, and back. Relies on base/params for what is an object of its own.
 */
#include "supervisor/terms.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/params.h"
#include "base/parse.h"
#include "base/problems.h"

/* Bytes of a wrong value that are shown. */
#define VALUE_SHOWN 40

/* ---- Spans --------------------------------------------------------------------------------- */

uint64_t terms_span_ns(double seconds)
{
    uint64_t span_ns = (uint64_t)llround(seconds * (double)CLOCK_NS_PER_S);
    return seconds > 0 && !span_ns ? 1 : span_ns;
}

bool terms_read_span(const json_t *json, bool zero, const char *field, struct problems *problems,
                     uint64_t *out_ns)
{
    double seconds = json_number_value(json); /* 0 for what is none */
    const char *text = json_string_value(json);
    if (text ? strlen(text) != json_string_length(json) || parse_span(text, &seconds) != 0
             : !json_is_number(json))
        problems_add(problems, field,
                     "must be a duration: a number of seconds, or text such as \"250ms\"");
    else if (seconds < 0 || (seconds == 0 && !zero))
        problems_add(problems, field, zero ? "must be at least 0" : "must be more than 0");
    else if (seconds > TERMS_SPAN_MAX_S)
        problems_add(problems, field, "must be at most %.0f seconds (100 years)", TERMS_SPAN_MAX_S);
    else {
        *out_ns = terms_span_ns(seconds);
        return true;
    }
    return false;
}

/* ---- Retry --------------------------------------------------------------------------------- */

struct retry_params {
    int64_t max;
    struct aw_duration delay, max_delay;
};
static const struct aw_param retry_rows[] = {
    AW_PARAM(struct retry_params, max, .text = "Attempts after the first", .required = true,
             .max = TERMS_RETRY_MAX),
    AW_PARAM(struct retry_params, delay, .text = "The longest pause before the second attempt",
             .max = TERMS_SPAN_MAX_S),
    AW_PARAM(struct retry_params, max_delay, .text = "The longest pause of all",
             .max = TERMS_SPAN_MAX_S),
    AW_PARAMS_END,
};
static const struct params_table retry_table = {.rows = retry_rows,
                                                .count =
                                                    sizeof(retry_rows) / sizeof(*retry_rows) - 1,
                                                .struct_size = sizeof(struct retry_params)};

static bool is_given(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return value && !json_is_null(value);
}

bool terms_read_retry(const json_t *json, const char *field, struct problems *problems,
                      struct retry *out)
{
    struct retry_params params = {0};
    if (json_is_integer(json)) {
        params.max = json_integer_value(json);
        if (params.max < 0 || params.max > TERMS_RETRY_MAX) {
            problems_add(problems, field, "must be from 0 to %d", TERMS_RETRY_MAX);
            return false;
        }
    } else if (!json_is_object(json)) {
        problems_add(problems, field,
                     "must be how often to try again, or an object of max, delay and max_delay");
        return false;
    } else if (params_fill(&retry_table, json, NULL, field, &params, problems) != 0) {
        return false; /* nothing in it is copied, so it is not for want of memory */
    }
    if (!is_given(json, "delay"))
        params.delay.seconds = TERMS_RETRY_DELAY_S;
    if (!is_given(json, "max_delay"))
        params.max_delay.seconds = fmax(TERMS_RETRY_MAX_DELAY_S, params.delay.seconds);
    *out = (struct retry){.max = (uint32_t)params.max,
                          .delay_ns = terms_span_ns(params.delay.seconds),
                          .max_delay_ns = terms_span_ns(params.max_delay.seconds)};
    return true;
}

/* ---- Texts --------------------------------------------------------------------------------- */

bool terms_read_rate(const char *text, const char *field, struct problems *problems,
                     struct rate *out)
{
    int code = rate_parse(text, out);
    if (code == -ERANGE)
        problems_add(problems, field,
                     "\"%.*s\" is too fast, too slow or has too large a burst: from one in 30 days "
                     "to 1000000/s, with a burst of 1 to %u, and of what comes in 100 years",
                     VALUE_SHOWN, text, RATE_BURST_MAX);
    else if (code)
        problems_add(problems, field,
                     "must be a rate such as \"100/s\", \"10/min\" or \"2/h burst 20\", not "
                     "\"%.*s\"",
                     VALUE_SHOWN, text);
    return code == 0;
}

static const char *const on_failure_names[] = {
    [ON_FAILURE_CONTINUE] = "continue",
    [ON_FAILURE_CANCEL] = "cancel",
};
#define ON_FAILURES (sizeof(on_failure_names) / sizeof(*on_failure_names))

const char *terms_on_failure_name(enum on_failure on_failure)
{
    return on_failure_names[on_failure];
}

bool terms_read_on_failure(const char *text, const char *field, struct problems *problems,
                           enum on_failure *out)
{
    for (size_t i = 0; i < ON_FAILURES; i++) {
        if (!strcmp(on_failure_names[i], text)) {
            *out = (enum on_failure)i;
            return true;
        }
    }
    problems_add(problems, field, "must be continue or cancel, not \"%.*s\"", VALUE_SHOWN, text);
    return false;
}

static bool is_name(const json_t *json)
{
    const char *name = json_string_value(json);
    return name && *name && strlen(name) == json_string_length(json);
}

bool terms_read_names(const json_t *json, const char *field, struct problems *problems,
                      json_t **out)
{
    bool names = is_name(json) || json_is_array(json);
    for (size_t i = 0; i < json_array_size(json) && names; i++)
        names = is_name(json_array_get(json, i));
    if (!names) {
        problems_add(problems, field, "must be the name of a job, or a list of names");
        return false;
    }
    /* Without memory none is found in it: the caller refuses what is NULL. */
    *out = json_is_array(json) ? json_incref((json_t *)json) : json_pack("[O]", json);
    return true;
}

/* ---- Back ---------------------------------------------------------------------------------- */

static int show_span(json_t *object, const char *name, uint64_t span_ns)
{
    return span_ns ? json_object_set_new(object, name, json_real(clock_seconds(span_ns))) : 0;
}

int terms_show_retry(const struct retry *retry, json_t *object)
{
    if (!retry->max)
        return 0;
    return json_object_set_new(object, "retry",
                               json_pack("{s:I, s:f, s:f}", "max", (json_int_t)retry->max, "delay",
                                         clock_seconds(retry->delay_ns), "max_delay",
                                         clock_seconds(retry->max_delay_ns)));
}

int terms_show(const struct batch_terms *terms, json_t *object)
{
    char rate[64];
    int error = json_object_set_new(object, "priority", json_integer(terms->priority));
    if (terms->limit)
        error |= json_object_set_new(object, "limit", json_integer(terms->limit));
    if (terms->rate.interval_ns)
        error |= json_object_set_new(object, "rate",
                                     json_string(rate_show(&terms->rate, rate, sizeof(rate))));
    error |= show_span(object, "timeout", terms->timeout_ns);
    error |= show_span(object, "deadline", terms->deadline_ns);
    error |= terms_show_retry(&terms->retry, object);
    error |= json_object_set_new(object, "on_failure",
                                 json_string(terms_on_failure_name(terms->on_failure)));
    return error;
}
