#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/problems.h"
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/order.h"

#define WISHES_MAX 200000

static struct batch *batch;
static struct order_wish wishes[WISHES_MAX];
static size_t wishes_count;
static uint32_t first; /* entry of the request being put together */
static struct problems problems;

static void set_up(void)
{
    batch = new_batch(1);
    wishes_count = first = 0;
    problems = (struct problems){0};
}

static void tear_down(void)
{
    batch_free(batch);
    problems_clear(&problems);
}

/* Adds an entry; NULL: without a name. */
static uint32_t add(const char *name, uint32_t count)
{
    struct entry entry = {.count = count, .name = name};
    if (!batch->pieces_count)
        ck_assert_int_eq(batch_accept(batch, clock_now_ns()), 0);
    ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
    return batch->entries_count - 1;
}

/* The entry added last comes after these; names end with NULL. */
static void wish(int any, ...)
{
    va_list names;
    json_t *list = json_array();
    va_start(names, any);
    for (const char *name; (name = va_arg(names, const char *));)
        ck_assert_int_eq(json_array_append_new(list, json_string(name)), 0);
    va_end(names);
    ck_assert_uint_lt(wishes_count, WISHES_MAX);
    uint32_t entry = batch->entries_count - 1;
    wishes[wishes_count++] =
        (struct order_wish){.entry = entry, .place = entry - first, .names = list, .any = any};
}

static int submit(void)
{
    int result = order_add(batch, first, wishes, wishes_count, &problems);
    while (wishes_count > 0)
        json_decref((json_t *)wishes[--wishes_count].names);
    if (result)
        batch_truncate(batch, first);
    first = batch->entries_count;
    return result;
}

static void end(uint32_t entry, bool succeeded)
{
    order_job_ended(batch, entry, succeeded);
}

static void check_news(enum order_news news, uint32_t entry, uint32_t because)
{
    uint32_t its_entry, its_because;
    ck_assert_int_eq(order_next(batch, UINT32_MAX, &its_entry, &its_because), news);
    if (news != ORDER_NONE)
        ck_assert_uint_eq(its_entry, entry);
    if (news == ORDER_DOOM)
        ck_assert_uint_eq(its_because, because);
}

static void check_problem(const char *field, const char *text)
{
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_str_eq(problems.kept[0].field, field);
    ck_assert_str_eq(problems.kept[0].text, text);
}

START_TEST(a_batch_in_which_nothing_waits_has_no_order)
{
    (void)add("a", 3);
    ck_assert_int_eq(submit(), 0);
    ck_assert_ptr_null(batch->order);
    ck_assert(!order_waits(batch, 0));
    end(0, true);
    check_news(ORDER_NONE, 0, 0);
}
END_TEST

START_TEST(an_entry_goes_when_all_jobs_it_waits_for_have_succeeded)
{
    uint32_t a = add("a", 2), b = add("b", 1), c = add(NULL, 5);
    wish(false, "a", "b", NULL);
    ck_assert_int_eq(submit(), 0);
    ck_assert(!order_waits(batch, a) && !order_waits(batch, b) && order_waits(batch, c));
    end(a, true);
    end(b, true);
    check_news(ORDER_NONE, 0, 0);
    end(a, true);
    check_news(ORDER_FREE, c, 0);
    check_news(ORDER_NONE, 0, 0);
    ck_assert(!order_waits(batch, c));
}
END_TEST

START_TEST(one_failure_dooms_who_comes_after_and_whom_that_dooms)
{
    uint32_t a = add("a", 2);
    uint32_t b = add("b", 1);
    wish(false, "a", NULL);
    uint32_t c = add("c", 1);
    wish(false, "b", NULL);
    uint32_t d = add("d", 1);
    wish(true, "b", NULL);
    ck_assert_int_eq(submit(), 0);
    end(a, false);
    check_news(ORDER_NONE, 0, 0); /* the other job of a runs on */
    end(a, true);
    check_news(ORDER_DOOM, b, a);
    end(b, false); /* skipped */
    check_news(ORDER_FREE, d, 0);
    check_news(ORDER_DOOM, c, b);
    check_news(ORDER_NONE, 0, 0);
}
END_TEST

START_TEST(after_any_asks_for_the_end_alone)
{
    uint32_t a = add("a", 1), b = add("b", 1);
    wish(true, "a", NULL);
    ck_assert_int_eq(submit(), 0);
    end(a, false);
    check_news(ORDER_FREE, b, 0);
}
END_TEST

