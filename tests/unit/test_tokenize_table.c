/*
 * What the tokenize plugin does with tokens: counting, the most frequent, small letters, JSON, parameters in words.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "plugins/tokenize/quote.h"
#include "plugins/tokenize/request.h"
#include "plugins/tokenize/table.h"
#include "plugins/tokenize/token.h"
#include "suite.h"

static void add(struct table *table, const char *text, int times)
{
    for (int i = 0; i < times; i++)
        ck_assert_int_eq(table_add(table, (const uint8_t *)text, strlen(text)), 0);
}

START_TEST(tokens_are_counted_and_the_most_frequent_come_first)
{
    struct table *table = table_new(1 << 20, 1);
    struct table_row rows[8];
    add(table, "b", 2);
    add(table, "a", 2);
    add(table, "the", 9);
    add(table, "", 1);
    add(table, "ab", 2);
    ck_assert_uint_eq(table_distinct(table), 5);
    ck_assert_uint_eq(table_top(table, rows, 8), 5);
    static const char *const order[] = {"the", "a", "ab", "b", ""};
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(rows[i].size, strlen(order[i]));
        ck_assert_mem_eq(rows[i].text, order[i], rows[i].size);
    }
    ck_assert_uint_eq(rows[0].count, 9);
    ck_assert_uint_eq(table_top(table, rows, 2), 2);
    ck_assert_mem_eq(rows[1].text, "a", 1);
    ck_assert_uint_eq(table_top(table, rows, 0), 0);
    table_free(table);
}
END_TEST

/* Token number n occurs n % 1000 times more often than once. */
START_TEST(many_tokens_are_counted_exactly)
{
    struct table *table = table_new(64 << 20, 99);
    enum { MANY = 50000, TOP = 500 };
    for (int round = 0; round < 1000; round += 100)
        for (int n = 0; n < MANY; n++)
            if (round <= n % 1000) {
                char text[32];
                (void)snprintf(text, sizeof(text), "token number %d", n); /* fits */
                add(table, text, 1);
            }
    static struct table_row rows[MANY];
    uint64_t sum = 0;
    ck_assert_uint_eq(table_distinct(table), MANY);
    ck_assert_uint_eq(table_top(table, rows, MANY), MANY);
    for (size_t i = 0; i < MANY; i++) {
        sum += rows[i].count;
        ck_assert(i == 0 || rows[i - 1].count >= rows[i].count);
    }
    ck_assert_uint_eq(sum, MANY / 10 * 55);
    static struct table_row top[TOP];
    ck_assert_uint_eq(table_top(table, top, TOP), TOP);
    for (size_t i = 0; i < TOP; i++)
        ck_assert_ptr_eq(top[i].text, rows[i].text);
    table_free(table);
}
END_TEST

/* Seconds of processor time for all the texts that have one of two pairs of eight bytes in each of 16 places. */
static double time_of_pairs(const char *one, const char *other)
{
    enum { PLACES = 16, PAIR = 16 };
    char text[PLACES * PAIR];
    struct table *table = table_new(256 << 20, 0x0123456789abcdef);
    clock_t start = clock();
    for (unsigned which = 0; which < 1u << PLACES; which++) {
        for (unsigned i = 0; i < PLACES; i++)
            memcpy(text + (size_t)i * PAIR, which >> i & 1 ? one : other, PAIR);
        ck_assert_int_eq(table_add(table, (const uint8_t *)text, sizeof(text)), 0);
    }
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    ck_assert_uint_eq(table_distinct(table), 1u << PLACES);
    table_free(table);
    return seconds;
}

/* '0' and 'p' differ in the second highest bit of eight bytes, and a multiplication by an odd number leaves it where it
 * is, every other time alone: what a shift by 29 makes of it is 'a' and 'c' five bytes before. */
