#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "supervisor/completions.h"
#include "supervisor/result_text.h"

#define VIEW(text) \
    { \
        .data = (const uint8_t *)(text), .size = sizeof(text) - 1 \
    }

static char long_reason[100000], noise[70000];

static struct bytes_view view_of(const char *text)
{
    return (struct bytes_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

static void check_view(struct bytes_view got, struct bytes_view expected)
{
    ck_assert_uint_eq(got.size, expected.size);
    if (expected.size)
        ck_assert_mem_eq(got.data, expected.data, expected.size);
}

/* What is to be read, in order. */
struct expected {
    const struct completion *completions;
    const unsigned *attempts;
    size_t count, seen, stop_at; /* at number stop_at, -EXFULL is returned */
};

static int on_result(void *context, const struct completion *got, unsigned attempt)
{
    struct expected *expected = context;
    ck_assert_uint_lt(expected->seen, expected->count);
    const struct completion *completion = &expected->completions[expected->seen];
    ck_assert_uint_eq(got->job, completion->job);
    ck_assert_int_eq(got->state, completion->state);
    ck_assert_int_eq(got->truncated, completion->truncated);
    ck_assert_uint_eq(got->queued_ns, completion->queued_ns);
    ck_assert_uint_eq(got->run_ns, completion->run_ns);
    check_view(got->reason, completion->reason);
    check_view(got->output, completion->output);
    check_view(got->details, completion->details);
    ck_assert_uint_eq(attempt, expected->attempts[expected->seen]);
    return ++expected->seen == expected->stop_at ? -EXFULL : 0;
}

static const unsigned no_attempts[16];

static char *write_text(const struct completion *completions, const unsigned *attempts,
                        size_t count)
{
    struct bytes out = {0}, text = {0};
    for (size_t i = 0; i < count; i++)
        result_text_write(&out, &completions[i], attempts[i]);
    ck_assert(!out.failed);
    bytes_put(&text, "[", 1);
    bytes_put(&text, out.data, out.size);
    bytes_put(&text, "]", 2);
    bytes_free(&out);
    return (char *)text.data;
}

static void check_round_trip(const struct completion *completions, const unsigned *attempts,
                             size_t count)
{
    char *text = write_text(completions, attempts, count);
    struct expected expected = {completions, attempts, count, 0, 0};
    ck_assert_int_eq(result_text_read(view_of(text), on_result, &expected), 0);
    ck_assert_uint_eq(expected.seen, count);
    free(text);
}

START_TEST(a_plain_success_is_three_numbers)
{
    static const struct completion completions[] = {
        {.job = 7, .state = JOB_SUCCEEDED, .queued_ns = 100234, .run_ns = 1000060120},
        {.job = 0, .state = JOB_SUCCEEDED},
    };
    char *text = write_text(completions, no_attempts, 2);
    ck_assert_str_eq(text, "[[7,100234,1000060120],[0,0,0]]");
    free(text);
    check_round_trip(completions, no_attempts, 2);
}
END_TEST

START_TEST(what_else_there_is_stands_in_an_object)
{
    static const struct completion completion = {
        .job = 8,
        .state = JOB_FAILED,
        .truncated = true,
        .queued_ns = 100234,
        .run_ns = 52110,
        .reason = VIEW("no such file"),
        .output = VIEW("a\n"),
        .details = VIEW("{\"exit\":1}"),
    };
    static const unsigned attempt = 2;
    char *text = write_text(&completion, &attempt, 1);
    ck_assert_str_eq(text, "[[8,100234,52110,{\"state\":\"failed\",\"reason\":\"no such file\","
                           "\"attempt\":2,\"output\":\"a\\n\",\"truncated\":true,"
                           "\"details\":{\"exit\":1}}]]");
    free(text);
    check_round_trip(&completion, &attempt, 1);
}
END_TEST

START_TEST(extreme_numbers_survive)
{
    static const struct completion completions[] = {
        {.job = UINT32_MAX, .state = JOB_SUCCEEDED, .queued_ns = UINT64_MAX, .run_ns = UINT64_MAX},
        {.job = UINT32_MAX - 1, .state = JOB_CRASHED, .queued_ns = UINT64_MAX - 1, .run_ns = 1},
        {.job = 10, .state = JOB_SUCCEEDED, .queued_ns = 9, .run_ns = 1000000000},
    };
    static const unsigned attempts[] = {0, UINT_MAX, 255};
    check_round_trip(completions, attempts, 3);
}
END_TEST

START_TEST(every_final_state_survives)
{
    struct completion completions[JOB_STATES - JOB_SUCCEEDED] = {0};
    for (size_t i = 0; i < sizeof(completions) / sizeof(*completions); i++)
        completions[i].state = (enum job_state)(JOB_SUCCEEDED + i);
    check_round_trip(completions, no_attempts, sizeof(completions) / sizeof(*completions));
}
END_TEST

START_TEST(bytes_of_any_kind_survive)
{
    memset(long_reason, 'r', sizeof(long_reason));
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)(i * 2654435761u >> 13);
    const struct completion completions[] = {
        {.state = JOB_SUCCEEDED, .output = VIEW("a\0b")},
        {.state = JOB_SUCCEEDED, .output = VIEW("\0")},
        {.state = JOB_SUCCEEDED, .output = VIEW("\xff")},
        {.state = JOB_SUCCEEDED, .output = VIEW("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 \"\\]}[{,")},
        {.state = JOB_SUCCEEDED, .output = VIEW("cut \xf0\x9f\x98")},
        {.state = JOB_SUCCEEDED, .truncated = true},
        {.state = JOB_FAILED, .output = {(const uint8_t *)noise, sizeof(noise)}},
        {.state = JOB_FAILED, .reason = {(const uint8_t *)long_reason, sizeof(long_reason)}},
        {.state = JOB_FAILED, .reason = VIEW("not \xfe"), .output = VIEW("\xfe\xfd")},
    };
    check_round_trip(completions, no_attempts, sizeof(completions) / sizeof(*completions));
}
END_TEST

START_TEST(details_stay_the_same_text)
{
    static const struct completion completions[] = {
        {.state = JOB_SUCCEEDED, .details = VIEW("{}")},
        {.state = JOB_SUCCEEDED,
         .details = VIEW("{\"b\":1e3,\"a\":1.10,\"\\u0061x\":\"\\/\\u0000\",\"details\":[0.1]}")},
        {.state = JOB_SUCCEEDED,
         .output = VIEW("\"details\":{}"),
         .details = VIEW("{\"deep\":[[{\"]\":\"}\"}]],\"big\":123456789012345678}")},
    };
    check_round_trip(completions, no_attempts, 3);
}
END_TEST

START_TEST(none_are_an_empty_array)
{
    check_round_trip(NULL, no_attempts, 0);
}
END_TEST

START_TEST(an_error_of_the_reader_ends_the_reading)
{
    static const struct completion completions[5] = {
        {.state = JOB_SUCCEEDED}, {.state = JOB_SUCCEEDED}, {.state = JOB_FAILED},
        {.state = JOB_SUCCEEDED}, {.state = JOB_SUCCEEDED},
    };
    char *text = write_text(completions, no_attempts, 5);
    for (size_t stop_at = 1; stop_at <= 5; stop_at++) {
        struct expected expected = {completions, no_attempts, 5, 0, stop_at};
        ck_assert_int_eq(result_text_read(view_of(text), on_result, &expected), -EXFULL);
        ck_assert_uint_eq(expected.seen, stop_at);
    }
    free(text);
}
END_TEST

static int ignore(void *context, const struct completion *completion, unsigned attempt)
{
    (void)context, (void)completion, (void)attempt;
    return 0;
}

static const char *const malformed[] = {
    "",
    "[",
    "]",
    "[]x",
    "[,]",
    "{}",
    "[[1,2,3]",
    "[[1,2,3],]",
    "[[1,2]]",
    "[[1,2,3,4]]",
    "[[1,2,3,]]",
    "[[1,2,3,[]]]",
    "[[1,2,3,\"a\"]]",
    "[[1,2,3 ]]",
    "[[ 1,2,3]]",
    "[[-1,2,3]]",
    "[[01,2,3]]",
    "[[1.0,2,3]]",
    "[[1e1,2,3]]",
    "[[,2,3]]",
    "[[4294967296,2,3]]",
    "[[1,18446744073709551616,3]]",
    "[[1,2,99999999999999999999]]",
    "[[1,2,3,{\"state\":\"queued\"}]]",
    "[[1,2,3,{\"state\":\"\"}]]",
    "[[1,2,3,{\"state\":1}]]",
    "[[1,2,3,{\"attempt\":-1}]]",
    "[[1,2,3,{\"attempt\":4294967296}]]",
    "[[1,2,3,{\"attempt\":1.5}]]",
    "[[1,2,3,{\"attempt\":1,\"attempt\":1}]]",
    "[[1,2,3,{\"reason\":null}]]",
    "[[1,2,3,{\"output\":\"\xff\"}]]",
    "[[1,2,3,{\"output_base64\":\"A\"}]]",
    "[[1,2,3,{\"output_base64\":\"\"}]]",
    "[[1,2,3,{\"truncated\":1}]]",
    "[[1,2,3,{\"details\":[]}]]",
    "[[1,2,3,{\"details\":{ }}]]",
    "[[1,2,3,{\"detail\\u0073\":{}}]]",
    "[[1,2,3,{\"details\":{\"a\":1,\"a\":1}}]]",
    "[[1,2,3,{\"colour\":\"red\"}]]",
    "[[1,2,3,{}}]]",
    "[[1,2,3,{}]",
    "[[1,2,3,{}],",
    "[[1,2,3,{]]",
};

START_TEST(what_is_malformed_is_refused)
{
    /* Exactly as long as it is, so that a sanitizer sees whoever reads on. */
    size_t size = strlen(malformed[_i]);
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, malformed[_i], size);
    struct bytes_view text = {.data = copy, .size = size};
    ck_assert_msg(result_text_read(text, ignore, NULL) == -EBADMSG, "%s", malformed[_i]);
    free(copy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("result_text");
    TCase *tcase = tcase_create("result_text");
    tcase_add_test(tcase, a_plain_success_is_three_numbers);
    tcase_add_test(tcase, what_else_there_is_stands_in_an_object);
    tcase_add_test(tcase, extreme_numbers_survive);
    tcase_add_test(tcase, every_final_state_survives);
    tcase_add_test(tcase, bytes_of_any_kind_survive);
    tcase_add_test(tcase, details_stay_the_same_text);
    tcase_add_test(tcase, none_are_an_empty_array);
    tcase_add_test(tcase, an_error_of_the_reader_ends_the_reading);
    tcase_add_loop_test(tcase, what_is_malformed_is_refused, 0,
                        sizeof(malformed) / sizeof(*malformed));
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