START_TEST(what_waits_for_several_is_doomed_once_and_not_freed_after_it)
{
    uint32_t a = add("a", 1), b = add("b", 1), c = add(NULL, 1);
    wish(false, "a", "b", NULL);
    ck_assert_int_eq(submit(), 0);
    end(a, false);
    check_news(ORDER_DOOM, c, a);
    end(c, false);
    end(b, false);
    check_news(ORDER_NONE, 0, 0);
}
END_TEST

START_TEST(several_entries_with_one_name_are_meant_together)
{
    uint32_t a = add("a", 1), b = add("a", 1), c = add(NULL, 1);
    wish(false, "a", "a", NULL); /* twice is as good as once */
    ck_assert_int_eq(submit(), 0);
    end(b, true);
    check_news(ORDER_NONE, 0, 0);
    end(a, true);
    check_news(ORDER_FREE, c, 0);
}
END_TEST

START_TEST(a_later_piece_may_wait_for_an_earlier_one)
{
    uint32_t a = add("a", 1), failed = add("failed", 1), running = add("running", 1);
    ck_assert_int_eq(submit(), 0);
    complete_job(batch, a, JOB_SUCCEEDED, "");
    complete_job(batch, failed, JOB_FAILED, "");
    uint32_t b = add("b", 1);
    wish(false, "a", NULL);
    uint32_t c = add("c", 1);
    wish(false, "failed", NULL);
    uint32_t d = add("d", 1);
    wish(false, "running", "a", NULL);
    ck_assert_int_eq(submit(), 0);
    ck_assert(!order_waits(batch, b));
    ck_assert(order_waits(batch, c) && order_waits(batch, d));
    check_news(ORDER_DOOM, c, failed);
    end(running, true);
    check_news(ORDER_FREE, d, 0);
    uint32_t e = add("e", 1);
    wish(false, "b", NULL);
    ck_assert_int_eq(submit(), 0);
    end(b, true);
    check_news(ORDER_FREE, e, 0);
}
END_TEST

START_TEST(names_that_no_job_has_are_told)
{
    (void)add("a", 1);
    (void)add("b", 1);
    wish(true, "a", "nobody", NULL);
    ck_assert_int_eq(submit(), -EINVAL);
    check_problem("jobs[1].after_any", "there is no job with the name nobody");
    ck_assert_ptr_null(batch->order);
}
END_TEST

