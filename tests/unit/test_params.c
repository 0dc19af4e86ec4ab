#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/params.h"
#include "base/problems.h"
#include "suite.h"

struct all {
    bool flag;
    int64_t tries;
    double ratio;
    struct aw_duration pause;
    struct aw_size memory;
    struct aw_time at;
    const char *word;
    struct aw_strings words;
    struct aw_json value, other;
};

static const struct aw_param all_rows[] = {
    AW_PARAM(struct all, flag, .text = "A flag"),
    AW_PARAM(struct all, tries, .text = "How often", .unit = "times", .min = 1, .max = 10,
             .default_text = "3"),
    AW_PARAM(struct all, ratio, .text = "A ratio", .min = -0.5, .max = 0.5),
    AW_PARAM(struct all, pause, .text = "How long", .max = 60, .default_text = "250ms"),
    AW_PARAM(struct all, memory, .text = "How much", .min = 0, .max = 65536),
    AW_PARAM(struct all, at, .text = "When"),
    AW_PARAM(struct all, word, .text = "A word", .default_text = "hello"),
    AW_PARAM(struct all, words, .text = "Words", .default_text = "a b"),
    AW_PARAM(struct all, value, .text = "A value"),
    AW_PARAM(struct all, other, .text = "Another", .default_text = " { \"d\" : [1, 0.1] } "),
    AW_PARAMS_END,
};
static const struct params_table all = {
    .rows = all_rows,
    .count = sizeof(all_rows) / sizeof(all_rows[0]) - 1,
    .struct_size = sizeof(struct all),
};

static json_t *load(const char *text)
{
    json_error_t wrong;
    json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &wrong);
    ck_assert_msg(json != NULL, "%s: %s", text, wrong.text);
    return json;
}

/* Fills *out, which must work. */
static void fill(const char *text, struct all *out)
{
    struct problems problems = {0};
    json_t *json = load(text);
    memset(out, 0xA5, sizeof(*out));
    int result = params_fill(&all, json, NULL, "params", out, &problems);
    ck_assert_msg(result == 0, "%s: %s: %s", text, problems.count ? problems.kept[0].field : "",
                  problems.count ? problems.kept[0].text : "");
    ck_assert_uint_eq(problems.count, 0);
    ck_assert_int_eq(params_fill(&all, json, NULL, "params", NULL, &problems), 0);
    json_decref(json);
}

/* The problems with the text, checked and filled alike, as "field: text" lines. */
static const char *problems_of(const struct params_table *table, const char *text,
                               const struct params_expansion *expansion)
{
    static char lines[2][4096];
    json_t *json = load(text);
    struct all out;
    for (int filled = 0; filled < 2; filled++) {
        struct problems problems = {0};
        char *line = lines[filled];
        *line = '\0';
        int result = params_fill(table, json, expansion, "params", filled ? &out : NULL, &problems);
        ck_assert_int_eq(result, problems.count ? -EINVAL : 0);
        for (size_t i = 0; i < problems.count && i < PROBLEMS_KEPT; i++)
            line += snprintf(line, 300, "%s%s: %s", i > 0 ? "\n" : "", problems.kept[i].field,
                             problems.kept[i].text);
        problems_clear(&problems);
        if (filled && result == 0)
            params_clear(table, &out);
    }
    json_decref(json);
    ck_assert_str_eq(lines[0], lines[1]);
    return lines[0];
}

#define REFUSED(text, expected) ck_assert_str_eq(problems_of(&all, text, NULL), expected)

START_TEST(values_are_taken_in_their_json_type)
{
    struct all out;
    fill("{\"flag\": true, \"tries\": 5, \"ratio\": 0.25, \"pause\": 2, \"memory\": 4096,"
         " \"at\": 12.5, \"word\": \"w\", \"words\": [\"x\", \"\", \"z\"]}",
         &out);
    ck_assert(out.flag);
    ck_assert_int_eq(out.tries, 5);
    ck_assert_double_eq(out.ratio, 0.25);
    ck_assert_double_eq(out.pause.seconds, 2);
    ck_assert_uint_eq(out.memory.bytes, 4096);
    ck_assert_double_eq(out.at.unix_seconds, 12.5);
    ck_assert_str_eq(out.word, "w");
    ck_assert_uint_eq(out.words.count, 3);
    ck_assert_str_eq(out.words.items[0], "x");
    ck_assert_str_eq(out.words.items[1], "");
    ck_assert_str_eq(out.words.items[2], "z");
    params_clear(&all, &out);
}
END_TEST

START_TEST(values_are_taken_as_text)
{
    struct all out;
    fill("{\"flag\": \"yes\", \"tries\": \"5\", \"ratio\": \"-0.25\", \"pause\": \"1min\","
         " \"memory\": \"64KiB\", \"at\": \"1970-01-01T00:00:01Z\", \"words\": \"single\"}",
         &out);
    ck_assert(out.flag);
    ck_assert_int_eq(out.tries, 5);
    ck_assert_double_eq(out.ratio, -0.25);
    ck_assert_double_eq(out.pause.seconds, 60);
    ck_assert_uint_eq(out.memory.bytes, 65536);
    ck_assert_double_eq(out.at.unix_seconds, 1);
    ck_assert_uint_eq(out.words.count, 1);
    ck_assert_str_eq(out.words.items[0], "single");
    params_clear(&all, &out);
}
END_TEST

