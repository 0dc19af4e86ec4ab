#include <check.h>
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/told.h"

static struct batch *batch;

static void set_up(void)
{
    batch = new_batch(7);
    (void)add_jobs(batch, 0, 3);
    batch_start(batch, 0, 2, 1, clock_now_ns());
    batch_seal(batch, clock_now_ns());
}

static void tear_down(void)
{
    batch_free(batch);
}

static void end_job(uint32_t job, enum job_state state, uint64_t run_ns)
{
    struct completion completion = {.job = job, .state = state, .run_ns = run_ns};
    ck_assert_int_eq(batch_complete(batch, &completion, clock_now_ns()), 0);
}

START_TEST(of_a_batch_that_is_not_durable_all_is_told)
{
    struct told told;
    end_job(0, JOB_SUCCEEDED, 5);
    told_of(batch, &told);
    ck_assert_uint_eq(told.completed, 1);
    ck_assert_uint_eq(told.in_state[JOB_SUCCEEDED], 1);
    ck_assert_uint_eq(told.in_state[JOB_RUNNING], 1);
    ck_assert_uint_eq(told.work_ns, 5);
    ck_assert_int_eq(told_state(batch, 0), JOB_SUCCEEDED);
}
END_TEST

START_TEST(a_job_whose_end_is_not_committed_runs_still)
{
    struct told told;
    batch->durable = true;
    end_job(0, JOB_SUCCEEDED, 5);
    end_job(1, JOB_FAILED, 7);
    batch->recorded = 1;
    told_of(batch, &told);
    ck_assert_uint_eq(told.completed, 1);
    ck_assert_uint_eq(told.in_state[JOB_SUCCEEDED], 1);
    ck_assert_uint_eq(told.in_state[JOB_FAILED], 0);
    ck_assert_uint_eq(told.in_state[JOB_RUNNING], 1);
    ck_assert_uint_eq(told.in_state[JOB_QUEUED], 1);
    ck_assert_uint_eq(told.work_ns, 5);
    ck_assert_int_eq(told_state(batch, 0), JOB_SUCCEEDED);
    ck_assert_int_eq(told_state(batch, 1), JOB_RUNNING);
    ck_assert_int_eq(told_state(batch, 2), JOB_QUEUED);
    batch->recorded = 2;
    told_of(batch, &told);
    ck_assert_uint_eq(told.in_state[JOB_FAILED], 1);
    ck_assert_uint_eq(told.work_ns, 12);
}
END_TEST

START_TEST(a_batch_has_finished_when_that_is_committed)
{
    struct told told;
    batch->durable = true;
    for (uint32_t job = 0; job < 3; job++)
        end_job(job, JOB_SUCCEEDED, 1);
    ck_assert(batch->finished);
    batch->recorded = 3;
    told_of(batch, &told);
    ck_assert(!told.finished && !batch_told_finished(batch));
    batch->end_recorded = true;
    told_of(batch, &told);
    ck_assert(told.finished && batch_told_finished(batch));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("told");
    TCase *tests = tcase_create("told");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, of_a_batch_that_is_not_durable_all_is_told);
    tcase_add_test(tests, a_job_whose_end_is_not_committed_runs_still);
    tcase_add_test(tests, a_batch_has_finished_when_that_is_committed);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
