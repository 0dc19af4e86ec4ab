/*
 * The boundaries that the tokenize plugin finds: those of Unicode's own test data, whatever the window; and in ASCII
 * those that libunistring finds.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>
#include <uniwbrk.h>
#include "plugins/tokenize/segment.h"
#include "tokenize_fixture.h"
#include "suite.h"

/* Debian's package unicode-data. */
#define UNICODE_DATA "/usr/share/unicode/auxiliary/"

/* Bytes of the text of one case, and of all of a file; far more than there are. */
#define CASE_BYTES 512
#define FILE_BYTES (1 << 20)

/* A line of the data: characters, and which of them a boundary is before. */
struct sample {
    uint8_t text[CASE_BYTES];
    char breaks[CASE_BYTES]; /* the one at 0 is always set */
    size_t size;
};

/* "÷ 0020 × 0308 ÷ # ...". false: the line has no case. */
static bool read_sample(char *line, struct sample *sample)
{
    char *rest = line;
    bool apart = false;
    memset(sample, 0, sizeof(*sample));
    line[strcspn(line, "#\n")] = '\0';
    for (char *word; (word = strsep(&rest, " \t"));) {
        if (*word == '\0')
            continue;
        if (strcmp(word, "÷") == 0 || strcmp(word, "×") == 0) {
            apart = strcmp(word, "÷") == 0;
            continue;
        }
        char *end;
        unsigned long character = strtoul(word, &end, 16);
        ck_assert_int_eq(*end, '\0');
        sample->breaks[sample->size] = apart;
        int length = u8_uctomb(sample->text + sample->size, (ucs4_t)character, 4);
        ck_assert_int_gt(length, 0);
        sample->size += (size_t)length;
        ck_assert_uint_lt(sample->size, CASE_BYTES - 4);
    }
    ck_assert(sample->size == 0 || (apart && sample->breaks[0]));
    return sample->size > 0;
}

static bool next_sample(FILE *file, unsigned *line, struct sample *sample)
{
    char text[4096];
    while (fgets(text, sizeof(text), file)) {
        ++*line;
        if (read_sample(text, sample))
            return true;
    }
    return false;
}

/* NULL: not installed; the test says so and passes. */
static FILE *open_data(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof(path), UNICODE_DATA "%s", name); /* fits */
    FILE *file = fopen(path, "re");
    if (!file)
        fprintf(stderr, "skipped: no %s (package unicode-data)\n", path);
    return file;
}

/* Each case by itself. Debian 12 has the data of Unicode 15.0 and a libunistring that knows Unicode 14.0; every
 * single case passes all the same, so there are no exceptions. */
static void check_each_case(const char *name, enum unit unit, unsigned least)
{
    struct sample sample;
    unsigned line = 0, cases = 0;
    FILE *file = open_data(name);
    if (!file)
        return;
    while (next_sample(file, &line, &sample)) {
        char breaks[CASE_BYTES];
        segment_mark(ascii(), unit, sample.text, sample.size, breaks);
        if (memcmp(breaks, sample.breaks, sample.size) != 0)
            ck_abort_msg("%s:%u: other boundaries", name, line);
        cases++;
    }
    (void)fclose(file);
    ck_assert_uint_ge(cases, least);
}

START_TEST(every_case_of_WordBreakTest_passes)
{
    check_each_case("WordBreakTest.txt", UNIT_SEGMENTS, 1823);
}
END_TEST

START_TEST(every_case_of_GraphemeBreakTest_passes)
{
    check_each_case("GraphemeBreakTest.txt", UNIT_GRAPHEMES, 602);
}
END_TEST

/* All cases in one text, and the tokens that they should give. A line separator between them is a token of its
 * own, and unlike a newline no place where the window likes to be cut. */
static size_t join_cases(FILE *file, uint8_t *text, struct tokenized *expected)
{
    static const char between[] = "\u2028";
    const uint8_t end = TOKEN_END;
    struct sample sample;
    unsigned line = 0;
    size_t size = 0;
    while (next_sample(file, &line, &sample)) {
        ck_assert_uint_lt(size + sample.size + 8, FILE_BYTES);
        for (size_t i = 0; i < sample.size; i++) {
            if (i > 0 && sample.breaks[i])
                tokenized_put(expected, &end, 1);
            tokenized_put(expected, sample.text + i, 1);
            expected->count += (unsigned char)sample.breaks[i];
        }
        tokenized_put(expected, &end, 1);
        tokenized_put(expected, between, sizeof(between) - 1);
        tokenized_put(expected, &end, 1);
        expected->count++;
        memcpy(text + size, sample.text, sample.size);
        memcpy(text + size + sample.size, between, sizeof(between) - 1);
        size += sample.size + sizeof(between) - 1;
    }
    return size;
}

