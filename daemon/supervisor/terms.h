/*
 * On what terms jobs run: what a submission may say beside what is to be done. Terms of a batch hold for all its
 * jobs; an entry's own come before them, and behind both stand the plugin's and the configuration's.
 *
 * Spans are in nanoseconds here, and on the monotonic clock where they are points in time.
 */
#ifndef AWAITD_SUPERVISOR_TERMS_H
#define AWAITD_SUPERVISOR_TERMS_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include "base/rate.h"

struct problems;

/* Longest span that can be asked for: 100 years. What is longer is a mistake in the unit. */
#define TERMS_SPAN_MAX_S (100 * 365 * 86400.0)
/* Attempts after the first. Attempts are counted in a byte, see struct batch. */
#define TERMS_RETRY_MAX 100

/*
 * A job that failed, timed out or crashed is tried again up to `max` times, each time after a random pause
 * between 0 and min(max_delay, delay * 2^attempt), attempts counted from 0 ("full jitter", Brooker,
 * "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
struct retry {
    uint32_t max; /* 0: not at all */
    uint64_t delay_ns, max_delay_ns;
};
#define TERMS_RETRY_DELAY_S 1.0      /* where none is given */
#define TERMS_RETRY_MAX_DELAY_S 60.0 /* likewise, or the delay where that is longer */

enum on_failure {
    ON_FAILURE_CONTINUE, /* the other jobs run on */
    ON_FAILURE_CANCEL,   /* the first job that does not succeed cancels the rest */
};

/* Of a batch. Zeroed = nothing was said. */
struct batch_terms {
    int priority;         /* TURNS_PRIORITY_MIN..MAX, the higher first */
    uint32_t limit;       /* jobs that run at the same time; 0: no limit of its own */
    struct rate rate;     /* at which its jobs are started */
    uint64_t timeout_ns;  /* of each job; 0: not said */
    uint64_t deadline_ns; /* from the batch's acceptance on, all jobs; 0: none */
    struct retry retry;
    enum on_failure on_failure;
};

/* Of an entry, over its batch's. NULL in struct entry: nothing was said. */
struct entry_terms {
    bool has_timeout, has_retry;
    uint64_t timeout_ns; /* 0: none, whatever others say */
    struct retry retry;
    uint64_t delay_ns; /* from acceptance on, or from when what it comes after has ended */
    /* Names of what it comes after, as the text of a JSON array; NULL: nothing. The order (order.h) has taken them
     * in; they are kept for who wants to know, and for when what did not succeed is tried again. */
    const char *after, *after_any;
};

/*
 * The readers of what requests and the configuration say. `field` is what a problem is told of, such as
 * "jobs[3].retry". False: there was a problem, and *out is untouched.
 */

/* A duration of at most TERMS_SPAN_MAX_S: a number of seconds, or text with units. 0 is one where `zero` says so. */
bool terms_read_span(const json_t *json, bool zero, const char *field, struct problems *problems,
                     uint64_t *out_ns);
/* How often to try again: a number, or an object of max, delay and max_delay. */
bool terms_read_retry(const json_t *json, const char *field, struct problems *problems,
                      struct retry *out);
bool terms_read_rate(const char *text, const char *field, struct problems *problems,
                     struct rate *out);
bool terms_read_on_failure(const char *text, const char *field, struct problems *problems,
                           enum on_failure *out);
/* Names of entries: one, or a list of them. *out is a list of texts, a new reference. */
bool terms_read_names(const json_t *json, const char *field, struct problems *problems,
                      json_t **out);

/* A span in nanoseconds: never 0 for one that is longer, however short. `seconds` is from 0 to TERMS_SPAN_MAX_S. */
uint64_t terms_span_ns(double seconds);

/* "continue", "cancel". */
const char *terms_on_failure_name(enum on_failure on_failure);

/* Writes terms as members of an object, as they would be given: spans as seconds, what was not said left out,
 * except for priority and on_failure. Non-zero: out of memory. */
int terms_show(const struct batch_terms *terms, json_t *object);
/* The same for one retry, as "retry". */
int terms_show_retry(const struct retry *retry, json_t *object);

#endif
