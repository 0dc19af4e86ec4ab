#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "batch_fixture.h"
#include "suite.h"

START_TEST(a_running_job_knows_when_it_was_handed_over)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 4);
    uint64_t now_ns = batch->submitted_ns + 5 * CLOCK_NS_PER_S;
    batch_start(batch, 1, 2, 0, now_ns);
    ck_assert_uint_eq(batch_dispatched_ns(batch, 2, now_ns + CLOCK_NS_PER_S), now_ns);
    batch_start(batch, 0, 1, 0, batch->submitted_ns);
    ck_assert_uint_eq(batch_dispatched_ns(batch, 0, now_ns), batch_accepted_ns(batch, 0));
    now_ns += 1000 * 86400 * CLOCK_NS_PER_S; /* there are batches that go on for years */
    batch_start(batch, 3, 1, 0, now_ns);
    ck_assert_uint_eq(batch_dispatched_ns(batch, 3, now_ns), now_ns);
    ck_assert_uint_eq(batch_dispatched_ns(batch, 3, now_ns + 86400 * CLOCK_NS_PER_S), now_ns);
    batch_free(batch);
}
END_TEST

START_TEST(jobs_are_numbered_through_all_entries)
{
    struct batch *batch = new_batch(1);
    static const uint32_t counts[] = {1, 1000000, 1, 1, 7};
    uint32_t first = 0;
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(add_jobs(batch, 0, counts[i]), i);
        ck_assert_uint_eq(batch->entries[i].first, first);
        ck_assert_uint_eq(batch_entry_of(batch, first), i);
        first += counts[i];
        ck_assert_uint_eq(batch->jobs, first);
        ck_assert_uint_eq(batch_entry_of(batch, first - 1), i);
    }
    for (uint32_t i = 0, job = 0; i < 5; job += counts[i++]) {
        ck_assert_uint_eq(batch_entry_of(batch, job), i);
        ck_assert_uint_eq(batch_entry_of(batch, job + counts[i] - 1), i);
    }
    ck_assert_uint_eq(batch->in_state[JOB_QUEUED], first);
    batch_free(batch);
}
END_TEST

START_TEST(a_batch_of_too_many_jobs_is_refused_as_it_was)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 3);
    struct entry entry = {.count = BATCH_JOBS_MAX - 2};
    ck_assert_int_eq(batch_add_entry(batch, &entry), -E2BIG);
    ck_assert_uint_eq(batch->jobs, 3);
    ck_assert_uint_eq(batch->entries_count, 1);
    batch_free(batch);
}
END_TEST

START_TEST(texts_are_copied)
{
    struct batch *batch = new_batch(1);
    char params[] = "{\"a\":1}xxx", name[] = "n";
    struct entry entry = {.count = 1, .params = params, .params_size = 7, .name = name};
    ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
    memset(params, '?', sizeof(params) - 1);
    memset(name, '?', sizeof(name) - 1);
    ck_assert_str_eq(batch->entries[0].params, "{\"a\":1}");
    ck_assert_uint_eq(batch->entries[0].params_size, 7);
    ck_assert_str_eq(batch->entries[0].name, "n");
    batch_free(batch);
}
END_TEST

START_TEST(each_job_has_the_time_its_piece_was_accepted)
{
    struct batch *batch = new_batch(1);
    struct entry entry = {.count = 10};
    for (uint64_t piece = 1; piece <= 5; piece++) {
        ck_assert_int_eq(batch_accept(batch, 100 * piece), 0);
        for (uint64_t i = 0; i < piece; i++)
            ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
    }
    uint32_t job = 0;
    for (uint64_t piece = 1; piece <= 5; piece++) {
        for (uint64_t i = 0; i < 10 * piece; i++)
            ck_assert_uint_eq(batch_accepted_ns(batch, job++), 100 * piece);
    }
    ck_assert_uint_eq(job, batch->jobs);
    batch_free(batch);
}
END_TEST