START_TEST(what_is_not_given_has_its_default_or_is_zero)
{
    static const char *const texts[] = {
        "{}",
        "null",
        "{\"flag\": null, \"tries\": null, \"pause\": null, \"word\": null, \"words\": null}",
    };
    for (size_t i = 0; i < 3; i++) {
        struct all out;
        struct problems problems = {0};
        json_t *json = load(texts[i]);
        memset(&out, 0xA5, sizeof(out));
        ck_assert_int_eq(params_fill(&all, i == 1 ? NULL : json, NULL, "params", &out, &problems),
                         0);
        ck_assert(!out.flag);
        ck_assert_int_eq(out.tries, 3);
        ck_assert_double_eq(out.ratio, 0);
        ck_assert_double_eq(out.pause.seconds, 0.25);
        ck_assert_str_eq(out.word, "hello");
        ck_assert_uint_eq(out.words.count, 1);
        ck_assert_str_eq(out.words.items[0], "a b");
        params_clear(&all, &out);
        ck_assert_ptr_null(out.word);
        ck_assert_uint_eq(out.words.count, 0);
        params_clear(&all, &out);
        json_decref(json);
    }
}
END_TEST

START_TEST(an_empty_list_overrides_the_default)
{
    struct all out;
    fill("{\"words\": []}", &out);
    ck_assert_uint_eq(out.words.count, 0);
    params_clear(&all, &out);
}
END_TEST

START_TEST(other_types_are_refused_with_what_was_expected)
{
    REFUSED("{\"flag\": 1}", "params.flag: must be true or false");
    REFUSED("{\"flag\": \"maybe\"}", "params.flag: must be true or false, not \"maybe\"");
    REFUSED("{\"tries\": true}", "params.tries: must be an integer");
    REFUSED("{\"tries\": 1.5}", "params.tries: must be an integer");
    REFUSED("{\"tries\": \"1.0\"}", "params.tries: must be an integer, not \"1.0\"");
    REFUSED("{\"ratio\": \"abc\"}", "params.ratio: must be a number, not \"abc\"");
    REFUSED("{\"ratio\": []}", "params.ratio: must be a number");
    REFUSED("{\"pause\": \"soon\"}",
            "params.pause: must be a time span such as 1.5 or \"250ms\", not \"soon\"");
    REFUSED("{\"pause\": {}}", "params.pause: must be a time span such as 1.5 or \"250ms\"");
    REFUSED("{\"memory\": 1.5}",
            "params.memory: must be an amount of bytes such as 4096 or \"64KiB\"");
    REFUSED("{\"at\": \"2027-02-30T00:00:00Z\"}",
            "params.at: must be a point in time such as \"2027-01-31T08:00:00Z\", "
            "not \"2027-02-30T00:00:00Z\"");
    REFUSED("{\"word\": 5}", "params.word: must be a string");
    REFUSED("{\"words\": 5}", "params.words: must be a list of strings");
    REFUSED("{\"words\": [\"a\", 5]}", "params.words[1]: must be a string");
    REFUSED("[]", "params: must be an object");
}
END_TEST

START_TEST(limits_are_inclusive_and_named)
{
    struct all out;
    fill("{\"tries\": 1, \"ratio\": 0.5, \"pause\": 60, \"memory\": \"64KiB\"}", &out);
    params_clear(&all, &out);
    fill("{\"tries\": 10, \"ratio\": -0.5, \"pause\": 0, \"memory\": 0}", &out);
    params_clear(&all, &out);
    REFUSED("{\"tries\": 0}", "params.tries: must be at least 1");
    REFUSED("{\"tries\": \"11\"}", "params.tries: must be at most 10");
    REFUSED("{\"ratio\": 0.51}", "params.ratio: must be at most 0.5");
    REFUSED("{\"ratio\": -0.51}", "params.ratio: must be at least -0.5");
    REFUSED("{\"pause\": -0.001}", "params.pause: must be at least 0");
    REFUSED("{\"pause\": \"61s\"}", "params.pause: must be at most 60");
    REFUSED("{\"memory\": 65537}", "params.memory: must be at most 64KiB");
    REFUSED("{\"memory\": -1}", "params.memory: must be at least 0");
}
END_TEST

START_TEST(integers_as_reals_must_be_integral_and_below_2_to_53)
{
    static const struct aw_param rows[] = {
        AW_PARAM(struct all, tries, .text = "t"),
        AW_PARAM(struct all, memory, .text = "m"),
        AW_PARAMS_END,
    };
    struct params_table table = {.rows = rows, .count = 2, .struct_size = sizeof(struct all)};
    ck_assert_str_eq(problems_of(&table, "{\"tries\": 5.0, \"memory\": 4096.0}", NULL), "");
    ck_assert_str_eq(problems_of(&table, "{\"tries\": -9007199254740991.0}", NULL), "");
    ck_assert_str_eq(problems_of(&table, "{\"tries\": 9007199254740992.0}", NULL),
                     "params.tries: is out of range");
    ck_assert_str_eq(problems_of(&table, "{\"tries\": 1e300}", NULL),
                     "params.tries: is out of range");
    ck_assert_str_eq(problems_of(&table, "{\"memory\": 1e300}", NULL),
                     "params.memory: is out of range");
    ck_assert_str_eq(problems_of(&table, "{\"memory\": -1e300}", NULL),
                     "params.memory: must be at least 0");
    ck_assert_str_eq(problems_of(&table, "{\"tries\": \"9223372036854775808\"}", NULL),
                     "params.tries: is out of range");
    ck_assert_str_eq(problems_of(&table, "{\"tries\": 9223372036854775807}", NULL), "");
}
END_TEST

