#include <check.h>
#include <string.h>
#include <awaitd/plugin.h>
#include "base/params.h"
#include "base/problems.h"
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/catalogue.h"
#include "supervisor/submit_entry.h"

/* ---- Plugins with a parameter of each type, with a choice, and with none -------------------- */

struct params {
    bool flag;
    int64_t tries;
    double ratio;
    struct aw_duration pause;
    struct aw_size memory;
    const char *text;
    struct aw_strings argv;
    struct aw_json body;
};
static const struct aw_param rows[] = {
    AW_PARAM(struct params, flag, .text = "A flag"),
    AW_PARAM(struct params, tries, .text = "How often", .min = 1, .max = 10),
    AW_PARAM(struct params, ratio, .text = "A ratio", .min = -0.5, .max = 2),
    AW_PARAM(struct params, pause, .text = "How long"),
    AW_PARAM(struct params, memory, .text = "How much"),
    AW_PARAM(struct params, text, .text = "What to say"),
    AW_PARAM(struct params, argv, .text = "What to run"),
    AW_PARAM(struct params, body, .text = "What to send"),
    AW_PARAMS_END,
};
static struct params_table all = {.rows = rows, .count = 8, .struct_size = sizeof(struct params)};

struct choice {
    struct aw_duration seconds, minutes;
    const char *needed;
};
static const struct aw_param choice_rows[] = {
    AW_PARAM(struct choice, seconds, .text = "Either", .one_of = "length"),
    AW_PARAM(struct choice, minutes, .text = "Or", .one_of = "length"),
    AW_PARAM(struct choice, needed, .text = "A text", .required = true),
    AW_PARAMS_END,
};
static struct params_table choice = {
    .rows = choice_rows, .count = 3, .struct_size = sizeof(struct choice)};
static struct params_table no_params;
static struct plugin plugins[] = {
    {.name = (char *)"all", .style = RUN_ASYNC, .params = &all, .restricted = 1 << 4},
    {.name = (char *)"choice", .style = RUN_ASYNC, .params = &choice},
    {.name = (char *)"nop", .style = RUN_ASYNC, .params = &no_params},
    {.name = (char *)"off", .style = RUN_ASYNC, .params = &no_params, .disabled = (char *)"off"},
};
static const struct catalogue catalogue = {.plugins = plugins, .count = 4, .known = true};

#define ROOM 100

static struct batch *batch;
static struct problems problems;
static bool trusted;

static void set_up(void)
{
    trusted = true;
    batch = new_batch(1);
}

static void tear_down(void)
{
    problems_clear(&problems);
    batch_free(batch);
}

static struct entry_reading new_reading(void)
{
    return (struct entry_reading){.batch = batch,
                                  .catalogue = &catalogue,
                                  .trusted = trusted,
                                  .problems = &problems,
                                  .field = "jobs[0].",
                                  .prefix = 8};
}

