#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "plugins/exec/encode.h"
#include "plugins/exec/environment.h"
#include "plugins/exec/outcome.h"
#include "suite.h"

#define EXITED(code) ((code) << 8)
#define DUMPED 0x80

static bool is_ok(int status, const char *code, char *reason)
{
    struct outcome outcome = {.status = status};
    struct aw_strings codes = {.count = code ? 1 : 0, .items = &code};
    return outcome_is_ok(&outcome, &codes, reason, 100);
}

START_TEST(codes_and_ranges_decide)
{
    char reason[100];
    ck_assert(is_ok(EXITED(0), NULL, reason));
    ck_assert(!is_ok(EXITED(1), NULL, reason));
    ck_assert_str_eq(reason, "exit 1");
    ck_assert(is_ok(EXITED(20), "10-20", reason) && is_ok(EXITED(10), "10-20", reason));
    ck_assert(!is_ok(EXITED(21), "10-20", reason) && !is_ok(EXITED(0), "10-20", reason));
}
END_TEST

START_TEST(codes_that_are_none_are_told)
{
    static const char *const good[] = {"0", "255", "0-255", "7-7", "007"};
    static const char *const bad[] = {"",      "256", "-1", "1-",    "-",           "2-1",
                                      "1-256", " 1",  "1x", "1-2-3", "999999999999"};
    char reason[100];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert(outcome_codes_valid(&(struct aw_strings){1, &good[i]}, reason, sizeof(reason)));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(
            !outcome_codes_valid(&(struct aw_strings){1, &bad[i]}, reason, sizeof(reason)), "%s",
            bad[i]);
        ck_assert_ptr_nonnull(strstr(reason, "ok_codes[0]"));
    }
}
END_TEST

START_TEST(signals_are_named)
{
    char reason[100];
    ck_assert(!is_ok(SIGKILL, "0-255", reason));
    ck_assert_str_eq(reason, "killed by signal 9 (KILL)");
    ck_assert(!is_ok(SIGSEGV | DUMPED, NULL, reason));
    ck_assert_str_eq(reason, "killed by signal 11 (SEGV), core dumped");
    ck_assert(!is_ok(SIGRTMIN + 1, NULL, reason));
    ck_assert_str_eq(reason, "killed by signal 35 (35)");
}
END_TEST

static json_t *details(int status, const char *errors, size_t size, bool truncated)
{
    struct outcome outcome = {.status = status,
                              .errors = (const uint8_t *)errors,
                              .errors_size = size,
                              .errors_truncated = truncated,
                              .usage = {.ru_utime = {1, 500000}, .ru_maxrss = 3}};
    char *text = outcome_json(&outcome);
    json_t *json = json_loads(text, 0, NULL);
    free(text);
    ck_assert_ptr_nonnull(json);
    return json;
}

static const char *member(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

START_TEST(details_tell_the_end)
{
    json_t *json = details(EXITED(3), NULL, 0, false);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "exit")), 3);
    ck_assert_uint_eq(json_object_size(json), 2);
    json_t *usage = json_object_get(json, "rusage");
    ck_assert(json_real_value(json_object_get(usage, "user")) == 1.5);
    ck_assert_int_eq(json_integer_value(json_object_get(usage, "max_rss")), 3072);
    json_decref(json);
    json = details(SIGABRT | DUMPED, NULL, 0, false);
    ck_assert_str_eq(member(json, "signal"), "ABRT");
    ck_assert_int_eq(json_integer_value(json_object_get(json, "signal_number")), SIGABRT);
    ck_assert(json_is_true(json_object_get(json, "core")));
    ck_assert_ptr_null(json_object_get(json, "exit"));
    json_decref(json);
}
END_TEST

START_TEST(standard_error_is_text_or_base64)
{
    json_t *json = details(0, "h\xc3\xa4\n", 4, false);
    ck_assert_str_eq(member(json, "stderr"), "h\xc3\xa4\n");
    ck_assert_ptr_null(json_object_get(json, "stderr_truncated"));
    json_decref(json);
    json = details(0, "a\xc3", 2, true);
    ck_assert_str_eq(member(json, "stderr"), "a");
    ck_assert(json_is_true(json_object_get(json, "stderr_truncated")));
    json_decref(json);
    json = details(0, "a\xc3", 2, false);
    ck_assert_str_eq(member(json, "stderr_base64"), "YcM=");
    json_decref(json);
    json = details(0, "a\0b", 3, false);
    ck_assert_str_eq(member(json, "stderr_base64"), "YQBi");
    json_decref(json);
}
END_TEST

/* The examples of RFC 4648, section 10. */
START_TEST(base64_is_as_in_the_standard)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char *text = encode_base64((const uint8_t *)pairs[i][0], strlen(pairs[i][0]));
        ck_assert_str_eq(text, pairs[i][1]);
        free(text);
    }
}
END_TEST

START_TEST(characters_stay_whole)
{
    static const struct {
        const char *text;
        size_t kept;
    } cases[] = {{"abc", 3},          {"a\xc3", 1},
                 {"a\xc3\xa4", 3},    {"\xe2\x82", 0},
                 {"\xf0\x9f\x98", 0}, {"x\xff", 2},
                 {"\x80\x80\x80", 3}, {"", 0},
                 {"\xe2\x82\xac", 3}, {"a\xf0\x9f\x98\x80", 5}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_uint_eq(
            encode_whole_characters((const uint8_t *)cases[i].text, strlen(cases[i].text)),
            cases[i].kept);
}
END_TEST

START_TEST(later_entries_of_an_environment_win)
{
    char *const base[] = {"B=1", "A=1", "AB=1", NULL};
    const char *const added[] = {"C=1", "A=2", "C=2=3", "A=3"};
    char **all = environment_with(base, added, 4);
    static const char *const expected[] = {"A=3", "AB=1", "B=1", "C=2=3"};
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(all[i], expected[i]);
    ck_assert_ptr_null(all[4]);
    free(all);
    ck_assert(environment_is_entry("A=") && environment_is_entry("A=b=c"));
    ck_assert(!environment_is_entry("=A") && !environment_is_entry("A") &&
              !environment_is_entry(""));
}
END_TEST

START_TEST(commands_do_not_inherit_the_services_own)
{
    setenv("NOTIFY_SOCKET", "/x", 1);
    setenv("NOTIFY_SOCKET_TOO", "/x", 1);
    char **all = environment_inherited();
    bool found = false;
    for (size_t i = 0; all[i]; i++) {
        ck_assert(strncmp(all[i], "NOTIFY_SOCKET=", 14) != 0);
        found |= strcmp(all[i], "NOTIFY_SOCKET_TOO=/x") == 0;
    }
    ck_assert(found);
    free(all);
    unsetenv("PATH");
    all = environment_clean();
    ck_assert(strncmp(all[0], "PATH=/", 6) == 0);
    ck_assert_ptr_null(all[1]);
    free(all);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exec outcome");
    TCase *tests = tcase_create("outcome");
    tcase_add_test(tests, codes_and_ranges_decide);
    tcase_add_test(tests, codes_that_are_none_are_told);
    tcase_add_test(tests, signals_are_named);
    tcase_add_test(tests, details_tell_the_end);
    tcase_add_test(tests, standard_error_is_text_or_base64);
    tcase_add_test(tests, base64_is_as_in_the_standard);
    tcase_add_test(tests, characters_stay_whole);
    tcase_add_test(tests, later_entries_of_an_environment_win);
    tcase_add_test(tests, commands_do_not_inherit_the_services_own);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
