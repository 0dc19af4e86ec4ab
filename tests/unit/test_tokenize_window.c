/*
 * Going through texts and files in windows and chunks: neither changes the tokens; what is wrong is told.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "plugins/tokenize/scrub.h"
#include "tokenize_fixture.h"
#include "suite.h"

static const enum unit all_units[] = {UNIT_WORDS, UNIT_SEGMENTS, UNIT_GRAPHEMES, UNIT_LINES};

/* The tokens of a text, in windows of `room` bytes, that are replaced where they are not UTF-8. */
static struct tokenized tokenize_text(const void *text, size_t size, enum unit unit, bool replace,
                                      size_t room, size_t most)
{
    struct tokenized all = {.result = 0};
    struct source source;
    source_text(&source, text, size);
    tokenize_source(&all, &source, unit, replace, room, most);
    return all;
}

START_TEST(the_window_does_not_change_the_tokens)
{
    enum unit unit = all_units[_i];
    unsigned seed = 7;
    for (int i = 0; i < 3000; i++) {
        char text[600];
        size_t size = random_text(&seed, text, 1 + (unsigned)rand_r(&seed) % sizeof(text));
        struct tokenized whole = tokenize_at_once(text, size, unit);
        size_t room = WINDOW_LEAST_BYTES + (unsigned)rand_r(&seed) % 100;
        for (int replace = 0; replace <= 1; replace++) {
            struct tokenized found = tokenize_text(text, size, unit, replace, room, 4096);
            assert_same_tokens(&found, &whole);
            tokenized_free(&found);
        }
        tokenized_free(&whole);
    }
}
END_TEST

/* Adds the tokens of the lines that begin in [begin, end). */
static void add_range(struct tokenized *all, const char *text, size_t size, enum unit unit,
                      uint64_t begin, uint64_t end)
{
    struct source source;
    source_text(&source, text, size);
    source_narrow(&source, begin, end);
    tokenize_source(all, &source, unit, false, 32, 4096);
    ck_assert_int_eq(all->result, 0);
}

START_TEST(chunks_cut_anywhere_have_every_token_once_and_in_order)
{
    enum unit unit = all_units[_i];
    unsigned seed = 3;
    for (int i = 0; i < 3000; i++) {
        char text[400];
        size_t size = random_text(&seed, text, 1 + (unsigned)rand_r(&seed) % sizeof(text));
        struct tokenized whole = tokenize_at_once(text, size, unit), sum = {.result = 0};
        for (uint64_t begin = 0, end; begin < size; begin = end) {
            end = begin + 1 + (unsigned)rand_r(&seed) % (i % 2 ? 8 : 200);
            add_range(&sum, text, size, unit, begin, end);
        }
        assert_same_tokens(&sum, &whole);
        tokenized_free(&sum);
        tokenized_free(&whole);
    }
}
END_TEST

START_TEST(parts_have_every_token_once_and_in_order)
{
    unsigned seed = 11;
    for (int i = 0; i < 1000; i++) {
        char text[300];
        size_t size = random_text(&seed, text, 1 + (unsigned)rand_r(&seed) % sizeof(text));
        uint64_t parts = 1 + (unsigned)rand_r(&seed) % 500, bytes = 0;
        struct tokenized whole = tokenize_at_once(text, size, UNIT_WORDS), sum = {.result = 0};
        for (uint64_t part = 0; part < parts; part++) {
            struct source source;
            source_text(&source, text, size);
            source_part(&source, part, parts);
            tokenize_source(&sum, &source, UNIT_WORDS, false, 64, 4096);
            bytes += source.bytes;
        }
        ck_assert_uint_eq(bytes, size);
        assert_same_tokens(&sum, &whole);
        tokenized_free(&sum);
        tokenized_free(&whole);
    }
}
END_TEST

START_TEST(a_chunk_has_the_lines_that_begin_in_it)
{
    static const struct {
        uint64_t begin, end;
        const char *words;
    } cases[] = {
        {0, 1, "one\xFF"},
        {0, 4, "one\xFF"},
        {0, 5, "one\xFFtwo\xFF"},
        {1, 4, ""},
        {3, 4, ""},
        {3, 5, "two\xFF"},
        {4, 5, "two\xFF"},
        {5, 8, ""},
        {5, 9, "three\xFF"},
        {8, UINT64_MAX, "three\xFF"},
        {13, 14, ""},
        {99, 200, ""},
        {UINT64_MAX - 1, UINT64_MAX, ""},
        {0, UINT64_MAX, "one\xFFtwo\xFFthree\xFF"},
    };
    static const char text[] = "one\ntwo\nthree";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tokenized found = {.result = 0};
        add_range(&found, text, strlen(text), UNIT_WORDS, cases[i].begin, cases[i].end);
        tokenized_put(&found, "", 1);
        ck_assert_str_eq((char *)found.bytes, cases[i].words);
        tokenized_free(&found);
    }
}
END_TEST

