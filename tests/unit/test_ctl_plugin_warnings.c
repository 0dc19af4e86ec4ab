#include <check.h>
#include <string.h>
#include "base/problems.h"
#include "ctl/plugin_warnings.h"
#include "suite.h"

static struct problems found;

/* What is found in a plugin called p, from p.so, of which this is told besides. */
static size_t look(const char *members)
{
    char text[2048];
    (void)snprintf(text, sizeof(text), "{\"name\":\"p\",\"file\":\"/x/p.so\"%s%s}",
                   *members ? "," : "", members);
    json_t *plugin = json_loads(text, 0, NULL);
    ck_assert_msg(plugin != NULL, "not JSON: %s", text);
    problems_clear(&found);
    plugin_warnings_find(plugin, &found);
    json_decref(plugin);
    return found.count;
}

static void says(size_t i, const char *field, const char *part)
{
    ck_assert_str_eq(found.kept[i].field, field);
    ck_assert_msg(strstr(found.kept[i].text, part), "no '%s' in: %s", part, found.kept[i].text);
}

START_TEST(a_plugin_that_is_fine_has_none)
{
    ck_assert_uint_eq(look(""), 0);
    ck_assert_uint_eq(look("\"clashes\":[],\"exports\":[],\"params\":[]"), 0);
    ck_assert_uint_eq(look("\"params\":[{\"name\":\"seconds\",\"type\":\"duration\"},"
                           "{\"name\":\"profile\",\"type\":\"string\"}]"),
                      0);
}
END_TEST

START_TEST(names_that_meet_others_are_told_with_the_remedy)
{
    ck_assert_uint_eq(look("\"clashes\":[\"event_new\",\"json_object\"]"), 1);
    says(0, "symbols", "event_new, json_object");
    says(0, "symbols", "-fvisibility=hidden");
    ck_assert_uint_eq(look("\"exports\":[\"helper\"]"), 1);
    says(0, "symbols", "helper");
}
END_TEST

START_TEST(of_many_names_the_rest_is_counted)
{
    ck_assert_uint_eq(
        look("\"exports\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\"]"), 1);
    says(0, "symbols", "a, b, c, d, e, f, g, h and 2 more");
}
END_TEST

START_TEST(a_file_of_another_name_is_told)
{
    ck_assert_uint_eq(look("\"file\":\"/x/q.so\""), 1);
    says(0, "file", "p.so");
    ck_assert_uint_eq(look("\"file\":\"/x/p2.so\""), 1);
}
END_TEST

START_TEST(a_parameter_that_leads_to_files_or_programs_is_to_be_restricted)
{
    ck_assert_uint_eq(look("\"params\":[{\"name\":\"body_file\",\"type\":\"string\"},"
                           "{\"name\":\"argv\",\"type\":\"list of strings\"},"
                           "{\"name\":\"path\",\"type\":\"string\",\"restricted\":true},"
                           "{\"name\":\"file\",\"type\":\"size\"}]"),
                      2);
    says(0, "body_file", ".restricted = true");
    says(1, "argv", ".restricted = true");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_plugin_warnings");
    TCase *tests = tcase_create("ctl_plugin_warnings");
    tcase_add_test(tests, a_plugin_that_is_fine_has_none);
    tcase_add_test(tests, names_that_meet_others_are_told_with_the_remedy);
    tcase_add_test(tests, of_many_names_the_rest_is_counted);
    tcase_add_test(tests, a_file_of_another_name_is_told);
    tcase_add_test(tests, a_parameter_that_leads_to_files_or_programs_is_to_be_restricted);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