START_TEST(circles_are_told_by_name)
{
    (void)add("x", 1);
    (void)add("a", 1);
    wish(false, "c", "x", NULL);
    (void)add("b", 1);
    wish(false, "a", NULL);
    (void)add("c", 1);
    wish(true, "b", NULL);
    (void)add("outside", 1);
    wish(true, "c", NULL);
    ck_assert_int_eq(submit(), -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    const char *text = problems.kept[0].text;
    ck_assert_msg(strcmp(text, "goes in a circle: a after c after b after a") == 0 ||
                      strcmp(text, "goes in a circle: b after a after c after b") == 0 ||
                      strcmp(text, "goes in a circle: c after b after a after c") == 0,
                  "%s", text);
}
END_TEST

START_TEST(a_job_cannot_come_after_itself)
{
    (void)add("a", 1);
    wish(false, "a", NULL);
    ck_assert_int_eq(submit(), -EINVAL);
    check_problem("jobs[0].after", "goes in a circle: a after a");
}
END_TEST

START_TEST(a_refused_piece_leaves_no_trace)
{
    uint32_t a = add("a", 1), b = add("b", 1);
    wish(false, "a", NULL);
    ck_assert_int_eq(submit(), 0);
    for (int i = 0; i < 3; i++) {
        (void)add("a", 1);
        (void)add("new", 1);
        (void)add(NULL, 1);
        wish(false, i ? "nobody" : "new", "a", NULL);
        (void)add("loop", 1);
        wish(false, "loop", NULL);
        ck_assert_int_eq(submit(), -EINVAL);
    }
    (void)add(NULL, 1);
    wish(false, "new", NULL);
    ck_assert_int_eq(submit(), -EINVAL);
    end(a, true);
    check_news(ORDER_FREE, b, 0);
    check_news(ORDER_NONE, 0, 0);
}
END_TEST

START_TEST(a_piece_that_is_taken_back_leaves_no_trace)
{
    uint32_t a = add("a", 1), b = add("b", 1);
    wish(false, "a", NULL);
    ck_assert_int_eq(submit(), 0);
    end(a, false);
    check_news(ORDER_DOOM, b, a);

    uint32_t before = first;
    uint32_t c = add("a", 1); /* a namesake of one that failed */
    wish(false, "b", NULL);
    (void)add("c", 1); /* is doomed at once */
    wish(false, "a", NULL);
    ck_assert_int_eq(submit(), 0);
    batch_truncate(batch, first = before);
    check_news(ORDER_NONE, 0, 0);
    ck_assert(!order_has_unended(batch, "c"));

    (void)add("d", 2);
    ck_assert_int_eq(submit(), 0);
    ck_assert(!order_waits(batch, c)); /* the number that the other one had */
    end(b, false);
    check_news(ORDER_NONE, 0, 0); /* who waited for it is gone */
    end(c, true);
    (void)add("e", 1);
    wish(true, "a", "d", NULL);
    ck_assert_int_eq(submit(), 0);
    ck_assert(order_waits(batch, c + 1));
    end(c, true);
    check_news(ORDER_FREE, c + 1, 0);
    check_news(ORDER_NONE, 0, 0);
}
END_TEST

START_TEST(a_chain_of_100000_and_its_circle)
{
    enum { LENGTH = 100000 };
    char name[16], before[16];
    for (int circle = 0; circle < 2; circle++) {
        for (int i = 0; i < LENGTH; i++) {
            (void)snprintf(name, sizeof(name), "%d", i);
            (void)snprintf(before, sizeof(before), "%d", i ? i - 1 : LENGTH - 1);
            (void)add(name, 1);
            if (i || !circle)
                wish(false, i ? before : "start", NULL);
            else
                wish(false, before, NULL);
        }
        if (!circle)
            (void)add("start", 1);
        ck_assert_int_eq(submit(), circle ? -EINVAL : 0);
        if (circle)
            break;
        end(LENGTH, true);
        for (uint32_t i = 0; i < LENGTH; i++) {
            check_news(ORDER_FREE, i, 0);
            end(i, true);
        }
        check_news(ORDER_NONE, 0, 0);
        tear_down();
        set_up();
    }
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_ptr_nonnull(strstr(problems.kept[0].text, "... after "));
}
END_TEST

START_TEST(a_fan_in_of_a_million_jobs)
{
    uint32_t a = add("a", 1000000), b = add(NULL, 1);
    wish(false, "a", NULL);
    ck_assert_int_eq(submit(), 0);
    for (int i = 0; i < 1000000; i++) {
        check_news(ORDER_NONE, 0, 0);
        end(a, true);
    }
    check_news(ORDER_FREE, b, 0);
}
END_TEST

START_TEST(many_of_one_name_and_many_after_it_cost_as_many_as_they_are)
{
    enum { MANY = 20000 };
    uint64_t began = clock_now_ns();
    for (int i = 0; i < MANY; i++)
        (void)add("a", 1);
    for (int i = 0; i < MANY; i++) {
        (void)add(NULL, 1);
        wish(i % 2, "a", NULL);
    }
    ck_assert_int_eq(submit(), 0);
    ck_assert_uint_lt(order_bytes(batch), (size_t)2 * MANY * 256);
    for (uint32_t i = 0; i < MANY - 1; i++)
        end(i, true);
    check_news(ORDER_NONE, 0, 0);
    end(MANY - 1, false);
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t entry, because;
        enum order_news news = order_next(batch, UINT32_MAX, &entry, &because);
        ck_assert_int_eq(news, entry % 2 ? ORDER_FREE : ORDER_DOOM);
        ck_assert(news == ORDER_FREE || because == MANY - 1);
    }
    check_news(ORDER_NONE, 0, 0);
    /* Pair by pair it took several seconds and 5 GB; sanitizers make it slow. */
    ck_assert_uint_lt(clock_now_ns() - began, (uint64_t)5 * 1000000000);
}
END_TEST

