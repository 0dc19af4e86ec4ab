#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "plugins/http/search.h"
#include "suite.h"

/* Whether the text is found when it comes in pieces of so many bytes. */
static bool finds(const char *wanted, const char *text, size_t size, size_t piece)
{
    struct search search;
    ck_assert_int_eq(search_init(&search, wanted), 0);
    for (size_t at = 0; at < size; at += piece)
        search_feed(&search, text + at, size - at < piece ? size - at : piece);
    bool found = search_found(&search);
    search_clear(&search);
    return found;
}

START_TEST(a_text_is_found_however_the_stream_is_cut)
{
    const char *text = "nenee needle nee";
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        ck_assert(finds("needle", text, strlen(text), piece));
        ck_assert(finds("nenee", text, strlen(text), piece));
        ck_assert(finds("enee n", text, strlen(text), piece));
        ck_assert(finds(" nee", text, strlen(text), piece));
        ck_assert(!finds("needles", text, strlen(text), piece));
        ck_assert(!finds("neee", text, strlen(text), piece));
    }
}
END_TEST

START_TEST(nothing_is_found_everywhere)
{
    struct search zeroed = {0};
    ck_assert(search_found(&zeroed));
    ck_assert(finds("", "", 0, 1));
    ck_assert(!finds("x", "", 0, 1));
    search_clear(&zeroed);
}
END_TEST

START_TEST(a_stream_may_have_zeros_in_it)
{
    ck_assert(finds("b", "a\0b", 3, 3));
    ck_assert(!finds("ab", "a\0b", 3, 3));
}
END_TEST

START_TEST(random_texts_are_found_as_memmem_finds_them)
{
    unsigned short seed[3] = {1, 2, 3};
    for (int round = 0; round < 20000; round++) {
        char text[41], wanted[9];
        size_t size = (size_t)nrand48(seed) % 40, wanted_size = 1 + (size_t)nrand48(seed) % 8;
        for (size_t i = 0; i < size; i++)
            text[i] = "ab"[nrand48(seed) % 2];
        for (size_t i = 0; i < wanted_size; i++)
            wanted[i] = "ab"[nrand48(seed) % 2];
        wanted[wanted_size] = '\0';
        bool there = memmem(text, size, wanted, wanted_size) != NULL;
        ck_assert(finds(wanted, text, size, 1 + (size_t)nrand48(seed) % 5) == there);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_search");
    TCase *all = tcase_create("all");
    tcase_add_test(all, a_text_is_found_however_the_stream_is_cut);
    tcase_add_test(all, nothing_is_found_everywhere);
    tcase_add_test(all, a_stream_may_have_zeros_in_it);
    tcase_add_test(all, random_texts_are_found_as_memmem_finds_them);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
