#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "rebuild_fixture.h"
#include "suite.h"

static struct plugin plugins[2];
static struct catalogue catalogue;
static struct rebuild rebuild;
static struct batch *batch;
static struct error error;

/* A plugin that is described, and the place for one ghost. */
static void set_up(void)
{
    static const enum run_style styles[] = {RUN_ASYNC};
    catalogue = make_catalogue(plugins, 1, styles);
    rebuild = (struct rebuild){.catalogue = &catalogue};
    batch = NULL;
    error.text[0] = '\0';
}

static void tear_down(void)
{
    rebuild_clear(&rebuild);
    batch_free(batch);
}

static int end(void)
{
    return rebuild_end(&rebuild, &batch, &error);
}

static void begin_with(struct store_batch stored)
{
    rebuild_begin(&rebuild, &stored);
}

static const struct store_batch plain = {
    .number = 42, .owner = 7, .terms = "{}", .submitted_s = 1.5, .submitted_ns = 1000};

static void piece(uint32_t number, uint32_t first, uint64_t accepted_ns, const char *jobs)
{
    struct store_piece told = {
        .number = number, .first = first, .accepted_ns = accepted_ns, .jobs = view_of_text(jobs)};
    rebuild_piece(&rebuild, &told);
}

static void job(uint32_t number, unsigned attempt)
{
    struct store_job told = {.job = number, .attempt = attempt, .due_ns = 5};
    rebuild_job(&rebuild, &told);
}

static void results(uint32_t first, const char *text)
{
    rebuild_results(&rebuild, first, view_of_text(text));
}

START_TEST(all_that_was_told_of_a_batch_is_in_it)
{
    struct store_batch stored = plain;
    stored.name = "name";
    stored.retry_of = 12;
    struct fingerprint asked = {.terms = {1}};
    stored.configured = true;
    stored.asked = &asked;
    stored.terms = "{\"priority\":-3,\"limit\":5}";
    stored.stopped = "enough";
    stored.stopped_as = JOB_TIMED_OUT;
    stored.given_up = stored.cut_short = stored.paused = true;
    begin_with(stored);
    piece(0, 0, 2000, "[{\"plugin\":\"p0\",\"count\":2}]");
    piece(1, 2, 3000, "[{\"plugin\":\"p0\"}]");
    job(0, 2);
    job(2, 1);
    results(0, "[[0,10,20,{\"state\":\"failed\",\"reason\":\"why\",\"attempt\":3}]]");
    ck_assert_int_eq(end(), 0);
    ck_assert_uint_eq(batch->number, 42);
    ck_assert_uint_eq(batch->owner, 7);
    ck_assert_str_eq(batch->name, "name");
    ck_assert_uint_eq(batch->retry_of, 12);
    ck_assert(batch->configured && fingerprint_is_same(&asked, batch->asked));
    ck_assert(batch->durable && batch->given_up && batch->cut_short);
    ck_assert_int_eq(batch->terms.priority, -3);
    ck_assert_uint_eq(batch->terms.limit, 5);
    ck_assert_double_eq(batch->submitted_s, 1.5);
    ck_assert_uint_eq(batch->submitted_ns, 1000);
    ck_assert_str_eq(batch->cancelled, "enough");
    ck_assert_int_eq(batch->stopped_as, JOB_TIMED_OUT);
    ck_assert(batch->sealed); /* by being stopped */
    ck_assert(!batch->finished && !batch->end_recorded);
    ck_assert_uint_eq(batch->jobs, 3);
    ck_assert_uint_eq(batch->admitted_jobs, 3);
    ck_assert_uint_eq(batch->recorded, 1);
    ck_assert_uint_eq(batch_accepted_ns(batch, 1), 2000);
    ck_assert_uint_eq(batch_accepted_ns(batch, 2), 3000);
    ck_assert_uint_eq(batch_attempt(batch, 0), 3);
    ck_assert_uint_eq(batch_attempt(batch, 1), 0);
    ck_assert_uint_eq(batch_attempt(batch, 2), 1);
    ck_assert_uint_eq(batch->retries, 4);
    ck_assert_uint_eq(batch->ended_ns, 2030);
    ck_assert_uint_eq(batch->work_ns, 20);
    ck_assert_int_eq(batch_state(batch, 0), JOB_FAILED);
    ck_assert(rebuild.paused);
    ck_assert_uint_eq(rebuild.jobs_count, 2);
    ck_assert_ptr_null(rebuild.key);
}
END_TEST

