#include <check.h>
#include "plugins/http/lookups.h"
#include "suite.h"

#define LONGEST_NS 1000

static struct lookups leave(unsigned count, uint64_t first_ns)
{
    struct lookups lookups = {.longest_ns = LONGEST_NS};
    for (unsigned i = 0; i < count; i++)
        lookups_leave(&lookups, first_ns + i);
    return lookups;
}

START_TEST(few_left_behind_hinder_nobody)
{
    struct lookups none = {.longest_ns = LONGEST_NS};
    struct lookups few = leave(LOOKUPS_LEFT_MAX - 1, 1);
    ck_assert(lookups_may_begin(&none, 1));
    ck_assert(lookups_may_begin(&few, LOOKUPS_LEFT_MAX));
}
END_TEST

START_TEST(many_left_behind_must_end_first)
{
    struct lookups many = leave(LOOKUPS_LEFT_MAX, 1);
    ck_assert(!lookups_may_begin(&many, LOOKUPS_LEFT_MAX));
    ck_assert(!lookups_may_begin(&many, LONGEST_NS));
    ck_assert(lookups_may_begin(&many, 1 + LONGEST_NS)); /* the first has ended */
    lookups_leave(&many, 1 + LONGEST_NS);
    ck_assert(!lookups_may_begin(&many, 1 + LONGEST_NS));
    ck_assert(lookups_may_begin(&many, 2 + LONGEST_NS));
}
END_TEST

START_TEST(of_more_than_that_the_last_count)
{
    struct lookups more = leave(3 * LOOKUPS_LEFT_MAX, 1);
    uint64_t first_ns = 1 + 2 * LOOKUPS_LEFT_MAX;
    ck_assert(!lookups_may_begin(&more, first_ns + LONGEST_NS - 1));
    ck_assert(lookups_may_begin(&more, first_ns + LONGEST_NS));
}
END_TEST

START_TEST(the_resolver_gives_up_some_time)
{
    uint64_t ns = lookups_longest_ns();
    ck_assert_uint_ge(ns, 1000000000u);
    /* resolv.conf(5): at most 3 servers, 30 s, 5 attempts; two spellings. */
    ck_assert_uint_le(ns, 900000000000u);
}
END_TEST

START_TEST(addresses_need_no_lookup)
{
    static const struct {
        const char *url;
        bool not_needed;
    } cases[] = {
        {"http://127.0.0.1:80/x", true},
        {"https://[::1]/", true},
        {"HTTP://LocalHost/", true},
        {"10.0.0.1:3128", true},
        {"socks5h://a:b@10.0.0.1", true},
        {"http://h1.example/", false},
        {"http://127.0.0.1.example/", false},
        {"http://user:127.0.0.1@name/", false},
        {"http://localhost.example/", false},
        {"h1.example:3128", false},
        {"http://", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(lookups_not_needed(cases[i].url) == cases[i].not_needed, "%s", cases[i].url);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http lookups");
    TCase *tests = tcase_create("lookups");
    tcase_add_test(tests, few_left_behind_hinder_nobody);
    tcase_add_test(tests, many_left_behind_must_end_first);
    tcase_add_test(tests, of_more_than_that_the_last_count);
    tcase_add_test(tests, the_resolver_gives_up_some_time);
    tcase_add_test(tests, addresses_need_no_lookup);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
