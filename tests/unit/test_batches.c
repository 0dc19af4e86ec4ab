#include <check.h>
#include <stdlib.h>
#include <event2/event.h>
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/batches.h"

static struct batches batches;

static void set_up(void)
{
    ck_assert_int_eq(batches_init(&batches, SIZE_MAX), 0);
}

static void tear_down(void)
{
    batches_clear(&batches);
}

static struct batch *add(void)
{
    struct batch *batch = batches_add(&batches, NULL, 0);
    ck_assert_ptr_nonnull(batch);
    return batch;
}

/* A batch that has finished, with one job and its output. */
static struct batch *finish(struct batch *batch)
{
    static char output[10001];
    memset(output, 'x', sizeof(output) - 1);
    (void)add_jobs(batch, 0, 1);
    batch_seal(batch, 1);
    complete_job(batch, 0, JOB_SUCCEEDED, output);
    ck_assert(batch->finished);
    batches_finished(&batches, batch);
    return batch;
}

START_TEST(batches_are_numbered_from_one)
{
    for (uint64_t number = 1; number <= 5; number++)
        ck_assert_uint_eq(add()->number, number);
    ck_assert_uint_eq(batches.count, 5);
}
END_TEST

START_TEST(any_of_many_batches_is_found_by_its_number)
{
    enum { MANY = 2000 }; /* the table grows a few times */
    struct batch *all[MANY];
    for (uint64_t i = 0; i < MANY; i++)
        all[i] = add();
    for (uint64_t i = 0; i < MANY; i++)
        ck_assert_ptr_eq(batches_find(&batches, i + 1), all[i]);
    ck_assert_ptr_null(batches_find(&batches, 0));
    ck_assert_ptr_null(batches_find(&batches, MANY + 1));
    ck_assert_ptr_null(batches_find(&batches, UINT64_MAX));
}
END_TEST

START_TEST(a_batch_keeps_its_name_and_owner)
{
    char name[] = "nightly";
    struct batch *batch = batches_add(&batches, name, 4711);
    name[0] = '?';
    ck_assert_str_eq(batch->name, "nightly");
    ck_assert_uint_eq(batch->owner, 4711);
    ck_assert_ptr_null(add()->name);
}
END_TEST

START_TEST(an_undone_batch_was_never_there)
{
    struct batch *first = add();
    batches_undo_add(&batches, add());
    ck_assert_ptr_null(batches_find(&batches, 2));
    ck_assert_ptr_eq(batches_below(&batches, 0), first);
    ck_assert_uint_eq(batches.count, 1);
    ck_assert_uint_eq(add()->number, 2);
}
END_TEST

START_TEST(below_a_number_is_the_newest_older_batch)
{
    ck_assert_ptr_null(batches_below(&batches, 0));
    ck_assert_ptr_null(batches_below(&batches, 7));
    for (int i = 0; i < 6; i++)
        (void)add();
    ck_assert_uint_eq(batches_below(&batches, 0)->number, 6);
    ck_assert_uint_eq(batches_below(&batches, 7)->number, 6);
    ck_assert_uint_eq(batches_below(&batches, UINT64_MAX)->number, 6);
    ck_assert_uint_eq(batches_below(&batches, 6)->number, 5);
    ck_assert_uint_eq(batches_below(&batches, 2)->number, 1);
    ck_assert_ptr_null(batches_below(&batches, 1));
}
END_TEST

START_TEST(below_a_number_that_is_gone_is_the_next_one_there)
{
    for (int i = 0; i < 6; i++)
        (void)add();
    batches.history_bytes_max = 0;
    (void)finish(batches_find(&batches, 3));
    (void)finish(batches_find(&batches, 4));
    (void)finish(batches_find(&batches, 1));
    (void)finish(batches_find(&batches, 5)); /* 3, 4 and 1 are gone by now */
    ck_assert_uint_eq(batches_below(&batches, 4)->number, 2);
    ck_assert_uint_eq(batches_below(&batches, 3)->number, 2);
    ck_assert_uint_eq(batches_below(&batches, 5)->number, 2);
    ck_assert_ptr_null(batches_below(&batches, 1));
}
END_TEST