START_TEST(a_circle_among_many_of_one_name_is_found_soon)
{
    enum { MANY = 20000 };
    uint64_t began = clock_now_ns();
    for (int i = 0; i < MANY; i++) {
        (void)add(i % 2 ? "a" : "b", 1);
        wish(false, i % 2 ? "b" : "a", NULL);
    }
    ck_assert_int_eq(submit(), -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    const char *text = problems.kept[0].text;
    ck_assert_msg(strcmp(text, "goes in a circle: a after b after a") == 0 ||
                      strcmp(text, "goes in a circle: b after a after b") == 0,
                  "%s", text);
    ck_assert_uint_lt(clock_now_ns() - began, (uint64_t)5 * 1000000000);
}
END_TEST

START_TEST(a_name_means_the_entries_that_had_it_when_the_wish_came)
{
    uint32_t a = add("a", 1), early = add("early", 1);
    wish(true, "a", NULL);
    ck_assert_int_eq(submit(), 0);
    uint32_t b = add("a", 1), late = add("late", 1);
    wish(true, "a", NULL);
    ck_assert_int_eq(submit(), 0);
    uint32_t c = add("a", 1), last = add("last", 1), strict = add("strict", 1);
    wish(false, "a", NULL);
    uint32_t both = add("both", 1);
    wish(true, "a", NULL);
    ck_assert_int_eq(submit(), 0);
    ck_assert(!order_waits(batch, last));
    end(b, true);
    end(c, true);
    check_news(ORDER_NONE, 0, 0); /* all that are not early wait for the first a, too */
    ck_assert(order_has_unended(batch, "a"));
    end(a, false);
    check_news(ORDER_FREE, early, 0);
    check_news(ORDER_FREE, late, 0);
    check_news(ORDER_FREE, both, 0);
    check_news(ORDER_DOOM, strict, a);
    check_news(ORDER_NONE, 0, 0);
    ck_assert(!order_has_unended(batch, "a"));
    (void)add("a", 1);
    uint32_t doomed = add("doomed", 1);
    wish(false, "a", NULL);
    ck_assert_int_eq(submit(), 0);
    check_news(ORDER_DOOM, doomed, a);
}
END_TEST

/* ---- Random graphs against the definition ---------------------------------------------------- */

enum { ENTRIES = 30 };

struct model {
    bool after[ENTRIES][ENTRIES], after_any[ENTRIES][ENTRIES];
    bool ended[ENTRIES], succeeded[ENTRIES], free[ENTRIES];
    uint32_t count; /* entries that have been added */
};

/* Whether the entry may run by what has ended so far; *doomed: never. */
static bool may_run(const struct model *model, uint32_t entry, bool *doomed)
{
    bool may = true;
    *doomed = false;
    for (uint32_t other = 0; other < ENTRIES; other++) {
        bool needs = model->after[entry][other];
        if ((needs || model->after_any[entry][other]) && !model->ended[other])
            may = false;
        if (needs && model->ended[other] && !model->succeeded[other])
            *doomed = true;
    }
    return may;
}

static void model_end(struct model *model, uint32_t entry, bool succeeded)
{
    model->ended[entry] = true;
    model->succeeded[entry] = succeeded;
    complete_job(batch, entry, succeeded ? JOB_SUCCEEDED : JOB_FAILED, "");
    end(entry, succeeded);
}

/* Edges lead from a random permutation's later members to earlier ones: no circles. */
static void make_graph(struct model *model)
{
    uint32_t order[ENTRIES];
    char name[8];
    for (uint32_t i = 0; i < ENTRIES; i++) {
        order[i] = i;
        uint32_t k = (uint32_t)rand() % (i + 1), swapped = order[k];
        order[k] = order[i];
        order[i] = swapped;
    }
    for (uint32_t i = 0; i < ENTRIES; i++) {
        for (uint32_t k = 0; k < i; k++) {
            model->after[order[i]][order[k]] = rand() % 12 == 0;
            model->after_any[order[i]][order[k]] = rand() % 12 == 0;
        }
    }
    for (uint32_t i = 0; i < ENTRIES; i++) {
        (void)snprintf(name, sizeof(name), "%u", i);
        (void)add(name, 1);
        for (uint32_t k = 0; k < ENTRIES; k++) {
            (void)snprintf(name, sizeof(name), "%u", k);
            if (model->after[i][k])
                wish(false, name, NULL);
            if (model->after_any[i][k])
                wish(true, name, NULL);
        }
    }
    ck_assert_int_eq(submit(), 0);
}

static void learn_free(struct model *model, uint32_t from)
{
    for (uint32_t i = from; i < model->count; i++)
        model->free[i] = !order_waits(batch, i);
}

/* Something becomes known, or an entry that may run ends. Returns how many have ended by it. */
static uint32_t step(struct model *model)
{
    uint32_t entry, because;
    enum order_news news = order_next(batch, UINT32_MAX, &entry, &because);
    bool doomed;
    if (news == ORDER_FREE) {
        ck_assert(may_run(model, entry, &doomed) && !doomed && !model->free[entry]);
        model->free[entry] = true;
        return 0;
    }
    if (news == ORDER_DOOM) {
        (void)may_run(model, entry, &doomed);
        ck_assert(doomed && model->after[entry][because] && !model->succeeded[because]);
        model_end(model, entry, false);
        return 1;
    }
    /* Everything that may run by definition is known to be free: one of them ends. */
    uint32_t choice = (uint32_t)rand() % model->count, tries = 0;
    while (model->ended[choice] || !model->free[choice]) {
        ck_assert(model->ended[choice] || !may_run(model, choice, &doomed));
        choice = (choice + 1) % model->count;
        ck_assert_uint_lt(++tries, model->count);
    }
    model_end(model, choice, rand() % 5 > 0);
    return 1;
}

START_TEST(random_graphs_run_in_their_order)
{
    static struct model model;
    model = (struct model){.count = ENTRIES};
    srand((unsigned)_i + 1);
    make_graph(&model);
    learn_free(&model, 0);
    for (uint32_t left = ENTRIES; left > 0;)
        left -= step(&model);
    check_news(ORDER_NONE, 0, 0);
}
END_TEST

enum { NAMES = 5, PIECES = 5 };
static const char *const some_names[NAMES] = {"0", "1", "2", "3", "4"};

/* Entries come after names of a lower number than their own: no circles. */
static void add_random_piece(struct model *model, uint32_t *names)
{
    uint32_t from = model->count;
    for (; model->count < from + ENTRIES / PIECES; model->count++)
        names[model->count] = (uint32_t)rand() % NAMES;
    for (uint32_t i = from; i < model->count; i++) {
        (void)add(some_names[names[i]], 1);
        for (uint32_t name = 0; name < names[i]; name++) {
            bool any = rand() % 2, known = false;
            if (rand() % 3)
                continue;
            for (uint32_t k = 0; k < model->count; k++) {
                if (names[k] != name)
                    continue;
                (any ? model->after_any : model->after)[i][k] = known = true;
            }
            if (known)
                wish(any, some_names[name], NULL);
        }
    }
    ck_assert_int_eq(submit(), 0);
    learn_free(model, from);
}

/* A piece that is refused, or taken back once it was added. */
static void add_passing_piece(void)
{
    uint32_t before = first;
    for (uint32_t i = 0; i < NAMES; i++)
        (void)add(some_names[i], 1);
    (void)add("passing", 1);
    wish(rand() % 2, some_names[rand() % NAMES], some_names[rand() % NAMES], NULL);
    bool refused = rand() % 2;
    if (refused)
        wish(false, "passing", NULL);
    ck_assert_int_eq(submit(), refused ? -EINVAL : 0);
    if (!refused)
        batch_truncate(batch, first = before);
    problems_clear(&problems);
    problems = (struct problems){0};
}

static void run_random_pieces(unsigned seed)
{
    static struct model model;
    uint32_t names[ENTRIES], ended = 0;
    model = (struct model){0};
    srand(seed);
    for (int piece = 0; piece < PIECES; piece++) {
        add_random_piece(&model, names);
        if (rand() % 2)
            add_passing_piece();
        for (int steps = rand() % 12; steps > 0 && ended < model.count; steps--)
            ended += step(&model);
    }
    while (ended < model.count)
        ended += step(&model);
    check_news(ORDER_NONE, 0, 0);
}

START_TEST(random_names_and_pieces_run_in_their_order)
{
    for (unsigned seed = 1; seed <= 500; seed++) {
        run_random_pieces(seed);
        tear_down();
        set_up();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order");
    TCase *tests = tcase_create("order");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_batch_in_which_nothing_waits_has_no_order);
    tcase_add_test(tests, an_entry_goes_when_all_jobs_it_waits_for_have_succeeded);
    tcase_add_test(tests, one_failure_dooms_who_comes_after_and_whom_that_dooms);
    tcase_add_test(tests, after_any_asks_for_the_end_alone);
    tcase_add_test(tests, what_waits_for_several_is_doomed_once_and_not_freed_after_it);
    tcase_add_test(tests, several_entries_with_one_name_are_meant_together);
    tcase_add_test(tests, a_later_piece_may_wait_for_an_earlier_one);
    tcase_add_test(tests, names_that_no_job_has_are_told);
    tcase_add_test(tests, circles_are_told_by_name);
    tcase_add_test(tests, a_job_cannot_come_after_itself);
    tcase_add_test(tests, a_refused_piece_leaves_no_trace);
    tcase_add_test(tests, a_piece_that_is_taken_back_leaves_no_trace);
    tcase_add_test(tests, a_chain_of_100000_and_its_circle);
    tcase_add_test(tests, a_fan_in_of_a_million_jobs);
    tcase_add_test(tests, many_of_one_name_and_many_after_it_cost_as_many_as_they_are);
    tcase_add_test(tests, a_circle_among_many_of_one_name_is_found_soon);
    tcase_add_test(tests, a_name_means_the_entries_that_had_it_when_the_wish_came);
    tcase_add_loop_test(tests, random_graphs_run_in_their_order, 0, 200);
    tcase_add_test(tests, random_names_and_pieces_run_in_their_order);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
