#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "supervisor/arena.h"

/* Takes `size` bytes and fills them. */
static unsigned char *take(struct arena *arena, size_t size, size_t align, int fill)
{
    unsigned char *at = arena_take(arena, size, align);
    ck_assert_ptr_nonnull(at);
    ck_assert_uint_eq((uintptr_t)at % align, 0);
    memset(at, fill, size);
    return at;
}

START_TEST(what_was_given_neither_moves_nor_overlaps)
{
    enum { PIECES = 2000 };
    static struct {
        unsigned char *at;
        size_t size;
    } pieces[PIECES];
    struct arena arena = {0};
    srand(1);
    for (int i = 0; i < PIECES; i++) {
        pieces[i].size = (size_t)rand() % (i % 100 ? 300 : 100000);
        pieces[i].at = take(&arena, pieces[i].size, (size_t)1 << i % 5, i & 255);
    }
    for (int i = 0; i < PIECES; i++) {
        size_t same = 0;
        while (same < pieces[i].size && pieces[i].at[same] == (unsigned char)i)
            same++;
        ck_assert_uint_eq(same, pieces[i].size);
    }
    arena_clear(&arena);
}
END_TEST

START_TEST(a_large_piece_does_not_waste_what_was_left)
{
    struct arena arena = {0};
    (void)take(&arena, 10, 1, 0);
    (void)take(&arena, 1 << 20, 1, 0);
    size_t before = arena.bytes;
    (void)take(&arena, 10, 1, 0);
    ck_assert_uint_eq(arena.bytes, before);
    arena_clear(&arena);
}
END_TEST

START_TEST(a_few_texts_take_little_memory)
{
    struct arena arena = {0};
    (void)take(&arena, 100, 1, 0);
    (void)take(&arena, 20, 1, 0);
    (void)take(&arena, 150, 1, 0);
    ck_assert_uint_le(arena.bytes, 1024);
    arena_clear(&arena);
}
END_TEST

START_TEST(many_texts_take_little_more_than_their_size)
{
    struct arena arena = {0};
    for (int i = 0; i < 100000; i++)
        (void)take(&arena, 20, 1, 0);
    ck_assert_uint_le(arena.bytes, 2200000);
    ck_assert_uint_ge(arena.bytes, 2000000);
    arena_clear(&arena);
}
END_TEST

START_TEST(rewinding_gives_back_all_that_was_taken_since)
{
    for (int before = 0; before < 3; before++) { /* nothing; a small piece; a large one behind it */
        struct arena arena = {0};
        unsigned char *kept = NULL;
        if (before)
            kept = take(&arena, 40, 1, 7);
        if (before > 1)
            (void)take(&arena, 100000, 1, 8);
        size_t bytes = arena.bytes;
        struct arena_mark mark = arena_mark(&arena);
        for (int round = 0; round < 3; round++) {
            unsigned char *first = take(&arena, 10, 1, 1);
            for (int i = 0; i < 3000; i++)
                (void)take(&arena, i % 100 ? 50 : 70000, 8, 2);
            ck_assert_uint_gt(arena.bytes, bytes);
            arena_rewind(&arena, mark);
            ck_assert_uint_eq(arena.bytes, bytes);
            if (before && round)
                ck_assert_ptr_eq(take(&arena, 10, 1, 1), first);
            arena_rewind(&arena, mark);
        }
        for (int i = 0; kept && i < 40; i++)
            ck_assert_uint_eq(kept[i], 7);
        arena_clear(&arena);
    }
}
END_TEST

START_TEST(a_cleared_arena_is_empty_and_usable)
{
    struct arena arena = {0};
    arena_clear(&arena);
    (void)take(&arena, 5000, 16, 0);
    arena_clear(&arena);
    ck_assert_uint_eq(arena.bytes, 0);
    (void)take(&arena, 1, 1, 0);
    arena_clear(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arena");
    TCase *tests = tcase_create("arena");
    tcase_add_test(tests, what_was_given_neither_moves_nor_overlaps);
    tcase_add_test(tests, a_large_piece_does_not_waste_what_was_left);
    tcase_add_test(tests, a_few_texts_take_little_memory);
    tcase_add_test(tests, many_texts_take_little_more_than_their_size);
    tcase_add_test(tests, rewinding_gives_back_all_that_was_taken_since);
    tcase_add_test(tests, a_cleared_arena_is_empty_and_usable);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