START_TEST(below_a_number_is_found_whatever_is_missing)
{
    enum { MANY = 12 };
    for (unsigned missing = 0; missing < 1u << MANY; missing += 7) {
        struct batches some;
        ck_assert_int_eq(batches_init(&some, 0), 0);
        for (uint64_t number = 1; number <= MANY; number++) {
            some.last_number = number - 1;
            if (!(missing >> (number - 1) & 1))
                ck_assert_ptr_nonnull(batches_add(&some, NULL, 0));
        }
        some.last_number = MANY;
        uint64_t below = 0;
        for (uint64_t number = 1; number <= MANY + 1; number++) {
            const struct batch *batch = batches_below(&some, number);
            ck_assert_uint_eq(batch ? batch->number : 0, below);
            below = batches_find(&some, number) ? number : below;
        }
        batches_clear(&some);
    }
}
END_TEST

START_TEST(history_that_fits_is_kept)
{
    for (int i = 0; i < 100; i++)
        (void)finish(add());
    ck_assert_uint_eq(batches.finished_count, 100);
    for (uint64_t number = 1; number <= 100; number++)
        ck_assert_ptr_nonnull(batches_find(&batches, number));
}
END_TEST

START_TEST(the_oldest_history_makes_room)
{
    struct batch *open = add();
    size_t each = batch_bytes(finish(add()));
    batches.history_bytes_max = 4 * each + each / 2;
    for (int i = 0; i < 20; i++) {
        (void)finish(add());
        ck_assert_uint_le(batches.history_bytes, batches.history_bytes_max);
    }
    ck_assert_uint_eq(batches.finished_count, 4);
    ck_assert_uint_eq(batches.count, 5);
    ck_assert_ptr_eq(batches_find(&batches, 1), open);
    ck_assert_ptr_null(batches_find(&batches, 18));
    for (uint64_t number = 19; number <= 22; number++)
        ck_assert_ptr_nonnull(batches_find(&batches, number));
}
END_TEST

START_TEST(history_goes_by_the_end_and_not_by_the_start)
{
    struct batch *first = add(), *second = add();
    (void)finish(second);
    batches.history_bytes_max = 1;
    (void)finish(first);
    ck_assert_ptr_eq(batches_find(&batches, 1), first);
    ck_assert_ptr_null(batches_find(&batches, 2));
}
END_TEST

START_TEST(the_newest_of_the_history_stays_however_large_it_is)
{
    batches.history_bytes_max = 0;
    struct batch *batch = finish(add());
    ck_assert_ptr_eq(batches_find(&batches, 1), batch);
    ck_assert_uint_eq(batches.finished_count, 1);
    batch = finish(add());
    ck_assert_ptr_eq(batches_find(&batches, 2), batch);
    ck_assert_ptr_null(batches_find(&batches, 1));
    ck_assert_uint_eq(batches.history_bytes, batch_bytes(batch));
}
END_TEST

/* All that the history asks of a watcher is that it is on the batch's list. */
struct watcher {
    LIST_ENTRY(watcher) link;
};

START_TEST(history_that_is_watched_stays_until_nobody_does)
{
    batches.history_bytes_max = 0;
    struct watcher watcher;
    struct batch *watched = add();
    LIST_INSERT_HEAD(&watched->watchers, &watcher, link);
    (void)finish(watched);
    for (int i = 0; i < 3; i++)
        (void)finish(add());
    ck_assert_ptr_eq(batches_find(&batches, 1), watched);
    ck_assert_uint_eq(batches.finished_count, 2);
    LIST_REMOVE(&watcher, link);
    (void)finish(add());
    ck_assert_ptr_null(batches_find(&batches, 1));
    ck_assert_uint_eq(batches.finished_count, 1);
}
END_TEST

