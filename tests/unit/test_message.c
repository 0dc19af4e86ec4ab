#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "suite.h"
#include "wire/message.h"

static struct bytes_view view(const char *text)
{
    return (struct bytes_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

static void expect_view(struct bytes_view got, const char *text)
{
    ck_assert_uint_eq(got.size, strlen(text));
    if (got.size > 0)
        ck_assert_mem_eq(got.data, text, got.size);
}

/* A reader of the payload of the only message in `out`, which must be of this type. */
static struct bytes_reader payload_of(const struct bytes *out, enum message_type type)
{
    struct message_header header;
    ck_assert(!out->failed);
    ck_assert_uint_ge(out->size, MESSAGE_HEADER_SIZE);
    ck_assert_int_eq(message_read_header(out->data, &header, NULL), 0);
    ck_assert_int_eq(header.type, type);
    ck_assert_uint_eq(header.payload_size, out->size - MESSAGE_HEADER_SIZE);
    return (struct bytes_reader){.at = out->data + MESSAGE_HEADER_SIZE,
                                 .end = out->data + out->size};
}

START_TEST(a_header_is_length_version_and_type)
{
    struct bytes out = {0};
    message_put(&out, MESSAGE_CONFIG, "{}", 2);
    static const uint8_t expected[] = {2, 0, 0, 0, MESSAGE_VERSION, 0, MESSAGE_CONFIG, 0, '{', '}'};
    ck_assert_uint_eq(out.size, sizeof(expected));
    ck_assert_mem_eq(out.data, expected, sizeof(expected));
    bytes_free(&out);
}
END_TEST

START_TEST(another_version_is_refused_with_both_versions)
{
    static const uint8_t header[] = {0, 0, 0, 0, 0x39, 0x30, MESSAGE_STOP, 0};
    struct message_header out;
    struct error error;
    ck_assert_int_eq(message_read_header(header, &out, &error), -EPROTO);
    ck_assert_ptr_nonnull(strstr(error.text, "version 12345 "));
    char own[32];
    (void)snprintf(own, sizeof(own), "this one %d", MESSAGE_VERSION);
    ck_assert_ptr_nonnull(strstr(error.text, own));
}
END_TEST

START_TEST(unknown_types_and_oversized_payloads_are_refused)
{
    struct message_header out = {.payload_size = 7};
    for (unsigned type = 0; type < 65536; type++) {
        uint8_t header[] = {0, 0, 0, 0, MESSAGE_VERSION, 0, (uint8_t)type, (uint8_t)(type >> 8)};
        bool known = (type >= 1 && type <= 4) || (type >= 64 && type <= 68);
        ck_assert_int_eq(message_read_header(header, &out, NULL), known ? 0 : -EBADMSG);
    }
    static const uint8_t most[] = {0, 0, 0, 6, MESSAGE_VERSION, 0, MESSAGE_DONE, 0};
    ck_assert_int_eq(message_read_header(most, &out, NULL), 0);
    ck_assert_uint_eq(out.payload_size, MESSAGE_PAYLOAD_MAX);

    static const uint8_t more[] = {1, 0, 0, 6, MESSAGE_VERSION, 0, MESSAGE_DONE, 0};
    struct error error;
    ck_assert_int_eq(message_read_header(more, &out, &error), -EBADMSG);
    ck_assert_str_eq(error.text, "a message of 100663297 bytes, where 100663296 are the most");
}
END_TEST

START_TEST(a_payload_beyond_the_maximum_is_not_written)
{
    struct bytes out = {0};
    struct bytes payload = {0};
    uint8_t *room = bytes_reserve(&payload, MESSAGE_PAYLOAD_MAX + 1);
    ck_assert_ptr_nonnull(room);
    memset(room, 0, MESSAGE_PAYLOAD_MAX + 1);
    message_put(&out, MESSAGE_CONFIG, room, MESSAGE_PAYLOAD_MAX);
    ck_assert(!out.failed);
    message_put(&out, MESSAGE_CONFIG, room, MESSAGE_PAYLOAD_MAX + 1);
    ck_assert(out.failed);
    bytes_free(&out);
    bytes_free(&payload);
}
END_TEST

/* Three entries for 1 + 3 + 1,000,000 jobs. */
static void put_run(struct bytes *out)
{
    const struct message_run run = {.batch = 42, .first = 7, .jobs = 1000004};
    const struct message_run_entry plain = {.count = 1};
    const struct message_run_entry items = {
        .count = 3,
        .plugin = 2,
        .attempt = 1,
        .base = 5,
        .expands = true,
        .params = view("{\"seconds\":\"{item}\"}"),
        .items = {.data = (const uint8_t *)"\1a\0\2bc", .size = 6}, /* "a", "", "bc" */
    };
    const struct message_run_entry many = {.count = 1000000, .plugin = 1, .params = view("{}")};

    size_t mark = message_run_begin(out, &run);
    message_run_add(out, &plain);
    message_run_add(out, &items);
    message_run_add(out, &many);
    message_end(out, mark);
}

START_TEST(a_run_comes_out_as_it_went_in)
{
    struct bytes out = {0};
    put_run(&out);
    struct bytes_reader payload = payload_of(&out, MESSAGE_RUN);
    struct message_run run;
    ck_assert_int_eq(message_run_read(&payload, &run), 0);
    ck_assert_uint_eq(run.batch, 42);
    ck_assert_uint_eq(run.first, 7);
    ck_assert_uint_eq(run.jobs, 1000004);

    struct message_run_entry entry;
    ck_assert_int_eq(message_run_next(&payload, &entry), 0);
    ck_assert_uint_eq(entry.count, 1);
    ck_assert_uint_eq(entry.plugin, 0);
    ck_assert_uint_eq(entry.attempt, 0);
    ck_assert(!entry.expands);
    ck_assert_uint_eq(entry.params.size, 0);
    ck_assert_uint_eq(entry.items.size, 0);

    ck_assert_int_eq(message_run_next(&payload, &entry), 0);
    ck_assert_uint_eq(entry.count, 3);
    ck_assert_uint_eq(entry.plugin, 2);
    ck_assert_uint_eq(entry.attempt, 1);
    ck_assert_uint_eq(entry.base, 5);
    ck_assert(entry.expands);
    expect_view(entry.params, "{\"seconds\":\"{item}\"}");
    struct bytes_reader items = {.at = entry.items.data,
                                 .end = entry.items.data + entry.items.size};
    expect_view(bytes_get_view(&items), "a");
    expect_view(bytes_get_view(&items), "");
    expect_view(bytes_get_view(&items), "bc");

    ck_assert_int_eq(message_run_next(&payload, &entry), 0);
    ck_assert_uint_eq(entry.count, 1000000);
    ck_assert_uint_eq(entry.base, 0);
    ck_assert_ptr_eq(payload.at, payload.end);
    bytes_free(&out);
}
END_TEST

/* Whether a RUN of this many jobs with this one entry is taken. */
static int read_run(uint64_t first, uint64_t jobs, const struct message_run_entry *entry)
{
    struct bytes out = {0};
    const struct message_run run = {.batch = 1, .first = first, .jobs = jobs};
    size_t mark = message_run_begin(&out, &run);
    message_run_add(&out, entry);
    message_end(&out, mark);
    struct bytes_reader payload = payload_of(&out, MESSAGE_RUN);
    struct message_run read;
    int result = message_run_read(&payload, &read);
    bytes_free(&out);
    return result;
}

START_TEST(a_run_whose_counts_do_not_add_up_is_refused)
{
    const struct message_run_entry three = {.count = 3}, none = {.count = 0};
    const struct message_run_entry most = {.count = UINT64_MAX};
    ck_assert_int_eq(read_run(0, 3, &three), 0);
    ck_assert_int_eq(read_run(0, 2, &three), -EBADMSG);
    ck_assert_int_eq(read_run(0, 4, &three), -EBADMSG);
    ck_assert_int_eq(read_run(0, 0, &none), -EBADMSG);
    ck_assert_int_eq(read_run(0, UINT64_MAX, &most), 0);
    ck_assert_int_eq(read_run(1, UINT64_MAX, &most), -EBADMSG); /* past the last index there is */
}
END_TEST

START_TEST(items_that_are_not_one_per_job_are_refused)
{
    struct message_run_entry entry = {.count = 2, .items = view("\1a\1b")};
    ck_assert_int_eq(read_run(0, 2, &entry), 0);
    entry.items = view("\1a");
    ck_assert_int_eq(read_run(0, 2, &entry), -EBADMSG);
    entry.items = view("\1a\1b\1c");
    ck_assert_int_eq(read_run(0, 2, &entry), -EBADMSG);
    entry.items = view("\1a\2b");
    ck_assert_int_eq(read_run(0, 2, &entry), -EBADMSG);
}
END_TEST

START_TEST(cancel_and_numbers_come_out_as_they_went_in)
{
    struct bytes out = {0};
    const struct message_cancel cancel = {
        .batch = 3, .first = 1000, .count = 77, .out_of_time = true};
    message_cancel_put(&out, &cancel);
    struct bytes_reader payload = payload_of(&out, MESSAGE_CANCEL);
    struct message_cancel read;
    ck_assert_int_eq(message_cancel_read(&payload, &read), 0);
    ck_assert_uint_eq(read.batch, 3);
    ck_assert_uint_eq(read.first, 1000);
    ck_assert_uint_eq(read.count, 77);
    ck_assert(read.out_of_time);

    bytes_clear(&out);
    message_number_put(&out, MESSAGE_STARTED, UINT64_MAX);
    payload = payload_of(&out, MESSAGE_STARTED);
    uint64_t number;
    ck_assert_int_eq(message_number_read(&payload, &number), 0);
    ck_assert_uint_eq(number, UINT64_MAX);
    bytes_free(&out);
}
END_TEST

START_TEST(a_log_line_comes_out_as_it_went_in)
{
    struct bytes out = {0};
    const struct message_log log = {.level = 1,
                                    .batch = 4,
                                    .job = 9,
                                    .has_job = true,
                                    .plugin = view("wait"),
                                    .text = view("late by 3 s")};
    message_log_put(&out, &log);
    struct bytes_reader payload = payload_of(&out, MESSAGE_LOG);
    struct message_log read;
    ck_assert_int_eq(message_log_read(&payload, &read), 0);
    ck_assert_uint_eq(read.level, 1);
    ck_assert(read.has_job);
    ck_assert_uint_eq(read.batch, 4);
    ck_assert_uint_eq(read.job, 9);
    expect_view(read.plugin, "wait");
    expect_view(read.text, "late by 3 s");
    bytes_free(&out);
}
END_TEST

static const char no_bytes[] = "", a_reason[] = "no caf\xc3\xa9";

/* Results that jump about as much as results can. */
static const struct message_result results[] = {
    {.batch = 5, .job = 10, .state = JOB_SUCCEEDED, .started_ns = 1000, .ended_ns = 2000},
    {.batch = 5, .job = 9, .state = JOB_FAILED, .started_ns = 900, .ended_ns = 2001},
    {.batch = 6, .job = 0, .state = JOB_TIMED_OUT, .started_ns = 0, .ended_ns = UINT64_MAX},
    {.batch = 0,
     .job = UINT64_MAX,
     .state = JOB_CANCELLED,
     .started_ns = UINT64_MAX,
     .ended_ns = UINT64_MAX},
    {.batch = UINT64_MAX, .job = 1, .state = JOB_SKIPPED, .truncated = true},
    {.batch = UINT64_MAX, .job = UINT64_C(1) << 63, .state = JOB_CRASHED},
};
#define RESULTS (sizeof(results) / sizeof(results[0]))

START_TEST(results_come_out_as_they_went_in)
{
    struct bytes out = {0};
    struct message_done done;
    size_t mark = message_done_begin(&out, &done);
    for (size_t i = 0; i < RESULTS; i++) {
        struct message_result result = results[i];
        result.reason = view(result.state == JOB_SUCCEEDED ? no_bytes : a_reason);
        result.output = view(i % 2 ? no_bytes : "\xff output");
        result.details = view(i % 3 ? no_bytes : "{\"a\":1}");
        message_done_add(&out, &done, &result);
    }
    message_end(&out, mark);

    struct bytes_reader payload = payload_of(&out, MESSAGE_DONE);
    done = (struct message_done){0};
    for (size_t i = 0; i < RESULTS; i++) {
        struct message_result read;
        ck_assert_int_eq(message_done_next(&payload, &done, &read), 0);
        ck_assert_uint_eq(read.batch, results[i].batch);
        ck_assert_uint_eq(read.job, results[i].job);
        ck_assert_int_eq(read.state, results[i].state);
        ck_assert(read.truncated == results[i].truncated);
        ck_assert_uint_eq(read.started_ns, results[i].started_ns);
        ck_assert_uint_eq(read.ended_ns, results[i].ended_ns);
        expect_view(read.reason, read.state == JOB_SUCCEEDED ? "" : a_reason);
        expect_view(read.output, i % 2 ? "" : "\xff output");
        expect_view(read.details, i % 3 ? "" : "{\"a\":1}");
    }
    ck_assert_ptr_eq(payload.at, payload.end);
    bytes_free(&out);
}
END_TEST

START_TEST(a_result_of_many_takes_few_bytes)
{
    struct bytes out = {0};
    struct message_done done;
    const uint64_t now_ns = UINT64_C(86400000000000) * 100; /* 100 days up */
    size_t mark = message_done_begin(&out, &done);
    for (uint64_t i = 0; i < 1000; i++) {
        const struct message_result result = {.batch = 123456,
                                              .job = 500000 + i,
                                              .state = JOB_SUCCEEDED,
                                              .started_ns = now_ns + i * 1200,
                                              .ended_ns = now_ns + 1000000000 + i * 1300};
        message_done_add(&out, &done, &result);
    }
    message_end(&out, mark);
    ck_assert_uint_le(out.size, 1000 * 8);
    bytes_free(&out);
}
END_TEST

/* Whether this one result is taken. */
static int read_result(const struct message_result *result)
{
    struct bytes out = {0};
    struct message_done done;
    size_t mark = message_done_begin(&out, &done);
    message_done_add(&out, &done, result);
    message_end(&out, mark);
    struct bytes_reader payload = payload_of(&out, MESSAGE_DONE);
    struct message_result read;
    done = (struct message_done){0};
    int code = message_done_next(&payload, &done, &read);
    bytes_free(&out);
    return code;
}

START_TEST(results_that_cannot_be_are_refused)
{
    const struct message_result fine = {.state = JOB_FAILED, .reason = view("exit 1")};
    ck_assert_int_eq(read_result(&fine), 0);
    for (int state = JOB_SUCCEEDED; state < JOB_SUCCEEDED + 8; state++) {
        struct message_result other = {.state = (enum job_state)state};
        ck_assert_int_eq(read_result(&other), state < JOB_STATES ? 0 : -EBADMSG);
    }
    struct message_result wrong = fine;
    wrong.state = JOB_SUCCEEDED;
    ck_assert_int_eq(read_result(&wrong), -EBADMSG); /* succeeded, and yet a reason */
    wrong = fine;
    wrong.reason = view("exit \xff");
    ck_assert_int_eq(read_result(&wrong), -EBADMSG);
    wrong = fine;
    wrong.started_ns = 2;
    wrong.ended_ns = 1;
    ck_assert_int_eq(read_result(&wrong), -EBADMSG);
    static const char *const no_details[] = {"{",          "[]",          "{} ",
                                             "{\"a\":1}}", "{\"a\":\n1}", "{\"a\":1,\"a\":2}"};
    for (size_t i = 0; i < sizeof(no_details) / sizeof(no_details[0]); i++) {
        wrong = fine;
        wrong.details = view(no_details[i]);
        ck_assert_int_eq(read_result(&wrong), -EBADMSG);
    }
}
END_TEST

/* Reads a payload with the decoder of its type, to the end. */
static int read_all(enum message_type type, struct bytes_reader payload)
{
    struct message_run run;
    struct message_run_entry entry;
    struct message_cancel cancel;
    struct message_done done = {0};
    struct message_result result;
    struct message_log log;
    uint64_t number;
    int code = 0;
    switch (type) {
    case MESSAGE_RUN:
        code = message_run_read(&payload, &run);
        while (code == 0 && payload.at < payload.end)
            code = message_run_next(&payload, &entry);
        return code;
    case MESSAGE_CANCEL:
        return message_cancel_read(&payload, &cancel);
    case MESSAGE_STARTED:
        return message_number_read(&payload, &number);
    case MESSAGE_DONE:
        do
            code = message_done_next(&payload, &done, &result);
        while (code == 0 && payload.at < payload.end);
        return code;
    case MESSAGE_LOG:
        return message_log_read(&payload, &log);
    default:
        return -EINVAL;
    }
}

static void put_one(struct bytes *out, enum message_type type)
{
    const struct message_cancel cancel = {.batch = 300, .first = 2, .count = 1};
    const struct message_result result = {.batch = 300,
                                          .job = 1000,
                                          .state = JOB_FAILED,
                                          .reason = view("no"),
                                          .output = view("x"),
                                          .details = view("{\"a\":1}")};
    const struct message_log log = {.batch = 300, .text = view("text")};
    struct message_done done;
    if (type == MESSAGE_RUN) {
        put_run(out);
    } else if (type == MESSAGE_CANCEL) {
        message_cancel_put(out, &cancel);
    } else if (type == MESSAGE_DONE) {
        size_t mark = message_done_begin(out, &done);
        message_done_add(out, &done, &result);
        message_end(out, mark);
    } else if (type == MESSAGE_LOG) {
        message_log_put(out, &log);
    } else {
        message_number_put(out, type, 300);
    }
}

static const enum message_type types[] = {MESSAGE_RUN, MESSAGE_CANCEL, MESSAGE_STARTED,
                                          MESSAGE_DONE, MESSAGE_LOG};

START_TEST(a_payload_cut_anywhere_is_refused)
{
    struct bytes out = {0};
    put_one(&out, types[_i]);
    struct bytes_reader payload = payload_of(&out, types[_i]);
    ck_assert_int_eq(read_all(types[_i], payload), 0);
    while (payload.end-- > payload.at)
        ck_assert_int_eq(read_all(types[_i], payload), -EBADMSG);
    bytes_free(&out);
}
END_TEST

START_TEST(a_payload_with_more_behind_it_is_refused)
{
    struct bytes out = {0};
    put_one(&out, types[_i]);
    size_t size = out.size;
    bytes_put(&out, "\x7f", 1);
    struct bytes_reader payload = {.at = out.data + MESSAGE_HEADER_SIZE,
                                   .end = out.data + size + 1};
    ck_assert_int_eq(read_all(types[_i], payload), -EBADMSG);
    bytes_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message");
    TCase *tests = tcase_create("message");
    tcase_add_test(tests, a_header_is_length_version_and_type);
    tcase_add_test(tests, another_version_is_refused_with_both_versions);
    tcase_add_test(tests, unknown_types_and_oversized_payloads_are_refused);
    tcase_add_test(tests, a_payload_beyond_the_maximum_is_not_written);
    tcase_add_test(tests, a_run_comes_out_as_it_went_in);
    tcase_add_test(tests, a_run_whose_counts_do_not_add_up_is_refused);
    tcase_add_test(tests, items_that_are_not_one_per_job_are_refused);
    tcase_add_test(tests, cancel_and_numbers_come_out_as_they_went_in);
    tcase_add_test(tests, a_log_line_comes_out_as_it_went_in);
    tcase_add_test(tests, results_come_out_as_they_went_in);
    tcase_add_test(tests, a_result_of_many_takes_few_bytes);
    tcase_add_test(tests, results_that_cannot_be_are_refused);
    int count = (int)(sizeof(types) / sizeof(types[0]));
    tcase_add_loop_test(tests, a_payload_cut_anywhere_is_refused, 0, count);
    tcase_add_loop_test(tests, a_payload_with_more_behind_it_is_refused, 0, count);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
