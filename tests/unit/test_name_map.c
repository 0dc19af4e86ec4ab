#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/name_map.h"
#include "suite.h"

START_TEST(numbers_are_found_by_name_changed_and_removed)
{
    struct name_map map = {0};
    ck_assert_uint_eq(name_map_find(&map, "a"), NAME_MAP_NONE);
    name_map_remove(&map, "a");
    ck_assert_int_eq(name_map_set(&map, "a", 1), 0);
    ck_assert_int_eq(name_map_set(&map, "b", 2), 0);
    ck_assert_int_eq(name_map_set(&map, "a", 3), 0);
    ck_assert_uint_eq(name_map_find(&map, "a"), 3);
    ck_assert_uint_eq(name_map_find(&map, "b"), 2);
    ck_assert_uint_eq(name_map_find(&map, ""), NAME_MAP_NONE);
    name_map_remove(&map, "a");
    ck_assert_uint_eq(name_map_find(&map, "a"), NAME_MAP_NONE);
    ck_assert_uint_eq(name_map_find(&map, "b"), 2);
    name_map_clear(&map);
    ck_assert_uint_eq(name_map_find(&map, "b"), NAME_MAP_NONE);
}
END_TEST

START_TEST(many_sorted_names_do_not_make_it_slow)
{
    enum { NAMES = 200000 };
    static char names[NAMES][8];
    struct name_map map = {0};
    for (uint32_t i = 0; i < NAMES; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%06u", i);
        ck_assert_int_eq(name_map_set(&map, names[i], i), 0);
    }
    for (uint32_t i = 0; i < NAMES; i++)
        ck_assert_uint_eq(name_map_find(&map, names[i]), i);
    name_map_clear(&map);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("name_map");
    TCase *tests = tcase_create("name_map");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, numbers_are_found_by_name_changed_and_removed);
    tcase_add_test(tests, many_sorted_names_do_not_make_it_slow);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