START_TEST(history_that_is_wanted_stays_until_it_is_not)
{
    batches.history_bytes_max = 0;
    struct batch *wanted = finish(add());
    wanted->wanted = true;
    for (int i = 0; i < 3; i++)
        (void)finish(add());
    ck_assert_ptr_eq(batches_find(&batches, 1), wanted);
    ck_assert_uint_eq(batches.finished_count, 2);
    wanted->wanted = false;
    (void)finish(add());
    ck_assert_ptr_null(batches_find(&batches, 1));
    ck_assert_uint_eq(batches.finished_count, 1);
}
END_TEST

/* ---- Letting go ----------------------------------------------------------------------------- */

static struct event_base *base;

/* Finished batches, all of them wanted, for which there is no room. */
static void finish_wanted(uint64_t count)
{
    batches.history_bytes_max = 0;
    base = event_base_new();
    ck_assert_int_eq(batches_make_room_in(&batches, base), 0);
    for (uint64_t i = 0; i < count; i++)
        finish(add())->wanted = true;
    ck_assert_uint_eq(batches.count, count);
}

static void let_go(uint64_t number)
{
    struct batch *batch = batches_find(&batches, number);
    batch->wanted = false;
    batches_let_go(&batches, batch);
    ck_assert_ptr_eq(batches_find(&batches, number), batch); /* who calls may go on using it */
}

static void turn_and_end(void)
{
    (void)event_base_loop(base, 0); /* until there is nothing to do */
    ck_assert(TAILQ_EMPTY(&batches.let_go));
    size_t bytes = 0;
    const struct batch *batch;
    TAILQ_FOREACH (batch, &batches.finished, finished_link)
        bytes += batch_bytes(batch);
    ck_assert_uint_eq(batches.history_bytes, bytes);
    batches_clear(&batches);
    event_base_free(base);
    set_up();
}

START_TEST(history_that_is_let_go_makes_room_without_another_end)
{
    finish_wanted(4);
    let_go(2);
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_ptr_null(batches_find(&batches, 2));
    ck_assert_uint_eq(batches.finished_count, 3);
    turn_and_end();
}
END_TEST