START_TEST(names_and_items_are_those_of_the_job)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 2); /* so that {index} and the job's number differ */
    static const uint8_t data[] = "\1a\3bcd\0\2ef";
    static const uint32_t offsets[] = {0, 2, 6, 7, 10};
    struct entry_items items = {.data = data, .offsets = offsets};
    struct entry with_items = {.count = 4, .name = "{index}-{item}", .items = &items};
    struct entry counted = {.count = 3, .name = "n{index}"};
    ck_assert_int_eq(batch_add_entry(batch, &with_items), 0);
    ck_assert_int_eq(batch_add_entry(batch, &counted), 0);
    static const struct {
        const char *item, *name;
    } expected[] = {{NULL, NULL},   {NULL, NULL}, {"a", "0-a"}, {"bcd", "1-bcd"}, {"", "2-"},
                    {"ef", "3-ef"}, {NULL, "n0"}, {NULL, "n1"}, {NULL, "n2"}};
    for (uint32_t job = 0; job < 9; job++) {
        char *item = batch_item(batch, job), *name = batch_job_name(batch, job);
        ck_assert_pstr_eq(item, expected[job].item);
        ck_assert_pstr_eq(name, expected[job].name);
        free(item);
        free(name);
    }
    batch_free(batch);
}
END_TEST

START_TEST(states_add_up_to_all_jobs)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 10);
    batch_start(batch, 2, 5, 3, batch->submitted_ns);
    for (uint32_t job = 0; job < 10; job++) {
        bool running = job >= 2 && job < 7;
        ck_assert_int_eq(batch_state(batch, job), running ? JOB_RUNNING : JOB_QUEUED);
        if (running)
            ck_assert_uint_eq(batch->where[job], 3);
    }
    complete_job(batch, 2, JOB_SUCCEEDED, "");
    complete_job(batch, 3, JOB_FAILED, "");
    complete_job(batch, 9, JOB_CANCELLED, "");
    ck_assert_uint_eq(batch->in_state[JOB_QUEUED], 4);
    ck_assert_uint_eq(batch->in_state[JOB_RUNNING], 3);
    ck_assert_uint_eq(batch->in_state[JOB_SUCCEEDED], 1);
    ck_assert_uint_eq(batch->in_state[JOB_FAILED], 1);
    ck_assert_uint_eq(batch->in_state[JOB_CANCELLED], 1);
    ck_assert_uint_eq(batch_completed(batch), 3);
    batch_free(batch);
}
END_TEST

START_TEST(the_completion_of_any_job_can_be_found)
{
    enum { JOBS = 5000 };
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, JOBS);
    batch_start(batch, 0, JOBS, 0, batch->submitted_ns);
    char output[64];
    for (uint32_t i = 0; i < JOBS; i++) { /* in an order of its own: 2027 has no factor of 5000 */
        (void)snprintf(output, sizeof(output), "output of job %u, and some more", i * 2027 % JOBS);
        complete_job(batch, i * 2027 % JOBS, JOB_SUCCEEDED, output);
    }
    for (uint32_t job = 0; job < JOBS; job++) {
        struct completion completion;
        batch_completion(batch, job, &completion);
        ck_assert_uint_eq(completion.job, job);
        int size = snprintf(output, sizeof(output), "output of job %u, and some more", job);
        ck_assert_uint_eq(completion.output.size, (size_t)size);
        ck_assert_mem_eq(completion.output.data, output, (size_t)size);
    }
    batch_free(batch);
}
END_TEST

START_TEST(work_is_the_sum_of_run_times)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 3);
    for (uint32_t job = 0; job < 3; job++) {
        struct completion completion = {.job = job, .state = JOB_FAILED, .run_ns = 100 + job};
        ck_assert_int_eq(batch_complete(batch, &completion, 7), 0);
    }
    ck_assert_uint_eq(batch->work_ns, 303);
    batch_free(batch);
}
END_TEST

static void complete_at(struct batch *batch, uint32_t job, uint64_t ended_ns)
{
    struct completion completion = {.job = job, .state = JOB_SUCCEEDED};
    ck_assert_int_eq(batch_complete(batch, &completion, ended_ns), 0);
}

START_TEST(a_batch_finishes_when_sealed_and_its_last_job_has_ended)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 2);
    complete_at(batch, 0, 3);
    batch_seal(batch, 5);
    ck_assert(batch->sealed && !batch->finished);
    complete_at(batch, 1, 77);
    ck_assert(batch->finished);
    ck_assert_uint_eq(batch->ended_ns, 77);
    batch_free(batch);
}
END_TEST

START_TEST(a_batch_ends_with_its_latest_job_in_whatever_order_they_are_heard_of)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 3);
    batch_seal(batch, 5);
    complete_at(batch, 1, 60);
    complete_at(batch, 0, 80);
    complete_at(batch, 2, 70);
    ck_assert_uint_eq(batch->ended_ns, 80);
    batch_free(batch);
}
END_TEST