static struct bytes_view view(const char *text)
{
    return (struct bytes_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

static bool is_plain(const char *text)
{
    struct entry_reading reading = new_reading();
    bool plain = entry_read_plain(&reading, view(text), ROOM);
    ck_assert_uint_eq(problems.count, 0);
    entry_clear(&reading);
    return plain;
}

/* It is taken at first sight, and is the entry that is made by way of JSON values. */
static void expect_plain(const char *text)
{
    struct entry_reading plain = new_reading(), parsed = new_reading();
    ck_assert_msg(entry_read_plain(&plain, view(text), ROOM), "%s", text);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    ck_assert_ptr_nonnull(json);
    ck_assert_msg(entry_read(&parsed, json, view(text), ROOM) == 0, "%s", text);
    json_decref(json);
    ck_assert_uint_eq(plain.entry.plugin, parsed.entry.plugin);
    ck_assert_uint_eq(plain.entry.count, parsed.entry.count);
    ck_assert_int_eq(plain.count, parsed.count);
    ck_assert_ptr_eq(plain.entry.params, parsed.entry.params);
    ck_assert_uint_eq(plain.entry.params_size, parsed.entry.params_size);
    ck_assert_pstr_eq(plain.entry.name, parsed.entry.name);
    ck_assert(!plain.entry.expands && !parsed.entry.expands);
    ck_assert(!plain.entry.items && !plain.entry.terms && !parsed.entry.terms);
    entry_clear(&plain);
    entry_clear(&parsed);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

START_TEST(plain_entries_are_the_same_as_parsed_ones)
{
    static const char *const texts[] = {
        "{\"plugin\":\"nop\"}",
        "{ \"plugin\" : \"nop\" , \"params\" : { } , \"count\" : 100 }",
        "{\"plugin\":\"nop\",\"name\":\"h\xc3\xa9llo, world\",\"count\":1}",
        "{\"name\":\"n\",\"count\":7,\"plugin\":\"nop\",\"params\":{}}",
        "{\"plugin\":\"all\",\"params\":{\"flag\":true,\"tries\":10,\"ratio\":-0,\"pause\":0.25,"
        "\"memory\":4096,\"text\":\"hi\"}}",
        "{\"plugin\":\"all\",\"params\":{ \"flag\": false, \"ratio\": 1.999 }}",
        "{\"plugin\":\"choice\",\"params\":{\"needed\":\"\",\"seconds\":10.00000000012300}}",
        "{\"plugin\":\"choice\",\"params\":{\"minutes\":1,\"needed\":\"x\"},\"name\":\"n-1\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_plain(texts[i]);
}
END_TEST

START_TEST(whatever_is_unusual_or_wrong_is_left_to_the_parser)
{
    static const char *const texts[] = {
        "",
        "{}",
        "nop",
        "[]",
        "{\"plugin\":\"nop\"",
        "{\"plugin\":\"nop\"} ",
        "{\"plugin\":\"nop\"}}",
        "{\"plugin\":\"nop\",}",
        "{\"plugin\":\"nop\" \"count\":1}",
        "{\"plugin\":\"nop\",\"plugin\":\"nop\"}",
        "{\"plugin\":\"n\\u006fp\"}",
        "{\"plugin\":\"no\"}",
        "{\"plugin\":\"nopp\"}",
        "{\"plugin\":\"off\"}",
        "{\"plugin\":7}",
        "{\"plugin\":\"a-name-that-is-longer-than-any-plugin-may-have\"}",
        "{\"plugi\":\"nop\"}",
        "{\"\":1,\"plugin\":\"nop\"}",
        "{\"params\":{},\"plugin\":\"nop\"}",
        "{\"plugin\":\"nop\",\"params\":null}",
        "{\"plugin\":\"nop\",\"params\":[]}",
        "{\"plugin\":\"nop\",\"params\":{\"a\":1}}",
        "{\"plugin\":\"nop\",\"timeout\":1}",
        "{\"plugin\":\"nop\",\"items\":[\"a\"]}",
        "{\"plugin\":\"nop\",\"name\":\"\"}",
        "{\"plugin\":\"nop\",\"name\":\"n-{index}\"}",
        "{\"plugin\":\"nop\",\"name\":\"}}\"}",
        "{\"plugin\":\"nop\",\"name\":1}",
        "{\"plugin\":\"nop\",\"count\":0}",
        "{\"plugin\":\"nop\",\"count\":-1}",
        "{\"plugin\":\"nop\",\"count\":1.0}",
        "{\"plugin\":\"nop\",\"count\":1e1}",
        "{\"plugin\":\"nop\",\"count\":101}",
        "{\"plugin\":\"nop\",\"count\":4294967297}",
        "{\"plugin\":\"choice\"}",
        "{\"plugin\":\"choice\",\"params\":{}}",
        "{\"plugin\":\"choice\",\"params\":{\"needed\":\"x\"}}",
        "{\"plugin\":\"choice\",\"params\":{\"seconds\":1}}",
        "{\"plugin\":\"choice\",\"params\":{\"needed\":\"x\",\"seconds\":1,\"minutes\":1}}",
        "{\"plugin\":\"choice\",\"params\":{\"needed\":\"x\",\"seconds\":1,\"seconds\":1}}",
        "{\"plugin\":\"choice\",\"params\":{\"needed\":\"x\",\"seconds\":-1}}",
        "{\"plugin\":\"choice\",\"params\":{\"needed\":\"x\",\"seconds\":\"1s\"}}",
        "{\"plugin\":\"choice\",\"params\":{\"needed\":\"{item}\",\"seconds\":1}}",
        "{\"plugin\":\"choice\",\"params\":{\"needed\":null,\"seconds\":1}}",
        "{\"plugin\":\"all\",\"params\":{\"flag\":1}}",
        "{\"plugin\":\"all\",\"params\":{\"flag\":truefalse}}",
        "{\"plugin\":\"all\",\"params\":{\"tries\":0}}",
        "{\"plugin\":\"all\",\"params\":{\"tries\":11}}",
        "{\"plugin\":\"all\",\"params\":{\"tries\":1.5}}",
        "{\"plugin\":\"all\",\"params\":{\"ratio\":2.1}}",
        "{\"plugin\":\"all\",\"params\":{\"ratio\":-0.7}}",
        "{\"plugin\":\"all\",\"params\":{\"ratio\":1e400}}",
        "{\"plugin\":\"all\",\"params\":{\"memory\":-1}}",
        "{\"plugin\":\"all\",\"params\":{\"argv\":[\"a\"]}}",
        "{\"plugin\":\"all\",\"params\":{\"body\":{}}}",
        "{\"plugin\":\"all\",\"params\":{\"tex\":\"a\"}}",
        "{\"plugin\":\"all\",\"params\":{\"text\":\"\xff\"}}",
        "{\"plugin\":\"all\",\"params\":{\"text\":\"a\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(!is_plain(texts[i]), "%s", texts[i]);
}
END_TEST

START_TEST(names_may_be_as_long_as_elsewhere)
{
    char name[SUBMISSION_TEXT_MAX + 2], text[512];
    memset(name, 'n', sizeof(name));
    name[SUBMISSION_TEXT_MAX] = '\0';
    (void)snprintf(text, sizeof(text), "{\"plugin\":\"nop\",\"name\":\"%s\"}", name);
    expect_plain(text);
    name[SUBMISSION_TEXT_MAX] = 'n';
    name[SUBMISSION_TEXT_MAX + 1] = '\0';
    (void)snprintf(text, sizeof(text), "{\"plugin\":\"nop\",\"name\":\"%s\"}", name);
    ck_assert(!is_plain(text));
}
END_TEST

START_TEST(restricted_parameters_are_not_for_everybody)
{
    const char *text = "{\"plugin\":\"all\",\"params\":{\"memory\":1}}";
    expect_plain(text);
    trusted = false;
    ck_assert(!is_plain(text));
    expect_plain("{\"plugin\":\"all\",\"params\":{\"tries\":1}}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("submit_plain");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, plain_entries_are_the_same_as_parsed_ones);
    tcase_add_test(tests, whatever_is_unusual_or_wrong_is_left_to_the_parser);
    tcase_add_test(tests, names_may_be_as_long_as_elsewhere);
    tcase_add_test(tests, restricted_parameters_are_not_for_everybody);
    return suite_run(suite);
}