START_TEST(texts_cannot_be_made_so_that_they_collide)
{
    double ordinary = time_of_pairs("aaaaaaa0aaaaaaa0", "aaaaaaapabaaaaap");
    double made = time_of_pairs("aaaaaaa0aaaaaaa0", "aaaaaaapaaaacaap");
    ck_assert_msg(made < 4 * ordinary, "%f s, of ordinary texts %f s", made, ordinary);
}
END_TEST

START_TEST(a_full_table_refuses_what_is_new_and_goes_on_with_what_it_has)
{
    struct table *table = table_new(1 << 20, 1);
    int result = 0;
    char text[32] = "";
    for (int n = 0; result == 0; n++) {
        (void)snprintf(text, sizeof(text), "%d", n); /* fits */
        result = table_add(table, (const uint8_t *)text, strlen(text));
    }
    ck_assert_int_eq(result, -ENOSPC);
    ck_assert_uint_gt(table_distinct(table), 5000);
    add(table, "0", 1);
    static uint8_t large[2 << 20];
    ck_assert_int_eq(table_add(table, large, sizeof(large)), -ENOSPC);
    table_free(table);
}
END_TEST

/* ---- Small letters ----------------------------------------------------------------------------------- */

START_TEST(small_letters_are_unicodes)
{
    static const struct {
        const char *text, *lower;
    } cases[] = {
        {"", ""},         {"ABC xyz [@`{] 09", "abc xyz [@`{] 09"},
        {"ÄÖÜẞ", "äöüß"}, {"ΟΔΟΣ", "οδος"}, /* the last sigma is another one */
        {"МИР", "мир"},   {"İ", "i\u0307"}, /* and longer than before */
        {"IıI", "iıi"},   {"日本", "日本"},
    };
    struct lowered lowered = {NULL, 0};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            const uint8_t *out;
            size_t size;
            ck_assert(token_lower(&lowered, (const uint8_t *)cases[i].text, strlen(cases[i].text),
                                  &out, &size));
            ck_assert_uint_eq(size, strlen(cases[i].lower));
            ck_assert_mem_eq(out, cases[i].lower, size);
        }
    }
    free(lowered.text);
}
END_TEST

/* ---- JSON -------------------------------------------------------------------------------------------- */

struct gathered {
    char text[8192];
    size_t size;
    size_t pieces;
};

static void gather(void *context, const void *data, size_t size)
{
    struct gathered *gathered = context;
    ck_assert_uint_le(gathered->size + size, sizeof(gathered->text));
    memcpy(gathered->text + gathered->size, data, size);
    gathered->size += size;
    gathered->pieces++;
    ck_assert_msg(gathered->pieces == 1 || (*(const uint8_t *)data & 0xC0) != 0x80,
                  "a piece begins inside a character");
}

START_TEST(texts_are_quoted_for_json)
{
    struct gathered gathered = {.size = 0};
    quote((const uint8_t *)"a\"\\/\n\r\t\b\f\x01\x1f\x7f\0é", 15, gather, &gathered);
    static const char expected[] = "\"a\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\\u001f\x7f\\u0000é\"";
    ck_assert_uint_eq(gathered.size, strlen(expected));
    ck_assert_mem_eq(gathered.text, expected, gathered.size);
}
END_TEST

START_TEST(pieces_of_long_texts_end_between_characters)
{
    for (size_t shift = 0; shift < 8; shift++) {
        struct gathered gathered = {.size = 0};
        char text[4000 + 8];
        memset(text, '\x02', shift);
        for (size_t i = 0; i < 1000; i++)
            memcpy(text + shift + 4 * i, "\U0001F600", 4);
        quote((uint8_t *)text, shift + 4000, gather, &gathered);
        ck_assert_uint_eq(gathered.size, 2 + 6 * shift + 4000);
        ck_assert_mem_eq(gathered.text + 1 + 6 * shift, text + shift, 4000);
        ck_assert_uint_gt(gathered.pieces, 1);
    }
}
END_TEST

/* ---- Parameters --------------------------------------------------------------------------------------- */