START_TEST(a_finished_batch_has_finished_when_it_did)
{
    struct store_batch stored = plain;
    stored.sealed = stored.finished = true;
    stored.ended_ns = 5000;
    stored.ended_s = 9.25;
    begin_with(stored);
    piece(0, 0, 2000, "[{\"plugin\":\"p0\",\"count\":3}]");
    results(0, "[[1,0,0],[0,0,7]]");
    results(2, "[[2,0,0]]");
    ck_assert_int_eq(end(), 0);
    ck_assert(batch->sealed && batch->finished && batch->end_recorded);
    ck_assert_uint_eq(batch->ended_ns, 5000);
    ck_assert_double_eq(batch->ended_s, 9.25);
    ck_assert_uint_eq(batch->in_state[JOB_SUCCEEDED], 3);
    ck_assert_uint_eq(batch->where[0], 1);
}
END_TEST

START_TEST(a_finished_batch_may_never_have_had_a_job)
{
    struct store_batch stored = plain;
    stored.sealed = stored.finished = true;
    stored.ended_ns = 5000;
    begin_with(stored);
    ck_assert_int_eq(end(), 0);
    ck_assert(batch->finished);
    ck_assert_uint_eq(batch->ended_ns, 5000);
}
END_TEST

START_TEST(an_open_batch_may_have_no_job_yet)
{
    begin_with(plain);
    ck_assert_int_eq(end(), 0);
    ck_assert(!batch->sealed && !batch->finished);
}
END_TEST

START_TEST(the_key_is_told_with_what_was_asked_for)
{
    struct fingerprint asked = {.known = FINGERPRINT_CONTENT, .jobs = {9}};
    struct store_batch stored = plain;
    stored.key = "key";
    stored.asked = &asked;
    begin_with(stored);
    ck_assert_int_eq(end(), 0);
    ck_assert_str_eq(rebuild.key, "key");
    ck_assert(fingerprint_is_same(batch->asked, &asked));
    ck_assert_ptr_null(batch->key);
}
END_TEST

START_TEST(it_can_be_used_again_for_another_batch)
{
    begin_with(plain);
    piece(0, 1, 0, "[]"); /* is wrong */
    ck_assert_int_eq(end(), -EUCLEAN);
    rebuild_clear(&rebuild);
    struct store_batch stored = plain;
    stored.number = 43;
    begin_with(stored);
    ck_assert_int_eq(end(), 0);
    ck_assert_uint_eq(batch->number, 43);
}
END_TEST

/* ---- What makes no batch -------------------------------------------------------------------- */

static void check_refused(const char *words)
{
    ck_assert_int_eq(end(), -EUCLEAN);
    ck_assert_msg(strstr(error.text, words) == error.text, "%s", error.text);
}

START_TEST(terms_that_are_none_are_refused)
{
    struct store_batch stored = plain;
    stored.terms = "{\"priority\":1000}";
    begin_with(stored);
    piece(0, 0, 1, "[{\"plugin\":\"p0\"}]");
    check_refused("batch 42 in the store: its terms: priority: ");
}
END_TEST

START_TEST(a_key_without_what_was_asked_for_is_refused)
{
    struct store_batch stored = plain;
    stored.key = "key";
    begin_with(stored);
    check_refused("batch 42 in the store: nothing tells what was asked for");
}
END_TEST