START_TEST(unlimited_ends_are_open)
{
    static const struct aw_param rows[] = {
        AW_PARAM(struct all, pause, .text = "p", .min = -AW_UNLIMITED, .max = AW_UNLIMITED),
        AW_PARAM(struct all, tries, .text = "t", .min = 1, .max = AW_UNLIMITED),
        AW_PARAM(struct all, at, .text = "a"),
        AW_PARAMS_END,
    };
    struct params_table table = {.rows = rows, .count = 3, .struct_size = sizeof(struct all)};
    ck_assert_str_eq(
        problems_of(&table, "{\"pause\": \"-5s\", \"tries\": 1000000, \"at\": -1e9}", NULL), "");
    ck_assert_str_eq(problems_of(&table, "{\"tries\": 0}", NULL),
                     "params.tries: must be at least 1");
}
END_TEST

START_TEST(unknown_parameters_are_refused_even_when_null)
{
    REFUSED("{\"secs\": 1}", "params.secs: unknown parameter");
    REFUSED("{\"secs\": null}", "params.secs: unknown parameter");
    REFUSED("{\"\": 1}", "params.: unknown parameter");
}
END_TEST

START_TEST(nul_inside_of_texts_is_refused)
{
    REFUSED("{\"word\": \"a\\u0000b\"}", "params.word: must not contain NUL");
    REFUSED("{\"words\": [\"a\", \"\\u0000\"]}", "params.words[1]: must not contain NUL");
    REFUSED("{\"tries\": \"1\\u0000\"}", "params.tries: must not contain NUL");
}
END_TEST

START_TEST(every_problem_is_told)
{
    REFUSED("{\"tries\": 0, \"nope\": 1, \"word\": \"fine\", \"words\": {}}",
            "params.tries: must be at least 1\n"
            "params.nope: unknown parameter\n"
            "params.words: must be a list of strings");
}
END_TEST

START_TEST(required_ones_must_be_given)
{
    static const struct aw_param rows[] = {
        AW_PARAM(struct all, word, .text = "w", .required = true),
        AW_PARAM(struct all, pause, .text = "p", .required = true),
        AW_PARAMS_END,
    };
    struct params_table table = {.rows = rows, .count = 2, .struct_size = sizeof(struct all)};
    ck_assert_str_eq(problems_of(&table, "{\"word\": \"x\", \"pause\": 1}", NULL), "");
    ck_assert_str_eq(problems_of(&table, "{\"word\": null}", NULL),
                     "params.word: is required\nparams.pause: is required");
    /* A wrong one is wrong, not missing. */
    ck_assert_str_eq(problems_of(&table, "{\"word\": 1, \"pause\": 1}", NULL),
                     "params.word: must be a string");
}
END_TEST

START_TEST(of_a_group_exactly_one_must_be_given)
{
    static const struct aw_param rows[] = {
        AW_PARAM(struct all, pause, .text = "p", .one_of = "when"),
        AW_PARAM(struct all, tries, .text = "t"),
        AW_PARAM(struct all, at, .text = "a", .one_of = "when"),
        AW_PARAMS_END,
    };
    struct params_table table = {.rows = rows, .count = 3, .struct_size = sizeof(struct all)};
    ck_assert_str_eq(problems_of(&table, "{\"pause\": 1}", NULL), "");
    ck_assert_str_eq(problems_of(&table, "{\"at\": 1, \"pause\": null}", NULL), "");
    ck_assert_str_eq(problems_of(&table, "{}", NULL), "params: give exactly one of pause, at");
    ck_assert_str_eq(problems_of(&table, "{\"pause\": 1, \"at\": 1}", NULL),
                     "params: give exactly one of pause, at");
}
END_TEST

START_TEST(placeholders_are_expanded_before_texts_are_read)
{
    struct all out;
    struct problems problems = {0};
    struct params_expansion expansion = {.index = 7, .item = "0.5"};
    json_t *json = load("{\"tries\": \"{index}\", \"pause\": \"{item}\", \"word\": \"n-{index}\","
                        " \"words\": [\"{{\", \"{item}{index}\"]}");
    ck_assert_int_eq(params_fill(&all, json, &expansion, "params", &out, &problems), 0);
    ck_assert_int_eq(out.tries, 7);
    ck_assert_double_eq(out.pause.seconds, 0.5);
    ck_assert_str_eq(out.word, "n-7");
    ck_assert_str_eq(out.words.items[0], "{");
    ck_assert_str_eq(out.words.items[1], "0.57");
    params_clear(&all, &out);
    json_decref(json);
}
END_TEST

START_TEST(without_an_expansion_texts_are_taken_as_they_are)
{
    struct all out;
    fill("{\"word\": \"{index} {item} {{\"}", &out);
    ck_assert_str_eq(out.word, "{index} {item} {{");
    params_clear(&all, &out);
    REFUSED("{\"tries\": \"{index}\"}", "params.tries: must be an integer, not \"{index}\"");
}
END_TEST

START_TEST(an_item_that_the_job_does_not_have_is_refused)
{
    struct params_expansion expansion = {.index = 1};
    ck_assert_str_eq(problems_of(&all, "{\"word\": \"{item}\"}", &expansion),
                     "params.word: has {item}, but the job was not made from items");
    ck_assert_str_eq(problems_of(&all, "{\"words\": [\"a\", \"{item}\"]}", &expansion),
                     "params.words[1]: has {item}, but the job was not made from items");
}
END_TEST

/* ---- JSON ------------------------------------------------------------------------------------ */