static const struct request usual = {
    .file = "/x", .unit = "words", .output = "counts", .top = 10, .invalid = "fail"};

START_TEST(words_among_the_parameters_are_understood)
{
    struct failure failure;
    struct choice choice;
    struct request request = usual;
    ck_assert_int_eq(request_check(&request, &choice, &failure), 0);
    ck_assert(choice.unit == UNIT_WORDS && choice.output == OUTPUT_COUNTS && !choice.replace);
    ck_assert_uint_eq(choice.parts, 0);
    request.unit = "lines", request.output = "tokens", request.invalid = "replace";
    request.chunk = "999999/1000000";
    ck_assert_int_eq(request_check(&request, &choice, &failure), 0);
    ck_assert(choice.unit == UNIT_LINES && choice.output == OUTPUT_TOKENS && choice.replace);
    ck_assert_uint_eq(choice.part, 999999);
    ck_assert_uint_eq(choice.parts, 1000000);
}
END_TEST

static void assert_refused(struct request request, const char *told)
{
    struct failure failure;
    struct choice choice;
    ck_assert_int_eq(request_check(&request, &choice, &failure), -EINVAL);
    ck_assert_msg(strstr(failure.text, told), "%s", failure.text);
}

START_TEST(other_words_are_refused_with_those_that_there_are)
{
    struct request request = usual;
    request.unit = "Words";
    assert_refused(request, "unit is \"Words\", but can be words, segments, graphemes or lines");
    request = usual, request.output = "";
    assert_refused(request, "output is \"\", but can be counts, count or tokens");
    request = usual, request.invalid = "ignore";
    assert_refused(request, "invalid is \"ignore\", but can be fail or replace");
}
END_TEST

START_TEST(chunks_that_are_none_are_refused)
{
    static const char *const chunks[] = {"",
                                         "1",
                                         "/",
                                         "/2",
                                         "1/",
                                         "2/2",
                                         "3/2",
                                         "0/0",
                                         "-1/2",
                                         "+1/2",
                                         " 1/2",
                                         "1/2 ",
                                         "1/2/3",
                                         "0x1/2",
                                         "1.5/2",
                                         "0/1000001",
                                         "0/18446744073709551617"};
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        struct request request = usual;
        request.chunk = chunks[i];
        assert_refused(request, "from 0/8 to 7/8 for eight");
    }
}
END_TEST

START_TEST(parameters_that_do_not_go_together_are_refused)
{
    struct request request = usual;
    request.chunk = "0/2", request.offset.bytes = 1;
    assert_refused(request, "not both");
    request = usual, request.file = NULL, request.text = "x", request.length.bytes = 1;
    assert_refused(request, "length is for a file");
    request.length.bytes = 0, request.chunk = "0/1";
    assert_refused(request, "chunk is for a file");
    request = usual, request.file = "relative";
    assert_refused(request, "absolute path");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tokenize_table");
    TCase *tests = tcase_create("tokenize_table");
    tcase_set_timeout(tests, 60); /* half a million tokens, with sanitizers */
    tcase_add_test(tests, tokens_are_counted_and_the_most_frequent_come_first);
    tcase_add_test(tests, many_tokens_are_counted_exactly);
    tcase_add_test(tests, texts_cannot_be_made_so_that_they_collide);
    tcase_add_test(tests, a_full_table_refuses_what_is_new_and_goes_on_with_what_it_has);
    tcase_add_test(tests, small_letters_are_unicodes);
    tcase_add_test(tests, texts_are_quoted_for_json);
    tcase_add_test(tests, pieces_of_long_texts_end_between_characters);
    tcase_add_test(tests, words_among_the_parameters_are_understood);
    tcase_add_test(tests, other_words_are_refused_with_those_that_there_are);
    tcase_add_test(tests, chunks_that_are_none_are_refused);
    tcase_add_test(tests, parameters_that_do_not_go_together_are_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