START_TEST(pieces_must_follow_one_another)
{
    begin_with(plain);
    piece(0, 0, 1, "[{\"plugin\":\"p0\",\"count\":3}]");
    piece(1, 2, 1, "[{\"plugin\":\"p0\"}]");
    check_refused("batch 42 in the store: piece 1: it begins with job 2 instead of 3");
}
END_TEST

START_TEST(jobs_that_cannot_be_are_refused)
{
    begin_with(plain);
    piece(0, 0, 1, "[{\"plugin\":\"p0\",\"count\":\"many\"}]");
    job(0, 1);
    results(0, "[[0,0,0]]");
    check_refused("batch 42 in the store: piece 0: jobs[0].count: ");
}
END_TEST

START_TEST(what_is_told_of_no_job_is_refused)
{
    begin_with(plain);
    piece(0, 0, 1, "[{\"plugin\":\"p0\"}]");
    job(1, 1);
    check_refused("batch 42 in the store: there is no job 1");
}
END_TEST

START_TEST(results_must_follow_one_another)
{
    begin_with(plain);
    piece(0, 0, 1, "[{\"plugin\":\"p0\",\"count\":3}]");
    results(0, "[[0,0,0]]");
    results(2, "[[1,0,0]]");
    check_refused("batch 42 in the store: its results from number 2 on make no sense at number 1");
}
END_TEST

START_TEST(a_job_ends_once)
{
    begin_with(plain);
    piece(0, 0, 1, "[{\"plugin\":\"p0\",\"count\":3}]");
    results(0, "[[0,0,0],[0,0,0]]");
    check_refused("batch 42 in the store: its results from number 0 on make no sense at number 1");
}
END_TEST

START_TEST(no_more_jobs_end_than_there_are)
{
    begin_with(plain);
    piece(0, 0, 1, "[{\"plugin\":\"p0\"}]");
    results(0, "[[1,0,0]]");
    check_refused("batch 42 in the store: its results from number 0 on make no sense at number 0");
}
END_TEST

START_TEST(a_finished_batch_has_no_unended_jobs)
{
    struct store_batch stored = plain;
    stored.finished = true;
    begin_with(stored);
    piece(0, 0, 1, "[{\"plugin\":\"p0\",\"count\":2}]");
    results(0, "[[1,0,0]]");
    check_refused("batch 42 in the store: it has finished, but only 1 of 2 jobs have ended");
}
END_TEST

START_TEST(jobs_do_not_end_as_queued)
{
    struct store_batch stored = plain;
    stored.stopped = "why";
    stored.stopped_as = JOB_QUEUED;
    begin_with(stored);
    check_refused("batch 42 in the store: its jobs cannot end as queued");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rebuild");
    TCase *tcase = tcase_create("rebuild");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, all_that_was_told_of_a_batch_is_in_it);
    tcase_add_test(tcase, a_finished_batch_has_finished_when_it_did);
    tcase_add_test(tcase, a_finished_batch_may_never_have_had_a_job);
    tcase_add_test(tcase, an_open_batch_may_have_no_job_yet);
    tcase_add_test(tcase, the_key_is_told_with_what_was_asked_for);
    tcase_add_test(tcase, it_can_be_used_again_for_another_batch);
    tcase_add_test(tcase, terms_that_are_none_are_refused);
    tcase_add_test(tcase, a_key_without_what_was_asked_for_is_refused);
    tcase_add_test(tcase, pieces_must_follow_one_another);
    tcase_add_test(tcase, jobs_that_cannot_be_are_refused);
    tcase_add_test(tcase, what_is_told_of_no_job_is_refused);
    tcase_add_test(tcase, results_must_follow_one_another);
    tcase_add_test(tcase, a_job_ends_once);
    tcase_add_test(tcase, no_more_jobs_end_than_there_are);
    tcase_add_test(tcase, a_finished_batch_has_no_unended_jobs);
    tcase_add_test(tcase, jobs_do_not_end_as_queued);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
