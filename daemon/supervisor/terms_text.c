/*
 * Spans and rates are written as decimal numbers, with all the digits of a double. Dividing and multiplying again may
 * end one step beside the number that was meant: then it is one of its neighbours that leads there.
 */
#include "supervisor/terms_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/parse.h"
#include "base/problems.h"
#include "supervisor/submission.h"
#include "wire/json_text.h"

/* How far to look on both sides; reason: each of the two operations is off by half a step at most. */
#define NEIGHBOURS 4

/* Number i of the doubles nearest to `value`: itself, the one above, the one below, ... */
static double neighbour(double value, int i)
{
    for (int steps = (i + 1) / 2; steps > 0; steps--)
        value = nextafter(value, i % 2 ? INFINITY : 0);
    return value;
}

/* ---- Writing --------------------------------------------------------------------------------------- */

void terms_text_span(struct bytes *out, uint64_t span_ns)
{
    char text[32];
    double nearest = clock_seconds(span_ns), seconds = nearest;
    for (int i = 0; terms_span_ns(seconds) != span_ns && i <= 2 * NEIGHBOURS; i++)
        seconds = neighbour(nearest, i);
    json_text_raw(out, parse_show_number(seconds, text, sizeof(text)));
}

void terms_text_retry(struct bytes *out, const struct retry *retry)
{
    json_text_raw(out, "{\"max\":");
    json_text_integer(out, retry->max);
    json_text_raw(out, ",\"delay\":");
    terms_text_span(out, retry->delay_ns);
    json_text_raw(out, ",\"max_delay\":");
    terms_text_span(out, retry->max_delay_ns);
    json_text_raw(out, "}");
}

static void write_rate(struct bytes *out, const struct rate *rate)
{
    char text[64], count[32];
    struct rate read;
    double nearest = (double)CLOCK_NS_PER_S / (double)rate->interval_ns;
    for (int i = 0; i <= 2 * NEIGHBOURS; i++) {
        (void)parse_show_number(neighbour(nearest, i), count, sizeof(count));
        (void)snprintf(text, sizeof(text), "%s/s burst %u", count, rate->burst);
        if (rate_parse(text, &read) == 0 && read.interval_ns == rate->interval_ns)
            break;
    }
    json_text_string(out, text, strlen(text));
}

static void write_name(struct bytes *out, const char *name)
{
    json_text_raw(out, ",\"");
    json_text_raw(out, name);
    json_text_raw(out, "\":");
}

void terms_text_write(struct bytes *out, const struct batch_terms *terms)
{
    json_text_raw(out, "{\"priority\":");
    if (terms->priority < 0)
        json_text_raw(out, "-");
    json_text_integer(out, (uint64_t)(terms->priority < 0 ? -terms->priority : terms->priority));
    if (terms->limit) {
        write_name(out, "limit");
        json_text_integer(out, terms->limit);
    }
    if (terms->rate.interval_ns) {
        write_name(out, "rate");
        write_rate(out, &terms->rate);
    }
    if (terms->timeout_ns) {
        write_name(out, "timeout");
        terms_text_span(out, terms->timeout_ns);
    }
    if (terms->deadline_ns) {
        write_name(out, "deadline");
        terms_text_span(out, terms->deadline_ns);
    }
    if (terms->retry.max || terms->retry.delay_ns || terms->retry.max_delay_ns) {
        write_name(out, "retry");
        terms_text_retry(out, &terms->retry);
    }
    write_name(out, "on_failure");
    const char *on_failure = terms_on_failure_name(terms->on_failure);
    json_text_string(out, on_failure, strlen(on_failure));
    json_text_raw(out, "}");
}

/* ---- Reading --------------------------------------------------------------------------------------- */

int terms_text_read(const char *text, struct batch_terms *out, struct error *error)
{
    json_error_t where;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    if (!object)
        return json_error_code(&where) == json_error_out_of_memory
                   ? -ENOMEM
                   : error_set(error, -EBADMSG, "not JSON: %s", where.text);
    struct submission submission;
    struct problems problems = {0};
    int code = submission_read(object, &submission, &problems);
    if (!code) {
        *out = submission.terms;
        submission_clear(&submission);
    } else if (code == -EINVAL) {
        char words[256];
        problems_first(&problems, words, sizeof(words));
        code = error_set(error, -EBADMSG, "%s", words);
    }
    problems_clear(&problems);
    json_decref(object);
    return code;
}
