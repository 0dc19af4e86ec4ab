#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/batch_file.h"
#include "ctl/ctl.h"
#include "ctl/terms.h"
#include "suite.h"

static bool is_batch_file(const char *path, const char *start)
{
    return batch_file_is(path, start, strlen(start));
}

START_TEST(it_is_told_from_json_lines)
{
    ck_assert(is_batch_file("x.conf", "{}"));
    ck_assert(is_batch_file("x", "jobs = ("));
    ck_assert(is_batch_file("x", " \n\tjobs:("));
    ck_assert(is_batch_file("-", "name  = \"x\";"));
    ck_assert(!is_batch_file("-", "{\"plugin\":\"wait\"}"));
    ck_assert(!is_batch_file("x.jsonl", "# comment\n{}"));
    ck_assert(!is_batch_file("x", "jobs"));
    ck_assert(!is_batch_file("x", "jobsx = 1"));
    ck_assert(is_batch_file("x", "limit = 4;"));
    ck_assert(is_batch_file("-", "on_failure: \"cancel\";"));
    ck_assert(!is_batch_file("x", "max_delay = 4;"));
    ck_assert(!is_batch_file("x", "follow = \"each\";"));
    ck_assert(!is_batch_file("x", "= 4;"));
    ck_assert(!is_batch_file("x", ""));
    ck_assert(!batch_file_is("x", "\0jobs = (", 9)); /* a NUL is no blank */
}
END_TEST

START_TEST(entries_become_json)
{
    static const char text[] = "name = \"nightly\";\n"
                               "jobs = (\n"
                               "  { plugin = \"wait\"; params = { seconds = 1; }; count = 10; },\n"
                               "  {\n"
                               "    plugin = \"x\";\n"
                               "    params = { a = 1.5; b = true; c = [ \"p\", \"q\" ];\n"
                               "               d = ( 1, { e = 5000000000L; } ); f = []; };\n"
                               "  }\n"
                               ");\n";
    struct ctl ctl = {.command = NULL};
    struct batch_file *file;
    ck_assert_int_eq(batch_file_read(&ctl, text, "b.conf", &file), CTL_OK);
    ck_assert_uint_eq(batch_file_count(file), 2);

    json_t *entry;
    uint64_t line;
    ck_assert_int_eq(batch_file_entry(file, 1, &entry, &line), CTL_OK);
    char *dumped = json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS);
    ck_assert_str_eq(dumped, "{\"params\":{\"a\":1.5,\"b\":true,\"c\":[\"p\",\"q\"],"
                             "\"d\":[1,{\"e\":5000000000}],\"f\":[]},\"plugin\":\"x\"}");
    ck_assert_uint_ge(line, 4);
    ck_assert_uint_le(line, 8);
    free(dumped);
    json_decref(entry);
    batch_file_free(file);
}
END_TEST

START_TEST(settings_beside_the_jobs_become_terms)
{
    static const char text[] = "name = \"nightly\";\n"
                               "limit = 4;\n"
                               "retry = { max = 3; delay = \"1s\"; };\n"
                               "jobs = ( { plugin = \"a\"; name = \"x\"; },\n"
                               "         { plugin = \"b\"; after = [ \"x\" ]; } );\n"
                               "deadline = 1.5;\n";
    struct ctl ctl = {.command = NULL};
    struct terms terms = {.values = NULL};
    struct batch_file *file;
    ck_assert_int_eq(batch_file_read(&ctl, text, "b.conf", &file), CTL_OK);
    ck_assert_int_eq(batch_file_terms(file, &terms), CTL_OK);
    char *dumped = json_dumps(terms.values, JSON_COMPACT | JSON_SORT_KEYS);
    ck_assert_str_eq(dumped, "{\"deadline\":1.5,\"limit\":4,\"name\":\"nightly\","
                             "\"retry\":{\"delay\":\"1s\",\"max\":3}}");
    free(dumped);
    ck_assert_str_eq(json_string_value(json_object_get(terms.places, "deadline")),
                     "b.conf:6: deadline");
    terms_clear(&terms);
    batch_file_free(file);
}
END_TEST

static void is_refused(const char *text, const char *why)
{
    struct ctl ctl = {.command = NULL};
    struct batch_file *file = NULL;
    int code = batch_file_read(&ctl, text, "b.conf", &file);
    if (code == CTL_OK) {
        struct terms terms = {.values = NULL};
        json_t *entry;
        uint64_t line;
        code = batch_file_terms(file, &terms);
        if (code == CTL_OK)
            code = batch_file_entry(file, 0, &entry, &line);
        terms_clear(&terms);
        batch_file_free(file);
    }
    ck_assert_int_eq(code, CTL_REFUSED);
    ck_assert_msg(strstr(ctl.error.text, why), "%s", ctl.error.text);
}

START_TEST(what_is_wrong_is_told_with_its_line)
{
    is_refused("jobs = (\n{ plugin = };", "b.conf:2: syntax error");
    is_refused("\njobs = { };", "b.conf:2: jobs: must be a list");
    is_refused("jobs = ( );\n\nfoo = 3;", "b.conf:3: foo: unknown");
    is_refused("follow = \"each\";\njobs = ( );", "b.conf:1: follow: unknown");
    is_refused("jobs = ( );\nname = \"\xff\";", "b.conf:2: name: this text is not UTF-8");
    is_refused("name = \"x\";", "b.conf: there is no list of jobs");
    is_refused("jobs = (\n 3 );", "b.conf:2: an entry of jobs must be a group");
    is_refused("jobs = (\n { plugin = \"\xff\"; } );", "b.conf:2: plugin: this text is not UTF-8");
    is_refused("jobs = ( { a = 1e999; } );", "b.conf:1: a: this number is too large");
    is_refused("jobs = ( { a = 1; a = 2; } );", "b.conf:1: duplicate");
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    char open[81], close[81], text[256];
    memset(open, '(', 80);
    memset(close, ')', 80);
    open[80] = close[80] = '\0';
    (void)snprintf(text, sizeof(text), "jobs = ( { a = %s%s; } );", open, close);
    is_refused(text, "nested deeper than");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_batch_file");
    TCase *tests = tcase_create("ctl_batch_file");
    tcase_add_test(tests, it_is_told_from_json_lines);
    tcase_add_test(tests, entries_become_json);
    tcase_add_test(tests, settings_beside_the_jobs_become_terms);
    tcase_add_test(tests, what_is_wrong_is_told_with_its_line);
    tcase_add_test(tests, deep_nesting_is_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