/* What the JSON parameter holds after it was given as `value`. */
static const char *json_of(const char *value, const struct params_expansion *expansion)
{
    static char shown[1024];
    char text[1024];
    struct all out;
    struct problems problems = {0};
    (void)snprintf(text, sizeof(text), "{\"value\": %s}", value);
    json_t *json = load(text), *before = json_deep_copy(json);
    ck_assert_msg(params_fill(&all, json, expansion, "params", &out, &problems) == 0, "%s: %s",
                  value, problems.count ? problems.kept[0].text : "");
    ck_assert(json_equal(json, before)); /* expanding does not touch what other jobs share */
    ck_assert_uint_eq(out.value.size, strlen(out.value.text));
    (void)snprintf(shown, sizeof(shown), "%s", out.value.text);
    params_clear(&all, &out);
    ck_assert_ptr_null(out.value.text);
    ck_assert_uint_eq(out.value.size, 0);
    json_decref(before);
    json_decref(json);
    return shown;
}

START_TEST(json_of_any_type_is_taken_as_it_is)
{
    ck_assert_str_eq(json_of("{ \"a\" : [ 1, true, null, \"x\", {} ] }", NULL),
                     "{\"a\":[1,true,null,\"x\",{}]}");
    ck_assert_str_eq(json_of("[]", NULL), "[]");
    ck_assert_str_eq(json_of("5", NULL), "5");
    ck_assert_str_eq(json_of("false", NULL), "false");
}
END_TEST

START_TEST(json_numbers_are_short_and_exact)
{
    ck_assert_str_eq(json_of("[0.1, 1.5, 9007199254740993]", NULL), "[0.1,1.5,9007199254740993]");
    const char *text = json_of("0.30000000000000004", NULL);
    ck_assert_double_eq(strtod(text, NULL), 0.30000000000000004);
}
END_TEST

START_TEST(json_is_taken_as_text)
{
    ck_assert_str_eq(json_of("\"{\\\"a\\\": [1, 2]}\"", NULL), "{\"a\":[1,2]}");
    ck_assert_str_eq(json_of("\" 5 \"", NULL), "5");
    ck_assert_str_eq(json_of("\"null\"", NULL), "null");
    ck_assert_str_eq(json_of("\"\\\"a text\\\"\"", NULL), "\"a text\"");
}
END_TEST

START_TEST(json_not_given_is_null_or_its_default)
{
    struct all out;
    fill("{\"value\": null, \"other\": null}", &out);
    ck_assert_ptr_null(out.value.text);
    ck_assert_uint_eq(out.value.size, 0);
    ck_assert_str_eq(out.other.text, "{\"d\":[1,0.1]}");
    ck_assert_uint_eq(out.other.size, strlen(out.other.text));
    params_clear(&all, &out);
}
END_TEST

START_TEST(text_that_is_not_json_is_refused)
{
    REFUSED("{\"value\": \"hello\"}", "params.value: must be JSON, not \"hello\"");
    REFUSED("{\"value\": \"\"}", "params.value: must be JSON, not \"\"");
    REFUSED("{\"value\": \"{} x\"}", "params.value: must be JSON, not \"{} x\"");
    REFUSED("{\"value\": \"{\\\"a\\\": 1, \\\"a\\\": 2}\"}",
            "params.value: must be JSON, not \"{\"a\": 1, \"a\": 2}\"");
    REFUSED("{\"value\": \"[1e999]\"}", "params.value: must be JSON, not \"[1e999]\"");
    REFUSED("{\"value\": \"5\\u0000\"}", "params.value: must not contain NUL");
    REFUSED("{\"value\": {\"a\": [\"x\\u0000\"]}}", "params.value: must not contain NUL");
    REFUSED("{\"value\": \"[\\\"\\\\u0000\\\"]\"}", "params.value: must not contain NUL");
    REFUSED("{\"value\": \"{\\\"\\\\u0000\\\": 1}\"}", "params.value: must not contain NUL");
}
END_TEST