START_TEST(an_open_batch_finishes_by_its_seal)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 1);
    complete_at(batch, 0, 60);
    ck_assert(!batch->finished);
    batch_seal(batch, 88);
    ck_assert(batch->finished);
    ck_assert_uint_eq(batch->ended_ns, 60);
    batch_free(batch);

    struct batch *empty = new_batch(2);
    batch_seal(empty, 99);
    ck_assert(empty->finished);
    ck_assert_uint_eq(empty->ended_ns, 99);
    batch_free(empty);
}
END_TEST

/* A piece of 1,000 entries of one job with texts of some size. */
static void add_piece(struct batch *batch)
{
    static char params[400];
    memset(params, 'x', sizeof(params));
    ck_assert_int_eq(batch_accept(batch, 7), 0);
    struct entry entry = {
        .count = 1, .params = params, .params_size = sizeof(params), .name = "a name"};
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
}

START_TEST(truncating_takes_back_what_was_added_since)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 5);
    uint64_t accepted_ns = batch_accepted_ns(batch, 4);
    add_piece(batch);
    batch_truncate(batch, 1);
    ck_assert_uint_eq(batch->jobs, 5);
    ck_assert_uint_eq(batch->entries_count, 1);
    ck_assert_uint_eq(batch->in_state[JOB_QUEUED], 5);
    ck_assert_uint_eq(batch_accepted_ns(batch, 4), accepted_ns);
    ck_assert_uint_eq(batch_entry_of(batch, 4), 0);
    batch_truncate(batch, 1); /* nothing is left to take back */
    ck_assert_uint_eq(batch->jobs, 5);
    (void)add_jobs(batch, 0, 1);
    ck_assert_uint_eq(batch_entry_of(batch, 5), 1);
    batch_free(batch);
}
END_TEST

START_TEST(pieces_taken_back_again_and_again_take_no_memory)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 5);
    add_piece(batch);
    batch_truncate(batch, 1);
    size_t bytes = batch_bytes(batch);
    for (int i = 0; i < 20; i++) {
        add_piece(batch);
        batch_truncate(batch, 1);
    }
    ck_assert_uint_eq(batch_bytes(batch), bytes);
    batch_free(batch);
}
END_TEST

START_TEST(a_batch_of_one_small_job_takes_little_memory)
{
    struct batch *batch = new_batch(1);
    struct entry entry = {
        .count = 1, .params = "{\"seconds\":1}", .params_size = 13, .name = "one"};
    ck_assert_int_eq(batch_accept(batch, 7), 0);
    ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
    complete_job(batch, 0, JOB_SUCCEEDED, "slept for 1");
    ck_assert_uint_le(batch_bytes(batch), 2048);
    batch_free(batch);
}
END_TEST

START_TEST(a_job_of_an_array_takes_nine_bytes)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 1000000);
    ck_assert_uint_le(batch_bytes(batch), 9 * 1000000 + 2048);
    batch_free(batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *tests = tcase_create("batch");
    tcase_add_test(tests, a_running_job_knows_when_it_was_handed_over);
    tcase_add_test(tests, jobs_are_numbered_through_all_entries);
    tcase_add_test(tests, a_batch_of_too_many_jobs_is_refused_as_it_was);
    tcase_add_test(tests, texts_are_copied);
    tcase_add_test(tests, each_job_has_the_time_its_piece_was_accepted);
    tcase_add_test(tests, names_and_items_are_those_of_the_job);
    tcase_add_test(tests, states_add_up_to_all_jobs);
    tcase_add_test(tests, the_completion_of_any_job_can_be_found);
    tcase_add_test(tests, work_is_the_sum_of_run_times);
    tcase_add_test(tests, a_batch_finishes_when_sealed_and_its_last_job_has_ended);
    tcase_add_test(tests, a_batch_ends_with_its_latest_job_in_whatever_order_they_are_heard_of);
    tcase_add_test(tests, an_open_batch_finishes_by_its_seal);
    tcase_add_test(tests, truncating_takes_back_what_was_added_since);
    tcase_add_test(tests, pieces_taken_back_again_and_again_take_no_memory);
    tcase_add_test(tests, a_batch_of_one_small_job_takes_little_memory);
    tcase_add_test(tests, a_job_of_an_array_takes_nine_bytes);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
