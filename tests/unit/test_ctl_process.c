#include <check.h>
#include "ctl/process.h"
#include "suite.h"

static void expect(const char *text, int status)
{
    json_t *job = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(job);
    ck_assert_msg(process_status(job) == status, "%s: %d", text, process_status(job));
    json_decref(job);
}

START_TEST(a_process_exits_as_it_exited)
{
    expect("{\"state\":\"succeeded\",\"details\":{\"exit\":0}}", 0);
    expect("{\"state\":\"succeeded\",\"details\":{\"exit\":3}}", 3);
    expect("{\"state\":\"failed\",\"details\":{\"exit\":255}}", 255);
}
END_TEST

START_TEST(a_killed_process_exits_as_shells_tell_it)
{
    expect("{\"state\":\"failed\",\"details\":{\"signal\":\"TERM\",\"signal_number\":15}}", 143);
    expect("{\"state\":\"timed_out\",\"details\":{\"signal_number\":9}}", 137);
}
END_TEST

START_TEST(whatever_else_is_no_status)
{
    static const char *const details[] = {
        "{}",
        "{\"exit\":256}",
        "{\"exit\":-1}",
        "{\"exit\":\"1\"}",
        "{\"exit\":1.5}",
        "{\"signal\":\"TERM\"}",
        "{\"signal_number\":0}",
        "{\"signal_number\":128}",
        "{\"signal_number\":9223372036854775807}",
    };
    for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
        char text[200];
        (void)snprintf(text, sizeof(text), "{\"state\":\"failed\",\"details\":%s}", details[i]);
        expect(text, -1);
    }
    expect("{\"state\":\"succeeded\"}", -1);
    expect("{}", -1);
}
END_TEST

START_TEST(a_job_that_failed_never_exits_with_0)
{
    expect("{\"state\":\"failed\",\"details\":{\"exit\":0}}", -1);
    expect("{\"state\":\"crashed\",\"details\":{\"exit\":0}}", -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_process");
    TCase *tests = tcase_create("ctl_process");
    tcase_add_test(tests, a_process_exits_as_it_exited);
    tcase_add_test(tests, a_killed_process_exits_as_shells_tell_it);
    tcase_add_test(tests, whatever_else_is_no_status);
    tcase_add_test(tests, a_job_that_failed_never_exits_with_0);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