/* ---- Not UTF-8 ------------------------------------------------------------------------------------- */

/* The table of section 3.9 of the Unicode Standard, and ends of texts. */
static const struct {
    const char *text, *replaced;
    unsigned offset; /* of the first wrong byte */
} invalid[] = {
    {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82"
     "A",
     "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdA", 0},
    {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF"
     "A",
     "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdA", 0},
    {"\xF4\x91\x92\x93\xFF"
     "A\x80\xBF"
     "B",
     "\ufffd\ufffd\ufffd\ufffd\ufffdA\ufffd\ufffdB", 0},
    {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
     "A",
     "\ufffd\ufffd\ufffd\ufffdA", 0},
    {"long enough to be more than a window: \xE2\x82",
     "long enough to be more than a window: \ufffd", 38},
    {"aaaaaaaaaaaaaaa\xF0\x9F\x98", "aaaaaaaaaaaaaaa\ufffd", 15},
    {"\u20ac\u20ac\u20ac\u20ac\u20ac\x80", "\u20ac\u20ac\u20ac\u20ac\u20ac\ufffd", 15},
    {"line\nline\n\xFF\n", "line\nline\n\ufffd\n", 10},
};

START_TEST(what_is_not_utf8_is_an_error_that_names_the_byte)
{
    for (size_t room = WINDOW_LEAST_BYTES; room < 80; room++) {
        struct tokenized found = tokenize_text(invalid[_i].text, strlen(invalid[_i].text),
                                               UNIT_SEGMENTS, false, room, 4096);
        char told[32];
        (void)snprintf(told, sizeof(told), "byte %u,", invalid[_i].offset); /* fits */
        ck_assert_int_eq(found.result, -EILSEQ);
        ck_assert_msg(strstr(found.failure.text, told), "%s", found.failure.text);
        tokenized_free(&found);
    }
}
END_TEST

START_TEST(what_is_not_utf8_can_be_replaced)
{
    struct tokenized expected =
        tokenize_at_once(invalid[_i].replaced, strlen(invalid[_i].replaced), UNIT_GRAPHEMES);
    for (size_t room = WINDOW_LEAST_BYTES; room < 80; room++) {
        struct tokenized found = tokenize_text(invalid[_i].text, strlen(invalid[_i].text),
                                               UNIT_GRAPHEMES, true, room, 4096);
        assert_same_tokens(&found, &expected);
        tokenized_free(&found);
    }
    tokenized_free(&expected);
}
END_TEST

START_TEST(any_bytes_can_be_replaced_and_are_utf8_then)
{
    unsigned seed = 5;
    for (int i = 0; i < 20000; i++) {
        uint8_t text[64], room[SCRUB_GROWTH * sizeof(text)];
        size_t size = (unsigned)rand_r(&seed) % sizeof(text), kept;
        for (size_t at = 0; at < size; at++)
            text[at] = (uint8_t)(rand_r(&seed) >> (i % 3));
        memcpy(room, text, size);
        size_t now = scrub_replace(room, size, SCRUB_GROWTH * size, true, &kept);
        bool cut;
        ck_assert_uint_eq(kept, 0);
        ck_assert_uint_le(now, SCRUB_GROWTH * size);
        ck_assert_uint_eq(scrub_valid(room, now, &cut), now);
    }
}
END_TEST

/* ---- Bounds ---------------------------------------------------------------------------------------- */

START_TEST(a_token_that_is_too_large_is_told)
{
    char text[2000];
    memset(text, 'x', sizeof(text));
    memcpy(text, "one\ntwo ", 8);
    for (size_t i = 0; i < sizeof(all_units) / sizeof(all_units[0]); i++) {
        if (all_units[i] == UNIT_GRAPHEMES)
            continue;
        struct tokenized found = tokenize_text(text, sizeof(text), all_units[i], false, 64, 1024);
        ck_assert_int_eq(found.result, -EFBIG);
        ck_assert_ptr_nonnull(strstr(found.failure.text, "too large: more than 1024 bytes"));
        tokenized_free(&found);
    }
}
END_TEST

START_TEST(a_long_line_needs_no_large_window)
{
    static char text[1 << 20];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 6 == 5 ? ' ' : 'x';
    struct tokenized found = tokenize_text(text, sizeof(text), UNIT_WORDS, false, 64, 128);
    ck_assert_int_eq(found.result, 0);
    ck_assert_uint_eq(found.count, sizeof(text) / 6 + 1);
    tokenized_free(&found);
}
END_TEST

