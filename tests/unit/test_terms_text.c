#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "suite.h"
#include "supervisor/submission.h"
#include "supervisor/terms_text.h"
#include "supervisor/turns.h"

#define SPAN_MAX_NS ((uint64_t)TERMS_SPAN_MAX_S * CLOCK_NS_PER_S)

static char *write_terms(const struct batch_terms *terms)
{
    struct bytes out = {0};
    terms_text_write(&out, terms);
    bytes_put(&out, "", 1);
    ck_assert(!out.failed);
    return (char *)out.data;
}

static void check_round_trip(const struct batch_terms *terms)
{
    char *text = write_terms(terms);
    struct batch_terms read;
    memset(&read, 0xa5, sizeof(read));
    struct error error = {""};
    ck_assert_msg(terms_text_read(text, &read, &error) == 0, "%s: %s", text, error.text);
    ck_assert_int_eq(read.priority, terms->priority);
    ck_assert_uint_eq(read.limit, terms->limit);
    ck_assert_msg(read.rate.interval_ns == terms->rate.interval_ns, "%s", text);
    ck_assert_uint_eq(read.rate.burst, terms->rate.burst);
    ck_assert_uint_eq(read.rate.due_ns, 0);
    ck_assert(!read.rate.awaited);
    ck_assert_msg(read.timeout_ns == terms->timeout_ns, "%s", text);
    ck_assert_msg(read.deadline_ns == terms->deadline_ns, "%s", text);
    ck_assert_uint_eq(read.retry.max, terms->retry.max);
    ck_assert_msg(read.retry.delay_ns == terms->retry.delay_ns, "%s", text);
    ck_assert_msg(read.retry.max_delay_ns == terms->retry.max_delay_ns, "%s", text);
    ck_assert_int_eq(read.on_failure, terms->on_failure);
    free(text);
}

START_TEST(nothing_said_reads_as_nothing_said)
{
    struct batch_terms terms = {0};
    check_round_trip(&terms);
    char *text = write_terms(&terms);
    ck_assert_str_eq(text, "{\"priority\":0,\"on_failure\":\"continue\"}");
    free(text);
}
END_TEST

START_TEST(extreme_terms_survive)
{
    struct batch_terms largest = {
        .priority = TURNS_PRIORITY_MAX,
        .limit = SUBMISSION_LIMIT_MAX,
        .rate = {.interval_ns = 1000, .burst = RATE_BURST_MAX},
        .timeout_ns = SPAN_MAX_NS,
        .deadline_ns = SPAN_MAX_NS,
        .retry = {.max = TERMS_RETRY_MAX, .delay_ns = SPAN_MAX_NS, .max_delay_ns = SPAN_MAX_NS},
        .on_failure = ON_FAILURE_CANCEL,
    };
    check_round_trip(&largest);
    struct batch_terms smallest = {
        .priority = TURNS_PRIORITY_MIN,
        .limit = 1,
        .rate = {.interval_ns = (uint64_t)RATE_INTERVAL_MAX_S * CLOCK_NS_PER_S, .burst = 1},
        .timeout_ns = 1,
        .deadline_ns = 1,
        .retry = {.max = 1},
    };
    check_round_trip(&smallest);
}
END_TEST

START_TEST(a_retry_of_none_keeps_its_delays)
{
    struct batch_terms terms = {.retry = {.delay_ns = 5, .max_delay_ns = 7}};
    check_round_trip(&terms);
}
END_TEST

START_TEST(what_has_come_of_a_rate_is_left_out)
{
    struct batch_terms terms = {.rate = {.interval_ns = 1000000, .burst = 3}};
    char *before = write_terms(&terms);
    terms.rate.due_ns = 1234567;
    terms.rate.awaited = true;
    char *after = write_terms(&terms);
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

/* A number from 1 to `max`, all magnitudes alike. */
static uint64_t any_up_to(uint64_t max)
{
    uint64_t value = (uint64_t)random() << 31 ^ (uint64_t)random();
    value >>= random() % 62;
    return 1 + value % max;
}

/* A span as somebody may have said it: a decimal number of seconds. */
static uint64_t any_span(void)
{
    return terms_span_ns((double)any_up_to(SPAN_MAX_NS) / 1e9);
}

/* The rate that so many in a period make. */
static uint64_t any_interval(void)
{
    static const char *const periods[] = {"s", "min", "h", "d"};
    struct rate rate;
    char text[64];
    do
        (void)snprintf(text, sizeof(text), "%.*g/%s", (int)(1 + random() % 17),
                       (double)any_up_to(1000000000) / (double)any_up_to(1000000),
                       periods[random() % 4]);
    while (rate_parse(text, &rate) != 0);
    return rate.interval_ns;
}

START_TEST(any_terms_survive)
{
    srandom(7);
    for (int i = 0; i < 3000; i++) {
        struct batch_terms terms = {
            .priority = (int)(random() % 201) - 100,
            .limit = (uint32_t)any_up_to(SUBMISSION_LIMIT_MAX),
            .rate = {.interval_ns = any_interval(), .burst = (uint32_t)any_up_to(1000)},
            .timeout_ns = any_span(),
            .deadline_ns = any_span(),
            .retry = {(uint32_t)any_up_to(TERMS_RETRY_MAX), any_span(), any_span()},
            .on_failure = random() % 2 ? ON_FAILURE_CANCEL : ON_FAILURE_CONTINUE,
        };
        check_round_trip(&terms);
    }
}
END_TEST

/* Up to 97 days doubles are less than a nanosecond apart. */
START_TEST(spans_are_exact_to_the_nanosecond)
{
    srandom(11);
    for (int i = 0; i < 3000; i++) {
        struct batch_terms terms = {.timeout_ns = any_up_to(UINT64_C(97) * 86400 * 1000000000)};
        check_round_trip(&terms);
    }
}
END_TEST

START_TEST(what_is_no_terms_is_refused)
{
    static const char *const texts[] = {
        "", "[]", "null", "{", "{\"priority\":101}", "{\"colour\":1}", "{\"limit\":1,\"limit\":1}",
    };
    struct batch_terms terms = {.limit = 7};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct error error = {""};
        ck_assert_msg(terms_text_read(texts[i], &terms, &error) == -EBADMSG, "%s", texts[i]);
        ck_assert(error.text[0]);
        ck_assert_uint_eq(terms.limit, 7);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("terms_text");
    TCase *tcase = tcase_create("terms_text");
    tcase_add_test(tcase, nothing_said_reads_as_nothing_said);
    tcase_add_test(tcase, extreme_terms_survive);
    tcase_add_test(tcase, a_retry_of_none_keeps_its_delays);
    tcase_add_test(tcase, what_has_come_of_a_rate_is_left_out);
    tcase_add_test(tcase, any_terms_survive);
    tcase_add_test(tcase, spans_are_exact_to_the_nanosecond);
    tcase_add_test(tcase, what_is_no_terms_is_refused);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
