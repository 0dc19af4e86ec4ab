#include <check.h>
#include "suite.h"
#include "wire/job_state.h"

START_TEST(every_state_is_found_by_its_name)
{
    for (int state = 0; state < JOB_STATES; state++) {
        const char *name = job_state_name((enum job_state)state);
        ck_assert_int_eq(job_state_from_name(name), state);
    }
    ck_assert_str_eq(job_state_name(JOB_TIMED_OUT), "timed_out");
}
END_TEST

START_TEST(other_names_are_not_states)
{
    static const char *const names[] = {"", "unknown", "Queued", "queued ", "timed-out", "open"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_int_eq(job_state_from_name(names[i]), JOB_STATES);
}
END_TEST

START_TEST(a_number_that_is_no_state_has_a_harmless_name)
{
    ck_assert_str_eq(job_state_name(JOB_STATES), "unknown");
    ck_assert_str_eq(job_state_name((enum job_state) - 1), "unknown");
}
END_TEST

START_TEST(what_is_still_to_run_is_not_final)
{
    ck_assert(!job_state_is_final(JOB_WAITING));
    ck_assert(!job_state_is_final(JOB_QUEUED));
    ck_assert(!job_state_is_final(JOB_RUNNING));
    for (int state = JOB_SUCCEEDED; state < JOB_STATES; state++)
        ck_assert(job_state_is_final((enum job_state)state));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("job_state");
    TCase *tests = tcase_create("job_state");
    tcase_add_test(tests, every_state_is_found_by_its_name);
    tcase_add_test(tests, other_names_are_not_states);
    tcase_add_test(tests, a_number_that_is_no_state_has_a_harmless_name);
    tcase_add_test(tests, what_is_still_to_run_is_not_final);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