START_TEST(cancelling_ends_it_before_the_next_window)
{
    static char text[1 << 16];
    memset(text, ' ', sizeof(text));
    for (size_t i = 0; i < sizeof(text); i += 16)
        text[i] = '\n';
    for (int far = 0; far <= 1; far++) { /* also while it looks for the chunk's first line */
        struct tokenized found = {.windows_until = 2};
        struct source source;
        source_text(&source, text, sizeof(text));
        if (far)
            source_narrow(&source, 2, sizeof(text));
        tokenize_source(&found, &source, UNIT_SEGMENTS, false, 64, 1024);
        ck_assert_int_eq(found.result, -ECANCELED);
        ck_assert_uint_eq(found.windows, 3);
        ck_assert_uint_le(source.at, 128);
        tokenized_free(&found);
    }
}
END_TEST

/* ---- Files ----------------------------------------------------------------------------------------- */

/* A file that has a name no longer. */
static void make_file(struct source *source, char *path, const char *text)
{
    struct failure failure;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    ck_assert_int_eq(source_file(source, path, &failure), 0);
}

START_TEST(a_file_that_becomes_shorter_is_told)
{
    char path[] = "/tmp/aw-tokenize-XXXXXX";
    struct source source;
    struct tokenized found = {.result = 0};
    make_file(&source, path, "one two three four five six seven eight nine ten");
    ck_assert_int_eq(truncate(path, 20), 0);
    tokenize_source(&found, &source, UNIT_WORDS, false, 16, 1024);
    ck_assert_int_eq(found.result, -EIO);
    ck_assert_ptr_nonnull(strstr(found.failure.text, "ends at byte 20, of 48"));
    source_close(&source);
    tokenized_free(&found);
    (void)unlink(path);
}
END_TEST

START_TEST(what_is_appended_later_is_not_read)
{
    char path[] = "/tmp/aw-tokenize-XXXXXX";
    struct source source;
    struct tokenized found = {.result = 0};
    make_file(&source, path, "one two");
    FILE *file = fopen(path, "ae");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_gt(fprintf(file, " three\nfour\n"), 0);
    ck_assert_int_eq(fclose(file), 0);
    tokenize_source(&found, &source, UNIT_WORDS, false, 16, 1024);
    ck_assert_int_eq(found.result, 0);
    ck_assert_uint_eq(found.count, 2);
    source_close(&source);
    tokenized_free(&found);
    (void)unlink(path);
}
END_TEST

START_TEST(only_regular_files_are_read_and_no_fifo_is_waited_for)
{
    char directory[] = "/tmp/aw-tokenize-XXXXXX", fifo[64];
    struct source source;
    struct failure failure;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(fifo, sizeof(fifo), "%s/fifo", directory); /* fits */
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(source_file(&source, fifo, &failure), -EINVAL);
    ck_assert_ptr_nonnull(strstr(failure.text, "a FIFO"));
    (void)unlink(fifo);
    ck_assert_int_eq(source_file(&source, fifo, &failure), -ENOENT);
    ck_assert_int_eq(source_file(&source, directory, &failure), -EINVAL);
    ck_assert_ptr_nonnull(strstr(failure.text, "a directory"));
    (void)rmdir(directory);
    ck_assert_int_eq(source_file(&source, "/dev/null", &failure), -EINVAL);
    ck_assert_ptr_nonnull(strstr(failure.text, "a device"));
}
END_TEST

int main(void)
{
    const int units = sizeof(all_units) / sizeof(all_units[0]);
    const int invalids = sizeof(invalid) / sizeof(invalid[0]);
    Suite *suite = suite_create("tokenize_window");
    TCase *tests = tcase_create("tokenize_window");
    tcase_set_timeout(tests, 120); /* thousands of texts, with sanitizers */
    tcase_add_loop_test(tests, the_window_does_not_change_the_tokens, 0, units);
    tcase_add_loop_test(tests, chunks_cut_anywhere_have_every_token_once_and_in_order, 0, units);
    tcase_add_test(tests, parts_have_every_token_once_and_in_order);
    tcase_add_test(tests, a_chunk_has_the_lines_that_begin_in_it);
    tcase_add_loop_test(tests, what_is_not_utf8_is_an_error_that_names_the_byte, 0, invalids);
    tcase_add_loop_test(tests, what_is_not_utf8_can_be_replaced, 0, invalids);
    tcase_add_test(tests, any_bytes_can_be_replaced_and_are_utf8_then);
    tcase_add_test(tests, a_token_that_is_too_large_is_told);
    tcase_add_test(tests, a_long_line_needs_no_large_window);
    tcase_add_test(tests, cancelling_ends_it_before_the_next_window);
    tcase_add_test(tests, a_file_that_becomes_shorter_is_told);
    tcase_add_test(tests, what_is_appended_later_is_not_read);
    tcase_add_test(tests, only_regular_files_are_read_and_no_fifo_is_waited_for);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