static void check_in_windows(const char *name, enum unit unit)
{
    uint8_t *text = malloc(FILE_BYTES);
    struct tokenized expected = {.result = 0};
    FILE *file = open_data(name);
    if (file) {
        size_t size = join_cases(file, text, &expected);
        for (size_t room = WINDOW_LEAST_BYTES; room <= 100; room++) {
            struct tokenized found = {.result = 0};
            struct source source;
            source_text(&source, (char *)text, size);
            tokenize_source(&found, &source, unit, false, room, 4096);
            assert_same_tokens(&found, &expected);
            tokenized_free(&found);
        }
        (void)fclose(file);
    }
    tokenized_free(&expected);
    free(text);
}

START_TEST(every_case_of_WordBreakTest_passes_in_tiny_windows)
{
    check_in_windows("WordBreakTest.txt", UNIT_SEGMENTS);
}
END_TEST

START_TEST(every_case_of_GraphemeBreakTest_passes_in_tiny_windows)
{
    check_in_windows("GraphemeBreakTest.txt", UNIT_GRAPHEMES);
}
END_TEST

/* ---- The tables for ASCII -------------------------------------------------------------------------- */

static void assert_as_libunistring(const uint8_t *text, size_t size)
{
    char ours[CASE_BYTES], theirs[CASE_BYTES];
    segment_mark(ascii(), UNIT_SEGMENTS, text, size, ours);
    u8_wordbreaks(text, size, theirs);
    theirs[0] = 1;
    if (memcmp(ours, theirs, size) != 0)
        ck_abort_msg("other boundaries than libunistring's in \"%.*s\"", (int)size, text);
}

/* Each character that has a class of its own, in each order. */
START_TEST(all_short_ascii_texts_break_as_in_libunistring)
{
    static const char all[] = "aZ07_ :.,;'\"\r\n\v\f-\t";
    const size_t kinds = sizeof(all) - 1;
    for (size_t length = 1; length <= 4; length++) {
        size_t texts = 1;
        for (size_t i = 0; i < length; i++)
            texts *= kinds;
        for (size_t number = 0; number < texts; number++) {
            uint8_t text[4];
            size_t rest = number;
            for (size_t i = 0; i < length; i++, rest /= kinds)
                text[i] = (uint8_t)all[rest % kinds];
            assert_as_libunistring(text, length);
        }
    }
}
END_TEST

START_TEST(every_ascii_character_breaks_as_in_libunistring)
{
    for (unsigned a = 0; a < 128; a++) {
        for (unsigned b = 0; b < 128; b++) {
            assert_as_libunistring((uint8_t[]){(uint8_t)a, (uint8_t)b, 'a'}, 3);
            assert_as_libunistring((uint8_t[]){'1', (uint8_t)a, (uint8_t)b}, 3);
        }
    }
}
END_TEST

START_TEST(mixed_texts_break_as_in_libunistring)
{
    unsigned seed = 29;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        size_t size = random_text(&seed, text, 4 + (unsigned)rand_r(&seed) % 60);
        assert_as_libunistring((uint8_t *)text, size);
    }
}
END_TEST

START_TEST(lines_end_with_newlines)
{
    static const char text[] = "a\n\n\r\nb\rc\n";
    char breaks[sizeof(text)];
    segment_mark(ascii(), UNIT_LINES, (const uint8_t *)text, strlen(text), breaks);
    ck_assert_mem_eq(breaks, "\1\0\1\1\0\1\0\0\0", strlen(text));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tokenize_segment");
    TCase *tests = tcase_create("tokenize_segment");
    tcase_set_timeout(tests, 120); /* millions of texts, with sanitizers */
    tcase_add_test(tests, every_case_of_WordBreakTest_passes);
    tcase_add_test(tests, every_case_of_GraphemeBreakTest_passes);
    tcase_add_test(tests, every_case_of_WordBreakTest_passes_in_tiny_windows);
    tcase_add_test(tests, every_case_of_GraphemeBreakTest_passes_in_tiny_windows);
    tcase_add_test(tests, all_short_ascii_texts_break_as_in_libunistring);
    tcase_add_test(tests, every_ascii_character_breaks_as_in_libunistring);
    tcase_add_test(tests, mixed_texts_break_as_in_libunistring);
    tcase_add_test(tests, lines_end_with_newlines);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
