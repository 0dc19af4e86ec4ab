#include <check.h>
#include <string.h>
#include "plugins/http/header.h"
#include "plugins/http/status.h"
#include "suite.h"

static struct aw_strings list_of(const char *const *items, size_t count)
{
    return (struct aw_strings){.items = items, .count = count};
}

START_TEST(statuses_are_listed_alone_or_in_ranges)
{
    const char *const items[] = {"200-299", "404"};
    struct aw_strings list = list_of(items, 2);
    ck_assert_ptr_null(status_wrong_item(&list));
    ck_assert(status_listed(&list, 200));
    ck_assert(status_listed(&list, 299));
    ck_assert(status_listed(&list, 404));
    ck_assert(!status_listed(&list, 199));
    ck_assert(!status_listed(&list, 300));
    ck_assert(!status_listed(&list, 405));
}
END_TEST

START_TEST(an_empty_list_has_no_status)
{
    struct aw_strings list = list_of(NULL, 0);
    char text[8] = "x";
    ck_assert_ptr_null(status_wrong_item(&list));
    ck_assert(!status_listed(&list, 200));
    status_list_text(&list, text, sizeof(text));
    ck_assert_str_eq(text, "");
}
END_TEST

static const char *const wrong_statuses[] = {"",        "2",           "20",   "2xx",    "2000",
                                             "099",     "200-",        "-200", "200 ",   "200-2990",
                                             "299-200", "200-299-300", "+20",  "200,404"};

START_TEST(what_is_no_status_is_found)
{
    const char *const items[] = {"200", wrong_statuses[_i]};
    struct aw_strings list = list_of(items, 2);
    ck_assert_ptr_eq(status_wrong_item(&list), wrong_statuses[_i]);
}
END_TEST

START_TEST(lists_of_statuses_read_as_people_speak)
{
    const char *const items[] = {"200-299", "304", "404"};
    struct aw_strings list = list_of(items, 3);
    char text[40], little[10];
    status_list_text(&list, text, sizeof(text));
    ck_assert_str_eq(text, "200-299, 304 or 404");
    status_list_text(&list, little, sizeof(little));
    ck_assert_str_eq(little, "200-299, ");
}
END_TEST

static const char *const good_headers[] = {"A: b",
                                           "A:b",
                                           "A:",
                                           "X-y_z.1: \tall 'sorts' \"of\" \xc3\xa9",
                                           "Content-Type: x",
                                           "Content-Lengths: 1",
                                           "Proxy-Authorizations: x"};

START_TEST(headers_are_a_name_and_a_value)
{
    ck_assert_ptr_null(header_problem(good_headers[_i]));
}
END_TEST

static const char *const wrong_headers[] = {
    "",
    "A",
    ":",
    ": b",
    "A b: c",
    "A : b",
    "A: b\r\nC: d",
    "A: b\n",
    "A:\x01",
    "A: \x7f",
    "\xc3\xa9: b",
    "Content-Length: 1",
    "transfer-encoding: chunked",
    "UPGRADE: h2c",
    "proxy-authorization: Basic YTpi",
    " A: b",
    "\tA: b",
};

START_TEST(what_would_be_more_than_a_header_is_refused)
{
    ck_assert_ptr_nonnull(header_problem(wrong_headers[_i]));
}
END_TEST

START_TEST(a_name_has_a_largest_length)
{
    char line[HEADER_NAME_BYTES + 3];
    memset(line, 'x', sizeof(line));
    memcpy(line + HEADER_NAME_BYTES, ":", 2);
    ck_assert_ptr_null(header_problem(line));
    memcpy(line + HEADER_NAME_BYTES, "x:", 3);
    ck_assert_ptr_nonnull(header_problem(line));
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("http_request_texts");
    TCase *all = tcase_create("all");
    tcase_add_test(all, statuses_are_listed_alone_or_in_ranges);
    tcase_add_test(all, an_empty_list_has_no_status);
    tcase_add_loop_test(all, what_is_no_status_is_found, 0, COUNT(wrong_statuses));
    tcase_add_test(all, lists_of_statuses_read_as_people_speak);
    tcase_add_loop_test(all, headers_are_a_name_and_a_value, 0, COUNT(good_headers));
    tcase_add_loop_test(all, what_would_be_more_than_a_header_is_refused, 0, COUNT(wrong_headers));
    tcase_add_test(all, a_name_has_a_largest_length);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