START_TEST(many_that_are_let_go_make_room_in_turns)
{
    enum { MANY = 1000 };
    finish_wanted(MANY + 1);
    for (uint64_t number = 1; number <= MANY; number++)
        let_go(number);
    (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    ck_assert_uint_gt(batches.count, MANY / 2);
    (void)event_base_loop(base, 0);
    ck_assert_uint_eq(batches.count, 1);
    turn_and_end();
}
END_TEST

START_TEST(history_that_is_let_go_and_fits_or_is_the_newest_stays)
{
    finish_wanted(3);
    let_go(3);
    (void)event_base_loop(base, 0);
    ck_assert_ptr_nonnull(batches_find(&batches, 3));
    batches.history_bytes_max = batches.history_bytes;
    let_go(1);
    (void)event_base_loop(base, 0);
    ck_assert_uint_eq(batches.count, 3);
    turn_and_end();
}
END_TEST

START_TEST(history_that_is_wanted_again_in_between_stays)
{
    finish_wanted(3);
    let_go(1);
    let_go(1);
    batches_find(&batches, 1)->wanted = true;
    (void)event_base_loop(base, 0);
    ck_assert_ptr_nonnull(batches_find(&batches, 1));
    let_go(1);
    (void)event_base_loop(base, 0);
    ck_assert_ptr_null(batches_find(&batches, 1));
    turn_and_end();
}
END_TEST

START_TEST(history_that_is_let_go_may_make_room_at_another_end_first)
{
    finish_wanted(3);
    let_go(1);
    let_go(2);
    (void)finish(add());
    ck_assert_uint_eq(batches.count, 2);
    turn_and_end();
}
END_TEST

START_TEST(a_batch_that_has_not_finished_is_no_history_to_let_go)
{
    finish_wanted(1);
    struct batch *open = add();
    batches_let_go(&batches, open);
    (void)event_base_loop(base, 0);
    ck_assert_ptr_eq(batches_find(&batches, 2), open);
    turn_and_end();
}
END_TEST

/* ---- From the store ------------------------------------------------------------------------- */

static struct batch *restore(uint64_t number)
{
    struct batch *batch = new_batch(number);
    batches_restore(&batches, batch);
    return batch;
}

START_TEST(a_restored_batch_is_found_and_newer_ones_get_larger_numbers)
{
    struct batch *seventh = restore(7);
    ck_assert_ptr_eq(batches_find(&batches, 7), seventh);
    ck_assert_uint_eq(batches.count, 1);
    ck_assert_uint_eq(add()->number, 8);
    (void)restore(3);
    ck_assert_uint_eq(add()->number, 9);
}
END_TEST

START_TEST(restored_batches_stand_in_the_order_of_their_numbers)
{
    static const uint64_t numbers[] = {50, 20, 70, 10, 60, 1, 30, 69, 71};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        (void)restore(numbers[i]);
    uint64_t last = 0;
    const struct batch *batch;
    TAILQ_FOREACH (batch, &batches.all, all_link) {
        ck_assert_uint_gt(batch->number, last);
        last = batch->number;
    }
    ck_assert_uint_eq(last, 71);
    ck_assert_uint_eq(batches_below(&batches, 60)->number, 50);
    ck_assert_uint_eq(batches_below(&batches, 0)->number, 71);
    ck_assert_uint_eq(batches_below(&batches, 45)->number, 30);
}
END_TEST

START_TEST(many_restored_batches_are_found)
{
    enum { MANY = 2000 };
    for (uint64_t i = 0; i < MANY; i++)
        (void)restore(3 * i + 1);
    for (uint64_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(batches_find(&batches, 3 * i + 1)->number, 3 * i + 1);
    ck_assert_ptr_null(batches_find(&batches, 2));
}
END_TEST

START_TEST(restored_history_makes_room_for_itself)
{
    batches.history_bytes_max = 0;
    for (uint64_t number = 9; number > 5; number--) {
        struct batch *batch = finish(restore(number));
        ck_assert_ptr_eq(batches_find(&batches, number), batch);
        ck_assert_uint_eq(batches.count, 1);
        ck_assert_uint_eq(batches.finished_count, 1);
    }
    ck_assert_uint_eq(batches.last_number, 9);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batches");
    TCase *tests = tcase_create("batches");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, batches_are_numbered_from_one);
    tcase_add_test(tests, any_of_many_batches_is_found_by_its_number);
    tcase_add_test(tests, a_batch_keeps_its_name_and_owner);
    tcase_add_test(tests, an_undone_batch_was_never_there);
    tcase_add_test(tests, below_a_number_is_the_newest_older_batch);
    tcase_add_test(tests, below_a_number_that_is_gone_is_the_next_one_there);
    tcase_add_test(tests, below_a_number_is_found_whatever_is_missing);
    tcase_add_test(tests, history_that_fits_is_kept);
    tcase_add_test(tests, the_oldest_history_makes_room);
    tcase_add_test(tests, history_goes_by_the_end_and_not_by_the_start);
    tcase_add_test(tests, the_newest_of_the_history_stays_however_large_it_is);
    tcase_add_test(tests, history_that_is_watched_stays_until_nobody_does);
    tcase_add_test(tests, history_that_is_wanted_stays_until_it_is_not);
    tcase_add_test(tests, history_that_is_let_go_makes_room_without_another_end);
    tcase_add_test(tests, many_that_are_let_go_make_room_in_turns);
    tcase_add_test(tests, history_that_is_let_go_and_fits_or_is_the_newest_stays);
    tcase_add_test(tests, history_that_is_wanted_again_in_between_stays);
    tcase_add_test(tests, history_that_is_let_go_may_make_room_at_another_end_first);
    tcase_add_test(tests, a_batch_that_has_not_finished_is_no_history_to_let_go);
    tcase_add_test(tests, a_restored_batch_is_found_and_newer_ones_get_larger_numbers);
    tcase_add_test(tests, restored_batches_stand_in_the_order_of_their_numbers);
    tcase_add_test(tests, many_restored_batches_are_found);
    tcase_add_test(tests, restored_history_makes_room_for_itself);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
