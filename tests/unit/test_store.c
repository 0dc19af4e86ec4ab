#include "store_fixture.h"
#include "suite.h"

START_TEST(a_batch_is_read_back_as_it_was_admitted)
{
    struct fingerprint asked = {.known = FINGERPRINT_CONTENT};
    asked.terms[31] = 0xfe;
    asked.jobs[31] = 0x01;
    struct store_batch batch = {
        .number = (UINT64_C(1) << 53) - 1,
        .owner = UINT32_MAX,
        .name = "na\xc3\xafve 'name'",
        .key = "k\"ey",
        .asked = &asked,
        .retry_of = 12,
        .configured = true,
        .terms = "{\"priority\":3}",
        .submitted_s = 1700000000.123456,
        .submitted_ns = CLOCK_BOOT_NS - 5,
        .sealed = true,
        .paused = true,
        .stopped = "its deadline has passed",
        .stopped_as = JOB_SKIPPED,
        .given_up = true,
        .cut_short = true,
    };
    struct store_piece pieces[] = {
        {.number = 0, .first = 0, .accepted_ns = CLOCK_BOOT_NS + 1, .jobs = view_of("[1]")},
        {.number = UINT32_MAX,
         .first = UINT32_MAX,
         .accepted_ns = CLOCK_BOOT_NS + 2,
         .jobs = view_of("[{\"plugin\":\"wait\"}]")},
    };
    struct store_admission admission = {
        .number = batch.number, .batch = &batch, .pieces = pieces, .pieces_count = 2};
    uint64_t ticket;
    ck_assert_int_eq(store_admit(store, &admission, &ticket), 0);
    ck_assert_uint_eq(ticket, 1);
    settle();
    ck_told("1 admitted\ncommitted 1\n");
    read_all(batch.number);
    ck_told("batch 9007199254740991 of 4294967295 name=na\xc3\xafve 'name' key=k\"ey"
            " asked=fe.1.01 retry_of=12 configured terms={\"priority\":3}"
            " submitted=1700000000.123456 submitted_ns=-5 sealed paused"
            " stopped=its deadline has passed as=skipped given_up cut_short\n"
            "piece 0 from 0 at=1 [1]\n"
            "piece 4294967295 from 4294967295 at=2 [{\"plugin\":\"wait\"}]\n"
            "end\n");
}
END_TEST

START_TEST(a_batch_of_which_nothing_is_said_is_read_back_so)
{
    struct store_batch batch = plain_batch(1);
    struct store_admission admission = {.number = 1, .batch = &batch};
    uint64_t ticket;
    ck_assert_int_eq(store_admit(store, &admission, &ticket), 0);
    settle();
    read_all(1);
    ck_told("batch 1 of 7 terms={} submitted=1.5 submitted_ns=1\nend\n");
}
END_TEST

START_TEST(what_happens_to_a_batch_is_read_back)
{
    (void)admit(3, NULL, "[]");
    settle();
    struct store_job first = {.job = 0, .attempt = 2, .due_ns = CLOCK_BOOT_NS + 9};
    struct store_job last = {.job = UINT32_MAX, .attempt = 255, .told = true};
    struct store_stop stop = {.reason = "enough", .as = JOB_CANCELLED, .cut_short = true};
    ck_assert_int_eq(store_job(store, 3, &last), 0);
    ck_assert_int_eq(store_job(store, 3, &first), 0);
    first.attempt++;
    first.due_ns = UINT64_MAX;
    ck_assert_int_eq(store_job(store, 3, &first), 0);
    ck_assert_int_eq(store_pause(store, 3, true), 0);
    ck_assert_int_eq(store_stop(store, 3, &stop), 0);
    read_all(3);
    ck_told("committed 6\n"
            "batch 3 of 7 terms={} submitted=1.5 submitted_ns=3 sealed paused"
            " stopped=enough as=cancelled cut_short\n"
            "piece 0 from 0 at=1 []\n"
            "job 0 attempt 3 due=-4611686018427387905\n" /* the end of time */
            "job 4294967295 attempt 255 told\n"
            "end\n");
}
END_TEST

static Suite *suite(void)
{
    Suite *made = suite_create("store");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, set_up_store, tear_down_store);
    tcase_add_test(tests, a_batch_is_read_back_as_it_was_admitted);
    tcase_add_test(tests, a_batch_of_which_nothing_is_said_is_read_back_so);
    tcase_add_test(tests, what_happens_to_a_batch_is_read_back);
    suite_add_tcase(made, tests);
    return made;
}

int main(void)
{
    return suite_run(suite());
}