START_TEST(json_in_a_text_is_at_most_64_levels_deep)
{
    char text[512];
    for (int depth = 64; depth <= 65; depth++) {
        (void)snprintf(text, sizeof(text), "{\"value\": \"%.*s\\\"[{\\\"%.*s\"}", depth,
                       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth,
                       "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
        ck_assert_int_eq(*problems_of(&all, text, NULL) == '\0', depth == 64);
    }
    char *deep = malloc(1 << 20);
    memset(deep, '[', (1 << 20) - 1);
    deep[(1 << 20) - 1] = '\0';
    json_t *json = json_pack("{s:s}", "value", deep);
    struct problems problems = {0};
    ck_assert_int_eq(params_fill(&all, json, NULL, "params", NULL, &problems), -EINVAL);
    problems_clear(&problems);
    json_decref(json);
    free(deep);
}
END_TEST

START_TEST(placeholders_are_expanded_inside_of_json)
{
    struct params_expansion expansion = {.index = 7, .item = "it\", \"b\": \"{index}"};
    /* Keys stay, other types stay, and an item does not break out of its text, however it is given. */
    static const char expected[] =
        "{\"{item}\":[{\"a\":\"<it\\\", \\\"b\\\": \\\"{index}>\"},7,\"n7\"]}";
    ck_assert_str_eq(json_of("{\"{item}\": [{\"a\": \"<{item}>\"}, 7, \"n{index}\"]}", &expansion),
                     expected);
    ck_assert_str_eq(json_of("\"{\\\"{item}\\\": [{\\\"a\\\": \\\"<{item}>\\\"}, 7, "
                             "\\\"n{index}\\\"]}\"",
                             &expansion),
                     expected);
    ck_assert_str_eq(json_of("\"{\\\"a\\\": {\\\"b\\\": \\\"{{}}\\\"}}\"", &expansion),
                     "{\"a\":{\"b\":\"{}\"}}");
    ck_assert_str_eq(json_of("{\"a\": \"{index}\"}", NULL), "{\"a\":\"{index}\"}");
    ck_assert_str_eq(problems_of(&all, "{\"value\": \"{item}\"}", &expansion),
                     "params.value: must be JSON, not \"{item}\"");
}
END_TEST

START_TEST(an_item_inside_of_json_is_told_by_the_parameters_name)
{
    struct params_expansion expansion = {.index = 1};
    static const char expected[] = "params.value: has {item}, but the job was not made from items";
    ck_assert_str_eq(problems_of(&all, "{\"value\": {\"a\": [\"{item}\"]}}", &expansion), expected);
    ck_assert_str_eq(problems_of(&all, "{\"value\": \"[\\\"{item}\\\"]\"}", &expansion), expected);
}
END_TEST

START_TEST(placeholders_inside_of_json_cannot_blow_a_job_up)
{
    enum { SIZE = 1 << 16 };
    char *item = malloc(SIZE + 1);
    memset(item, 'x', SIZE);
    item[SIZE] = '\0';
    struct params_expansion expansion = {.index = 0, .item = item};
    json_t *list = json_array();
    for (int i = 0; i < 300; i++)
        json_array_append_new(list, json_pack("{s:s}", "a", "{item}"));
    json_t *params = json_pack("{s:o}", "value", list);
    char *text = json_dumps(params, 0);
    ck_assert_str_eq(problems_of(&all, text, &expansion),
                     "params.value: is too long once its placeholders are replaced");
    ck_assert_int_eq(params_expand(&all, params, &expansion), -E2BIG);
    free(text);
    free(item);
    json_decref(params);
}
END_TEST

START_TEST(placeholders_cannot_blow_a_job_up)
{
    enum { SIZE = 1 << 16 };
    char *item = malloc(SIZE + 1);
    memset(item, 'x', SIZE);
    item[SIZE] = '\0';
    struct params_expansion expansion = {.index = 0, .item = item};
    json_t *words = json_array();
    for (int i = 0; i < 300; i++)
        json_array_append_new(words, json_string("{item}"));
    json_t *params = json_pack("{s:o}", "words", words);
    char *text = json_dumps(params, 0);
    ck_assert_str_eq(problems_of(&all, text, &expansion),
                     "params.words[255]: is too long once its placeholders are replaced");
    free(text);
    free(item);
    json_decref(params);
}
END_TEST

START_TEST(placeholders_are_found_in_texts_and_lists)
{
    static const struct {
        const char *text;
        bool found, item;
    } cases[] = {
        {"{}", false, false},
        {"{\"a\": \"x\", \"b\": 1}", false, false},
        {"{\"a\": \"{index}\"}", true, false},
        {"{\"a\": \"{{\"}", true, false},
        {"{\"a\": \"{item}\", \"b\": \"x\"}", true, true},
        {"{\"a\": [\"x\", \"{item}\"]}", true, true},
        {"{\"{item}\": \"x\"}", false, false},
        {"{\"a\": {\"b\": [1, {\"c\": \"{item}\"}]}}", true, true},
        {"{\"value\": {\"{item}\": {}}}", false, false},
        /* Texts of JSON: braces that are its own do not count, and escapes hide nothing. */
        {"{\"value\": \"{\\\"a\\\": {\\\"{item}\\\": {}}}\"}", false, false},
        {"{\"value\": \"[\\\"{index}\\\"]\"}", true, false},
        {"{\"value\": \"[\\\"\\\\u007bitem}\\\"]\"}", true, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *json = load(cases[i].text);
        const char *item = "untouched";
        ck_assert_int_eq(params_has_placeholder(&all, json, &item), cases[i].found);
        ck_assert_int_eq(item != NULL, cases[i].item);
        json_decref(json);
    }
    const char *item = "untouched";
    ck_assert(!params_has_placeholder(&all, NULL, &item));
    ck_assert_ptr_null(item);
}
END_TEST

/* ---- Tables ---------------------------------------------------------------------------------- */

START_TEST(a_sensible_table_is_accepted)
{
    struct error error = {0};
    ck_assert_msg(params_check_table(&all, &error) == 0, "%s", error.text);
    struct params_table none = {0};
    ck_assert_int_eq(params_check_table(&none, NULL), 0);
}
END_TEST

/* Checks a table of one or two rows for a struct of 16 bytes. */
static const char *table_error(struct aw_param first, struct aw_param second)
{
    static struct error error;
    struct aw_param rows[] = {first, second, AW_PARAMS_END};
    struct params_table table = {.rows = rows, .count = second.name ? 2 : 1, .struct_size = 16};
    error.text[0] = '\0';
    int result = params_check_table(&table, &error);
    ck_assert_int_eq(result, error.text[0] ? -EINVAL : 0);
    return error.text;
}

START_TEST(senseless_rows_are_refused_by_name)
{
    static const struct aw_param none;
    struct aw_param good = {.name = "good", .type = AW_TYPE_INTEGER, .text = "Good"};
    struct aw_param row = good;
    ck_assert_str_eq(table_error(good, none), "");

    ck_assert_str_eq(table_error(good, good), "parameter good: is there twice");
    row.type = (enum aw_type)99;
    ck_assert_str_eq(table_error(row, none), "parameter good: unknown type 99");
    row.type = AW_TYPE_END;
    ck_assert_str_eq(table_error(row, none), "parameter good: unknown type 0");
    row = good;
    row.text = NULL;
    ck_assert_str_eq(table_error(row, none), "parameter good: has no text that explains it");
    row.text = "\xFF";
    ck_assert_str_eq(table_error(row, none), "parameter good: a text is not valid UTF-8");

    static const char *const names[] = {NULL, "", "Name", "a-b", "a b", "\xC3\xA4"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        row = good;
        row.name = names[i];
        ck_assert_str_eq(table_error(row, none),
                         "parameter 1: its name must be of a-z, 0-9 and '_'");
    }
}
END_TEST

START_TEST(fields_outside_of_the_struct_are_refused)
{
    static const struct aw_param none;
    struct aw_param row = {.name = "far", .type = AW_TYPE_INTEGER, .text = "t", .offset = 8};
    ck_assert_str_eq(table_error(row, none), "");
    row.offset = 9;
    ck_assert_str_eq(table_error(row, none),
                     "parameter far: its field lies outside the struct of 16 bytes");
    row.offset = SIZE_MAX;
    ck_assert_str_eq(table_error(row, none),
                     "parameter far: its field lies outside the struct of 16 bytes");
}
END_TEST

START_TEST(defaults_must_fit)
{
    static const struct aw_param none;
    struct aw_param row = {.name = "n", .type = AW_TYPE_INTEGER, .text = "t", .min = 1, .max = 5};
    row.default_text = "5";
    ck_assert_str_eq(table_error(row, none), "");
    row.default_text = "6";
    ck_assert_str_eq(table_error(row, none), "parameter n: its default \"6\" must be at most 5");
    row.default_text = "x";
    ck_assert_str_eq(table_error(row, none), "parameter n: its default \"x\" must be an integer");
    row.type = AW_TYPE_DURATION;
    row.min = row.max = 0;
    row.default_text = "-1s";
    ck_assert_str_eq(table_error(row, none), "parameter n: its default \"-1s\" must be at least 0");
    row.type = AW_TYPE_STRINGS;
    ck_assert_str_eq(table_error(row, none), "");
    row.type = AW_TYPE_JSON;
    ck_assert_str_eq(table_error(row, none), "parameter n: its default \"-1s\" must be JSON");
    row.default_text = "{\"a\": [1]}";
    ck_assert_str_eq(table_error(row, none), "");
}
END_TEST

START_TEST(a_table_has_at_most_64_rows)
{
    struct aw_param rows[PARAMS_ROWS_MAX + 2] = {0};
    char names[PARAMS_ROWS_MAX + 1][16];
    for (int i = 0; i <= PARAMS_ROWS_MAX; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "n%d", i);
        rows[i] = (struct aw_param){.name = names[i], .type = AW_TYPE_BOOL, .text = "t"};
    }
    struct params_table table = {.rows = rows, .count = PARAMS_ROWS_MAX, .struct_size = 1};
    struct error error = {0};
    struct problems problems = {0};
    bool out;
    json_t *json = load("{\"n63\": true}");
    ck_assert_int_eq(params_check_table(&table, &error), 0);
    ck_assert_int_eq(params_fill(&table, json, NULL, "", &out, &problems), 0);
    ck_assert(out);
    table.count++;
    ck_assert_int_eq(params_check_table(&table, &error), -EINVAL);
    ck_assert_int_eq(params_fill(&table, json, NULL, "", &out, &problems), -EINVAL);
    problems_clear(&problems);
    json_decref(json);
}
END_TEST

START_TEST(json_tells_what_is_set_and_nothing_else)
{
    static const struct aw_param rows[] = {
        AW_PARAM(struct all, flag, .text = "A flag"),
        AW_PARAM(struct all, tries, .text = "t", .unit = "times", .min = 1, .max = AW_UNLIMITED,
                 .required = true),
        AW_PARAM(struct all, pause, .text = "p", .default_text = "1s", .one_of = "when"),
        AW_PARAM(struct all, ratio, .text = "r", .min = -0.5, .max = 0.5),
        AW_PARAM(struct all, value, .text = "v", .restricted = true),
        AW_PARAMS_END,
    };
    struct params_table table = {.rows = rows, .count = 5, .struct_size = sizeof(struct all)};
    json_t *json = params_table_json(&table);
    json_t *expected =
        load("[{\"name\": \"flag\", \"type\": \"bool\", \"text\": \"A flag\"},"
             "{\"name\": \"tries\", \"type\": \"integer\", \"text\": \"t\", \"unit\": \"times\","
             " \"min\": 1, \"required\": true},"
             "{\"name\": \"pause\", \"type\": \"duration\", \"text\": \"p\", \"min\": 0,"
             " \"default\": \"1s\", \"one_of\": \"when\"},"
             "{\"name\": \"ratio\", \"type\": \"number\", \"text\": \"r\", \"min\": -0.5, \"max\": "
             "0.5},"
             "{\"name\": \"value\", \"type\": \"JSON\", \"text\": \"v\", \"restricted\": true}]");
    ck_assert(json_equal(json, expected));
    json_decref(json);
    json_decref(expected);
}
END_TEST

START_TEST(rules_that_contradict_are_refused)
{
    static const struct aw_param wrong[] = {
        AW_PARAM(struct all, tries, .text = "t", .min = 1),
        AW_PARAM(struct all, tries, .text = "t", .min = 10, .max = 1),
        AW_PARAM(struct all, words, .text = "w", .max = 5),
        AW_PARAM(struct all, value, .text = "v", .max = 5),
        AW_PARAM(struct all, tries, .text = "t", .required = true, .default_text = "5"),
        AW_PARAM(struct all, tries, .text = "t", .required = true, .one_of = "x"),
        AW_PARAM(struct all, tries, .text = "t", .default_text = "5", .one_of = "x"),
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const struct aw_param rows[] = {wrong[i], AW_PARAMS_END};
        struct params_table table = {.rows = rows, .count = 1, .struct_size = sizeof(struct all)};
        struct error error = {0};
        ck_assert_msg(params_check_table(&table, &error) == -EINVAL, "row %zu", i);
        ck_assert(strstr(error.text, wrong[i].name) != NULL);
    }
}
END_TEST

START_TEST(a_table_survives_json)
{
    static const struct aw_param rows[] = {
        AW_PARAM(struct all, flag, .text = "f"),
        AW_PARAM(struct all, tries, .text = "t", .unit = "u", .min = 1, .max = 10, .required = true,
                 .restricted = true),
        AW_PARAM(struct all, pause, .text = "p", .min = -AW_UNLIMITED, .max = AW_UNLIMITED),
        AW_PARAM(struct all, memory, .text = "m", .default_text = "1K"),
        AW_PARAM(struct all, at, .text = "a", .one_of = "x"),
        AW_PARAM(struct all, words, .text = "w"),
        AW_PARAMS_END,
    };
    struct params_table table = {.rows = rows, .count = 6, .struct_size = sizeof(struct all)};
    struct params_table *copy = NULL;
    struct error error = {0};
    json_t *json = params_table_json(&table);
    ck_assert_msg(params_table_from_json(json, &copy, &error) == 0, "%s", error.text);
    json_t *again = params_table_json(copy);
    ck_assert(json_equal(json, again));
    json_decref(json);
    json_decref(again);

    ck_assert_uint_eq(copy->count, 6);
    ck_assert_uint_eq(copy->struct_size, 0);
    ck_assert_int_eq(copy->rows[6].type, AW_TYPE_END);
    ck_assert_str_eq(copy->rows[1].unit, "u");
    ck_assert(copy->rows[1].required);
    ck_assert(copy->rows[1].restricted);
    ck_assert(!copy->rows[2].restricted);
    /* It refuses what the original refuses, and takes what it takes. */
    static const char *const texts[] = {
        "{}",
        "{\"tries\": 11, \"at\": 1}",
        "{\"tries\": 5, \"at\": 1, \"pause\": \"-5s\", \"memory\": -5}",
        "{\"tries\": 5, \"at\": 1, \"pause\": \"-5s\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char original[1024];
        (void)snprintf(original, sizeof(original), "%s", problems_of(&table, texts[i], NULL));
        struct problems problems = {0};
        json_t *params = load(texts[i]);
        (void)params_fill(copy, params, NULL, "params", NULL, &problems);
        char first[256];
        problems_first(&problems, first, sizeof(first));
        ck_assert_int_eq(problems.count == 0, original[0] == '\0');
        ck_assert_int_eq(strncmp(first, original, strcspn(original, "\n")), 0);
        problems_clear(&problems);
        json_decref(params);
    }
    params_table_free(copy);
}
END_TEST

START_TEST(broken_tables_in_json_are_refused)
{
    static const char *const texts[] = {
        "{}",
        "[5]",
        "[{}]",
        "[{\"name\": \"a\", \"type\": \"bool\"}]",
        "[{\"name\": \"a\", \"type\": \"what\", \"text\": \"t\"}]",
        "[{\"name\": \"a\", \"type\": \"none\", \"text\": \"t\"}]",
        "[{\"name\": \"A\", \"type\": \"bool\", \"text\": \"t\"}]",
        "[{\"name\": \"a\", \"type\": \"bool\", \"text\": \"\"}]",
        "[{\"name\": \"a\", \"type\": \"bool\", \"text\": \"t\", \"required\": 1}]",
        "[{\"name\": \"a\", \"type\": \"integer\", \"text\": \"t\", \"min\": \"1\"}]",
        "[{\"name\": \"a\", \"type\": \"integer\", \"text\": \"t\", \"min\": 2, \"max\": 1}]",
        "[{\"name\": \"a\", \"type\": \"integer\", \"text\": \"t\", \"default\": \"x\"}]",
        ("[{\"name\": \"a\", \"type\": \"bool\", \"text\": \"t\"},"
         "{\"name\": \"a\", \"type\": \"bool\", \"text\": \"t\"}]"),
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct params_table *table = (struct params_table *)0x77;
        struct error error = {0};
        json_t *json = load(texts[i]);
        ck_assert_msg(params_table_from_json(json, &table, &error) == -EINVAL, "%s", texts[i]);
        ck_assert_ptr_eq(table, (void *)0x77);
        ck_assert_str_ne(error.text, "");
        json_decref(json);
    }
    ck_assert_int_eq(params_table_from_json(NULL, &(struct params_table *){NULL}, NULL), -EINVAL);
    params_table_free(NULL);
}
END_TEST

START_TEST(every_type_has_a_name)
{
    ck_assert_str_eq(params_type_name(AW_TYPE_DURATION), "duration");
    ck_assert_str_eq(params_type_name(AW_TYPE_STRINGS), "list of strings");
    ck_assert_str_eq(params_type_name(AW_TYPE_JSON), "JSON");
    ck_assert_str_eq(params_type_name((enum aw_type)99), "none");
}
END_TEST

START_TEST(texts_are_expanded_wherever_they_are)
{
    json_t *params = json_pack("{s:s, s:[s, s, i], s:i, s:s}", "a", "{index}-{item}", "b", "{{x}}",
                               "{item}", 5, "c", 7, "d", "plain");
    struct params_expansion expansion = {.index = 3, .item = "it"};
    ck_assert_int_eq(params_expand(&all, params, &expansion), 0);
    json_t *expected = json_pack("{s:s, s:[s, s, i], s:i, s:s}", "a", "3-it", "b", "{x}", "it", 5,
                                 "c", 7, "d", "plain");
    ck_assert(json_equal(params, expected));
    json_decref(params);
    json_decref(expected);
}
END_TEST

START_TEST(texts_inside_of_json_are_expanded_too)
{
    json_t *params = load("{\"value\": \"{\\\"a\\\": {\\\"{item}\\\": \\\"{item}\\\"}}\","
                          " \"other\": {\"a\": [[\"{index}\"]]}, \"word\": \"{}\"}");
    struct params_expansion expansion = {.index = 3, .item = "\"it"};
    ck_assert_int_eq(params_expand(&all, params, &expansion), 0);
    json_t *expected = load("{\"value\": {\"a\": {\"{item}\": \"\\\"it\"}},"
                            " \"other\": {\"a\": [[\"3\"]]}, \"word\": \"{}\"}");
    ck_assert(json_equal(params, expected));
    json_decref(params);
    json_decref(expected);
}
END_TEST

START_TEST(texts_that_would_become_too_long_are_not_expanded)
{
    enum { ITEM = 1 << 20 };
    char *item = malloc(ITEM + 1);
    memset(item, 'i', ITEM);
    item[ITEM] = '\0';
    json_t *params = json_pack("{s:s}", "a",
                               "{item}{item}{item}{item}{item}{item}{item}{item}{item}"
                               "{item}{item}{item}{item}{item}{item}{item}{item}");
    struct params_expansion expansion = {.item = item};
    ck_assert_int_eq(params_expand(&all, params, &expansion), -E2BIG);
    json_decref(params);
    free(item);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("params");
    TCase *fills = tcase_create("fill");
    tcase_add_test(fills, values_are_taken_in_their_json_type);
    tcase_add_test(fills, values_are_taken_as_text);
    tcase_add_test(fills, what_is_not_given_has_its_default_or_is_zero);
    tcase_add_test(fills, an_empty_list_overrides_the_default);
    tcase_add_test(fills, other_types_are_refused_with_what_was_expected);
    tcase_add_test(fills, limits_are_inclusive_and_named);
    tcase_add_test(fills, integers_as_reals_must_be_integral_and_below_2_to_53);
    tcase_add_test(fills, unlimited_ends_are_open);
    tcase_add_test(fills, unknown_parameters_are_refused_even_when_null);
    tcase_add_test(fills, nul_inside_of_texts_is_refused);
    tcase_add_test(fills, every_problem_is_told);
    tcase_add_test(fills, required_ones_must_be_given);
    tcase_add_test(fills, of_a_group_exactly_one_must_be_given);
    tcase_add_test(fills, placeholders_are_expanded_before_texts_are_read);
    tcase_add_test(fills, without_an_expansion_texts_are_taken_as_they_are);
    tcase_add_test(fills, an_item_that_the_job_does_not_have_is_refused);
    tcase_add_test(fills, json_of_any_type_is_taken_as_it_is);
    tcase_add_test(fills, json_numbers_are_short_and_exact);
    tcase_add_test(fills, json_is_taken_as_text);
    tcase_add_test(fills, json_not_given_is_null_or_its_default);
    tcase_add_test(fills, text_that_is_not_json_is_refused);
    tcase_add_test(fills, json_in_a_text_is_at_most_64_levels_deep);
    tcase_add_test(fills, placeholders_are_expanded_inside_of_json);
    tcase_add_test(fills, an_item_inside_of_json_is_told_by_the_parameters_name);
    tcase_add_test(fills, placeholders_inside_of_json_cannot_blow_a_job_up);
    tcase_add_test(fills, texts_inside_of_json_are_expanded_too);
    tcase_add_test(fills, placeholders_cannot_blow_a_job_up);
    tcase_add_test(fills, placeholders_are_found_in_texts_and_lists);
    suite_add_tcase(suite, fills);

    TCase *tables = tcase_create("tables");
    tcase_add_test(tables, a_sensible_table_is_accepted);
    tcase_add_test(tables, senseless_rows_are_refused_by_name);
    tcase_add_test(tables, fields_outside_of_the_struct_are_refused);
    tcase_add_test(tables, defaults_must_fit);
    tcase_add_test(tables, a_table_has_at_most_64_rows);
    tcase_add_test(tables, json_tells_what_is_set_and_nothing_else);
    tcase_add_test(tables, rules_that_contradict_are_refused);
    tcase_add_test(tables, a_table_survives_json);
    tcase_add_test(tables, broken_tables_in_json_are_refused);
    tcase_add_test(tables, every_type_has_a_name);
    tcase_add_test(fills, texts_are_expanded_wherever_they_are);
    tcase_add_test(fills, texts_that_would_become_too_long_are_not_expanded);
    suite_add_tcase(suite, tables);
    return suite_run(suite);
}
